// Does the registry load as fast as files can be read, and do readers get in each other's way? Loading 100
// packages of 100 prompts of 1 KB beside a plain loop of open, read and close over the same warm files;
// looking up by full ref from one thread and from two at once; memory per node; time per package as their
// number grows.
#include <fcntl.h>
#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

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
/// show in it as well.
double lookups(const lllm::Runtime& runtime, const std::vector<std::string>& refs, unsigned threads,
               std::size_t each) {
  std::atomic<std::size_t> found{0};
  std::atomic<double> slowest{0};
  std::vector<std::thread> running;
  for (unsigned t = 0; t < threads; ++t)
    running.emplace_back([&, t] {
      std::size_t good = 0;
      std::size_t at = t % refs.size();
      const double begin = thread_seconds();
      for (std::size_t i = 0; i < each; ++i) {
        good += (*runtime.get_prompt(refs[at]))->prompt.size() > 0 ? 1 : 0;
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

    const std::size_t each = smoke ? 10'000 : 5'000'000;
    const double one = lookups(runtime, tree.refs(), 1, each);
    const double two = lookups(runtime, tree.refs(), 2, each);
    add(report, "get_prompt by full ref, one thread", one, "M/s", {}, 10.0, false);
    add(report, "get_prompt by full ref, each of two threads", two, "M/s", one, 0.95, false);
    const std::vector<std::string> same(1, tree.refs().front());
    const double same_one = lookups(runtime, same, 1, each);
    const double same_two = lookups(runtime, same, 2, each);
    add(report, "the same ref, one thread", same_one, "M/s", {}, 10.0, false);
    add(report, "the same ref, each of two threads", same_two, "M/s", same_one, 0.95, false);
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
