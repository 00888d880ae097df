#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lllm/base/error.hpp"

namespace lllm {

// Packages as zip files. All of this blocks: for programs, and for the worker pool. Nothing in a zip is ever
// executed, and no file gets an executable bit.

/// Where installed packages live: `<project>/lllm_packages/` or `~/.lllm/packages/`.
enum class ShareScope { project, user };

struct ShareOptions {
  ShareOptions() = default;
  ShareScope scope = ShareScope::project;
  std::string project = ".";
  std::string home;                                     ///< empty: $HOME
  std::string alias;                                    ///< resources are registered under it as well
  bool replace = false;                                 ///< an installed package of this name is replaced
  std::uint64_t most_bytes = std::uint64_t{256} << 20;  ///< of all files, unpacked
  std::size_t most_files = 10'000;
};

struct InstalledPackage {
  InstalledPackage() = default;
  std::string name;
  std::string version;
  std::string alias;
  std::string folder;
  ShareScope scope = ShareScope::project;
};

/// Unpacks a package into its scope. The zip holds one package: its manifest at the top or in the only top
/// folder.
///
/// Everything is looked at before anything is written, and what is written is moved into place at the end, so
/// a zip that is refused leaves no trace. Refused as `bad_resource`: absolute paths, `..`, backslashes, NUL;
/// links and devices; two entries of one name, also when they differ in case only; a damaged archive or no
/// manifest. As `limit_exceeded`: more bytes or files than `options` allow, counted while unpacking.
/// `resource_conflict`: already installed.
Result<InstalledPackage> install_package(const std::string& zip, const ShareOptions& options = {});

/// Packs the package in `folder` (or of a manifest) into a new file `zip`. Dependencies outside the folder
/// are bundled below `bundled/`, and their paths in the manifests changed to it. Dotfiles, `lllm_packages`
/// and links are left out. Returns the entries written.
Result<std::vector<std::string>> export_package(const std::string& folder, const std::string& zip);

/// The packages of both scopes, the project's first, each by name.
Result<std::vector<InstalledPackage>> list_packages(const ShareOptions& options = {});

/// Removes the package of this name from its scope. `resource_not_found`.
Result<> remove_package(const std::string& name, const ShareOptions& options = {});

}  // namespace lllm
