// Faults 80 and 86 for turns: the turn's deadline is inherited by all that it starts and met within ten
// milliseconds, its cancellation is met at once; and a tool may call the invoker that called it.
#include <chrono>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "lllm/agent/agent.hpp"
#include "lllm/testing/fake_provider.hpp"
#include "tests/invokers/world.hpp"
#include "tests/support/sleep.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto for_ever = std::chrono::hours(1);

struct Query {
  std::string q;
};
BOOST_DESCRIBE_STRUCT(Query, (), (q))

enum class At {
  tool,            // one of two tools
  call_of_a_tool,  // a tool's own call, with a deadline of its own that is far away
  step_after_tools,
  repair,
  recall,  // the pause before a failed call is made again
  context_manager
};

FakeReply hanging() {
  FakeReply reply("late");
  reply.time_to_first_token = for_ever;
  return reply;
}

/// What the model says, so that the turn comes to wait there.
FakeReply model(At at, const FakeRequest& request) {
  if (request.last_user_text == "inner" || request.tool_results > 0) return hanging();
  if (at == At::repair && request.number > 1) return hanging();
  if (at == At::recall) {
    FakeReply busy = FakeReply::error(503, "server_error", "busy");
    busy.headers = {{"retry-after", "20"}};
    return busy;
  }
  FakeReply reply = at == At::repair ? FakeReply("no JSON") : FakeReply::call("quick", {{"q", "a"}});
  // So much of the turn's time is gone when the next step begins: it does not get all of it anew.
  reply.time_to_first_token = 40ms;
  if (at == At::tool || at == At::call_of_a_tool)
    reply.tool_calls.emplace_back("other", at == At::tool ? "hang" : "ask", R"({"q":"a"})");
  return reply;
}

struct Slow final : ContextManager {
  bool entered = false;
  asio::awaitable<Dialog> prepare(Dialog dialog, std::string) override {
    entered = true;
    co_await sleep_for(for_ever);
    co_return dialog;
  }
};

/// An agent, its invoker and a provider on one loop.
struct Site {
  At at;
  asio::io_context loop{1};
  FakeProvider provider{loop.get_executor()};
  LiteLLMInvoker invoker;
  Agent agent{"a", invoker, "openai/gpt-4o-mini"};
  std::shared_ptr<Slow> slow = std::make_shared<Slow>();
  bool tool_entered = false;
  int completions = 0;
  std::exception_ptr failure;

  explicit Site(At where)
      : at(where), invoker(loop.get_executor(), towards(provider.base_url()).max_retries(0)) {
    provider.respond_with([where](const FakeRequest& request) { return model(where, request); });
    agent.tools = {Tool::from<Query>("quick", "", [](const Query&) { return std::string("done"); }),
                   Tool::from<Query>("hang", "",
                                     [this](Query) -> asio::awaitable<std::string> {
                                       tool_entered = true;
                                       co_await sleep_for(for_ever);
                                       co_return "never";
                                     }),
                   Tool::from<Query>("ask", "", [this](Query) -> asio::awaitable<std::string> {
                     Dialog dialog;
                     dialog.put_text("inner");
                     auto call = invoker.call(std::move(dialog), "openai/gpt-4o-mini",
                                              CallOptions().deadline(for_ever));
                     const InvokeResult result = co_await std::move(call);
                     co_return result.message.text();
                   })};
    agent.limits.max_llm_recall = at == At::recall ? 1 : 0;
    if (at == At::context_manager) agent.context_manager = slow;
    if (at == At::repair) {
      Prompt prompt("p", "Answer in JSON.");
      prompt.parser = std::make_shared<JsonParser>();
      agent.receive_prompt(std::make_shared<const Prompt>(prompt));
    } else {
      agent.receive("go");
    }
  }
  [[nodiscard]] bool reached() const {
    if (at == At::context_manager) return slow->entered;
    if (at == At::tool) return tool_entered;
    if (at == At::recall) return provider.stats().requests == 1 && provider.stats().in_flight == 0;
    return provider.stats().requests == 2;
  }
};

