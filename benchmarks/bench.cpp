#include "benchmarks/bench.hpp"

#include <sys/resource.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string_view>
#include <thread>
#include <utility>

#include "lllm/base/json.hpp"
#include "lllm/version.hpp"

namespace bench {
namespace {

namespace json = lllm::json;

std::string text_of(double value, const char* format = "%.4g") {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, std::abs(value) >= 1000 ? "%.0f" : format, value);
  return buffer;
}

std::string text_of(const std::optional<double>& value) {
  return value ? text_of(*value) : "-";
}

std::string verdict(const Row& row) {
  const auto met = row.met();
  return !met ? "-" : *met ? "met" : "MISSED";
}

json::value or_null(const std::optional<double>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::object json_of(const std::string& bench, const Row& row) {
  json::object line = {{"bench", bench},
                       {"case", row.name},
                       {"value", row.value},
                       {"unit", row.unit},
                       {"limit", or_null(row.limit)},
                       {"ratio", or_null(row.ratio())},
                       {"target", or_null(row.target)},
                       {"met", nullptr}};
  if (const auto met = row.met()) line["met"] = *met;
  return line;
}

std::string first_match(const char* file, std::string_view key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key)) return line.substr(std::min(line.size(), line.find(':') + 2));
  return "unknown";
}

std::string machine() {
  utsname system{};
  ::uname(&system);
  char day[16] = "";
  const std::time_t now = std::time(nullptr);
  std::strftime(day, sizeof day, "%Y-%m-%d", std::gmtime(&now));
  return first_match("/proc/cpuinfo", "model name") + ", " +
         std::to_string(std::thread::hardware_concurrency()) + " cores, " + system.sysname + ' ' +
         system.release + ", " +
#ifdef __clang__
         "clang " + __clang_version__ +
#else
         "g++ " + __VERSION__ +
#endif
         ", lllm " LLLM_VERSION ", " + day;
}

// How often `work` must be called so that a round lasts 50 ms; this is the warm-up as well.
std::size_t calls_per_round(const Report::Work& work, volatile std::size_t& sink) {
  for (std::size_t calls = 1;; calls *= 2) {
    const double start = cpu_seconds();
    for (std::size_t i = 0; i < calls; ++i) sink = sink + work();
    if (cpu_seconds() - start > 0.05) return calls;
  }
}

}  // namespace

Summary summary_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[static_cast<std::size_t>(std::lround(share * static_cast<double>(values.size() - 1)))];
  };
  const double median = at(0.5);
  return {median, median == 0 ? 0 : (at(0.75) - at(0.25)) / 2 / median};
}

Row row_of(std::string name, std::string unit, std::vector<double> values, std::vector<double> limit) {
  const Summary measured = summary_of(std::move(values));
  Row row;
  row.name = std::move(name);
  row.unit = std::move(unit);
  row.value = measured.median;
  row.spread = measured.spread;
  if (!limit.empty()) row.limit = summary_of(std::move(limit)).median;
  return row;
}

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::optional<double> Row::ratio() const {
  if (!limit || *limit == 0) return {};
  return value / *limit;
}

std::optional<bool> Row::met() const {
  if (!target) return {};
  const double found = ratio().value_or(value);
  return at_most ? found <= *target : found >= *target;
}

Report::Report(std::string bench, int argc, char** argv) : bench_(std::move(bench)) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--json") {
      json_ = true;
    } else if (flag == "--smoke") {
      smoke_ = true;
    } else if (flag.starts_with("--only=")) {
      only_ = flag.substr(7);
    } else {
      std::fprintf(stderr, "%s: unknown flag %s (there are --json, --smoke and --only=WORDS)\n", argv[0],
                   argv[i]);
      std::exit(2);
    }
  }
  if (!json_) std::printf("%s\n", bench_.c_str());
}

void Report::rate(std::string name, std::string unit, double amount, const Work& work, const Work& limit,
                  std::optional<double> target) {
  volatile std::size_t sink = 0;
  const auto calls_of = [&](const Work& w) { return smoke_ ? std::size_t{1} : calls_per_round(w, sink); };
  const auto round = [&](const Work& w, std::size_t calls) {
    const double start = cpu_seconds();
    for (std::size_t i = 0; i < calls; ++i) sink = sink + w();
    return amount * static_cast<double>(calls) / std::max(cpu_seconds() - start, 1e-9);
  };
  const auto calls = calls_of(work);
  const auto limit_calls = limit ? calls_of(limit) : 0;
  std::vector<double> ours, best;
  for (int i = 0; i < rounds(); ++i) {
    ours.push_back(round(work, calls));
    if (limit) best.push_back(round(limit, limit_calls));
  }
  Row row = row_of(std::move(name), std::move(unit), std::move(ours), std::move(best));
  row.target = target;
  add(std::move(row));
}

void Report::add(Row row) {
  if (json_) {
    std::printf("%s\n", lllm::to_json(json_of(bench_, row)).c_str());
  } else {
    std::printf("  %-44s %12s %-18s ±%4.1f%%  limit %-10s ratio %-7s target %-7s %s%s%s\n", row.name.c_str(),
                text_of(row.value).c_str(), row.unit.c_str(), row.spread * 100, text_of(row.limit).c_str(),
                text_of(row.ratio()).c_str(), text_of(row.target).c_str(), verdict(row).c_str(),
                row.note.empty() ? "" : "  ", row.note.c_str());
  }
  std::fflush(stdout);
  rows_.push_back(std::move(row));
}

int Report::skip(const std::string& reason) const {
  std::fprintf(stderr, "%s: skipped: %s\n", bench_.c_str(), reason.c_str());
  return smoke_ ? 77 : 0;
}

int Report::finish() {
  const char* folder = std::getenv("LLLM_RESULTS");
  if (folder == nullptr || smoke_) return 0;
  const std::string base = std::string(folder) + '/' + bench_;
  std::ofstream page(base + ".md");
  page << "# " << bench_ << "\n\n"
       << machine() << "\n\n![plot](" << bench_ << ".svg)\n\n"
       << "| case | value | unit | spread | limit | ratio | target | |\n| --- | ---: | --- | ---: | ---: | "
          "---: | "
          "---: | --- |\n";
  std::ofstream plot(base + ".dat");
  for (const auto& row : rows_) {
    page << "| " << row.name << " | " << text_of(row.value) << " | " << row.unit << " | ±"
         << text_of(row.spread * 100, "%.1f") << " % | " << text_of(row.limit) << " | "
         << text_of(row.ratio()) << " | " << text_of(row.target) << " | " << verdict(row)
         << (row.note.empty() ? "" : ", ") << row.note << " |\n";
    plot << '"' << row.name << " (" << row.unit << ")\" " << row.value << ' ' << row.limit.value_or(0)
         << '\n';
  }
  if (page.flush() && plot.flush()) return 0;
  std::fprintf(stderr, "%s.md cannot be written\n", base.c_str());
  return 1;
}

}  // namespace bench
