// Does the registry load as fast as files can be read, and do readers get in each other's way? Loading 100
// packages of 100 prompts of 1 KB beside a plain loop of open, read and close over the same warm files;
// looking up by full ref from one thread and from two at once; memory per node; time per package as their
// number grows.
#include <fcntl.h>
#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "benchmarks/bench.hpp"
#include "lllm/runtime/load.hpp"

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// `packages` packages of `prompts` prompts of `bytes` bytes each, below a root that depends on all of them.
class Tree {
 public:
  Tree(int packages, int prompts, std::size_t bytes)
      : root_(fs::temp_directory_path() /
              ("lllm-bench-" + std::to_string(::getpid()) + "-" + std::to_string(packages))) {
    std::string text = "You are prompt {number} of many. ";
    text.resize(bytes, 'x');
    std::string names;
    for (int p = 0; p < packages; ++p) {
      const auto name = "p" + std::to_string(p);
      names += "'" + name + "',";
      fs::create_directories(root_ / name / "prompts");
      std::ofstream(root_ / name / "lllm.toml") << "[prompts]\n";
      for (int i = 0; i < prompts; ++i) {
        files_.push_back((root_ / name / "prompts" / ("f" + std::to_string(i) + ".md")).string());
        std::ofstream(files_.back()) << text;
        refs_.push_back(name + ".prompts:f" + std::to_string(i));
      }
    }
    std::ofstream(root_ / "lllm.toml")
        << "[package]\nname='root'\n[dependencies]\npackages=[" << names << "]\n";
  }
  ~Tree() { fs::remove_all(root_); }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  [[nodiscard]] lllm::LoadOptions options() const {
    lllm::LoadOptions options;
    options.package = root_.string();
    options.project_packages = options.user_packages = false;
    return options;
  }
  [[nodiscard]] std::size_t load() const {
    lllm::Runtime runtime;
    lllm::load_runtime_blocking(runtime, options());
    return runtime.size();
  }
  /// The least that reading these files can cost one thread.
  [[nodiscard]] std::size_t read_plainly() const {
    std::size_t total = 0;
    std::string buffer(1 << 16, '\0');
    for (const auto& file : files_) {
      const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
      while (true) {
        const auto count = ::read(descriptor, buffer.data(), buffer.size());
        if (count <= 0) break;
        total += static_cast<std::size_t>(count);
      }
      ::close(descriptor);
    }
    return total;
  }
  [[nodiscard]] const std::vector<std::string>& refs() const { return refs_; }

 private:
  fs::path root_;
  std::vector<std::string> files_;
  std::vector<std::string> refs_;
};

/// Median seconds of `rounds` runs, in turns with `other`.
template <class Work, class Other>
std::pair<double, double> timed(int rounds, const Work& work, const Other& other) {
  std::vector<double> ours, theirs;
  for (int i = 0; i <= rounds; ++i) {
    auto begin = Clock::now();
    work();
    if (i > 0) ours.push_back(seconds_since(begin));  // the first is the warm-up
    begin = Clock::now();
    other();
    if (i > 0) theirs.push_back(seconds_since(begin));
  }
  return {bench::summary_of(ours).median, bench::summary_of(theirs).median};
}

/// Time that this thread has run; other programs of the machine do not count.
double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Millions of lookups per CPU-second of the slowest thread. Readers that wait for each other's cache lines
/// show in it as well. `look_up` gives the PromptPtr for a ref.
template <class LookUp>
double lookups(const std::vector<std::string>& refs, unsigned threads, std::size_t each,
               const LookUp& look_up) {
  std::atomic<std::size_t> found{0};
  std::atomic<double> slowest{0};
  std::vector<std::thread> running;
  for (unsigned t = 0; t < threads; ++t)
    running.emplace_back([&, t] {
      std::size_t good = 0;
      std::size_t at = t % refs.size();
      const double begin = thread_seconds();
      for (std::size_t i = 0; i < each; ++i) {
        const lllm::PromptPtr prompt = look_up(refs[at]);
        good += prompt->prompt.size() > 0 ? 1 : 0;
        at = (at + 1) % refs.size();
      }
      const double took = thread_seconds() - begin;
      double known = slowest;
      while (took > known && !slowest.compare_exchange_weak(known, took)) {
      }
      found += good;
    });
  for (auto& thread : running) thread.join();
  return found == each * threads ? static_cast<double>(each) / slowest / 1e6 : 0;
}

