#pragma once

#include <exception>
#include <string>
#include <utility>

#include "lllm/base/error.hpp"
#include "lllm/runtime/load.hpp"
#include "tests/support/loop.hpp"
#include "tests/support/temp_dir.hpp"

namespace lllm::test {

/// The Error that `action` throws; fails the test when it throws none.
template <class Action>
Error error_of(Action&& action) {
  try {
    std::forward<Action>(action)();
  } catch (const Exception& failure) {
    return failure.error();
  }
  return Error(ErrorKind::internal, "nothing was thrown");
}

/// Options that see nothing but `folder`: no environment, no home.
inline LoadOptions only(const std::filesystem::path& folder) {
  LoadOptions options;
  options.package = folder.string();
  DiscoveryPlaces places;
  places.working_directory = folder.string();
  options.places = places;
  return options;
}

/// A line for each, as `lllm check` prints them.
inline std::string texts_of(const std::vector<Diagnostic>& all) {
  std::string texts;
  for (const auto& each : all) texts += each.to_string() + "\n";
  return texts;
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace lllm::test
