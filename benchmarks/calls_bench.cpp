// What does a whole call cost, from a Dialog to a Message with usage and cost? Beside wrk, which sends and
// receives the same bytes and looks at none of them; and, one at a time, beside a bare Asio exchange.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/bench.hpp"
#include "benchmarks/calls.hpp"
#include "benchmarks/nginx.hpp"
#include "benchmarks/raw_exchange.hpp"
#include "benchmarks/wrk.hpp"

namespace {

struct Target {
  int in_flight;
  bool tls;
  std::optional<double> ratio;
};

void measure_rate(bench::Report& report, const bench::Nginx& server, const Target& target) {
  const std::string name =
      std::to_string(target.in_flight) + " in flight, " + (target.tls ? "TLS 1.3" : "plain");
  if (!report.wants(name)) return;
  const int rounds = report.smoke() ? 1 : 7;
  const double seconds = report.smoke() ? 0.05 : 1;
  bench::CallerOptions options;
  options.base_url = server.origin(target.tls) + "/v1";
  options.ca_pem = server.ca_pem();
  options.in_flight = target.in_flight;
  bench::Caller caller(std::move(options));
  std::vector<double> ours, limit, ours_wall, limit_wall, busy;
  caller.run(report.smoke() ? 0.01 : 0.5);  // connects, and warms up
  for (int i = 0; i < rounds; ++i) {
    if (!report.smoke()) {
      const auto best = bench::run_wrk(server, target.tls, "/v1/chat/completions", bench::wrk_headers(),
                                       bench::request_body(), target.in_flight,
                                       target.in_flight > 500 ? 3 : seconds);  // connecting takes a second
      limit.push_back(best.per_cpu_second());
      limit_wall.push_back(best.per_second());
    }
    const double server_before = server.cpu_seconds();
    const auto load = caller.run(seconds);
    ours.push_back(load.per_cpu_second());
    ours_wall.push_back(load.per_second());
    busy.push_back((server.cpu_seconds() - server_before) / load.wall_s);
  }
  bench::Row row;
  row.name = name;
  const auto measured = bench::summary_of(ours);
  row.value = measured.median;
  row.spread = measured.spread;
  row.unit = "calls/CPU-s";
  if (!limit.empty()) row.limit = bench::summary_of(limit).median;
  if (row.limit) row.target = target.ratio;
  char note[128];
  std::snprintf(note, sizeof note, "%.0f calls/s (wrk: %.0f), server %.0f%% busy%s",
                bench::summary_of(ours_wall).median, bench::summary_of(limit_wall).median,
                bench::summary_of(busy).median * 100,
                bench::summary_of(busy).median > 0.95 ? ": server-bound" : "");
  row.note = note;
  report.add(std::move(row));
}

void measure_latency(bench::Report& report, const bench::Nginx& server) {
  const std::string name = "1 in flight, plain: latency added to a raw exchange, p50";
  if (!report.wants(name)) return;
  const int count = report.smoke() ? 10 : 4000;
  bench::CallerOptions options;
  options.base_url = server.origin(false) + "/v1";
  bench::Caller caller(std::move(options));
  caller.run_count(report.smoke() ? 1 : 1000);
  bench::RawExchanger bare(server.port(false));
  bare.run_count(1);
  std::vector<double> ours, raw;
  for (int i = 0; i < report.rounds(); ++i) {
    raw.push_back(bench::summary_of(bare.run_count(count)).median);
    ours.push_back(bench::summary_of(caller.run_count(count)).median);
  }
  bench::Row row;
  row.name = name;
  row.value = bench::summary_of(ours).median - bench::summary_of(raw).median;
  row.unit = "us";
  row.target = 10;
  row.at_most = true;
  char note[96];
  std::snprintf(note, sizeof note, "call %.1f us, raw exchange %.1f us", bench::summary_of(ours).median,
                bench::summary_of(raw).median);
  row.note = note;
  report.add(std::move(row));
}

}  // namespace

int main(int argc, char** argv) try {
  bench::Report report("calls", argc, argv);
  if (!bench::have_program("nginx")) return report.skip("nginx is not installed");
  bench::pin_to_core(bench::client_core());
  const bench::Nginx server(bench::response_body());
  for (const auto& target : {Target{64, false, 0.80}, Target{64, true, 0.75}, Target{1000, false, 0.72},
                             Target{1000, true, 0.65}, Target{1, false, {}}, Target{1, true, {}}})
    measure_rate(report, server, target);
  measure_latency(report, server);
  return report.finish();
} catch (const std::exception& e) {
  std::fprintf(stderr, "calls: %s\n", e.what());
  return 1;
}
