#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"
#include "lllm/core/content.hpp"
#include "lllm/core/cost.hpp"

namespace lllm {

enum class Role { system, user, assistant, tool, tool_call };
std::string_view to_string(Role role);
std::optional<Role> role_from(std::string_view name);

/// What a message mostly consists of, for a reader who decides how to show it.
enum class Modality { text, image, audio, video, file };

/// Chat-completions style, or OpenAI's Responses style.
enum class ApiType { completion, response };
std::string_view to_string(ApiType type);

/// A function the model wants run.
struct ToolCall {
  ToolCall() = default;
  ToolCall(std::string call_id, std::string tool, std::string arguments_json)
      : id(std::move(call_id)), name(std::move(tool)), arguments(std::move(arguments_json)) {}

  /// Never empty once decoded: where the provider gives none it is made of the reply, the same each time, and
  /// in the answer to a dialog unlike any id in it.
  std::string id;
  std::string name;
  /// The JSON text as the model wrote it, which may be malformed; free text when `custom`.
  std::string arguments;
  /// What the provider itself gave as id: absent, or empty, where `id` is ours.
  std::optional<std::string> provider_id;
  /// A free-form ("custom") tool of the Responses API: `arguments` is text, not JSON.
  bool custom = false;

  /// The arguments as an object; empty text and null are {}; `parse_failed` says what is malformed. A custom
  /// call gives {"__text__": …}.
  [[nodiscard]] Result<json::object> parsed_arguments() const;
  friend bool operator==(const ToolCall&, const ToolCall&) = default;
};

struct TokenLogprob {
  std::string token;
  double logprob = 0;
  std::vector<std::pair<std::string, double>> top;
  friend bool operator==(const TokenLogprob&, const TokenLogprob&) = default;
};

/// A reply exactly as its wire gave it, kept when the parts of a Message cannot say all of it (signed
/// reasoning, server-side tools, citations inside text). Sent back unchanged to the same wire; other wires
/// use the parts.
struct WireState {
  WireState(std::string wire_name, json::value reply_content)
      : wire(std::move(wire_name)), content(std::move(reply_content)) {}
  std::string wire;     ///< "anthropic-messages", as Codec::name()
  json::value content;  ///< content blocks / output items / parts, as received
};

/// One message of a dialog. A plain value; dialogs share them as `std::shared_ptr<const Message>`.
class Message {
 public:
  Message() = default;
  Message(Role who, std::string text);

  static Message system(std::string text) { return Message(Role::system, std::move(text)); }
  static Message user(std::string text) { return Message(Role::user, std::move(text)); }
  static Message assistant(std::string text) { return Message(Role::assistant, std::move(text)); }
  /// The answer to the tool call `call_id`.
  static Message tool(std::string call_id, std::string tool_name, std::string text);

  Role role = Role::user;
  std::vector<ContentPart> parts;
  std::string name;  ///< who speaks: sanitised on the wire; for a tool message the tool's name
  std::vector<ToolCall> tool_calls;
  std::string tool_call_id;  ///< of a tool message
  bool is_error = false;     ///< of a tool message: the tool failed
  std::vector<TokenLogprob> logprobs;
  std::vector<json::value> citations;
  json::value parsed;  ///< what the prompt's parser or schema made of the text; null when there was none
  std::string model;   ///< as the provider named it
  std::string provider;
  std::string finish_reason;  ///< the provider's own word
  Usage usage;
  std::optional<Cost> cost_breakdown;
  json::object metadata;
  ApiType api_type = ApiType::completion;
  std::vector<float> vectors;
  std::shared_ptr<const WireState> wire_state;

  /// All TextParts joined without a separator. (Reasoning, refusals and media are not text.)
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string reasoning() const;
  [[nodiscard]] std::string refusal() const;
  [[nodiscard]] Modality modality() const;
  /// Empty when the price or the usage is unknown; never 0 for an unknown price.
  [[nodiscard]] std::optional<Money> cost() const;
  void append_text(std::string_view more);  ///< onto the last part when that is text
};

/// The name as providers accept it: anything outside [A-Za-z0-9_-] becomes '_', at most 64 characters.
std::string sanitize_name(std::string_view name);

json::value to_json_value(const Message& message);
/// `parse_failed` names the member. to_json_value and back loses nothing.
Result<Message> message_from_json(const json::value& value);

}  // namespace lllm
