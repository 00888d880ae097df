#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/runtime/diagnostic.hpp"

namespace lllm {

/// Where a running load is.
struct LoadProgress {
  LoadProgress() = default;
  std::size_t packages_found = 0;
  std::size_t packages_done = 0;
  std::size_t files_found = 0;
  std::size_t files_done = 0;
};

struct LoadedPackage {
  LoadedPackage() = default;
  std::string name;
  std::string version;
  std::string folder;
  std::string manifest;  ///< empty: anonymous
  std::vector<std::string> aliases;
  std::size_t resources = 0;
  std::chrono::microseconds elapsed{0};  ///< work spent on it, over all threads
};

/// What a load found. Two loads of equal files give equal reports, times apart.
struct LoadReport {
  LoadReport() = default;
  std::string default_package;
  std::vector<LoadedPackage> packages;           ///< the root first, then breadth-first
  std::map<std::string, std::size_t> resources;  ///< per type, aliases not counted
  std::vector<Diagnostic> warnings;
  /// Files that could not be used; their refs exist and give the error. Everything else is loaded.
  std::vector<Error> errors;
  std::size_t files_read = 0;    ///< opened now
  std::size_t files_reused = 0;  ///< unchanged since the load before
  bool published = false;        ///< false after a reload that found nothing new, or new errors
  /// Of a reload: the keys that were added, replaced or removed, in order.
  std::vector<std::string> changed;
  std::chrono::microseconds elapsed{0};
};

}  // namespace lllm
