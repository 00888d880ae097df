#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lllm/invokers/observer.hpp"

namespace lllm {

using CallObservers = std::vector<std::shared_ptr<CallObserver>>;

/// One call as it is being observed: owned by the call, tells every observer. Where there is none, each
/// function is one test of an empty vector.
class Observation final : public HttpWatcher {
 public:
  /// @param client  outlives this; so do the observers.
  Observation(const CallObservers& observers, HttpClient& client, std::uint64_t pool)
      : observers_(observers), client_(client), pool_(pool) {}
  /// Reports a call that was started and never finished as cancelled: its coroutine was destroyed.
  ~Observation() override;
  Observation(const Observation&) = delete;
  Observation& operator=(const Observation&) = delete;

  [[nodiscard]] bool active() const { return !observers_.empty(); }
  void start(std::string provider, std::string model, bool streamed) {
    if (active()) tell_start(std::move(provider), std::move(model), streamed);
  }
  void start_attempt() {
    if (active()) tell_attempt();
  }
  void connected(const HttpTimings& timings) override {
    if (active()) tell_connected(timings);
  }
  void first_byte(int status, const HttpTimings& timings) {
    if (!active()) return;
    for (const auto& observer : observers_) observer->first_byte(call_, status, timings);
  }
  void chunk(const StreamChunk& chunk) {
    if (!active()) return;
    ++call_.chunks;
    for (const auto& observer : observers_) observer->chunk(call_, chunk);
  }
  void finish_attempt(const Attempt& attempt) {
    if (active()) tell_attempt_finished(attempt);
  }
  void succeed(const InvokeResult& result) {
    if (open_) tell_success(result);
  }
  void fail(const Error& error) {
    if (open_) tell_failure(error);
  }

 private:
  void tell_start(std::string provider, std::string model, bool streamed);
  void tell_attempt();
  void tell_connected(const HttpTimings& timings);
  void tell_attempt_finished(const Attempt& attempt);
  void tell_success(const InvokeResult& result);
  void tell_failure(const Error& error);
  void tell_pool();

  const CallObservers& observers_;
  HttpClient& client_;
  std::uint64_t pool_;
  ObservedCall call_;
  bool open_ = false;
  std::string provider_, model_;
};

}  // namespace lllm
