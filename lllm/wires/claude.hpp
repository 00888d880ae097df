#pragma once

#include <string_view>

#include "lllm/base/json.hpp"

namespace lllm {

/// What Claude models differ in, read from the model's name, as Anthropic and Bedrock write it
/// ("claude-sonnet-4-5-20250929", "us.anthropic.claude-3-7-sonnet-20250219-v1:0").
/// Spec: Anthropic docs "Models overview", "Structured outputs", "Adaptive thinking", "Migrating to Claude
/// Opus 4.7" (2026).
struct ClaudeTraits {
  int version = 0;  ///< 405 for 4.5; 0 when the name is no Claude's

  /// Takes a JSON schema for its answer.
  [[nodiscard]] bool native_schema() const { return version >= 405; }
  /// Decides itself how long it thinks; takes an effort instead of a token budget.
  [[nodiscard]] bool adaptive_thinking() const { return version >= 406; }
  /// Refuses temperature, top_p and top_k.
  [[nodiscard]] bool fixed_sampling() const { return version >= 407; }
  /// Takes temperature or top_p, but not both.
  [[nodiscard]] bool one_sampling_knob() const { return version >= 401; }
  /// May be told to call a tool, `thinking` being the type of its thinking. Spec: "Thinking in tool and
  /// multi-turn workflows": never within a budget; while adaptive, the newest refuse it, too.
  [[nodiscard]] bool can_be_forced(std::string_view thinking) const {
    return thinking != "enabled" && (thinking != "adaptive" || version < 501);
  }
  /// For requests that do not say; all of these models accept it.
  [[nodiscard]] int default_max_tokens() const {
    return version == 0 ? 8192 : version < 305 ? 4096 : version < 307 ? 8192 : 32000;
  }
};
ClaudeTraits claude_traits(std::string_view model);

/// Thinking arguments for an OpenAI-style `reasoning_effort`: {"thinking": …} and for newer models
/// {"output_config": {"effort": …}}. Empty for a word nobody knows.
json::object claude_thinking(const ClaudeTraits& traits, std::string_view effort);

/// A schema without what constrained decoding refuses: closed objects, and bounds such as `minimum` moved
/// into the description, where the model reads them. Replies are validated against the original.
json::value portable_schema(const json::value& schema);
/// False when some object in the schema has to stay open (a map, or an object without properties), which
/// constrained decoding cannot say.
bool is_closed_schema(const json::value& schema);

}  // namespace lllm
