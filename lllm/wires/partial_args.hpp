#pragma once

#include <string>
#include <string_view>

#include "lllm/base/json.hpp"

namespace lllm {

/// A function call's arguments that arrive as pieces at JSON paths ("$.items[0].name"), as Vertex AI streams
/// them.
class PartialArgs {
 public:
  /// One element of `partialArgs`: {jsonPath, stringValue | numberValue | boolValue | nullValue,
  /// willContinue}. A string that is to be continued is appended to. A path that makes no sense is ignored:
  /// the call then lacks what the provider did not say.
  void add(const json::value& piece);

  [[nodiscard]] const json::value& value() const { return value_; }

 private:
  json::value value_ = json::object();
  std::string open_path_;  // of the string that the next piece continues
};

}  // namespace lllm
