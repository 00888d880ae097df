// The rule for every fault, checked for each of them through the whole invoker: one completion, in time,
// whose error says kind, status, provider, model, request id, attempts and what had come; a connection that
// misbehaved serves no other call; nothing is left behind; and the keys are in nothing that can be seen, with
// all that can be logged being logged.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <vector>

#include <doctest/doctest.h>

#include "lllm/base/log.hpp"
#include "lllm/invokers/log_observer.hpp"
#include "lllm/invokers/metrics_observer.hpp"
#include "tests/invokers/fault_scenes.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

/// A scene being played: its server, its invoker, and what came of the call.
struct Play {
  explicit Play(Scene given, asio::io_context& loop, std::string& seen,
                const std::shared_ptr<MetricsObserver>& metrics)
      : scene(std::move(given)) {
    FaultServer::Script script = scene.script;
    if (!script)
      script = [act = scene.act, bad = scene.expected.attempts, &served = served](FaultPeer& peer) {
        while (!peer.read_request().empty()) {
          if (served++ < bad)
            act(peer);
          else
            peer.send(good_answer());
        }
      };
    if (scene.base_url.empty() || scene.through_proxy)
      server = std::make_unique<FaultServer>(script, scene.tls);
    if (scene.base_url.empty())
      scene.base_url = (scene.secure ? "https" : "http") + std::string("://127.0.0.1:") +
                       std::to_string(server->port()) + "/v1";
    scene.http.tls.ca_pem = scene.trusted;
    if (scene.through_proxy)
      scene.http.proxies->for_https =
          parse_proxy("user:" + proxy_canary + "@127.0.0.1:" + std::to_string(server->port())).value();
    InvokerOptions options = towards(scene.base_url);
    options.http(scene.http).timeouts(scene.timeouts).max_retries(1);
    options.observe(std::make_shared<LogObserver>()).observe(metrics);
    options.on_attempt([this, &seen](const Attempt& attempt) {
      attempts.push_back(attempt);
      if (attempt.error) seen += attempt.error->to_string() + attempt.error->provider_text();
    });
    options.on_exchange([&seen](const Recording& exchange) { seen += to_json(to_json_value(exchange)); });
    invoker = std::make_unique<LiteLLMInvoker>(loop.get_executor(), std::move(options));
  }

  void start(asio::io_context& loop) {
    CallOptions options;
    options.deadline(20s);
    if (scene.streamed) options.stream_handler(&sink);
    began = Clock::now();
    asio::co_spawn(loop, invoker->call(question(scene.question), World::model, options),
                   [this](const std::exception_ptr& thrown, InvokeResult got) {
                     ++completions;
                     took = Clock::now() - began;
                     failure = thrown;
                     result = std::move(got);
                   });
  }

  Scene scene;
  std::atomic<int> served{0};
  std::unique_ptr<FaultServer> server;  // behind what its threads use
  std::unique_ptr<LiteLLMInvoker> invoker;
  Collector sink;
  std::vector<Attempt> attempts;
  int completions = 0;
  std::exception_ptr failure;
  InvokeResult result;
  Clock::time_point began;
  Clock::duration took{};
};

/// Everything that a person, a log or a trace may come to see of an error.
std::string shown(const Error& error) {
  std::string text;
  for (const auto& part : {error.message(), error.to_string(), error.provider_text(), error.provider_type(),
                           error.provider_code(), error.request_id(), error.code().message()})
    text += part + '\n';
  if (error.partial()) text += to_json(to_json_value(*error.partial()));
  return text;
}

