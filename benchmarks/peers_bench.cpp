// The same work done by clients that people use instead: the npm packages `openai` and `ai`, Python's
// aiohttp. The limit is wrk on the same server in the same run.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include "benchmarks/bench.hpp"
#include "benchmarks/calls.hpp"
#include "benchmarks/nginx.hpp"
#include "benchmarks/wrk.hpp"

namespace {

constexpr int in_flight = 64;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

struct Peer {
  std::string name;
  std::vector<std::string> command;  // without the base URL, the number in flight and the seconds
  bool present = false;
};

std::vector<Peer> peers() {
  const std::string scripts = variable("LLLM_SOURCE_ROOT") + "/benchmarks/peers/";
  const std::string npm = variable("LLLM_BUILD_ROOT") + "/npm";
  const bool node = bench::have_program("node");
  const auto installed = [&](const char* package) {
    return node && std::filesystem::exists(npm + "/node_modules/" + package);
  };
  return {{"npm openai", {"node", scripts + "openai.mjs", npm}, installed("openai")},
          {"npm ai", {"node", scripts + "ai.mjs", npm}, installed("ai")},
          {"aiohttp",
           {"python3", scripts + "aiohttp_client.py"},
           std::filesystem::exists("/usr/lib/python3/dist-packages/aiohttp")}};
}

double calls_per_cpu_second(const Peer& peer, const std::string& base_url, int seconds) {
  auto command = peer.command;
  // Debian's own interpreter, for Debian's packages.
  if (command[0] == "python3") command[0] = "/usr/bin/python3";
  command.insert(command.end(), {base_url, std::to_string(in_flight), std::to_string(seconds)});
  bench::Child child(command, bench::client_core(), true);
  const auto end = child.wait();
  return std::stod(end.output) / end.cpu_s;
}

}  // namespace

int main(int argc, char** argv) try {
  bench::Report report("peers", argc, argv);
  if (!bench::have_program("nginx")) return report.skip("nginx is not installed");
  bench::pin_to_core(bench::client_core());
  const bench::Nginx server(bench::response_body());
  const std::string base_url = "http://127.0.0.1:" + std::to_string(server.port(false)) + "/v1";
  bench::CallerOptions options;
  options.base_url = base_url;
  options.in_flight = in_flight;
  bench::Caller caller(std::move(options));
  caller.run(report.smoke() ? 0.01 : 0.5);

  const auto others = peers();
  std::vector<double> wrk, ours;
  std::vector<std::vector<double>> theirs(others.size());
  for (int round = 0; round < (report.smoke() ? 1 : 3); ++round) {
    if (!report.smoke())
      wrk.push_back(bench::run_wrk(server, false, "/v1/chat/completions", bench::wrk_headers(),
                                   bench::request_body(), in_flight, 1)
                        .per_cpu_second());
    ours.push_back(caller.run(report.smoke() ? 0.02 : 1).per_cpu_second());
    for (std::size_t i = 0; i < others.size(); ++i)
      if (others[i].present && !report.smoke())
        theirs[i].push_back(calls_per_cpu_second(others[i], base_url, 4));
  }
  const auto add = [&](const std::string& name, const std::vector<double>& rates) {
    bench::Row row;
    row.name = name;
    row.unit = "calls/CPU-s";
    const auto measured = bench::summary_of(rates);
    row.value = measured.median;
    row.spread = measured.spread;
    if (!wrk.empty()) row.limit = bench::summary_of(wrk).median;
    if (rates.empty()) row.note = "not installed";
    report.add(std::move(row));
  };
  add("lllm", ours);
  for (std::size_t i = 0; i < others.size(); ++i)
    if (!report.smoke()) add(others[i].name, theirs[i]);
  return report.finish();
} catch (const std::exception& e) {
  std::fprintf(stderr, "peers: %s\n", e.what());
  return 1;
}
