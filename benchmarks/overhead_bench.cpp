// What does lllm itself add to a call, when 5,000 of them a second arrive whether the last ones are done or
// not? The same arrivals are made with bare Asio exchanges over kept connections, in turns; the difference is
// ours.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "benchmarks/bench.hpp"
#include "benchmarks/calls.hpp"
#include "benchmarks/nginx.hpp"
#include "benchmarks/raw_exchange.hpp"

namespace {

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double p99(std::vector<double> values) {
  const auto at = static_cast<std::ptrdiff_t>(0.99 * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

}  // namespace

int main(int argc, char** argv) try {
  bench::Report report("overhead", argc, argv);
  if (!bench::have_program("nginx")) return report.skip("nginx is not installed");
  bench::pin_to_core(bench::client_core());
  const bench::Nginx server(bench::response_body());
  const int rate = report.smoke() ? 500 : 5000;
  // Short rounds, and many: what the machine does beside us comes in bursts, and hits a few of them.
  const int calls = report.smoke() ? 20 : rate / 5;
  bench::CallerOptions options;
  options.base_url = server.origin(false) + "/v1";
  options.in_flight = 256;  // connections that are kept
  bench::Caller caller(std::move(options));
  bench::RawExchanger raw(server.port(false));
  caller.run_arrivals(rate, calls);
  raw.run_arrivals(rate, calls);
  std::vector<double> means, tails;
  std::vector<double> our_means, raw_means;
  for (int i = 0; i < (report.smoke() ? 1 : 45); ++i) {
    const auto theirs = raw.run_arrivals(rate, calls);
    const auto ours = caller.run_arrivals(rate, calls);
    our_means.push_back(mean(ours));
    raw_means.push_back(mean(theirs));
    means.push_back(our_means.back() - raw_means.back());
    tails.push_back(p99(ours) - p99(theirs));
  }
  char note[96];
  std::snprintf(note, sizeof note, "call %.1f us, bare exchange %.1f us", bench::summary_of(our_means).median,
                bench::summary_of(raw_means).median);
  const auto add = [&](const char* name, const std::vector<double>& values, double target) {
    bench::Row row;
    row.name = name;
    const auto measured = bench::summary_of(values);
    row.value = measured.median;
    row.spread = measured.spread;
    row.unit = "us";
    if (!report.smoke()) row.target = target;
    row.at_most = true;
    row.note = note;
    report.add(std::move(row));
  };
  add("5,000 calls/s, open loop: added time, mean", means, 11);
  add("5,000 calls/s, open loop: added time, p99", tails, 100);
  return report.finish();
} catch (const std::exception& e) {
  std::fprintf(stderr, "overhead: %s\n", e.what());
  return 1;
}
