#include "lllm/agent/agent.hpp"

#include <doctest/doctest.h>

#include <boost/asio/steady_timer.hpp>

#include "lllm/invokers/scripted_invoker.hpp"
#include "tests/support/loop.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

struct Query {
  std::string q;
};
BOOST_DESCRIBE_STRUCT(Query, (), (q))

Message calling(std::initializer_list<ToolCall> calls) {
  Message message = Message::assistant("");
  message.tool_calls = calls;
  return message;
}

Tool counting(int& runs) {
  return Tool::from<Query>("search", "Searches.", [&runs](const Query& query) {
    ++runs;
    return "found " + query.q;
  });
}

// Waits until as many have arrived as are expected: hangs when they do not run side by side.
struct Rendezvous {
  int expected = 0;
  int arrived = 0;
};

}  // namespace

TEST_SUITE("agent/agent") {
  TEST_CASE("the seed's last example: a handler moved in, a turn, a message") {
    class PrintStream : public BaseStreamHandler {
     public:
      explicit PrintStream(std::string& out) : out_(out) {}
      asio::awaitable<void> handle_chunk(std::string_view content, const StreamChunk&) override {
        out_ += content;
        return {};
      }

     private:
      std::string& out_;
    };
    ScriptedInvoker invoker;
    invoker.then("Three words here");
    Agent agent("writer", invoker, "gpt-4o-mini");
    std::string printed;
    agent.receive("Hello");
    agent.stream_handler = PrintStream(printed);
    const Message message = run_to_end(agent.respond());
    CHECK(message.text() == "Three words here");
    CHECK(printed == "Three words here");
    CHECK(agent.dialog().size() == 2);
  }

  TEST_CASE("tool calls run, their results go back with their ids, and the answer ends the turn") {
    int runs = 0;
    ScriptedInvoker invoker;
    invoker.then(calling({{"c1", "search", R"({"q":"a"})"}})).then("done");
    Agent agent("a", invoker, "m");
    agent.tools = {counting(runs)};
    agent.receive("go");
    CHECK(run_to_end(agent.respond()).text() == "done");
    CHECK(runs == 1);
    const Dialog& second = invoker.calls().at(1);
    CHECK(second.tail().role == Role::tool);
    CHECK(second.tail().tool_call_id == "c1");
    CHECK(second.tail().text() == "found a");
    CHECK(agent.dialog().size() == 4);  // user, call, result, answer
    CHECK(agent.session().counters.interrupt_steps == 1);
    CHECK(agent.session().results.size() == 2);
  }

  TEST_CASE("several tool calls of one reply run side by side") {
    auto meeting = std::make_shared<Rendezvous>();
    meeting->expected = 3;
    ScriptedInvoker invoker;
    invoker
        .then(calling(
            {{"1", "meet", R"({"q":"a"})"}, {"2", "meet", R"({"q":"b"})"}, {"3", "meet", R"({"q":"c"})"}}))
        .then("met");
    Agent agent("a", invoker, "m");
    agent.tools = {Tool::from<Query>("meet", "", [meeting](Query) -> asio::awaitable<std::string> {
      auto held = meeting;
      ++held->arrived;
      asio::steady_timer timer(co_await asio::this_coro::executor);
      while (held->arrived < held->expected) {
        timer.expires_after(std::chrono::milliseconds(1));
        co_await timer.async_wait(asio::use_awaitable);
      }
      co_return "met";
    })};
    agent.receive("go");
    CHECK(run_to_end(agent.respond()).text() == "met");
  }

  TEST_CASE("fault 70: malformed arguments go back to the model as the tool's failure") {
    int runs = 0;
    ScriptedInvoker invoker;
    invoker.then(calling({{"c1", "search", R"({"q":)"}})).then("sorry");
    Agent agent("a", invoker, "m");
    agent.tools = {counting(runs)};
    agent.receive("go");
    CHECK(run_to_end(agent.respond()).text() == "sorry");
    CHECK(runs == 0);
    CHECK(invoker.calls().at(1).tail().is_error);
    CHECK(agent.session().errors.size() == 1);
  }

  TEST_CASE("fault 117: a tool that nobody offered is refused in words") {
    ScriptedInvoker invoker;
    invoker.then(calling({{"c1", "rm_rf", "{}"}})).then("ok");
    Agent agent("a", invoker, "m");
    agent.receive("go");
    CHECK(run_to_end(agent.respond()).text() == "ok");
    CHECK(invoker.calls().at(1).tail().text() == "There is no tool 'rm_rf' in this conversation.");
  }

  TEST_CASE("a repeated identical call is answered with a notice instead of being run again") {
    int runs = 0;
    ScriptedInvoker invoker;
    invoker.then(calling({{"c1", "search", R"({"q":"a"})"}}))
        .then(calling({{"c2", "search", R"({ "q" : "a" })"}}))
        .then("ok");
    Agent agent("a", invoker, "m");
    agent.tools = {counting(runs)};
    agent.receive("go");
    run_to_end(agent.respond());
    CHECK(runs == 1);
    CHECK(agent.session().tool_runs.at(1).repeated);
  }

  TEST_CASE("fault 93: a model that loops is asked for its final answer, and then stopped") {
    int runs = 0;
    int number = 0;
    const std::function<Message(const Dialog&)> again = [&number](const Dialog&) {
      ++number;
      return calling(
          {{"c" + std::to_string(number), "search", R"({"q":")" + std::to_string(number) + "\"}"}});
    };
    ScriptedInvoker invoker;
    for (int i = 0; i < 4; ++i) invoker.then(again);
    Agent agent("a", invoker, "m");
    agent.limits.max_interrupt_steps = 3;
    agent.tools = {counting(runs)};
    agent.receive("go");
    CHECK_THROWS_AS(run_to_end(agent.respond()), Exception);
    CHECK(runs == 3);
    CHECK(invoker.calls().size() == 4);
    CHECK(invoker.calls().at(3).tail().text().find("final answer") != std::string::npos);
    CHECK(agent.session().state == AgentCallSession::State::failed);
    CHECK(agent.dialog().size() == 1);  // as before the turn
  }

  TEST_CASE("fault 93: a tool that hangs is ended by the turn's deadline, and the others with it") {
    struct Ended {
      int cancelled = 0;
    };
    const auto ended = std::make_shared<Ended>();
    const Tool hanging = Tool::from<Query>("hang", "", [ended](Query) -> asio::awaitable<std::string> {
      auto held = ended;
      asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
      try {
        co_await timer.async_wait(asio::use_awaitable);
      } catch (const boost::system::system_error&) {
        ++held->cancelled;
        throw;
      }
      co_return "never";
    });
    ScriptedInvoker invoker;
    invoker.then(calling({{"1", "hang", R"({"q":"a"})"}, {"2", "hang", R"({"q":"b"})"}}));
    Agent agent("a", invoker, "m");
    agent.tools = {hanging};
    agent.options.deadline(std::chrono::milliseconds(50));
    agent.receive("go");
    try {
      run_to_end(agent.respond());
      FAIL("it did not throw");
    } catch (const Exception& e) {
      CHECK(e.kind() == ErrorKind::deadline_exceeded);
      CHECK(e.error().message().find("hang") != std::string::npos);
      REQUIRE(e.error().partial());
      CHECK(e.error().partial()->tool_calls.size() == 2);
    }
    CHECK(ended->cancelled == 2);
    CHECK(invoker.calls().size() == 1);
    CHECK(agent.session().state == AgentCallSession::State::failed);
    CHECK(agent.dialog().size() == 1);  // as before the turn
  }

  TEST_CASE(
      "fault 93: the deadline also ends a slow context manager, and no recall is waited for beyond it") {
    struct Slow final : ContextManager {
      asio::awaitable<Dialog> prepare(Dialog dialog, std::string) override {
        asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
        co_await timer.async_wait(asio::use_awaitable);
        co_return dialog;
      }
    };
    ScriptedInvoker invoker;
    Agent agent("a", invoker, "m");
    agent.context_manager = std::make_shared<Slow>();
    agent.options.deadline(std::chrono::milliseconds(30));
    agent.receive("go");
    asio::io_context loop(1);
    CHECK(test::error_on(loop, agent.respond()).kind() == ErrorKind::deadline_exceeded);

    ScriptedInvoker busy;
    busy.then(Error(ErrorKind::overloaded, "busy").retry_after(std::chrono::hours(1)));
    Agent other("b", busy, "m");
    other.limits.max_llm_recall = 3;
    other.receive("go");
    CHECK(test::error_on(loop, other.respond()).kind() == ErrorKind::overloaded);
  }

  TEST_CASE("a tool's own timeout is the tool's failure, in words for the model") {
    ScriptedInvoker invoker;
    invoker.then(calling({{"1", "slow", R"({"q":"a"})"}})).then("ok");
    Agent agent("a", invoker, "m");
    agent.tools = {Tool::from<Query>("slow", "", [](Query) -> std::string {
      throw_error(ErrorKind::deadline_exceeded, "no answer within 5 s");
    })};
    agent.receive("go");
    CHECK(run_to_end(agent.respond()).text() == "ok");
    CHECK(invoker.calls().at(1).tail().is_error);
    CHECK(invoker.calls().at(1).tail().text().find("no answer within 5 s") != std::string::npos);
  }

  TEST_CASE("an unusable reply is repaired in the working dialog, which does not pollute the main one") {
    TagSpec spec;
    spec.required_xml_tags = {"answer"};
    Prompt prompt("p", "Answer in tags.");
    prompt.parser = std::make_shared<DefaultTagParser>(spec);
    ScriptedInvoker invoker;
    invoker.then("no tags").then("<answer>42</answer>");
    Agent agent("a", invoker, "m");
    agent.receive_prompt(std::make_shared<const Prompt>(prompt));
    const Message message = run_to_end(agent.respond());
    CHECK(*find_at(message.parsed, "/xml_tags/answer/0") == "42");
    CHECK(invoker.calls().at(1).size() == 3);
    CHECK(invoker.calls().at(1).tail().text().find("<answer>") != std::string::npos);
    CHECK(agent.dialog().size() == 2);
    CHECK(agent.session().counters.exception_retries == 1);
  }

  TEST_CASE("repairs end after max_exception_retry, with the partial reply in the error") {
    Prompt prompt("p", "JSON please");
    prompt.parser = std::make_shared<JsonParser>();
    ScriptedInvoker invoker;
    for (int i = 0; i < 4; ++i) invoker.then("not json");
    Agent agent("a", invoker, "m");
    agent.receive_prompt(std::make_shared<const Prompt>(prompt));
    try {
      run_to_end(agent.respond());
      FAIL("it did not throw");
    } catch (const Exception& e) {
      CHECK(e.kind() == ErrorKind::parse_failed);
      REQUIRE(e.error().partial());
      CHECK(e.error().partial()->text() == "not json");
    }
    CHECK(invoker.calls().size() == 4);
  }

  TEST_CASE("a transient provider error is recalled up to max_llm_recall, a lasting one is not") {
    ScriptedInvoker invoker;
    invoker.then(Error(ErrorKind::overloaded, "busy").retry_after(std::chrono::milliseconds(1))).then("ok");
    Agent agent("a", invoker, "m");
    agent.limits.max_llm_recall = 1;
    agent.receive("go");
    CHECK(run_to_end(agent.respond()).text() == "ok");
    CHECK(agent.session().counters.llm_recalls == 1);

    ScriptedInvoker refusing;
    refusing.then(Error(ErrorKind::authentication, "wrong key"));
    Agent other("b", refusing, "m");
    other.limits.max_llm_recall = 5;
    other.receive("go");
    CHECK_THROWS_AS(run_to_end(other.respond()), Exception);
    CHECK(refusing.calls().size() == 1);
  }

  TEST_CASE("dialogs are opened, forked, switched and closed by alias") {
    ScriptedInvoker invoker;
    Agent agent("a", invoker, "m");
    agent.system_prompt = std::make_shared<const Prompt>("sys", "You are {who}.");
    agent.system_args = {{"who", "Ann"}};
    agent.receive("hello");
    CHECK(agent.current() == "main");
    CHECK(agent.dialog().messages()[0]->text() == "You are Ann.");
    agent.fork("other");
    agent.receive("more");
    CHECK(agent.dialog().size() == 3);
    CHECK(agent.switch_to("main").size() == 2);
    CHECK_THROWS_WITH_AS(agent.switch_to("gone"), "agent 'a' has no dialog 'gone'; it has: main, other",
                         Exception);
    CHECK_THROWS_AS(agent.open("main"), Exception);
    agent.close("other");
    CHECK(agent.aliases() == std::vector<std::string>{"main"});
  }
}
