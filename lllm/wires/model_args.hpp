#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lllm/base/json.hpp"
#include "lllm/core/message.hpp"
#include "lllm/core/schema.hpp"

namespace lllm {

/// Reads a call's OpenAI-style arguments one by one and remembers those that nobody asked for, so that what a
/// wire cannot take is reported and never lost in silence. `args` must outlive it.
class ModelArgs {
 public:
  explicit ModelArgs(const json::object& args) : args_(args), taken_(args.size(), false) {}

  /// The argument, which counts as handled from now on; null when it is absent or null.
  const json::value* take(std::string_view name);
  /// The first of several names for one argument; the others count as handled, too.
  const json::value* take(std::initializer_list<std::string_view> names);
  /// Takes the argument and copies it into `to` under `as` (default: its own name), when it is there.
  bool pass(std::string_view name, json::object& to, std::string_view as = {});
  /// It was taken, but cannot be sent after all.
  void drop(std::string_view name) { dropped_.emplace_back(name); }

  /// Names of what was dropped and of what nobody took.
  [[nodiscard]] std::vector<std::string> dropped() const;

 private:
  const json::object& args_;
  std::vector<bool> taken_;  // by position in args_
  std::vector<std::string> dropped_;
};

/// The tool that a wire without structured output forces the model to call. Decoders turn such a call back
/// into the text of the answer.
inline constexpr std::string_view answer_tool = "lllm_structured_answer";
inline constexpr std::string_view answer_tool_description =
    "Gives the final answer to the user. Call it exactly once, with the whole answer as arguments.";

/// The structured output that a call asks for: `format`, else a `response_format` of type json_schema among
/// the arguments. `name` is the schema's. Takes response_format; a bare json_object goes to dropped(): a wire
/// that knows it takes it first.
struct WantedFormat {
  const json::object* schema = nullptr;  ///< null: none
  std::string name = "answer";
  std::string description;
};
WantedFormat take_format(const Schema& format, ModelArgs& args);

/// `stop` as a list of strings, whichever form it has; entries of only white space are left out, because
/// several wires refuse them.
json::array stop_list(const json::value* stop);

/// An OpenAI-style `tool_choice`, taken apart.
struct ToolChoice {
  enum class Kind { unset, automatic, none, required, named };
  Kind kind = Kind::unset;
  std::string_view name;  ///< of a named tool; a view into the argument

  /// The model must call a tool.
  [[nodiscard]] bool is_forced() const { return kind == Kind::required || kind == Kind::named; }
};
/// Reads "auto", "none", "required" (also "any"), {"type":"function","function":{"name"}} and
/// {"type":"tool","name"}.
ToolChoice read_tool_choice(const json::value* value);

/// Appends the arguments of a call as a JSON object, as the model wrote them when they are one; malformed
/// ones as {"invalid_json": "…"}, because no wire takes them and the model should see what it wrote.
void append_arguments(std::string& out, const ToolCall& call);

/// A call's id as wires with a narrow alphabet take it ([A-Za-z0-9_-], at most 64): other wires' ids are
/// mapped, and always to the same.
std::string portable_call_id(std::string_view id);

/// Adds up counters that are there, as usage fields are; saturates; negative ones count as 0.
std::optional<std::int64_t> sum_counters(std::initializer_list<std::optional<std::int64_t>> counters);
std::optional<std::int64_t> counter_at(const json::value& usage, std::string_view key);

}  // namespace lllm
