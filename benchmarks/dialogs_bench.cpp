// How many dialogs does one thread hold, how late are their chunks, and what does one cost in memory? Each
// streams 20 chunks a second from another process.
#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/bench.hpp"
#include "benchmarks/calls.hpp"
#include "benchmarks/fake_server.hpp"
#include "benchmarks/paced_server.hpp"

namespace {

std::int64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::int64_t sent_ns(std::string_view event) {
  constexpr std::string_view before = R"("obfuscation":")";
  const auto at = event.rfind(before);
  std::int64_t sent = 0;
  if (at == std::string_view::npos ||
      std::from_chars(event.data() + at + before.size(), event.data() + event.size(), sent).ec != std::errc())
    throw std::runtime_error("an event without a time");
  return sent;
}

double resident_kib() {
  std::ifstream in("/proc/self/statm");
  double pages = 0;
  in >> pages >> pages;
  return pages * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1024;
}

double percentile(std::vector<float>& values, double share) {
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

// Every chunk is counted by the Caller, which fails when one is missing. The target is for a thread that has
// time left. @returns  whether it had.
bool measure_lateness(bench::Report& report, int dialogs, int period_ms, double target_ms) {
  const std::string name =
      std::to_string(dialogs) + " dialogs at " + std::to_string(1000 / period_ms) + " chunks/s, lateness p99";
  if (!report.wants(name)) return true;
  bench::Pace pace;
  pace.events = report.smoke() ? 3 : 100;
  pace.period_ms = period_ms;
  const bench::PacedServer server(pace);
  std::vector<float> late_ms;
  late_ms.reserve(static_cast<std::size_t>(dialogs) * static_cast<std::size_t>(pace.events));
  bench::CallerOptions options;
  options.base_url = "http://127.0.0.1:" + std::to_string(server.port()) + "/v1";
  options.in_flight = dialogs;
  options.chunks = pace.events;
  options.on_chunk = [&](const lllm::StreamChunk& chunk) {
    late_ms.push_back(static_cast<float>(monotonic_ns() - sent_ns(chunk.raw)) * 1e-6F);
  };
  bench::Caller caller(std::move(options));
  const auto load = caller.run_once();
  // While the last of them still connect, the thread has more to do than to read.
  const auto settled = late_ms.size() / 5;
  late_ms.erase(late_ms.begin(), late_ms.begin() + static_cast<std::ptrdiff_t>(settled));
  bench::Row row;
  row.name = name;
  row.value = percentile(late_ms, 0.99);
  row.unit = "ms";
  constexpr double saturated = 0.85;
  const bool has_time = load.cpu_s / load.wall_s < saturated;
  if (!report.smoke() && has_time) row.target = target_ms;
  row.at_most = true;
  char note[160];
  std::snprintf(note, sizeof note, "p50 %.2f ms, %.0f chunks, none lost, thread %.0f%% busy, server %.0f%%%s",
                percentile(late_ms, 0.5), load.chunks, 100 * load.cpu_s / load.wall_s,
                100 * server.cpu_seconds() / load.wall_s, has_time ? "" : ": saturated, no target");
  row.note = note;
  report.add(std::move(row));
  return has_time;
}

double allocated_kib() {
  const auto heap = ::mallinfo2();
  return static_cast<double>(heap.uordblks + heap.hblkhd) / 1024;
}

// What a kept connection holds once its dialog is over. Counted in what is allocated, for the allocator keeps
// what the dialogs gave back; the difference of two numbers of connections, for some buffers are shared by
// all.
void measure_idle(bench::Report& report, bench::CallerOptions options, const std::string& name,
                  double streaming) {
  if (!report.wants(name)) return;
  const auto with = [&](int connections) {
    options.in_flight = connections;
    options.on_chunk = nullptr;
    bench::Caller caller(options);
    caller.run_once();
    return allocated_kib();
  };
  const int many = options.in_flight;
  const int few = many / 4 + 1;
  const double base = with(few);
  bench::Row row;
  row.name = name;
  row.value = (with(many) - base) / (many - few);
  row.unit = "KiB";
  row.limit = streaming;
  if (!report.smoke()) row.target = 1;
  row.at_most = true;
  row.note = "limit: one that streams";
  report.add(std::move(row));
}

void measure_memory(bench::Report& report, int dialogs, bool tls, double target_kib) {
  const std::string how = std::string(tls ? "TLS" : "plain") + ", " + std::to_string(dialogs);
  const std::string name = "memory of a dialog that streams, " + how;
  if (!report.wants(name)) return;
  const int words = report.smoke() ? 5 : 60;
  const bench::FakeServer server(tls, words, 20);
  bench::CallerOptions options;
  options.base_url = server.base_url();
  options.ca_pem = server.ca_pem();
  options.in_flight = 1;
  options.chunks = words;
  bench::Caller(options).run_once();  // what a process needs at all
  const double idle = resident_kib();
  double most = 0;
  std::size_t chunks = 0;
  options.in_flight = dialogs;
  options.on_chunk = [&](const lllm::StreamChunk&) {
    if (++chunks % 1000 == 0) most = std::max(most, resident_kib());
  };
  bench::Caller caller(options);
  caller.run_once();
  bench::Row row;
  row.name = name;
  row.value = std::max(most, resident_kib()) - idle;
  row.value /= dialogs;
  row.unit = "KiB";
  if (!report.smoke()) row.target = target_kib;
  row.at_most = true;
  char note[64];
  std::snprintf(note, sizeof note, "%.1f MiB idle", idle / 1024);
  row.note = note;
  report.add(row);
  measure_idle(report, options, "memory of a kept connection, " + how, row.value);
}

}  // namespace

int main(int argc, char** argv) try {
  bench::serve_if_asked(argc, argv);
  bench::serve_fake_if_asked(argc, argv);
  bench::Report report("dialogs", argc, argv);
  bench::pin_to_core(bench::client_core());
  const int many = report.smoke() ? 40 : 10'000;
  const int some = report.smoke() ? 10 : 1000;
  if (bench::raise_file_limit() < static_cast<std::size_t>(many) + 64)
    return report.skip("the system does not allow 10,000 open files (ulimit -Hn)");
  measure_memory(report, some, false, 12);
  measure_memory(report, some, true, 44);
  measure_lateness(report, some, 50, 5);
  // As often as this machine has time for: a full thread is late by what it is behind, whoever runs on it.
  for (int period_ms = 50; !measure_lateness(report, many, period_ms, 20) && period_ms < 200;) period_ms *= 2;
  return report.finish();
} catch (const std::exception& e) {
  std::fprintf(stderr, "dialogs: %s\n", e.what());
  return 1;
}
