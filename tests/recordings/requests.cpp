#include "tests/recordings/requests.hpp"

#include <vector>

#include "lllm/base/text.hpp"
#include "lllm/core/call_options.hpp"
#include "lllm/core/dialog.hpp"
#include "lllm/wires/openai_chat.hpp"
#include "lllm/wires/providers.hpp"

namespace lllm::test {
namespace {

// Two bodies that a provider cannot tell apart become the same.
json::value normalised(const json::value& value) {
  if (value.is_number()) return *as_number(&value);  // 1 and 1.0 are the same
  if (const auto* list = value.if_array()) {
    json::array copy;
    for (const auto& element : *list) copy.push_back(normalised(element));
    return copy;
  }
  const auto* object = value.if_object();
  if (object == nullptr) return value;
  json::object copy;
  for (const auto& [key, member] : *object)
    if (!member.is_null()) copy[key] = normalised(member);
  return copy;
}

json::value normalised_message(const json::value& message) {
  json::value copy = normalised(message);
  auto& object = copy.get_object();
  if (const auto* calls = array_at(copy, "tool_calls")) {
    if (calls->empty()) {
      object.erase("tool_calls");
    } else {
      for (auto& call : object["tool_calls"].get_array()) {
        call.as_object().erase("index");
        if (text_at(call, "type").empty()) call.as_object()["type"] = "function";
      }
    }
  }
  if (const auto* content = array_at(copy, "content")) {
    const bool only_text = content->size() == 1 && content->front().is_object() &&
                           content->front().get_object().size() == 2 &&
                           text_at(content->front(), "type") == "text";
    if (content->empty())
      object.erase("content");
    else if (only_text)
      object["content"] = json::string(text_at(content->front(), "text"));
  }
  if (text_at(copy, "content").empty() && array_at(copy, "content") == nullptr) object.erase("content");
  return copy;
}

json::object normalised_body(const json::object& body) {
  json::object copy;
  for (const auto& [key, value] : body) {
    if (value.is_null() || (std::string_view(key) == "stream" && value == json::value(false))) continue;
    if (std::string_view(key) == "tools" && value.is_array() && value.get_array().empty()) continue;
    if (std::string_view(key) != "messages") {
      copy[key] = normalised(value);
      continue;
    }
    json::array messages;
    for (const auto& message : value.as_array()) messages.push_back(normalised_message(message));
    copy[key] = std::move(messages);
  }
  return copy;
}

void collect_opaque(const json::value& value, std::string_view wire, std::vector<std::string>& found) {
  if (const auto* list = value.if_array()) {
    for (const auto& element : *list) collect_opaque(element, wire, found);
    return;
  }
  const auto* object = value.if_object();
  if (object == nullptr) return;
  const auto type = text_at(value, "type");
  for (const auto& [key, member] : *object) {
    const std::string_view name = key;
    const bool opaque = name == "signature" || name == "thoughtSignature" || name == "redactedContent" ||
                        (name == "encrypted_content" && type == "reasoning") ||
                        (name == "data" && (type == "redacted_thinking" || type == "reasoning.encrypted"));
    if (opaque && !as_text(&member).empty()) found.emplace_back(as_text(&member));
    collect_opaque(member, wire, found);
  }
}

}  // namespace

std::optional<std::string> check_request_round_trip(const Codec& codec, const Recording& recording) {
  const auto* body = object_at(recording.request, "body");
  if (recording.wire != "openai-chat" || body == nullptr) return std::nullopt;
  const auto* messages = as_array(find(*body, "messages"));
  if (messages == nullptr) return std::nullopt;
  auto dialog = dialog_from_openai(*messages);
  if (!dialog) return "dialog_from_openai: " + dialog.error().message();

  Provider provider;  // takes everything: what a real row refuses is another test's matter
  provider.name = "recorded";
  provider.wire = recording.wire;
  provider.quirks.cache_control = true;
  provider.quirks.file_by_address = true;
  provider.quirks.max_tokens_field = "";
  const auto* stream_options = find(*body, "stream_options");
  provider.quirks.stream_usage = stream_options != nullptr && !stream_options->is_null();
  json::object args;
  for (const auto& [key, value] : *body)
    if (const std::string_view name = key;
        name != "messages" && name != "model" && !name.starts_with("stream"))
      args[key] = value;
  CallOptions options;
  options.model_args(args);
  const std::vector<Tool> tools;
  const Schema format;
  const bool stream = as_boolean(find(*body, "stream")).value_or(false);
  auto encoded = codec.encode({*dialog, provider, text_at(*body, "model"), options, tools, format, stream});
  if (!encoded) return "encode: " + encoded.error().message();
  const auto again = parse_json(encoded->body);
  if (!again) return "the encoded body is no JSON: " + again.error().message();
  const json::object expected = normalised_body(*body);
  const json::object got = normalised_body(again->as_object());
  for (const auto& [key, value] : expected)
    if (const auto* there = find(got, key); there == nullptr || *there != value)
      return std::string(key) + "\n      expected " + excerpt(to_json(value), 1500) + "\n      got      " +
             (there == nullptr ? "nothing" : excerpt(to_json(*there), 1500));
  for (const auto& [key, value] : got)
    if (find(expected, key) == nullptr) return "'" + std::string(key) + "' was added";
  return std::nullopt;
}

std::optional<std::string> check_next_turn(const Codec& codec, const Recording& recording,
                                           const Outcome& outcome) {
  Dialog dialog;
  dialog.put_text("Go on.");
  dialog.append(outcome.message);
  for (const auto& call : outcome.message.tool_calls) dialog.put_tool_result(call.id, call.name, "fine");
  if (outcome.message.tool_calls.empty()) dialog.put_text("And then?");
  Provider provider;
  provider.name = recording.provider;
  provider.wire = recording.wire;
  const CallOptions options;
  const std::vector<Tool> tools;
  const Schema format;
  std::string model = outcome.message.model.empty() ? "model" : outcome.message.model;
  const auto encoded = codec.encode({dialog, provider, model, options, tools, format, false});
  if (!encoded) return "encode: " + encoded.error().message();
  const auto body = parse_json(encoded->body);
  if (!body) return "the encoded body is no JSON: " + body.error().message();
  std::vector<std::string> opaque;
  collect_opaque(outcome.raw, recording.wire, opaque);
  std::vector<std::string> sent;
  collect_opaque(*body, recording.wire, sent);
  for (std::size_t i = 0, at = 0; i < opaque.size(); ++i, ++at) {
    while (at < sent.size() && sent[at] != opaque[i]) ++at;
    if (at >= sent.size())
      return "opaque value " + std::to_string(i) + " ('" + excerpt(opaque[i], 40) +
             "') is not sent back in its order";
  }
  return std::nullopt;
}

}  // namespace lllm::test
