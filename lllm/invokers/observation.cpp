#include "lllm/invokers/observation.hpp"

#include <atomic>
#include <exception>

namespace lllm {
namespace {

std::atomic<std::uint64_t> calls_so_far = 0;

}  // namespace

Observation::~Observation() {
  if (!open_) return;
  try {
    tell_failure(Error(ErrorKind::cancelled, "the call was given up with its context"));
  } catch (const std::exception&) {  // no memory for the words: then the observers are not told
  }
}

void Observation::tell_start(std::string provider, std::string model, bool streamed) {
  provider_ = std::move(provider);
  model_ = std::move(model);
  call_.id = calls_so_far.fetch_add(1, std::memory_order_relaxed) + 1;
  call_.provider = provider_;
  call_.model = model_;
  call_.streamed = streamed;
  call_.start = std::chrono::steady_clock::now();
  open_ = true;
  for (const auto& observer : observers_) observer->call_started(call_);
}

void Observation::tell_attempt() {
  ++call_.attempt;
  for (const auto& observer : observers_) observer->attempt_started(call_);
  tell_pool();  // it may be about to wait for a connection
}

void Observation::tell_connected(const HttpTimings& timings) {
  for (const auto& observer : observers_) observer->connected(call_, timings);
  tell_pool();
}

void Observation::tell_attempt_finished(const Attempt& attempt) {
  for (const auto& observer : observers_) observer->attempt_finished(call_, attempt);
  tell_pool();
}

void Observation::tell_success(const InvokeResult& result) {
  open_ = false;
  for (const auto& observer : observers_) observer->call_succeeded(call_, result);
}

void Observation::tell_failure(const Error& error) {
  open_ = false;
  for (const auto& observer : observers_) observer->call_failed(call_, error);
}

void Observation::tell_pool() {
  const HttpClientStats stats = client_.stats();
  for (const auto& observer : observers_) observer->pool_state(pool_, stats);
}

}  // namespace lllm
