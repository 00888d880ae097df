#include "lllm/invokers/log_observer.hpp"

#include "lllm/base/log.hpp"

namespace lllm {
namespace {

void write(LogLevel level, const ObservedCall& call, const std::string& what) {
  log(level, "call", '#' + std::to_string(call.id) + ' ' + std::string(call.model) + ": " + what);
}

std::string milliseconds(std::chrono::nanoseconds time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count()) + " ms";
}

std::string since_start(const ObservedCall& call) {
  return milliseconds(std::chrono::steady_clock::now() - call.start);
}

std::string_view word_for(ChunkKind kind) {
  switch (kind) {
    case ChunkKind::text:
      return "text";
    case ChunkKind::reasoning:
      return "reasoning";
    case ChunkKind::refusal:
      return "refusal";
    case ChunkKind::tool_call:
      return "tool call";
  }
  return "chunk";
}

}  // namespace

void LogObserver::call_started(const ObservedCall& call) {
  if (!log_enabled(LogLevel::debug)) return;
  write(LogLevel::debug, call,
        "started" + (call.provider.empty() ? std::string() : ", provider " + std::string(call.provider)) +
            (call.streamed ? ", streamed" : ""));
}

void LogObserver::attempt_started(const ObservedCall& call) {
  if (log_enabled(LogLevel::debug))
    write(LogLevel::debug, call, "attempt " + std::to_string(call.attempt) + " starts");
}

void LogObserver::connected(const ObservedCall& call, const HttpTimings& timings) {
  if (!log_enabled(LogLevel::debug)) return;
  std::string what = timings.reused ? "on a kept connection" : "connected";
  what += " after " + milliseconds(timings.connected);
  if (timings.tls_resumed) what += ", TLS resumed";
  if (timings.replayed) what += ", replayed: the kept connection was dead";
  write(LogLevel::debug, call, what);
}

void LogObserver::first_byte(const ObservedCall& call, int status, const HttpTimings& timings) {
  if (log_enabled(LogLevel::debug))
    write(LogLevel::debug, call,
          "answer " + std::to_string(status) + " after " + milliseconds(timings.first_byte));
}

void LogObserver::chunk(const ObservedCall& call, const StreamChunk& chunk) {
  if (log_enabled(LogLevel::debug))
    write(LogLevel::debug, call,
          "chunk " + std::to_string(call.chunks) + ": " + std::string(word_for(chunk.kind)) + ", " +
              std::to_string(chunk.content.size()) + " bytes");
}

void LogObserver::attempt_finished(const ObservedCall& call, const Attempt& attempt) {
  if (!attempt.error || !log_enabled(LogLevel::info)) return;
  std::string what = "attempt " + std::to_string(attempt.number) + " failed: " + attempt.error->message();
  what += attempt.wait.count() > 0 ? "; again in " + milliseconds(attempt.wait) : std::string("; no other");
  if (!attempt.reason.empty()) what += " (" + attempt.reason + ')';
  write(LogLevel::info, call, what);
}

void LogObserver::call_succeeded(const ObservedCall& call, const InvokeResult& result) {
  if (!log_enabled(LogLevel::info)) return;
  const Usage& usage = result.usage();
  const auto cost = result.cost();
  write(LogLevel::info, call,
        "finished after " + since_start(call) + ": " + result.message.finish_reason + ", " +
            std::to_string(usage.prompt_tokens.value_or(0)) + " + " +
            std::to_string(usage.completion_tokens.value_or(0)) + " tokens, " +
            (cost ? cost->to_string() : std::string("cost unknown")) + ", attempts " +
            std::to_string(result.attempts.size()) +
            (result.request_id.empty() ? "" : ", request " + result.request_id));
}

void LogObserver::call_failed(const ObservedCall& call, const Error& error) {
  if (log_enabled(LogLevel::warning))
    write(LogLevel::warning, call, "failed after " + since_start(call) + ": " + error.to_string());
}

void LogObserver::pool_state(std::uint64_t pool, const HttpClientStats& stats) {
  if (!log_enabled(LogLevel::debug)) return;
  log(LogLevel::debug, "call",
      "pool " + std::to_string(pool) + ": " + std::to_string(stats.open) + " open, " +
          std::to_string(stats.idle) + " idle, " + std::to_string(stats.waiting) + " waiting");
}

}  // namespace lllm
