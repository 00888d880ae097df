#include "lllm/runtime/discovery.hpp"

#include <cstdlib>
#include <filesystem>

#include "lllm/runtime/manifest.hpp"

namespace lllm {
namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read only
  return value == nullptr ? "" : value;
}

std::string parent_of(const std::string& path) {
  return fs::path(path).parent_path().string();
}

DiscoveredRoot root_at(std::string manifest) {
  DiscoveredRoot root;
  root.folder = parent_of(manifest);
  root.project = fs::path(root.folder).filename() == "template" ? parent_of(root.folder) : root.folder;
  root.manifest = std::move(manifest);
  return root;
}

std::optional<std::string> upward(std::string folder, const FileSource& files) {
  while (true) {
    if (auto manifest = manifest_in(folder, files)) return manifest;
    auto parent = parent_of(folder);
    if (parent == folder || parent.empty()) return std::nullopt;
    folder = std::move(parent);
  }
}

}  // namespace

DiscoveryPlaces DiscoveryPlaces::of_process() {
  DiscoveryPlaces places;
  places.lllm_config = variable("LLLM_CONFIG");
  places.home = variable("HOME");
  std::error_code failure;
  places.working_directory = fs::current_path(failure).string();
  return places;
}

std::optional<std::string> manifest_in(const std::string& folder, const FileSource& files) {
  for (const auto* below : {"", "template/"}) {
    for (const auto name : manifest_names) {
      auto path = (fs::path(folder) / below / name).string();
      if (files.stat(path) && !files.is_directory(path)) return path;
    }
  }
  return std::nullopt;
}

Result<DiscoveredRoot> explicit_root(const std::string& path, const FileSource& files) {
  const auto canonical = files.canonical(path);
  if (!canonical) return canonical.error();
  if (!files.is_directory(*canonical)) return root_at(*canonical);
  if (auto manifest = manifest_in(*canonical, files)) return root_at(std::move(*manifest));
  return Error(ErrorKind::io_failed, "no lllm.toml in '" + *canonical + "'").at(*canonical);
}

Result<DiscoveredRoot> discover_root(const std::string& start, const DiscoveryPlaces& places,
                                     const FileSource& files) {
  if (!places.lllm_config.empty()) {
    auto root = explicit_root(places.lllm_config, files);
    if (root) return root;
    Error error = root.error();
    error.message("LLLM_CONFIG: " + error.message());
    return error;
  }
  const auto relative_to_cwd = [&](const std::string& path) {
    return (fs::path(places.working_directory) / path).lexically_normal().string();
  };
  if (!start.empty()) {
    const auto canonical = files.canonical(relative_to_cwd(start));
    if (!canonical) return canonical.error();
    const bool folder = files.is_directory(*canonical);
    if (!folder && fs::path(*canonical).extension() == ".toml") return root_at(*canonical);
    if (auto manifest = upward(folder ? *canonical : parent_of(*canonical), files))
      return root_at(std::move(*manifest));
  }
  if (auto manifest = upward(places.working_directory, files)) return root_at(std::move(*manifest));
  DiscoveredRoot root;
  root.folder = places.working_directory;
  root.project = places.working_directory;
  return root;
}

std::vector<std::string> shared_packages(const std::string& folder, const FileSource& files) {
  std::vector<std::string> found;
  if (!files.is_directory(folder)) return found;
  const auto entries = files.list(folder);
  if (!entries) return found;
  for (const auto& entry : *entries) {
    if (!entry.is_directory || entry.name.starts_with('.') || entry.name.starts_with('_')) continue;
    auto path = (fs::path(folder) / entry.name).string();
    if (manifest_in(path, files)) found.push_back(std::move(path));
  }
  return found;
}

}  // namespace lllm
