// A server that is a child of ours and misbehaves. SIGPIPE is left as it is: a signal would end the tests.
#include "tests/mcp/support.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

/// Until the child has ended; without reaping it, if that has not been done.
void wait_for_end(int pid) {
  siginfo_t ended{};
  const bool over =
      ::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT) == 0 || errno == ECHILD;
  REQUIRE(over);
}

/// Checks that whatever happened left nothing behind: no child, no descriptor, nothing on the loop.
class Traces {
 public:
  explicit Traces(asio::io_context& loop) : loop_(loop) {
    // What the first child of a loop opens for good (its reactor) is no trace.
    run_on(loop, run_process_once());
    before_ = open_descriptors();
  }
  void check_none() {
    loop_.restart();
    loop_.run_for(5s);
    CHECK(loop_.stopped());  // it ran dry: nothing is pending
    CHECK(open_descriptors() == before_);
    CHECK(has_no_child());
  }

 private:
  static asio::awaitable<void> run_process_once() {
    McpClientOptions options = scripted();
    McpClient client(co_await asio::this_coro::executor, options);
    auto asking = client.call_tool("pid", {});
    co_await std::move(asking);
    auto closing = client.close();
    co_await std::move(closing);
  }

  asio::io_context& loop_;
  std::size_t before_ = 0;
};

}  // namespace

