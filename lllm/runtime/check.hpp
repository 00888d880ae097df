#pragma once

#include <map>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "lllm/runtime/diagnostic.hpp"
#include "lllm/runtime/load_report.hpp"
#include "lllm/runtime/loader.hpp"

namespace lllm {

/// What a look at a package found.
struct CheckReport {
  CheckReport() = default;
  std::vector<Diagnostic> problems;  ///< each makes something unusable
  std::vector<Diagnostic> warnings;  ///< probably not what was meant
  std::vector<Diagnostic> notes;     ///< what only a running program can tell, such as tools from C++ code
  std::vector<LoadedPackage> packages;
  std::map<std::string, std::size_t> resources;  ///< per type
  [[nodiscard]] bool clean() const { return problems.empty() && warnings.empty(); }
};

/// Reads a package and everything it depends on, lazy files too, and reports every problem in one pass:
/// manifests, front matter, templates, schemas, declared tools, proxies, tactics and services, configs, their
/// inheritance and agents, and where refs point. Runs nothing, opens no plugin
/// and changes nothing.
/// @param options  As for load_runtime: `package`, or `start` for the search.
/// @throws Exception `cancelled`, and `io_failed` when there is nothing to check. Cancellation: terminal.
asio::awaitable<CheckReport> check_package(LoadOptions options);

/// Makes the folder `folder`/`name` with a small package that passes check_package: a manifest, a prompt, a
/// config and an asset. Blocks. Returns the files written. `invalid_argument` for a bad name;
/// `resource_conflict` when the folder is already there.
Result<std::vector<std::string>> scaffold_package(const std::string& folder, const std::string& name);

}  // namespace lllm
