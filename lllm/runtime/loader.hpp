#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "lllm/async/event.hpp"
#include "lllm/runtime/discovery.hpp"
#include "lllm/runtime/file_source.hpp"
#include "lllm/runtime/load_report.hpp"
#include "lllm/runtime/manifest.hpp"
#include "lllm/runtime/resource_node.hpp"
#include "lllm/runtime/sections.hpp"

namespace lllm {

/// How to load; see load_runtime.
struct LoadOptions {
  LoadOptions() = default;
  /// Where the search for a manifest starts; empty: the working directory.
  std::string start;
  /// Loads exactly this package (a manifest or its folder) and searches nothing.
  std::string package;
  bool project_packages = true;  ///< layer `<project>/lllm_packages/*/`
  bool user_packages = true;     ///< layer `~/.lllm/packages/*/`
  bool strict = false;           ///< a file that cannot be used fails the whole load
  /// Opens `.so` files in [tools], which runs their code (tools/plugin.h). For packages you trust like your
  /// own program.
  bool plugins = false;
  std::size_t parallelism = 8;  ///< jobs at once on the worker pool
  std::int64_t file_limit = default_file_limit;
  /// Called on the loading coroutine's executor while the load runs. It may throw, which ends the load.
  std::function<void(const LoadProgress&)> progress;
  std::optional<DiscoveryPlaces> places;    ///< empty: of the process
  std::shared_ptr<const FileSource> files;  ///< null: the file system
};

/// What a file gave when it was last read, so that an unchanged one need not be read again.
struct FileRecord {
  std::string id;  ///< namespace and path: a file may move to another section without changing
  FileStamp stamp;
  std::vector<NodePtr> nodes;
  std::vector<Diagnostic> warnings;
  std::vector<Error> other_errors;  ///< after the one that made its node a broken one
};

/// What a load remembers for the next one over the same root.
struct LoadRecord {
  LoadRecord() = default;
  LoadOptions options;
  std::string root;                  ///< canonical folder
  std::vector<std::string> keys;     ///< of the aliases it registered; the rest is in `files`
  std::vector<std::string> folders;  ///< every package's own and everything it listed
  std::vector<std::string> errors;   ///< LoadReport::errors as text: known, not new
  std::unordered_map<std::string, FileRecord> files;  ///< by path
};

/// The end of a load: either a failure, or what is to be published.
struct LoadOutcome {
  LoadOutcome() = default;
  std::optional<Error> failure;
  bool unsettled = false;  ///< it failed because something changed meanwhile: another attempt may succeed
  LoadReport report;
  std::vector<NodePtr> nodes;     ///< in one order, whatever finished first
  std::vector<Error> new_errors;  ///< those of the report that the previous load did not have
  std::shared_ptr<const LoadRecord> record;
};

/// One load: a state machine whose jobs run on the worker pool, at most `parallelism` at once, breadth-first.
/// Packages and files land in slots of their own. When everything is read, everything is looked at once more:
/// what is as it was when it was read was there together at that moment, and a load of anything else fails.
/// Then all is merged in the order of the manifests, so that the result does not depend on which job was
/// faster.
class Loader : public std::enable_shared_from_this<Loader> {
 public:
  Loader(LoadOptions options, std::shared_ptr<const LoadRecord> previous);
  ~Loader();
  void start();
  /// Running jobs end at their next file; the outcome is a failure, `cancelled`.
  void cancel() { cancelled_ = true; }

  /// Opens at every step and at the end.
  Event changed;
  [[nodiscard]] LoadProgress progress() const;
  [[nodiscard]] bool finished() const { return finished_.load(std::memory_order_acquire); }
  /// After `finished`.
  LoadOutcome take() { return std::move(outcome_); }

 private:
  struct Package;
  struct Section;
  struct Slot;
  struct Listed;

  struct Roots;

  // False where no job runs, for lack of memory: nobody else will end the load.
  bool submit(std::function<void()> job);
  bool submit(std::vector<std::function<void()>> jobs);
  void pump(std::unique_lock<std::mutex>& lock) noexcept;
  void run(const std::function<void()>& job);
  void finish();

  [[nodiscard]] Result<Roots> find_roots() const;
  void discover();
  Package* add_package(const std::string& folder, std::string manifest);
  void read_manifest(Package& package);
  void find_dependencies(Package& package);
  void notice_unlisted_folders(Package& package);
  void list_section(Package& package, Section& section);
  static Diagnostic empty_custom_section(const Package& package, const Section& section);
  void list_folder(Package& package, Section& section, const std::string& folder, const std::string& prefix,
                   std::vector<FileStamp>& above);
  void add_file(Package& package, Section& section, const std::string& file, std::string path);
  void read_files(Package& package, Section& section, std::size_t first, std::size_t last);
  void read_file(Slot& slot);
  bool look_again();
  void check_roots();
  void check_package(const Package& package);
  void check_section(const Package& package, const Section& section);
  void check_slots(const Section& section, std::size_t first, std::size_t last);
  void changed_meanwhile(const std::string& path);
  void merge();
  [[nodiscard]] std::vector<Package*> breadth_first() const;
  void list_problems(const std::vector<Package*>& order);
  static void report_cycles(const std::vector<Package*>& order);
  void name_packages(std::vector<Package*>& order);
  void merge_nodes(const std::vector<Package*>& order);

  LoadOptions options_;
  std::shared_ptr<const FileSource> files_;
  std::shared_ptr<const LoadRecord> previous_;
  std::chrono::steady_clock::time_point started_;
  std::atomic<bool> cancelled_{false};
  std::atomic<bool> finished_{false};
  std::atomic<std::size_t> packages_found_{0}, packages_done_{0}, files_found_{0}, files_done_{0};
  std::atomic<std::size_t> files_read_{0}, files_reused_{0};

  mutable std::mutex mutex_;  // guards what follows
  std::deque<std::function<void()>> waiting_;
  std::size_t running_ = 0;
  std::exception_ptr failure_;                                          // of discovery, or a defect
  std::unordered_map<std::string, std::unique_ptr<Package>> packages_;  // by canonical folder
  std::vector<Package*> roots_;                                         // the root, then the shared ones
  bool looking_again_ = false;                                          // everything is read
  std::string unsettled_;  // of what changed meanwhile, the first by name

  std::unique_ptr<const Roots> found_roots_;
  std::vector<Diagnostic> warnings_;  // of discovery
  LoadOutcome outcome_;
};

}  // namespace lllm
