#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"
#include "lllm/runtime/diagnostic.hpp"

namespace lllm {

/// A folder (or file) of a section; `prefix` goes before the keys found in it.
struct SectionPath {
  SectionPath() = default;
  SectionPath(std::string folder, std::string key_prefix)
      : path(std::move(folder)), prefix(std::move(key_prefix)) {}
  std::string path;
  std::string prefix;
  int line = 0;
  int column = 0;
};

struct ManifestSection {
  ManifestSection() = default;
  std::string name;
  std::vector<SectionPath> paths;
  bool implied = false;  ///< no `paths`: the folder of its own name, if there is one
};

struct ManifestDependency {
  ManifestDependency() = default;
  std::string path;
  std::string alias;
  int line = 0;
  int column = 0;
};

/// What an `lllm.toml` says.
struct Manifest {
  Manifest() = default;
  std::string file;    ///< the manifest; for an anonymous package: none
  std::string folder;  ///< what its paths are relative to
  std::string name;
  std::string version;
  std::string description;
  std::vector<ManifestSection> sections;  ///< in the order of their names
  std::vector<ManifestDependency> dependencies;
  std::vector<Diagnostic> warnings;
};

/// The names a manifest may have, in the order in which they are looked for.
inline constexpr std::string_view manifest_names[] = {"lllm.toml", ".lllm.toml", "LLLM.toml"};

/// Reads a manifest. `bad_resource` names file, line and column; so do the warnings (unknown keys).
/// @param file  Its path; its folder is what relative paths start from and the default of the package's name.
/// @param others  Gets the mistakes after the first, which is the result.
Result<Manifest> parse_manifest(const std::string& file, std::string_view bytes,
                                std::vector<Error>* others = nullptr);

/// The package that a folder without a manifest is: every standard section, named after the folder.
Manifest anonymous_manifest(const std::string& folder);

}  // namespace lllm
