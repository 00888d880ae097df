#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// What every benchmark shares: interleaved rounds, medians and spreads, one line per row, the report.
namespace bench {

/// Median and spread of a series. Spread is half the distance between the quartiles, relative to the median.
struct Summary {
  double median = 0;
  double spread = 0;
};
Summary summary_of(std::vector<double> values);

/// CPU time that this process has used so far, user and system, in seconds.
double cpu_seconds();

/// One line of the report. `met` follows from value, ratio and target.
struct Row {
  std::string name;  ///< what was measured: "64 in flight, TLS"
  double value = 0;
  std::string unit;
  double spread = 0;             ///< of the value, relative
  std::optional<double> limit;   ///< what could be had at best, measured in the same run, in the same unit
  std::optional<double> target;  ///< of the ratio where there is a limit, else of the value
  bool at_most = false;          ///< the target is an upper bound (a latency, bytes), not a lower one
  std::string note;              ///< "server-bound", …

  [[nodiscard]] std::optional<double> ratio() const;
  [[nodiscard]] std::optional<bool> met() const;
};

/// The row of a series: its median and spread, and the median of what could be had at best, if that was
/// measured.
Row row_of(std::string name, std::string unit, std::vector<double> values, std::vector<double> limit = {});

/// One benchmark program: `int main(int argc, char** argv) { bench::Report report("json", argc, argv); …
/// return report.finish(); }`. Flags: `--json` prints one JSON object per row, `--smoke` runs each
/// measurement once, to see that it still works, `--only=WORDS` measures the cases with these words in their
/// names.
class Report {
 public:
  Report(std::string bench, int argc, char** argv);

  [[nodiscard]] bool smoke() const { return smoke_; }
  /// Whether a case is to be measured: all are, unless `--only=WORDS` names those with these words in them.
  [[nodiscard]] bool wants(const std::string& name) const { return name.find(only_) != std::string::npos; }
  /// How many rounds a measurement has: 15, one in a smoke run.
  [[nodiscard]] int rounds() const { return smoke_ ? 1 : 15; }

  /// Work that returns something that depends on it, so that it cannot be optimised away.
  using Work = std::function<std::size_t()>;
  /// Measures how many `units` per CPU-second `work` does, where one call of it does `amount` of them; with
  /// `limit`, the same of that, in turns with `work`. Rounds last 50 ms or more after a warm-up.
  void rate(std::string name, std::string unit, double amount, const Work& work, const Work& limit = nullptr,
            std::optional<double> target = {});

  /// Adds a row that was measured elsewhere.
  void add(Row row);

  /// The question cannot be asked here: says why. @returns the exit code (77 in a smoke run: a skipped test).
  [[nodiscard]] int skip(const std::string& reason) const;

  /// Writes the Markdown page and the data for the plot into $LLLM_RESULTS, when that is set.
  /// @returns the exit code: 0, also when a target was missed (that is a finding, not a failure).
  int finish();

 private:
  std::string bench_;
  bool json_ = false;
  bool smoke_ = false;
  std::string only_;
  std::vector<Row> rows_;
};

}  // namespace bench