/// Rows for one thread and for two, and for a bare table of the same prompts: what fetching them from memory
/// costs, with neither snapshots nor types nor errors. In turns, medians.
void measure_lookups(bench::Report& report, const std::string& what, const lllm::Runtime& runtime,
                     const std::vector<std::string>& refs) {
  const std::size_t each = report.smoke() ? 10'000 : 1'000'000;
  const auto ours = [&](const std::string& ref) { return *runtime.get_prompt(ref); };
  boost::unordered_flat_map<std::string, lllm::PromptPtr> table;
  for (const auto& ref : refs) table.emplace(ref, ours(ref));
  const auto bare = [&](const std::string& ref) { return table.find(ref)->second; };
  std::vector<double> one, two, limit;
  for (int i = 0; i < report.rounds(); ++i) {
    one.push_back(lookups(refs, 1, each, ours));
    two.push_back(lookups(refs, 2, each, ours));
    limit.push_back(lookups(refs, 1, each, bare));
  }
  const auto median = [](const std::vector<double>& values) { return bench::summary_of(values); };
  const auto row = [&](const std::string& name, const std::vector<double>& values) {
    bench::Row made;
    made.name = what + ", " + name;
    made.value = median(values).median;
    made.spread = median(values).spread;
    made.unit = "M/s";
    return made;
  };
  auto single = row("one thread", one);
  single.target = 10.0;
  char note[64];
  std::snprintf(note, sizeof note, "best round %.1f", *std::max_element(one.begin(), one.end()));
  single.note = note;
  report.add(std::move(single));
  auto pair = row("each of two threads", two);
  pair.limit = median(one).median;
  pair.target = 0.95;
  report.add(std::move(pair));
  report.add(row("a bare boost::unordered_flat_map", limit));
}

void add(bench::Report& report, std::string name, double value, std::string unit, std::optional<double> limit,
         std::optional<double> target, bool at_most) {
  bench::Row row;
  row.name = std::move(name);
  row.value = value;
  row.unit = std::move(unit);
  row.limit = limit;
  row.target = target;
  row.at_most = at_most;
  report.add(std::move(row));
}

}  // namespace

int main(int argc, char** argv) {
  bench::Report report("registry", argc, argv);
  const bool smoke = report.smoke();
  {
    const Tree tree(smoke ? 5 : 100, 100, 1024);
    const auto [load, plain] =
        timed(report.rounds(), [&] { return tree.load(); }, [&] { return tree.read_plainly(); });
    add(report, "load 100 x 100 prompts of 1 KB", load * 1e3, "ms", plain * 1e3, 3.0, true);

    lllm::Runtime runtime;
    const auto before = ::mallinfo2().uordblks;
    lllm::load_runtime_blocking(runtime, tree.options());
    const auto bytes =
        static_cast<double>(::mallinfo2().uordblks - before) / static_cast<double>(runtime.size());
    add(report, "memory per prompt of 1 KB", bytes, "bytes", {}, 2 * 1024.0 + 1024.0, true);

    measure_lookups(report, "get_prompt of 10,000 refs", runtime, tree.refs());
    measure_lookups(report, "get_prompt of one ref", runtime, {tree.refs().front()});
  }
  {
    const Tree small(smoke ? 10 : 1'000, 1, 1024), large(smoke ? 20 : 10'000, 1, 1024);
    const auto [ten, one] = timed(smoke ? 1 : 3, [&] { return large.load(); }, [&] { return small.load(); });
    const double factor = smoke ? 2 : 10;
    add(report, "time per package, 10,000 packages", ten / factor * 1e3, "ms per 1,000", one * 1e3, 1.5,
        true);
  }
  return report.finish();
}
