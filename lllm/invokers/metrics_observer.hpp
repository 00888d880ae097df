#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "lllm/invokers/observer.hpp"

namespace lllm {

/// Counts and times what calls do, and writes it as Prometheus reads it.
///
///     auto metrics = std::make_shared<lllm::MetricsObserver>();
///     options.observe(metrics);                 // of every invoker there is
///     … answer GET /metrics with metrics->text(), content type MetricsObserver::content_type
///
/// Thread-safety: any number of invokers on any threads; `text()` from any thread.
class MetricsObserver : public CallObserver {
 public:
  static constexpr const char* content_type = "text/plain; version=0.0.4; charset=utf-8";
  /// Pairs of provider and model that are told apart; what comes later is counted as model "other", so that
  /// names made up by users cannot fill the memory.
  static constexpr std::size_t most_series = 200;

  MetricsObserver();
  ~MetricsObserver() override;

  /// Text exposition format 0.0.4: lllm_calls_total{provider,model,outcome}, lllm_calls_in_flight,
  /// lllm_attempts_total{…,status}, lllm_retries_total, lllm_chunks_total, lllm_tokens_total{…,type},
  /// lllm_cost_dollars_total, histograms lllm_call_seconds, lllm_first_byte_seconds,
  /// lllm_first_token_seconds, and of the pools lllm_connections{state}, lllm_connects_total,
  /// lllm_exchanges_total, lllm_replays_total. `outcome` is "ok" or the error's kind; `status` is HTTP's, or
  /// the kind of error where no answer came.
  [[nodiscard]] std::string text() const;
  /// Invokers that are there: those that have gone leave their counts and nothing else.
  [[nodiscard]] std::size_t pools() const;

  void call_started(const ObservedCall& call) override;
  void first_byte(const ObservedCall& call, int status, const HttpTimings& timings) override;
  void attempt_finished(const ObservedCall& call, const Attempt& attempt) override;
  void call_succeeded(const ObservedCall& call, const InvokeResult& result) override;
  void call_failed(const ObservedCall& call, const Error& error) override;
  void pool_state(std::uint64_t pool, const HttpClientStats& stats) override;
  void pool_closed(std::uint64_t pool, const HttpClientStats& stats) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lllm
