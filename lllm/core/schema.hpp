#pragma once

#include <memory>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"

namespace lllm {

/// A JSON Schema (draft 7), compiled on first use. Copies share the compiled form; any thread may validate.
class Schema {
 public:
  Schema() = default;
  explicit Schema(json::object schema);

  [[nodiscard]] bool empty() const { return state_ == nullptr; }
  /// The schema itself; an empty object when there is none.
  [[nodiscard]] const json::object& value() const;
  /// `parse_failed` lists every violation with its place; `bad_resource` when the schema itself is invalid.
  [[nodiscard]] Result<> validate(const json::value& instance) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace lllm
