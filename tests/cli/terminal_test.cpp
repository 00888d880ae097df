// The program on a terminal, as a person has it: what a model says cannot drive it, Ctrl-C ends what is under
// way, and --verbose tells how a call goes.
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <functional>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "lllm/net/http_server.hpp"
#include "lllm/testing/fake_provider.hpp"
#include "tests/cli/program.hpp"
#include "tests/support/black_hole.hpp"
#include "tests/support/temp_dir.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

/// Runs a command on a terminal of its own, and types `keys` when it has printed `after`, or when something
/// else is `ready`.
ShellResult on_terminal(const std::string& command, std::string_view after = {}, std::string_view keys = {},
                        const std::function<bool()>& ready = {}) {
  int terminal = -1;
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  if (child < 0) throw std::runtime_error("no terminal could be had");
  if (child == 0) {
    ::execl("/bin/sh", "sh", "-c", ("exec " + command).c_str(), nullptr);
    ::_exit(127);
  }
  ShellResult result;
  bool typed = keys.empty();
  for (;;) {
    if (!typed && (ready ? ready() : result.output.find(after) != std::string::npos)) {
      typed = true;
      const auto pressed = ::write(terminal, keys.data(), keys.size());
      CHECK(pressed == static_cast<ssize_t>(keys.size()));
    }
    pollfd readable{terminal, POLLIN, 0};
    if (::poll(&readable, 1, typed ? 30'000 : 5) == 0) {
      if (!typed) continue;
      ::kill(child, SIGKILL);  // it hangs
    }
    std::array<char, 4096> buffer{};
    const auto size = ::read(terminal, buffer.data(), buffer.size());
    if (size <= 0) break;  // a terminal whose last user has gone is an error of reading
    result.output.append(buffer.data(), static_cast<std::size_t>(size));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(terminal);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

bool holds(const ShellResult& result, std::string_view part) {
  return result.output.find(part) != std::string::npos;
}

}  // namespace

TEST_SUITE("cli/terminal") {
  TEST_CASE("fault 119: what a model says cannot drive the terminal, and a pipe gets it as it is") {
    FakeInThread fake;
    FakeReply words("one \x1b[31mtwo\x1b]0;title\x07three \x1b[2J\rfour");
    FakeReply call = FakeReply::call("weather", {{"city", "\x1b[31mBern"}});
    call.tool_calls[0].name = "we\x1b[5mather";
    const std::string plain = "NO_COLOR=1 " + with_key(fake);
    for (const std::string command : {"call hi", "call --no-stream hi", "chat hi", "chat --no-stream hi"}) {
      CAPTURE(command);
      fake.script(words);
      const auto shown = on_terminal(program(command, plain));
      CAPTURE(shown.output);
      CHECK(shown.status == 0);
      CHECK(holds(shown, "one twothree four"));
      CHECK_FALSE(holds(shown, "\x1b"));
      CHECK_FALSE(holds(shown, "\x07"));
      fake.script(words);
      CHECK(holds(run(command, with_key(fake)), words.text));
    }
    fake.script(call);
    const auto shown = on_terminal(program("call hi", plain));
    CHECK_MESSAGE(holds(shown, "weather"), shown.output);
    CHECK_FALSE(holds(shown, "\x1b"));
    fake.script(FakeReply::error(400, "invalid\x1b[31m_request", "no \x1b[2J"));
    const auto refused = on_terminal(program("call hi", plain));
    CHECK(refused.status == 1);
    CHECK_FALSE(holds(refused, "\x1b"));
  }

  TEST_CASE("fault 119: an escape that is split over chunks, or is one character, is stripped whole") {
    FakeInThread fake;
    // The fake says a word per chunk: the spaces cut these sequences into two and three.
    const std::string split =
        "one \x1b[ 31mtwo \x1b]0;my own title\x07three \x1b]8;; http://x\x1b\\four \xC2\x9B 1;31mfive "
        "\xC2\x9D"
        "0;another title\xC2\x9Csix\xC2\x85 \x1bP a b\x1b\\seven";
    const std::string plain = "NO_COLOR=1 " + with_key(fake);
    for (const std::string command : {"call hi", "call --no-stream hi", "chat hi", "chat --no-stream hi"}) {
      CAPTURE(command);
      fake.script(FakeReply(split));
      const auto shown = on_terminal(program(command, plain));
      CAPTURE(shown.output);
      CHECK(shown.status == 0);
      CHECK(holds(shown, "one two three four five six seven"));
      for (const char* part : {"\x1b", "\x07", "\xC2\x9B", "\xC2\x9D", "31m", "title", "http"})
        CHECK_FALSE(holds(shown, part));
      fake.script(FakeReply(split));
      CHECK(holds(run(command, with_key(fake)), split));  // a pipe gets it as it is
    }
    // What one answer leaves open does not swallow the next.
    fake.script(FakeReply("open \x1b]0;title"));
    fake.script(FakeReply("the second answer"));
    const auto both = on_terminal(program("chat", plain), "> ", "a\nb\n\x04");
    CHECK_MESSAGE(holds(both, "the second answer"), both.output);
  }

  TEST_CASE(
      "fault 119: refusals, thoughts, calls and errors of a recording cannot drive the terminal either") {
    const TempDir folder;
    const std::string evil = R"(\u001b[31m\u001b]0;title\u0007\u009b31m\u009d0;t\u009c)";
    const auto recorded = [&](const std::string& name, int status, const std::string& body) {
      return folder.write(name, R"({"id":"x","wire":"openai-chat","provider":"who)" + evil +
                                    R"(","response":{"status":)" + std::to_string(status) + R"(,"body":)" +
                                    body + "}}");
    };
    const std::string says = "\"says" + evil + "\"";
    const auto answer = recorded(
        "answer.json", 200,
        R"({"model":)" + says + R"(,"choices":[{"index":0,"finish_reason":)" + says +
            R"(,"message":{"content":)" + says + R"(,"reasoning_content":)" + says + R"(,"refusal":)" + says +
            R"(,"tool_calls":[{"id":"c","function":{"name":)" + says + R"(,"arguments":)" + says + "}}]}}]}");
    const auto refusal =
        recorded("refusal.json", 400, R"({"error":{"message":)" + says + R"(,"type":)" + says + "}}");
    for (const auto& file : {answer, refusal}) {
      const auto shown = on_terminal(program("replay " + quoted(file.string()), "NO_COLOR=1"));
      CAPTURE(shown.output);
      CHECK(shown.status == 0);
      CHECK(holds(shown, "who, status"));
      CHECK(holds(shown, "says"));
      for (const char* part : {"\x1b", "\x07", "\xC2\x9B", "\xC2\x9D", "31m", "title"})
        CHECK_FALSE(holds(shown, part));
      CHECK(holds(run("replay " + quoted(file.string())), "\x1b[31m"));
    }
    CHECK(holds(on_terminal(program("replay " + quoted(answer.string()), "NO_COLOR=1")),
                "tool call   says says"));

    // A model's refusal, and a provider's, as a call shows them.
    const std::string words = R"({"refusal":"I will \u001b[ 31mnot \u009b31mdo \u001b]0;title\u0007that."})";
    const std::string choice = R"("finish_reason":"stop"}]})";
    asio::io_context loop(1);
    HttpServer server(loop.get_executor(), [&](const HttpServerRequest& request, HttpResponder& responder) {
      const bool streamed = request.body.find("\"stream\":true") != std::string::npos;
      HttpHeaders headers;
      headers.add("Content-Type", streamed ? "text/event-stream" : "application/json");
      const std::string head = R"({"choices":[{"index":0,)";
      return responder.send(
          200, std::move(headers),
          streamed ? "data: " + head + "\"delta\":" + words + "," + choice + "\n\ndata: [DONE]\n\n"
                   : head + "\"message\":" + words + "," + choice);
    });
    const auto busy = asio::make_work_guard(loop);
    std::jthread serving([&loop] { loop.run(); });
    struct Stop {  // before it is joined, also where a check throws
      asio::io_context& loop;
      ~Stop() { loop.stop(); }
    } stop{loop};
    const std::string there = "NO_COLOR=1 OPENAI_API_KEY=" + key + " OPENAI_BASE_URL=" + server.url() + "/v1";
    for (const std::string command : {"call hi", "call --no-stream hi", "chat hi", "chat --no-stream hi"}) {
      CAPTURE(command);
      const auto shown = on_terminal(program(command, there));
      CAPTURE(shown.output);
      CHECK(holds(shown, "I will not do that."));
      for (const char* part : {"\x1b", "\x07", "\xC2\x9B", "\xC2\x9D", "31m", "title"})
        CHECK_FALSE(holds(shown, part));
      CHECK(holds(run(command, there), "\x1b["));
    }
    FakeInThread fake;
    fake.script(FakeReply::error(400, "no\x1b[31m_request",
                                 "They say \xC2\x9B"
                                 "31mno\x1b[2J"));
    const auto refused = on_terminal(program("call hi", "NO_COLOR=1 " + with_key(fake)));
    CHECK_MESSAGE(holds(refused, "They say no"), refused.output);
    CHECK_FALSE(holds(refused, "\x1b"));
    CHECK_FALSE(holds(refused, "\xC2\x9B"));
  }

  TEST_CASE("Ctrl-C on the terminal ends a call, a stream and the demo at once, with a word") {
    FakeInThread fake(FakeOptions().time_to_first_token(60s));
    std::uint64_t asked = 0;
    const auto has_asked = [&] { return fake->stats().requests == asked; };
    const std::string plain = "NO_COLOR=1 " + with_key(fake);
    for (const std::string command : {"call hi", "chat hi"}) {
      CAPTURE(command);
      ++asked;
      const auto ended = on_terminal(program(command, plain), {}, "\x03", has_asked);
      CAPTURE(ended.output);
      CHECK(ended.status == 130);
      CHECK(holds(ended, "lllm: cancelled"));
    }
    asked += 50;
    const auto demo =
        on_terminal(program("demo -n 50 --package " + newsroom() + " --base-url " + fake->base_url(), plain),
                    {}, "\x03", has_asked);
    CAPTURE(demo.output);
    CHECK(demo.status == 130);
    CHECK(holds(demo, "lllm: interrupted"));
  }

  TEST_CASE("Ctrl-C ends a call that waits for a connection, or for its next attempt, at once") {
    const BlackHole hole;
    const std::string nowhere = "NO_COLOR=1 OPENAI_API_KEY=" + key +
                                " OPENAI_BASE_URL=http://127.0.0.1:" + std::to_string(hole.port()) + "/v1";
    const auto connecting = on_terminal(program("call -vv hi", nowhere), "attempt 1 starts", "\x03");
    CHECK(connecting.status == 130);
    CHECK_MESSAGE(holds(connecting, "lllm: cancelled"), connecting.output);

    FakeInThread fake;
    FakeReply busy = FakeReply::error(503, "server_error", "busy");
    busy.headers = {{"retry-after", "50"}};
    fake.script(busy);
    const auto waiting =
        on_terminal(program("call -v hi", "NO_COLOR=1 " + with_key(fake)), "again in 50000 ms", "\x03");
    CHECK(waiting.status == 130);
    CHECK_MESSAGE(holds(waiting, "lllm: cancelled"), waiting.output);
    CHECK(fake->stats().requests == 1);
  }

  TEST_CASE("an error, and Ctrl-C, after part of an answer begin on a line of their own") {
    FakeInThread fake(FakeOptions().tokens_per_second(200));
    for (const std::string command : {"call hi", "chat hi"}) {
      CAPTURE(command);
      FakeReply cut("one two three four");
      cut.fault = FakeFault::close;
      cut.fault_after = 2;
      fake.script(cut);
      const auto broken = run(command, with_key(fake));
      CHECK_MESSAGE(holds(broken, "one two\nlllm: "), broken.output);
      FakeReply stalls("one two three four");
      stalls.fault = FakeFault::stall;
      stalls.fault_after = 2;
      fake.script(stalls);
      const auto stopped = on_terminal(program(command, "NO_COLOR=1 " + with_key(fake)), "one two", "\x03");
      CHECK_MESSAGE(holds(stopped, "lllm: cancelled"), stopped.output);
      CHECK_FALSE(holds(stopped, "twolllm"));
      CHECK_FALSE(holds(stopped, "two^Clllm"));
    }
  }

  TEST_CASE("--verbose tells how a call goes, twice each step, and neither words nor key") {
    FakeInThread fake;
    const auto busy = [&fake] {
      FakeReply reply = FakeReply::error(429, "rate_limit_error", "slow down");
      reply.headers = {{"retry-after-ms", "1"}};
      fake.script(reply);
      fake.script(FakeReply("the secret answer"));
    };
    busy();
    const auto once = run("call -v 'a secret question' 2>&1 >/dev/null", with_key(fake));
    CAPTURE(once.output);
    CHECK(once.status == 0);
    CHECK(std::count(once.output.begin(), once.output.end(), '\n') == 2);
    CHECK(holds(once, "attempt 1 failed: "));
    CHECK(holds(once, "finished after "));
    busy();
    const auto twice = run("call -vv 'a secret question' 2>&1 >/dev/null", with_key(fake));
    for (const char* part :
         {"started, provider openai, streamed", "attempt 1 starts", "connected after ", "answer 429 after ",
          "attempt 2 starts", "on a kept connection", "chunk 3: text"})
      CHECK_MESSAGE(holds(twice, part), (std::string(part) + " is not in\n" + twice.output));
    for (const auto& result : {once, twice}) {
      CHECK_FALSE(holds(result, "secret"));
      CHECK_FALSE(holds(result, "canary"));
    }
    CHECK(run("call hi 2>&1 >/dev/null", with_key(fake)).output.empty());
    fake.script(FakeReply::error(401, "authentication_error", "Incorrect API key: " + key));
    const auto failed = run("chat -v hi", with_key(fake));
    CHECK(failed.status == 1);
    CHECK_MESSAGE(holds(failed, "warning: #1 gpt-4o-mini: failed after "), failed.output);
    CHECK_FALSE(holds(failed, "canary"));
  }
}
