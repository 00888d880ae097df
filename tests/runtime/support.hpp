#pragma once

#include <exception>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "lllm/base/error.hpp"
#include "lllm/runtime/load.hpp"
#include "tests/support/temp_dir.hpp"

namespace lllm::test {

/// Runs a coroutine to its end on a loop of its own.
template <class T>
T run_to_end(asio::awaitable<T> task) {
  asio::io_context context(1);
  std::optional<T> result;
  std::exception_ptr failure;
  asio::co_spawn(context, std::move(task), [&](std::exception_ptr e, T value) {
    failure = std::move(e);
    result.emplace(std::move(value));
  });
  context.run();
  if (failure) std::rethrow_exception(failure);
  return std::move(*result);
}

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