/// False when the deadline came before the turn had come to its wait: the machine is busy.
bool strike(At at, bool by_deadline, std::chrono::milliseconds limit) {
  Site site(at);
  asio::cancellation_signal signal;
  if (by_deadline) site.agent.options.deadline(limit);
  const auto earliest = Clock::now() + limit;
  asio::co_spawn(site.loop, site.agent.respond(),
                 asio::bind_cancellation_slot(signal.slot(), [&](const std::exception_ptr& thrown, Message) {
                   ++site.completions;
                   site.failure = thrown;
                 }));
  site.loop.poll_one();  // begins, and counts its time from here
  const auto due = Clock::now() + limit;
  const auto ended = [&site] { return site.completions > 0; };
  const auto give_up = Clock::now() + 30s;
  while (!site.reached() && !ended() && Clock::now() < give_up) site.loop.run_one_for(1s);
  done_at_once(site.loop, ended);
  if (by_deadline && (!site.reached() || Clock::now() >= due)) return false;
  REQUIRE(site.reached());
  REQUIRE_FALSE(ended());

  if (by_deadline) {
    CHECK(done_by(site.loop, due, ended));
    CHECK(Clock::now() >= earliest);
  } else {
    signal.emit(asio::cancellation_type::terminal);
    CHECK(done_at_once(site.loop, ended));
  }
  CHECK(site.completions == 1);
  if (!ended()) return true;
  const Error error = error_from(site.failure);
  CHECK_MESSAGE(error.kind() == (by_deadline ? ErrorKind::deadline_exceeded : ErrorKind::cancelled),
                error.to_string());
  const auto stats = site.invoker.stats();
  CHECK(stats.open == stats.idle);  // a tool's own call is gone with the turn
  CHECK(site.agent.session().state == AgentCallSession::State::failed);
  CHECK(site.agent.dialog().size() == 1);  // as before the turn
  return true;
}

}  // namespace

TEST_SUITE("agent/faults") {
  TEST_CASE(
      "fault 80: a turn's deadline and cancellation are met at once, in its tools, repairs and pauses") {
    for (const At at :
         {At::tool, At::call_of_a_tool, At::step_after_tools, At::repair, At::recall, At::context_manager}) {
      CAPTURE(static_cast<int>(at));
      CHECK(strike(at, false, 0ms));
      if (at == At::recall) continue;  // one that the deadline would cut short is not begun: fault 93
      auto limit = 100ms;
      while (!strike(at, true, limit) && limit < 30s) limit *= 2;
      CHECK(limit < 30s);
    }
  }

  TEST_CASE("fault 86: tools call the invoker that called them, with one connection allowed, side by side") {
    asio::io_context loop(1);
    FakeProvider provider(loop.get_executor());
    HttpClientOptions http;
    http.max_connections_per_origin = 1;
    LiteLLMInvoker invoker(loop.get_executor(), towards(provider.base_url(), http));
    provider.respond_with([](const FakeRequest& request) {
      if (request.last_user_text.starts_with("inner")) return FakeReply("re: " + request.last_user_text);
      if (request.tool_results > 0) return FakeReply("all told");
      FakeReply reply;
      for (const char* number : {"1", "2", "3"})
        reply.tool_calls.emplace_back(std::string("c") + number, "ask",
                                      R"({"q":"inner )" + std::string(number) + "\"}");
      return reply;
    });
    for (const bool streamed : {false, true}) {
      CAPTURE(streamed);
      Agent agent("a", invoker, "openai/gpt-4o-mini");
      Collector sink;
      if (streamed) agent.stream_handler = &sink;
      agent.tools = {Tool::from<Query>("ask", "", [&invoker](Query query) -> asio::awaitable<std::string> {
        Dialog dialog;
        dialog.put_text(query.q);
        auto call = invoker.call(std::move(dialog), "openai/gpt-4o-mini");
        const InvokeResult result = co_await std::move(call);
        co_return result.message.text();
      })};
      agent.receive("go");
      CHECK(run_on(loop, agent.respond()).text() == "all told");
      REQUIRE(agent.session().tool_runs.size() == 3);
      for (const ToolRun& run : agent.session().tool_runs)
        CHECK(run.result.text == "re: inner " + run.call.id.substr(1));
    }
    CHECK(invoker.stats().connects == 1);
  }
}
