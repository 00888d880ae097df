#include "lllm/invokers/metrics_observer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <mutex>
#include <utility>

#include "lllm/base/text.hpp"

namespace lllm {
namespace {

using Seconds = std::chrono::duration<double>;
using Labels = std::pair<std::string, std::string>;  // provider, model
using Counts = std::map<std::string, std::uint64_t, std::less<>>;

constexpr std::array<double, 12> bounds = {0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300};

struct Histogram {
  std::array<std::uint64_t, bounds.size()> buckets{};  // each counts its own range; text() adds them up
  std::uint64_t count = 0;
  double sum = 0;

  void add(std::chrono::nanoseconds time) {
    const double seconds = std::max(0.0, Seconds(time).count());
    ++count;
    sum += seconds;
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      if (seconds > bounds.at(i)) continue;
      ++buckets.at(i);
      return;
    }
  }
};

struct Series {
  std::uint64_t in_flight = 0;
  Counts outcomes;
  Counts attempts;
  Counts tokens;
  std::uint64_t retries = 0;
  std::uint64_t chunks = 0;
  double dollars = 0;
  Histogram call;
  Histogram first_byte;
  Histogram first_token;
};

// Not printf's: its decimal point is the host's locale's.
std::string number(double value) {
  std::array<char, 32> text{};
  const auto written = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), written.ptr};
}

// A label's value: backslash, quote and line feed are the format's own.
std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

std::string labels(const Labels& of, std::string_view name = {}, std::string_view value = {}) {
  std::string text = "{provider=\"" + escaped(of.first) + "\",model=\"" + escaped(of.second) + '"';
  if (!name.empty()) text += ',' + std::string(name) + "=\"" + escaped(value) + '"';
  return text + '}';
}

void header(std::string& out, const std::string& name, const char* type, const char* help) {
  out += "# HELP " + name + ' ' + help + "\n# TYPE " + name + ' ' + type + '\n';
}

void write_histogram(std::string& out, const std::string& name, const Labels& of,
                     const Histogram& histogram) {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    below += histogram.buckets.at(i);
    out += name + "_bucket" + labels(of, "le", number(bounds.at(i))) + ' ' + std::to_string(below) + '\n';
  }
  out += name + "_bucket" + labels(of, "le", "+Inf") + ' ' + std::to_string(histogram.count) + '\n';
  out += name + "_sum" + labels(of) + ' ' + number(histogram.sum) + '\n';
  out += name + "_count" + labels(of) + ' ' + std::to_string(histogram.count) + '\n';
}

void write_counts(std::string& out, const std::string& name, const char* label,
                  const std::map<Labels, Series>& series, Counts Series::* counts) {
  for (const auto& [of, one] : series)
    for (const auto& [value, count] : one.*counts)
      out += name + labels(of, label, value) + ' ' + std::to_string(count) + '\n';
}

void count_tokens(Counts& tokens, const Usage& usage) {
  const auto add = [&tokens](const char* type, const auto& count) {
    if (count && *count > 0) tokens[type] += static_cast<std::uint64_t>(*count);
  };
  add("prompt", usage.prompt_tokens);
  add("completion", usage.completion_tokens);
  add("cached", usage.cached_prompt_tokens);
  add("cache_write", usage.cache_write_tokens);
  add("reasoning", usage.reasoning_tokens);
}

// Only what is counted up, not what is at this moment.
void add_counts(HttpClientStats& sum, const HttpClientStats& stats) {
  sum.connects += stats.connects;
  sum.exchanges += stats.exchanges;
  sum.replays += stats.replays;
}

}  // namespace

struct MetricsObserver::State {
  mutable std::mutex mutex;
  std::map<Labels, Series> series;
  std::map<std::uint64_t, HttpClientStats> pools;
  HttpClientStats closed_pools;  // what they have counted; the rest of them is gone

  Series& of(const ObservedCall& call) {
    Labels key(call.provider, to_valid_utf8(call.model));  // what is no UTF-8 would spoil the whole text
    if (const auto found = series.find(key); found != series.end()) return found->second;
    if (series.size() >= most_series) key = {"other", "other"};
    return series[key];
  }
};

MetricsObserver::MetricsObserver() : state_(std::make_unique<State>()) {}
MetricsObserver::~MetricsObserver() = default;

void MetricsObserver::call_started(const ObservedCall& call) {
  const std::lock_guard lock(state_->mutex);
  ++state_->of(call).in_flight;
}

void MetricsObserver::first_byte(const ObservedCall& call, int /*status*/, const HttpTimings& timings) {
  const std::lock_guard lock(state_->mutex);
  state_->of(call).first_byte.add(timings.first_byte);
}

void MetricsObserver::attempt_finished(const ObservedCall& call, const Attempt& attempt) {
  std::string status = std::to_string(attempt.status);
  if (attempt.status == 0 && attempt.error) status = to_string(attempt.error->kind());
  const std::lock_guard lock(state_->mutex);
  Series& series = state_->of(call);
  ++series.attempts[status];
  if (attempt.number > 1) ++series.retries;
}

