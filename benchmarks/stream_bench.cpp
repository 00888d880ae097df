// What does a streamed chunk cost, from the socket to an awaitable sink, the message put together and the
// usage read? In one piece, as a proxy or a fast provider sends them; and each in a packet of its own, beside
// a loop that reads and splits and does nothing else.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "benchmarks/bench.hpp"
#include "benchmarks/calls.hpp"
#include "benchmarks/nginx.hpp"
#include "benchmarks/paced_server.hpp"
#include "benchmarks/raw_stream.hpp"
#include "benchmarks/streams.hpp"

namespace {

constexpr std::size_t words = 256;

bench::CallerOptions options_for(const bench::Nginx& server, const bench::WireStream& stream, bool tls) {
  bench::CallerOptions options;
  options.base_url = server.origin(tls) + "/stream";
  options.ca_pem = server.ca_pem();
  options.in_flight = 16;
  options.model = stream.model;
  options.api_type = stream.api_type;
  options.chunks = words;
  return options;
}

// Chunks per CPU-second of one wire, and the median of the server's share of its core.
struct Measured {
  bench::Summary rate;
  double server = 0;
};

Measured measure(const bench::Report& report, const bench::Nginx& server, const bench::WireStream& stream,
                 bool tls) {
  bench::Caller caller(options_for(server, stream, tls));
  caller.run(report.smoke() ? 0.01 : 0.3);
  std::vector<double> rates, busy;
  for (int i = 0; i < (report.smoke() ? 1 : 7); ++i) {
    const double before = server.cpu_seconds();
    const auto load = caller.run(report.smoke() ? 0.02 : 0.7);
    rates.push_back(load.chunks / load.cpu_s);
    busy.push_back((server.cpu_seconds() - before) / load.wall_s);
  }
  return {bench::summary_of(rates), bench::summary_of(busy).median};
}

void add_coalesced(bench::Report& report, const std::string& name, const Measured& measured,
                   std::optional<double> limit, double target) {
  bench::Row row;
  row.name = name;
  row.value = measured.rate.median;
  row.spread = measured.rate.spread;
  row.unit = "chunks/CPU-s";
  row.limit = limit;
  row.target = target;
  char note[64];
  std::snprintf(note, sizeof note, "server %.0f%% busy%s", measured.server * 100,
                measured.server > 0.95 ? ": server-bound" : "");
  row.note = note;
  report.add(std::move(row));
}

void measure_coalesced(bench::Report& report) {
  if (!bench::have_program("nginx")) {
    std::fprintf(stderr, "stream: nginx is not installed: only the paced rows are measured\n");
    return;
  }
  const auto streams = bench::record_streams(words);
  const bench::Nginx server(bench::response_body(), streams);
  double chat = 0;
  for (const auto& stream : streams) {
    const auto plain = measure(report, server, stream, false);
    if (stream.wire != "openai-chat") {
      add_coalesced(report, stream.wire + ", coalesced (limit: openai-chat)", plain, chat, 0.5);
      continue;
    }
    chat = plain.rate.median;
    add_coalesced(report, "openai-chat, coalesced, plain", plain, {}, 1.8e6);
    add_coalesced(report, "openai-chat, coalesced, TLS 1.3", measure(report, server, stream, true), {},
                  1.2e6);
  }
}

void measure_packets(bench::Report& report) {
  bench::Pace pace;
  pace.events = static_cast<int>(words);
  const bench::PacedServer server(pace);
  const int in_flight = report.smoke() ? 4 : 64;
  bench::CallerOptions options;
  options.base_url = "http://localhost:" + std::to_string(server.port()) + "/v1";
  options.in_flight = in_flight;
  options.chunks = words;
  bench::Caller caller(std::move(options));
  std::vector<double> ours, raw;
  for (int i = 0; i < report.rounds(); ++i) {
    const auto limit = bench::read_raw_streams(server.port(), in_flight);
    raw.push_back(limit.chunks / limit.cpu_s);
    const auto load = caller.run_once();
    // The three events behind the last word are events too.
    ours.push_back((load.chunks + 3.0 * load.requests) / load.cpu_s);
  }
  bench::Row row = bench::row_of("openai-chat, a packet each (limit: read and split)", "events/CPU-s",
                                 std::move(ours), std::move(raw));
  row.target = 0.80;
  report.add(std::move(row));
}

}  // namespace

int main(int argc, char** argv) try {
  bench::serve_if_asked(argc, argv);
  bench::Report report("stream", argc, argv);
  bench::pin_to_core(bench::client_core());
  measure_coalesced(report);
  measure_packets(report);
  return report.finish();
} catch (const std::exception& e) {
  std::fprintf(stderr, "stream: %s\n", e.what());
  return 1;
}
