// The client over a child that behaves: what it lists, calls and hears, and how calls end before they are
// answered.
#include "lllm/mcp/client.hpp"

#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>

#include "lllm/core/dialog.hpp"
#include "tests/mcp/support.hpp"
#include "tests/support/temp_dir.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> names_of(const std::vector<Tool>& tools) {
  std::vector<std::string> names;
  for (const auto& tool : tools) names.push_back(tool.name());
  return names;
}

ToolResult used(asio::io_context& loop, const std::vector<Tool>& tools, const std::string& name,
                json::object arguments = {}) {
  for (const auto& tool : tools)
    if (tool.name() == name) return run_on(loop, tool.call(std::move(arguments)));
  throw std::runtime_error("no tool " + name);
}

}  // namespace

TEST_SUITE("mcp/client") {
  TEST_CASE("a server's tools are listed, and call it") {
    asio::io_context loop;
    McpClient client(loop.get_executor(), scripted());
    const auto info = run_on(loop, client.server_info());
    CHECK(info.name == "scripted");
    CHECK(info.version == "1.2");
    CHECK(info.protocol_version == "2025-06-18");
    CHECK(info.instructions == "Be careful.");
    const auto tools = run_on(loop, client.tools());
    CHECK(names_of(tools) == std::vector<std::string>{"echo", "exit", "fail", "absent"});
    CHECK(tools[0].description() == "Does echo.");
    CHECK(used(loop, tools, "echo", words("hello")).text == "hello");
    const auto failed = used(loop, tools, "fail");
    CHECK(failed.is_error);
    CHECK(failed.text == "it cannot be done");
    // What the protocol calls an error is one for a program; a model is told the server's words.
    const auto unknown = failure(loop, client, "absent");
    CHECK(unknown.kind() == ErrorKind::invalid_request);
    CHECK(unknown.provider_text() == "no tool is called that");
    CHECK(holds(used(loop, tools, "absent").text, "no tool is called that"));
    CHECK(client.stats().sessions == 1);
  }

  TEST_CASE("calls of one moment share one start, and many are under way over one child") {
    asio::io_context loop;
    McpClient client(loop.get_executor(), scripted());
    std::vector<Pending> calls;
    for (int i = 0; i < 200; ++i)
      calls.emplace_back(loop, client.call_tool("echo", words(std::to_string(i))));
    CHECK(run_until(
        loop, [&] { return std::all_of(calls.begin(), calls.end(), [](auto& c) { return c.done(); }); }));
    for (std::size_t i = 0; i < calls.size(); ++i) CHECK(calls[i].text() == std::to_string(i));
    CHECK(client.stats().sessions == 1);
    CHECK(client.stats().requests == 200);
    CHECK(client.stats().unasked_answers == 0);
  }

  TEST_CASE("fault 95: answers in another order reach the right callers") {
    asio::io_context loop;
    McpClient client(loop.get_executor(), scripted());
    std::vector<Pending> calls;
    for (int i = 0; i < 10; ++i) calls.emplace_back(loop, client.call_tool("hold", words(std::to_string(i))));
    CHECK(said(loop, client, "release") == "released");
    CHECK(run_until(
        loop, [&] { return std::all_of(calls.begin(), calls.end(), [](auto& c) { return c.done(); }); }));
    for (std::size_t i = 0; i < calls.size(); ++i) CHECK(calls[i].text() == std::to_string(i));
  }

  TEST_CASE("fault 95: a child's answers with unknown ids, as text, or twice are ignored and counted") {
    asio::io_context loop;
    McpClient client(loop.get_executor(), scripted());
    CHECK(said(loop, client, "twice") == "first");
    CHECK(said(loop, client, "echo", words("next")) == "next");
    CHECK(client.stats().unasked_answers == 1);
    CHECK(said(loop, client, "strangers") == "yours");
    CHECK(client.stats().unasked_answers == 4);
    CHECK(client.stats().junk_lines == 0);
    CHECK(client.stats().sessions == 1);
  }

  TEST_CASE("fault 95: what a server asks is answered under its own id, number or text") {
    asio::io_context loop;
    McpClient client(loop.get_executor(), scripted());
    const auto answers = said(loop, client, "ask_back");
    CHECK(holds(answers, R"("id":"ping-1")"));
    CHECK(holds(answers, R"("result":{})"));
    CHECK(holds(answers, R"("id":7)"));
    CHECK(holds(answers, "-32601"));
  }

  TEST_CASE("tools are listed once, over all pages, and again when the server says that they changed") {
    asio::io_context loop;
    McpClient client(loop.get_executor(), scripted());
    CHECK(run_on(loop, client.tools()).size() == 4);
    CHECK(run_on(loop, client.tools()).size() == 4);
    CHECK(client.stats().requests == 1);
    CHECK(said(loop, client, "change") == "changed");
    // The news comes while nobody listens, and waits.
    CHECK(run_until(loop, [&] { return run_on(loop, client.tools()).size() == 5; }));
    CHECK(client.stats().requests == 3);
    McpClient pages(loop.get_executor(), scripted("pages"));
    CHECK(names_of(run_on(loop, pages.tools())) ==
          std::vector<std::string>{"tool_of_page_1", "tool_of_page_2", "tool_of_page_3"});
    McpClient endless(loop.get_executor(), scripted("endless_pages"));
    CHECK(error_on(loop, endless.tools()).kind() == ErrorKind::bad_reply);
    auto few = scripted();
    few.max_tools = 3;
    McpClient limited(loop.get_executor(), few);
    CHECK(error_on(loop, limited.tools()).kind() == ErrorKind::limit_exceeded);
    McpClient broken(loop.get_executor(), scripted("no_list"));
    CHECK(error_on(loop, broken.tools()).kind() == ErrorKind::bad_reply);
    McpClient without(loop.get_executor(), scripted("no_tools"));
    CHECK(run_on(loop, without.tools()).empty());
  }

  TEST_CASE("a server of other revisions is an error that names both sides'") {
    asio::io_context loop;
    McpClient old(loop.get_executor(), scripted("old"));
    const auto error = failure(loop, old, "echo");
    CHECK(error.kind() == ErrorKind::unsupported);
    CHECK(holds(error.message(), "'1999-12-31'"));
    CHECK(holds(error.message(), "2025-11-25"));
    McpClient newer(loop.get_executor(), scripted("refuse"));
    const auto refused = failure(loop, newer, "echo");
    CHECK(refused.kind() == ErrorKind::unsupported);
    CHECK(holds(refused.message(), "it speaks 2026-07-28"));
    CHECK(has_no_child());
  }

  TEST_CASE("a child gets a clean environment, what is passed, and its folder") {
    ::setenv("LLLM_TEST_SECRET", "hunter2", 1);
    ::setenv("LLLM_TEST_PASSED", "passed", 1);
    const TempDir folder;
    auto options = scripted();
    options.server.environment = {{"A", "b"}};
    options.server.pass_environment = {"LLLM_TEST_PASSED", "LLLM_TEST_NOT_SET"};
    options.server.directory = folder.path().string();
    asio::io_context loop;
    McpClient client(loop.get_executor(), options);
    const auto text = said(loop, client, "environment");
    CHECK_FALSE(holds(text, "hunter2"));
    CHECK(holds(text, "A=b\n"));
    CHECK(holds(text, "LLLM_TEST_PASSED=passed\n"));
    CHECK(holds(text, "cwd=" + std::filesystem::canonical(folder.path()).string()));
    ::unsetenv("LLLM_TEST_SECRET");
    ::unsetenv("LLLM_TEST_PASSED");
  }

  TEST_CASE(
      "a call that takes too long is an error of its own; the session stays, and its late answer is "
      "ignored") {
    asio::io_context loop;
    McpClient client(loop.get_executor(), scripted());
    CHECK(said(loop, client, "echo", words("ready")) == "ready");
    const auto error = error_on(loop, client.call_tool("hold", words("late"), 50ms));
    CHECK(error.kind() == ErrorKind::deadline_exceeded);
    CHECK(holds(error.message(), "did not answer 'tools/call' in time"));
    CHECK(said(loop, client, "release") == "released");
    CHECK(said(loop, client, "echo", words("x")) == "x");
    CHECK(client.stats().unasked_answers == 1);
    CHECK(client.stats().sessions == 1);
    CHECK_FALSE(said(loop, client, "cancelled").empty());  // the server was told
    McpClient slow(loop.get_executor(), scripted("hang_in_initialize"));
    const auto waited = error_on(loop, slow.call_tool("echo", {}, 50ms));
    CHECK(waited.kind() == ErrorKind::deadline_exceeded);
    auto hurried = scripted("hang_in_initialize");
    hurried.start_timeout = 50ms;
    McpClient never(loop.get_executor(), hurried);
    CHECK(failure(loop, never, "echo").kind() == ErrorKind::deadline_exceeded);
    CHECK(never.stats().sessions == 1);
  }

  TEST_CASE("cancelling a call frees its caller at once, tells the server, and harms no other") {
    asio::io_context loop;
    McpClient client(loop.get_executor(), scripted());
    CHECK(said(loop, client, "echo", words("x")) == "x");
    Pending first(loop, client.call_tool("hold", words("first")));
    Pending second(loop, client.call_tool("hold", words("second")));
    loop.restart();
    loop.poll();
    first.cancel();
    CHECK(done_at_once(loop, [&] { return first.done(); }));
    CHECK(first.kind() == ErrorKind::cancelled);
    CHECK(first.completions() == 1);
    CHECK_FALSE(second.done());
    CHECK(said(loop, client, "cancelled") == "3 ");  // after initialize and echo
    CHECK(said(loop, client, "release") == "released");
    CHECK(run_until(loop, [&] { return second.done(); }));
    CHECK(second.text() == "second");
    CHECK(client.stats().sessions == 1);
  }

  TEST_CASE("who waits for the start may leave; the last one to leave ends it") {
    asio::io_context loop;
    McpClient client(loop.get_executor(), scripted("hang_in_initialize"));
    Pending first(loop, client.call_tool("echo", {}));
    Pending second(loop, client.call_tool("echo", {}));
    loop.restart();
    loop.poll();
    CHECK(client.stats().sessions == 1);
    first.cancel();
    CHECK(done_at_once(loop, [&] { return first.done(); }));
    CHECK(first.kind() == ErrorKind::cancelled);
    loop.poll();
    CHECK_FALSE(has_no_child());
    CHECK_FALSE(second.done());
    second.cancel();
    CHECK(done_at_once(loop, [&] { return second.done(); }));
    CHECK(second.kind() == ErrorKind::cancelled);
    CHECK(done_at_once(loop, [] { return has_no_child(); }));
    // The next caller begins anew.
    Pending third(loop, client.call_tool("echo", {}, 50ms));
    CHECK(run_until(loop, [&] { return third.done(); }));
    CHECK(third.kind() == ErrorKind::deadline_exceeded);
    CHECK(client.stats().sessions == 2);
  }

  TEST_CASE("a client that is destroyed ends its calls with 'cancelled', whatever they wait for") {
    asio::io_context loop;
    for (const auto* mode : {"plain", "hang_in_initialize"}) {
      CAPTURE(mode);
      auto client = std::make_unique<McpClient>(loop.get_executor(), scripted(mode));
      std::vector<Pending> calls;
      for (int i = 0; i < 3; ++i) calls.emplace_back(loop, client->call_tool("hold", words("x")));
      if (mode == std::string("plain")) CHECK(said(loop, *client, "echo", words("x")) == "x");
      loop.restart();
      loop.poll();
      client.reset();
      CHECK(has_no_child());
      CHECK(done_at_once(
          loop, [&] { return std::all_of(calls.begin(), calls.end(), [](auto& c) { return c.done(); }); }));
      for (const auto& call : calls) {
        CHECK(call.kind() == ErrorKind::cancelled);
        CHECK(call.completions() == 1);
      }
      loop.poll();
      CHECK(loop.stopped());
    }
    // Tools may outlive their client.
    auto client = std::make_unique<McpClient>(loop.get_executor(), scripted());
    const auto tools = run_on(loop, client->tools());
    client.reset();
    const auto result = used(loop, tools, "echo", words("x"));
    CHECK(result.is_error);
    CHECK(holds(result.text, "is gone"));
  }

  TEST_CASE("between calls nothing is pending on the io_context, though the child lives on") {
    asio::io_context loop;
    McpClient client(loop.get_executor(), scripted());
    std::string pid;
    for (int round = 0; round < 3; ++round) {
      Pending call(loop, client.call_tool("pid", {}));
      loop.restart();
      loop.run();  // returns by itself
      CHECK(call.done());
      CHECK((pid.empty() || pid == call.text()));
      pid = call.text();
    }
    CHECK_FALSE(has_no_child());
  }

  TEST_CASE("an io_context that is destroyed takes calls, client and child along") {
    {
      auto loop = std::make_unique<asio::io_context>();
      McpClient* leaked = nullptr;
      auto client = std::make_unique<McpClient>(loop->get_executor(), scripted());
      leaked = client.get();
      Pending held(*loop, leaked->call_tool("hold", words("x")));
      CHECK(said(*loop, *leaked, "echo", words("x")) == "x");
      client.reset();
      loop.reset();
      CHECK_FALSE(held.done());
    }
    CHECK(has_no_child());
  }

  TEST_CASE("a call from another io_context runs where the client lives, and its cancellation, too") {
    asio::io_context loop;  // outlives the thread that hands outcomes over to it
    asio::io_context home;
    const auto busy = asio::make_work_guard(home);
    auto client = std::make_unique<McpClient>(home.get_executor(), scripted());
    std::thread thread([&] { home.run(); });
    {
      const auto tools = run_on(loop, client->tools());
      CHECK(used(loop, tools, "echo", words("across")).text == "across");
      std::vector<Pending> calls;
      for (int i = 0; i < 50; ++i) calls.emplace_back(loop, client->call_tool("hold", words("x")));
      for (int i = 0; i < 50; ++i) calls.emplace_back(loop, client->call_tool("echo", words("y")));
      CHECK(run_until(loop, [&] {
        return std::all_of(calls.begin() + 50, calls.end(), [](auto& c) { return c.done(); });
      }));
      for (int i = 0; i < 50; ++i) calls[static_cast<std::size_t>(i)].cancel();
      CHECK(run_until(
          loop, [&] { return std::all_of(calls.begin(), calls.end(), [](auto& c) { return c.done(); }); }));
      for (int i = 0; i < 50; ++i) CHECK(calls[static_cast<std::size_t>(i)].kind() == ErrorKind::cancelled);
      run_on(loop, client->close());
    }
    home.stop();
    thread.join();
    client.reset();
    CHECK(has_no_child());
  }

  TEST_CASE("an endpoint is a URL or a command, and no URL holds credentials") {
    asio::io_context loop;
    const auto refused = [&](const McpEndpoint& server) {
      try {
        McpClient client(loop.get_executor(), McpClientOptions(server));
      } catch (const Exception& failure) {
        CHECK(failure.kind() == ErrorKind::invalid_argument);
        return failure.error().to_string();
      }
      return std::string("accepted");
    };
    McpEndpoint server;
    CHECK(holds(refused(server), "give one of them"));
    server.url = "https://user:canary@mcp.example.com/mcp";
    const auto message = refused(server);
    CHECK(holds(message, "holds credentials"));
    CHECK_FALSE(holds(message, "canary"));
    server.url = "ftp://mcp.example.com";
    CHECK_FALSE(holds(refused(server), "accepted"));
    server.url = "https://mcp.example.com/mcp";
    CHECK(refused(server) == "accepted");
    server.command = {"true"};
    CHECK(holds(refused(server), "give one of them"));
  }
}
