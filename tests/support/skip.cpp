#include "tests/support/skip.hpp"

#include <unistd.h>

#include <cstdlib>
#include <sstream>

namespace lllm::test {
namespace {

std::filesystem::path from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::filesystem::path() : std::filesystem::path(value);
}

}  // namespace

std::filesystem::path source_root() {
  const auto named = from_environment("LLLM_SOURCE_ROOT");
  return named.empty() ? std::filesystem::current_path() : named;
}

std::filesystem::path build_root() {
  const auto named = from_environment("LLLM_BUILD_ROOT");
  return named.empty() ? source_root() / "build" : named;
}

std::filesystem::path shared_dir() {
  auto dir = from_environment("LLLM_SHARED");
  if (dir.empty()) dir = source_root().parent_path() / "shared";
  return std::filesystem::is_directory(dir) ? dir : std::filesystem::path();
}

std::filesystem::path find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(std::string(path == nullptr ? "" : path) + ":/usr/sbin:/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const auto candidate = std::filesystem::path(folder) / name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

}  // namespace lllm::test
