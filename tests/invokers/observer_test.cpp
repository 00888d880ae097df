#include <algorithm>
#include <chrono>

#include <doctest/doctest.h>

#include "lllm/base/log.hpp"
#include "lllm/invokers/log_observer.hpp"
#include "lllm/invokers/metrics_observer.hpp"
#include "lllm/testing/fake_provider.hpp"
#include "tests/invokers/exposition.hpp"
#include "tests/invokers/world.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

/// Writes one word for each thing it sees.
struct Recorder final : CallObserver {
  std::vector<std::string> seen;
  HttpClientStats pool;
  void call_started(const ObservedCall& call) override {
    seen.push_back("start " + std::string(call.provider));
  }
  void attempt_started(const ObservedCall& call) override {
    seen.push_back("attempt " + std::to_string(call.attempt));
  }
  void connected(const ObservedCall&, const HttpTimings& timings) override {
    seen.emplace_back(timings.reused ? "reused" : "connected");
  }
  void first_byte(const ObservedCall&, int status, const HttpTimings&) override {
    seen.push_back("answer " + std::to_string(status));
  }
  void chunk(const ObservedCall& call, const StreamChunk&) override {
    if (call.chunks == 1) seen.emplace_back("first chunk");
  }
  void attempt_finished(const ObservedCall&, const Attempt& attempt) override {
    seen.push_back(attempt.error ? "failed " + std::to_string(attempt.status) : "good");
  }
  void call_succeeded(const ObservedCall& call, const InvokeResult&) override {
    seen.push_back("success after " + std::to_string(call.chunks) + " chunks");
  }
  void call_failed(const ObservedCall&, const Error& error) override {
    seen.push_back("failure " + std::string(to_string(error.kind())));
  }
  void pool_state(std::uint64_t, const HttpClientStats& stats) override { pool = stats; }
};

struct Fixture {
  asio::io_context loop{1};
  FakeProvider provider{loop.get_executor()};
  std::shared_ptr<Recorder> recorder = std::make_shared<Recorder>();
  std::shared_ptr<MetricsObserver> metrics = std::make_shared<MetricsObserver>();
  std::unique_ptr<LiteLLMInvoker> invoker =
      std::make_unique<LiteLLMInvoker>(loop.get_executor(), towards(provider.base_url())
                                                                .observe(recorder)
                                                                .observe(metrics)
                                                                .observe(std::make_shared<LogObserver>()));

  void call(CallOptions options = {}, const std::string& model = "openai/gpt-4o-mini") {
    run_on(loop, invoker->call(question("secret question"), model, std::move(options)));
  }
  Error failure(CallOptions options = {}, const std::string& model = "openai/gpt-4o-mini") {
    return error_on(loop, invoker->call(question("secret question"), model, std::move(options)));
  }
};

FakeReply busy() {
  FakeReply reply = FakeReply::error(429, "rate_limit_error", "slow down");
  reply.headers = {{"retry-after-ms", "1"}};
  return reply;
}

}  // namespace

