#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/runtime/file_source.hpp"

namespace lllm {

/// What discovery looks at besides files; taken from the process unless a test says otherwise.
struct DiscoveryPlaces {
  DiscoveryPlaces() = default;
  static DiscoveryPlaces of_process();
  std::string lllm_config;        ///< `$LLLM_CONFIG`: a manifest, or a folder that has one
  std::string working_directory;  ///< absolute
  std::string home;               ///< `$HOME`; empty when there is none
};

/// Where a load begins.
struct DiscoveredRoot {
  DiscoveredRoot() = default;
  std::string manifest;  ///< empty: no manifest anywhere, `folder` is an anonymous package
  std::string folder;
  std::string project;  ///< the folder whose `lllm_packages/` belongs to it
};

/// The manifest of a folder, or of its `template/`.
std::optional<std::string> manifest_in(const std::string& folder, const FileSource& files);

/// Finds the root package: `$LLLM_CONFIG`, then upward from `start`, then upward from the working directory.
/// `io_failed` when `$LLLM_CONFIG` names nothing. Blocks.
Result<DiscoveredRoot> discover_root(const std::string& start, const DiscoveryPlaces& places,
                                     const FileSource& files);

/// The one package that `path` (a manifest, or a folder that has one) is. `io_failed` when it is none.
Result<DiscoveredRoot> explicit_root(const std::string& path, const FileSource& files);

/// In the folder of an installed package: the alias it was installed under.
inline constexpr const char* installed_alias_file = ".lllm-alias";

/// The folders of `<folder>/*/` that have a manifest, in the order of their names.
std::vector<std::string> shared_packages(const std::string& folder, const FileSource& files);

}  // namespace lllm