void check(Play& play, std::string& seen) {
  const Expected& expected = play.scene.expected;
  CHECK(play.completions == 1);
  CHECK(play.took < 20s);
  const auto stats = play.invoker->stats();
  if (expected.kept) CHECK(stats.open == (*expected.kept ? 1 : 0));
  CHECK(stats.open == stats.idle);
  CHECK(stats.waiting == 0);
  if (play.server && expected.kind == ErrorKind::tls_untrusted) CHECK(play.server->received().empty());
  if (!expected.kind) {
    CHECK(!play.failure);
    CHECK(play.result.message.text() == "one two");
    seen += to_json(play.result.raw_response()) + to_json(to_json_value(play.result.message));
    return;
  }
  REQUIRE(play.failure);
  std::optional<Error> thrown;
  try {
    std::rethrow_exception(play.failure);
  } catch (const Exception& failure) {
    thrown = failure.error();
  } catch (const std::exception& failure) {
    FAIL_CHECK("untyped: " << failure.what());
    return;
  }
  const Error& error = *thrown;
  seen += shown(error);
  CHECK_MESSAGE(error.kind() == *expected.kind, error.to_string());
  CHECK(error.status() == expected.status);
  CHECK(error.provider() == "openai");
  CHECK(error.model() == World::model);
  CHECK(error.request_id() == expected.request_id);
  CHECK_MESSAGE(error.attempts() == expected.attempts, error.to_string());
  CHECK(error.message().size() > 10);
  CHECK(error.provider_text().size() < 16'384);
  CHECK((error.partial() ? error.partial()->text() : "") == expected.partial);
  CHECK(play.sink.text == expected.partial);
  REQUIRE(play.attempts.size() == static_cast<std::size_t>(expected.attempts));
  for (const Attempt& attempt : play.attempts) {
    REQUIRE(attempt.error);
    CHECK(attempt.error->kind() == *expected.kind);
    CHECK_FALSE(attempt.reason.empty());
    CHECK((attempt.wait.count() > 0) == (attempt.number < expected.attempts));
  }
}

std::size_t open_files() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

}  // namespace

TEST_SUITE("invokers/rule") {
  TEST_CASE(
      "faults 1, 2, 4 to 36, 40, 41, 46, 50, 51, 53 to 57, 61 to 67 and 110: each call ends once, its error "
      "says all, "
      "nothing is left and no key is seen") {
    std::string seen;
    set_log_sink([&seen](LogLevel, std::string_view component, std::string_view message) {
      seen.append(component).append(" ").append(message).append("\n");
    });
    set_log_level(LogLevel::debug);
    const auto files = open_files();
    const auto released = std::make_shared<std::atomic<bool>>(false);
    {
      const BlackHole hole;
      Scenes scenes = fault_scenes(hole, released);
      asio::io_context loop(1);
      const auto metrics = std::make_shared<MetricsObserver>();
      std::vector<std::unique_ptr<Play>> plays;
      for (Scene& scene : scenes)
        plays.push_back(std::make_unique<Play>(std::move(scene), loop, seen, metrics));
      // All at once: what one server does to its call is nothing to the others.
      for (auto& play : plays) play->start(loop);
      CHECK(run_until(
          loop,
          [&] {
            return std::all_of(plays.begin(), plays.end(),
                               [](const auto& play) { return play->completions > 0; });
          },
          60s));
      for (auto& play : plays) {
        CAPTURE(play->scene.name);
        check(*play, seen);
      }
      // A server that has come to its senses is served by the same invoker.
      for (auto& play : plays) {
        if (!play->scene.expected.recovers) continue;
        CAPTURE(play->scene.name);
        play->completions = 0;
        play->failure = nullptr;
        play->scene.streamed = false;
        play->start(loop);
        CHECK(run_until(loop, [&] { return play->completions == 1; }, 60s));
        CHECK(!play->failure);
        CHECK(play->result.message.text() == "one two");
      }
      seen += metrics->text();
      for (auto& play : plays) play->invoker.reset();
      loop.restart();
      loop.poll();
    }
    *released = true;
    set_log_level(LogLevel::warning);
    set_log_sink({});
    CHECK(open_files() == files);
    CHECK(seen.size() > 20'000);
    for (const std::string& secret :
         {canary, canary.substr(3, 12), proxy_canary, std::string("dXNlcjpwcm94eS1jYW5hcn")}) {
      const auto at = seen.find(secret);
      CHECK_MESSAGE(at == std::string::npos, "…" << seen.substr(at < 300 ? 0 : at - 300, 400) << "…");
    }
  }
}