void MetricsObserver::call_succeeded(const ObservedCall& call, const InvokeResult& result) {
  const auto took = std::chrono::steady_clock::now() - call.start;
  const auto cost = result.cost();
  const std::lock_guard lock(state_->mutex);
  Series& series = state_->of(call);
  --series.in_flight;
  ++series.outcomes["ok"];
  series.chunks += call.chunks;
  series.call.add(took);
  if (result.timings.first_token) series.first_token.add(*result.timings.first_token);
  if (cost) series.dollars += cost->dollars();
  count_tokens(series.tokens, result.usage());
}

void MetricsObserver::call_failed(const ObservedCall& call, const Error& error) {
  const auto took = std::chrono::steady_clock::now() - call.start;
  const std::lock_guard lock(state_->mutex);
  Series& series = state_->of(call);
  --series.in_flight;
  ++series.outcomes[std::string(to_string(error.kind()))];
  series.chunks += call.chunks;
  series.call.add(took);
}

void MetricsObserver::pool_state(std::uint64_t pool, const HttpClientStats& stats) {
  const std::lock_guard lock(state_->mutex);
  state_->pools[pool] = stats;
}

void MetricsObserver::pool_closed(std::uint64_t pool, const HttpClientStats& stats) {
  const std::lock_guard lock(state_->mutex);
  state_->pools.erase(pool);
  add_counts(state_->closed_pools, stats);
}

std::size_t MetricsObserver::pools() const {
  const std::lock_guard lock(state_->mutex);
  return state_->pools.size();
}

std::string MetricsObserver::text() const {
  const std::lock_guard lock(state_->mutex);
  const auto& all = state_->series;
  std::string out;
  const auto each = [&](const std::string& name, const char* type, const char* help, const auto& value) {
    header(out, name, type, help);
    for (const auto& [of, one] : all) out += name + labels(of) + ' ' + value(one) + '\n';
  };
  const auto histogram = [&](const std::string& name, const char* help, Histogram Series::* which) {
    header(out, name, "histogram", help);
    for (const auto& [of, one] : all) write_histogram(out, name, of, one.*which);
  };
  header(out, "lllm_calls_total", "counter", "Calls that ended, by outcome: ok, or the kind of error.");
  write_counts(out, "lllm_calls_total", "outcome", all, &Series::outcomes);
  each("lllm_calls_in_flight", "gauge", "Calls under way.",
       [](const Series& one) { return std::to_string(one.in_flight); });
  header(out, "lllm_attempts_total", "counter", "Requests sent, by HTTP status or kind of error.");
  write_counts(out, "lllm_attempts_total", "status", all, &Series::attempts);
  each("lllm_retries_total", "counter", "Attempts after a call's first.",
       [](const Series& one) { return std::to_string(one.retries); });
  each("lllm_chunks_total", "counter", "Streamed deltas.",
       [](const Series& one) { return std::to_string(one.chunks); });
  header(out, "lllm_tokens_total", "counter", "Tokens as the provider counts them.");
  write_counts(out, "lllm_tokens_total", "type", all, &Series::tokens);
  each("lllm_cost_dollars_total", "counter", "Cost of the calls whose price is known.",
       [](const Series& one) { return number(one.dollars); });
  histogram("lllm_call_seconds", "Whole calls, retries included.", &Series::call);
  histogram("lllm_first_byte_seconds", "From an attempt's start to its answer's head.", &Series::first_byte);
  histogram("lllm_first_token_seconds", "From a call's start to its first delta.", &Series::first_token);

  HttpClientStats sum = state_->closed_pools;
  for (const auto& [pool, stats] : state_->pools) {
    sum.open += stats.open;
    sum.idle += stats.idle;
    sum.waiting += stats.waiting;
    add_counts(sum, stats);
  }
  const auto line = [&out](const std::string& name, auto value) {
    out += name + ' ' + std::to_string(value) + '\n';
  };
  header(out, "lllm_connections", "gauge", "Connections, and calls that wait for one.");
  line("lllm_connections{state=\"busy\"}", sum.open - std::min(sum.open, sum.idle));
  line("lllm_connections{state=\"idle\"}", sum.idle);
  line("lllm_connections{state=\"awaited\"}", sum.waiting);
  header(out, "lllm_connects_total", "counter", "Connections opened.");
  line("lllm_connects_total", sum.connects);
  header(out, "lllm_exchanges_total", "counter", "HTTP answers begun.");
  line("lllm_exchanges_total", sum.exchanges);
  header(out, "lllm_replays_total", "counter", "Requests sent again because a kept connection was dead.");
  line("lllm_replays_total", sum.replays);
  return out;
}

}  // namespace lllm