TEST_SUITE("invokers/observer") {
  TEST_CASE("an observer sees every step of a streamed, a retried, a refused and an unsent call") {
    using Words = std::vector<std::string>;
    Fixture f;
    Collector sink;
    f.provider.script(FakeReply("one two three"));
    f.call(CallOptions().stream_handler(&sink));
    CHECK(f.recorder->seen == Words{"start openai", "attempt 1", "connected", "answer 200", "first chunk",
                                    "good", "success after 3 chunks"});
    f.recorder->seen.clear();
    f.provider.script(busy());
    f.call();
    CHECK(f.recorder->seen == Words{"start openai", "attempt 1", "reused", "answer 429", "failed 429",
                                    "attempt 2", "reused", "answer 200", "good", "success after 0 chunks"});
    CHECK(f.recorder->pool.open == 1);
    CHECK(f.recorder->pool.idle == 1);
    f.recorder->seen.clear();
    f.provider.script(FakeReply::error(401, "authentication_error", "no"));
    f.failure();
    CHECK(f.recorder->seen ==
          Words{"start openai", "attempt 1", "reused", "answer 401", "failed 401", "failure authentication"});
    f.recorder->seen.clear();
    Dialog unfit = question();
    unfit.put_tool_result("", "search", "a result of no call");
    error_on(f.loop, f.invoker->call(unfit, "openai/gpt-4o-mini"));
    CHECK(f.recorder->seen == Words{"start openai", "failure invalid_argument"});
    f.recorder->seen.clear();
    f.call({}, "echo/anything");
    CHECK(f.recorder->seen == Words{"start echo", "success after 0 chunks"});
    f.invoker.reset();
    CHECK(f.recorder->pool.open == 0);
  }

  TEST_CASE("a call that ends with its invoker, or with its context, is reported as cancelled, once") {
    for (const bool whole_loop : {false, true}) {
      CAPTURE(whole_loop);
      const auto recorder = std::make_shared<Recorder>();
      {
        auto f = std::make_unique<Fixture>();
        f->invoker = std::make_unique<LiteLLMInvoker>(f->loop.get_executor(),
                                                      towards(f->provider.base_url()).observe(recorder));
        FakeReply slow("late");
        slow.time_to_first_token = 60s;
        f->provider.script(slow);
        bool ended = false;
        asio::co_spawn(f->loop, f->invoker->call(question(), "openai/gpt-4o-mini"),
                       [&](const std::exception_ptr&, const InvokeResult&) { ended = true; });
        while (f->provider.stats().in_flight == 0) f->loop.run_one();
        if (!whole_loop) {
          f->invoker.reset();
          while (!ended) f->loop.run_one();
        }
      }
      const auto& seen = recorder->seen;
      CHECK(seen.back() == "failure cancelled");
      CHECK(std::count(seen.begin(), seen.end(), "failure cancelled") == 1);
    }
  }

  TEST_CASE("the metrics add up, and are written as Prometheus reads them") {
    Fixture f;
    f.provider.script(busy());
    Collector sink;
    f.call(CallOptions().stream_handler(&sink));
    f.call();
    f.provider.script(FakeReply::error(404, "not_found", "no"));
    f.failure();
    const std::string text = f.metrics->text();
    const std::string of = "{provider=\"openai\",model=\"openai/gpt-4o-mini\"";
    const std::vector<std::string> lines = {"# TYPE lllm_calls_total counter",
                                            "# TYPE lllm_call_seconds histogram",
                                            "lllm_calls_total" + of + ",outcome=\"ok\"} 2",
                                            "lllm_calls_total" + of + ",outcome=\"not_found\"} 1",
                                            "lllm_calls_in_flight" + of + "} 0",
                                            "lllm_attempts_total" + of + ",status=\"200\"} 2",
                                            "lllm_attempts_total" + of + ",status=\"429\"} 1",
                                            "lllm_retries_total" + of + "} 1",
                                            "lllm_chunks_total" + of + "} 40",
                                            "lllm_tokens_total" + of + ",type=\"completion\"} 80",
                                            "lllm_call_seconds_bucket" + of + ",le=\"+Inf\"} 3",
                                            "lllm_call_seconds_count" + of + "} 3",
                                            "lllm_first_token_seconds_count" + of + "} 1",
                                            std::string("lllm_connections{state=\"idle\"} 1"),
                                            std::string("lllm_connects_total 1")};
    for (const auto& line : lines)
      CHECK_MESSAGE(text.find(line + '\n') != std::string::npos, (line + " is not in\n" + text));
    CHECK(Exposition::problem(text) == "");
    CHECK(Exposition::problem(MetricsObserver().text()) == "");
  }

  TEST_CASE("an invoker that has gone leaves its counts to the metrics, and no entry of its own") {
    struct Pools final : MetricsObserver {
      int closed = 0;
      void pool_closed(std::uint64_t pool, const HttpClientStats& stats) override {
        ++closed;
        MetricsObserver::pool_closed(pool, stats);
      }
    };
    asio::io_context loop(1);
    FakeProvider provider(loop.get_executor());
    const auto metrics = std::make_shared<Pools>();
    const auto line = [&metrics](const std::string& wanted) {
      return metrics->text().find('\n' + wanted + '\n') != std::string::npos;
    };
    for (int i = 0; i < 20; ++i) {
      LiteLLMInvoker invoker(loop.get_executor(), towards(provider.base_url()).observe(metrics));
      run_on(loop, invoker.call(question(), "openai/gpt-4o-mini"));
      run_on(loop, invoker.call(question(), "openai/gpt-4o-mini"));
      CHECK(metrics->pools() == 1);
      CHECK(line("lllm_connections{state=\"idle\"} 1"));
    }
    CHECK(metrics->pools() == 0);
    CHECK(metrics->closed == 20);
    CHECK(line("lllm_connections{state=\"idle\"} 0"));
    CHECK(line("lllm_connections{state=\"busy\"} 0"));
    CHECK(line("lllm_connects_total 20"));
    CHECK(line("lllm_exchanges_total 40"));

    // A call that outlives its invoker has the last word before the pool does.
    FakeReply slow("late");
    slow.time_to_first_token = 60s;
    provider.script(slow);
    auto invoker =
        std::make_unique<LiteLLMInvoker>(loop.get_executor(), towards(provider.base_url()).observe(metrics));
    bool ended = false;
    asio::co_spawn(loop, invoker->call(question(), "openai/gpt-4o-mini"),
                   [&](const std::exception_ptr&, const InvokeResult&) { ended = true; });
    loop.restart();
    while (provider.stats().in_flight == 0) loop.run_one();
    invoker.reset();
    CHECK(metrics->pools() == 1);
    while (!ended) loop.run_one();
    loop.poll();
    CHECK(metrics->pools() == 0);
    CHECK(line("lllm_connects_total 21"));
  }

  TEST_CASE("names that users make up are bounded, and cannot break the format") {
    Fixture f;
    // No UTF-8: Prometheus would refuse all of the text. Written alike, they are one series.
    for (const char* model : {"echo/\xff", "echo/\xfe"}) f.call({}, model);
    for (std::size_t i = 0; i < MetricsObserver::most_series + 50; ++i)
      f.call({}, "echo/\"x\\\n" + std::to_string(i));
    const std::string text = f.metrics->text();
    CHECK(Exposition::problem(text) == "");
    CHECK(text.find("model=\"echo/\\\"x\\\\\\n0\"") != std::string::npos);
    CHECK(text.find("lllm_calls_total{provider=\"other\",model=\"other\",outcome=\"ok\"} 51\n") !=
          std::string::npos);
  }

  TEST_CASE("the log tells steps, failures and ends, and no words of the dialog") {
    std::string log_text;
    set_log_sink([&log_text](LogLevel level, std::string_view component, std::string_view message) {
      log_text +=
          std::string(to_string(level)) + ' ' + std::string(component) + ' ' + std::string(message) + '\n';
    });
    set_log_level(LogLevel::debug);
    Fixture f;
    f.provider.script(busy());
    f.provider.script(FakeReply("secret answer"));
    Collector sink;
    f.call(CallOptions().stream_handler(&sink));
    f.provider.script(FakeReply::error(401, "authentication_error", "Incorrect API key: " + canary));
    f.failure();
    set_log_level(LogLevel::warning);
    set_log_sink({});
    for (const std::string part : {"debug call #", "attempt 1 failed: ", "again in 1 ms", "answer 200 after ",
                                   "chunk 1: text, 6 bytes", "info call #", "finished after ",
                                   "request req_fake_", "warning call #", "status 401"})
      CHECK_MESSAGE(log_text.find(part) != std::string::npos, (part + " is not in\n" + log_text));
    CHECK(log_text.find("secret") == std::string::npos);
    CHECK(log_text.find("canary") == std::string::npos);
  }
}