TEST_SUITE("mcp/stdio") {
  TEST_CASE(
      "fault 94: a child that dies, however and whenever, is one typed error, reaped, and started again") {
    asio::io_context loop;
    Traces traces(loop);
    {
      McpClient client(loop.get_executor(), scripted());
      for (const int code : {0, 1, 42}) {
        CAPTURE(code);
        const auto error = failure(loop, client, "exit", {{"code", code}});
        CHECK(error.kind() == ErrorKind::connection_lost);
        CHECK(holds(error.message(), "scripted_server' ended with code " + std::to_string(code)));
        CHECK_FALSE(holds(error.to_string(), "canary"));  // its words are its own
        CHECK(error.provider_text() == "fatal: canary in the coal mine");
        CHECK(has_no_child());
        CHECK(said(loop, client, "echo", words("again")) == "again");
      }
      const auto killed = failure(loop, client, "kill");
      CHECK(killed.kind() == ErrorKind::connection_lost);
      CHECK(holds(killed.message(), "was ended by signal 9"));
      CHECK(has_no_child());
      const auto half = failure(loop, client, "half_a_line");
      CHECK(holds(half.message(), "ended with code 4"));
      CHECK(holds(half.provider_text(), "{\"jsonrpc\":\"2.0\",\"id\":"));
      // An answer that it gave before counts.
      const int pid = std::stoi(said(loop, client, "pid"));
      CHECK(said(loop, client, "answer_and_exit") == "the last word");
      wait_for_end(pid);
      CHECK(said(loop, client, "echo", words("again")) == "again");
      CHECK(client.stats().sessions == 7);
      CHECK(client.stats().sessions_lost == 6);
    }
    traces.check_none();
  }

  TEST_CASE(
      "fault 94: a child that dies before it is ready is an error that says so, and each call tries once") {
    asio::io_context loop;
    Traces traces(loop);
    const auto dies = [&](const std::string& mode, const std::string& how, const std::string& last_words) {
      CAPTURE(mode);
      McpClient client(loop.get_executor(), scripted(mode));
      for (unsigned round = 1; round <= 2; ++round) {
        const auto error = failure(loop, client, "echo", words("x"));
        CHECK(error.kind() == ErrorKind::connection_lost);
        CHECK(holds(error.message(), how));
        CHECK(error.provider_text() == last_words);
        CHECK(client.stats().sessions == round);
        CHECK(has_no_child());
      }
    };
    dies("die_at_once", "before it was ready", "no such license");
    dies("die_in_initialize", "ended with code 5 before it was ready", "no database");
    dies("die_after_initialize", "ended with code 6", "");
    McpClientOptions absent;
    absent.server.command = {"no-such-program-here"};
    McpClient client(loop.get_executor(), absent);
    const auto error = failure(loop, client, "echo");
    CHECK(error.kind() == ErrorKind::io_failed);
    CHECK(holds(error.message(), "no-such-program-here"));
    traces.check_none();
  }

  TEST_CASE("fault 94: a child's death ends every call that waits for it, once, and none is made again") {
    asio::io_context loop;
    Traces traces(loop);
    {
      McpClient client(loop.get_executor(), scripted());
      std::vector<Pending> calls;
      for (int i = 0; i < 20; ++i) calls.emplace_back(loop, client.call_tool("hold", words("x")));
      calls.emplace_back(loop, client.call_tool("kill", {}));
      calls.emplace_back(loop, client.call_tool("echo", words("too late")));
      CHECK(run_until(
          loop, [&] { return std::all_of(calls.begin(), calls.end(), [](auto& c) { return c.done(); }); }));
      loop.restart();
      loop.poll();
      for (const auto& call : calls) {
        CHECK(call.completions() == 1);
        REQUIRE(call.failed());
        CHECK(call.kind() == ErrorKind::connection_lost);
      }
      CHECK(client.stats().sessions == 1);
      CHECK(client.stats().requests == 22);
      CHECK(said(loop, client, "echo", words("again")) == "again");
    }
    traces.check_none();
  }

  TEST_CASE(
      "fault 94: a child that floods its standard error answers all the same, and its last words are kept") {
    asio::io_context loop;
    Traces traces(loop);
    {
      McpClient client(loop.get_executor(), scripted());
      CHECK(said(loop, client, "flood", {{"bytes", 20'000'000}}) == "flooded");
      // It has gone on while nobody listened, as far as its pipe allowed.
      CHECK(said(loop, client, "echo", words("and on")) == "and on");
      const auto error = failure(loop, client, "exit");
      CHECK(error.provider_text().size() <= 2100);
      CHECK(error.provider_text().ends_with("fatal: canary in the coal mine"));
      CHECK_FALSE(holds(error.provider_text(), "\x1b"));
    }
    traces.check_none();
  }

  TEST_CASE("fault 94: lines that are no messages are skipped, counted and remembered, but not for ever") {
    asio::io_context loop;
    Traces traces(loop);
    {
      McpClient client(loop.get_executor(), scripted());
      CHECK(said(loop, client, "junk", {{"lines", 100}}) == "after the junk");
      CHECK(client.stats().junk_lines == 104);
      CHECK(said(loop, client, "in_pieces") == "in pieces");
      const auto error = failure(loop, client, "exit");
      CHECK(holds(error.message(), "it wrote lines that are no messages"));
      CHECK(holds(error.provider_text(), "its output begins with: Starting the server"));
      const auto flood = failure(loop, client, "junk", {{"lines", 100'000}});
      CHECK(flood.kind() == ErrorKind::bad_reply);
      CHECK(has_no_child());
      CHECK(said(loop, client, "echo", words("again")) == "again");
    }
    traces.check_none();
  }

  TEST_CASE("fault 94: an endless line ends at the limit, and so does the child") {
    asio::io_context loop;
    Traces traces(loop);
    {
      auto options = scripted();
      options.max_message = 1 << 20;
      McpClient client(loop.get_executor(), options);
      CHECK(said(loop, client, "large_line", {{"bytes", 1'000'000}}).size() == 1'000'000);
      for (const auto* tool : {"endless_line", "large_line"}) {
        CAPTURE(tool);
        const auto error = failure(loop, client, tool, {{"bytes", 5'000'000}});
        CHECK(error.kind() == ErrorKind::limit_exceeded);
        CHECK(holds(error.message(), "a line of more than 1048576 bytes"));
        CHECK(has_no_child());
        CHECK(said(loop, client, "echo", words("again")) == "again");
      }
    }
    traces.check_none();
  }

  TEST_CASE("fault 94: a child that reads or writes no more is an error, not SIGPIPE, and is replaced") {
    struct sigaction action{};
    ::sigaction(SIGPIPE, nullptr, &action);
    const bool untouched = action.sa_handler == SIG_DFL;
    REQUIRE(untouched);
    asio::io_context loop;
    Traces traces(loop);
    {
      McpClient client(loop.get_executor(), scripted());
      CHECK(said(loop, client, "close_input") == "deaf");
      const auto deaf = failure(loop, client, "echo", words(std::string(1'000'000, 'x')));
      CHECK(deaf.kind() == ErrorKind::connection_lost);
      CHECK(holds(deaf.message(), "has closed its input"));
      CHECK(has_no_child());
      const auto dumb = failure(loop, client, "close_output");
      CHECK(dumb.kind() == ErrorKind::connection_lost);
      CHECK(holds(dumb.message(), "has closed its output"));
      CHECK(has_no_child());
      CHECK(said(loop, client, "echo", words("again")) == "again");
    }
    traces.check_none();
  }

  TEST_CASE(
      "fault 94: a child that does not read makes callers wait, up to their limits, and blocks nobody") {
    asio::io_context loop;
    Traces traces(loop);
    {
      auto options = scripted();
      options.max_calls = 8;
      McpClient client(loop.get_executor(), options);
      Pending stuck(loop, client.call_tool("read_nothing_more", {}));
      std::vector<Pending> calls;
      for (int i = 0; i < 7; ++i)
        calls.emplace_back(loop, client.call_tool("echo", words(std::string(300'000, 'x')), 500ms));
      Pending surplus(loop, client.call_tool("echo", {}));
      CHECK(run_until(loop, [&] { return surplus.done(); }));
      CHECK(surplus.kind() == ErrorKind::resource_exhausted);
      CHECK(run_until(
          loop, [&] { return std::all_of(calls.begin(), calls.end(), [](auto& c) { return c.done(); }); }));
      for (const auto& call : calls) CHECK(call.kind() == ErrorKind::deadline_exceeded);
      stuck.cancel();
      CHECK(done_at_once(loop, [&] { return stuck.done(); }));
      CHECK(stuck.kind() == ErrorKind::cancelled);
    }
    traces.check_none();
  }

  TEST_CASE("fault 94: what the child has started ends with it") {
    asio::io_context loop;
    Traces traces(loop);
    {
      McpClient client(loop.get_executor(), scripted());
      const int first = std::stoi(said(loop, client, "grandchild"));
      CHECK_FALSE(is_gone(first));
      failure(loop, client, "exit");  // by itself
      CHECK(run_until(loop, [&] { return is_gone(first); }));
      const int second = std::stoi(said(loop, client, "grandchild"));
      run_on(loop, client.close());
      CHECK(run_until(loop, [&] { return is_gone(second); }));
    }
    traces.check_none();
  }

  TEST_CASE("fault 94: a child that died between two calls is replaced before the second") {
    asio::io_context loop;
    Traces traces(loop);
    {
      McpClient client(loop.get_executor(), scripted());
      const int pid = std::stoi(said(loop, client, "pid"));
      ::kill(pid, SIGKILL);
      wait_for_end(pid);
      CHECK(said(loop, client, "echo", words("again")) == "again");
      CHECK(client.stats().sessions == 2);
    }
    traces.check_none();
  }

  TEST_CASE(
      "fault 94: close() ends a child in good order, and a stubborn one by force, within a bounded time") {
    asio::io_context loop;
    Traces traces(loop);
    for (const auto* mode : {"plain", "stubborn"}) {
      CAPTURE(mode);
      McpClient client(loop.get_executor(), scripted(mode));
      CHECK(said(loop, client, "echo", words("x")) == "x");
      Pending held(loop, client.call_tool("hold", {}));
      loop.restart();
      loop.poll();
      const auto start = std::chrono::steady_clock::now();
      run_on(loop, client.close());
      CHECK(std::chrono::steady_clock::now() - start < 5s);
      CHECK(has_no_child());
      CHECK(run_until(loop, [&] { return held.done(); }));
      CHECK(held.kind() == ErrorKind::cancelled);
      CHECK(failure(loop, client, "echo").kind() == ErrorKind::tool_failed);
      run_on(loop, client.close());
    }
    traces.check_none();
  }
}
