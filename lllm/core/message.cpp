#include "lllm/core/message.hpp"

#include <algorithm>
#include <array>

namespace lllm {
namespace {

constexpr std::array<std::pair<Role, std::string_view>, 5> roles{{
    {Role::system, "system"},
    {Role::user, "user"},
    {Role::assistant, "assistant"},
    {Role::tool, "tool"},
    {Role::tool_call, "tool_call"},
}};

template <class Part>
std::string joined(const std::vector<ContentPart>& parts) {
  std::string text;
  for (const auto& part : parts)
    if (const auto* wanted = std::get_if<Part>(&part)) text += wanted->text;
  return text;
}

void set_text(json::object& object, std::string_view key, const std::string& text) {
  if (!text.empty()) object[key] = json::string(text);
}

json::value to_json_value(const ToolCall& call) {
  json::object object{{"id", json::string(call.id)},
                      {"name", json::string(call.name)},
                      {"arguments", json::string(call.arguments)}};
  if (call.provider_id) object["provider_id"] = json::string(*call.provider_id);
  if (call.custom) object["custom"] = true;
  return object;
}

ToolCall tool_call_from(const json::value& value) {
  ToolCall call(std::string(text_at(value, "id")), std::string(text_at(value, "name")),
                std::string(text_at(value, "arguments")));
  if (const auto* id = find(value, "provider_id"); id != nullptr && id->is_string())
    call.provider_id = std::string(as_text(id));
  call.custom = as_boolean(find(value, "custom")).value_or(false);
  return call;
}

json::value to_json_value(const TokenLogprob& entry) {
  json::array top;
  for (const auto& [token, logprob] : entry.top)
    top.push_back(json::object{{"token", json::string(token)}, {"logprob", logprob}});
  return json::object{
      {"token", json::string(entry.token)}, {"logprob", entry.logprob}, {"top", std::move(top)}};
}

TokenLogprob logprob_from(const json::value& value) {
  TokenLogprob entry;
  entry.token = std::string(text_at(value, "token"));
  entry.logprob = as_number(find(value, "logprob")).value_or(0);
  if (const auto* top = array_at(value, "top"))
    for (const auto& one : *top)
      entry.top.emplace_back(std::string(text_at(one, "token")), as_number(find(one, "logprob")).value_or(0));
  return entry;
}

}  // namespace

std::string_view to_string(Role role) {
  return roles.at(static_cast<std::size_t>(role)).second;
}

std::optional<Role> role_from(std::string_view name) {
  for (const auto& [role, word] : roles)
    if (word == name) return role;
  return std::nullopt;
}

std::string_view to_string(ApiType type) {
  return type == ApiType::completion ? "completion" : "response";
}

Result<json::object> ToolCall::parsed_arguments() const {
  if (custom) return json::object{{"__text__", json::string(arguments)}};
  if (arguments.empty()) return json::object();
  auto value = parse_json(arguments);
  if (!value)
    return Error(ErrorKind::parse_failed, "arguments of '" + name + "': " + value.error().message());
  if (value->is_null()) return json::object();
  if (!value->is_object())
    return Error(ErrorKind::parse_failed, "arguments of '" + name + "' are no JSON object");
  return std::move(value->get_object());
}

Message::Message(Role who, std::string text) : role(who) {
  if (!text.empty()) parts.emplace_back(TextPart(std::move(text)));
}

Message Message::tool(std::string call_id, std::string tool_name, std::string text) {
  Message message(Role::tool, std::move(text));
  message.tool_call_id = std::move(call_id);
  message.name = std::move(tool_name);
  return message;
}

std::string Message::text() const {
  return joined<TextPart>(parts);
}
std::string Message::reasoning() const {
  return joined<ReasoningPart>(parts);
}
std::string Message::refusal() const {
  return joined<RefusalPart>(parts);
}

Modality Message::modality() const {
  for (const auto& part : parts)
    if (const auto* media = std::get_if<MediaPart>(&part)) switch (media->kind) {
        case MediaKind::image:
          return Modality::image;
        case MediaKind::audio:
          return Modality::audio;
        case MediaKind::video:
          return Modality::video;
        case MediaKind::file:
          return Modality::file;
      }
  return Modality::text;
}

std::optional<Money> Message::cost() const {
  if (!cost_breakdown) return std::nullopt;
  return cost_breakdown->total();
}

void Message::append_text(std::string_view more) {
  if (parts.empty() || !std::holds_alternative<TextPart>(parts.back())) parts.emplace_back(TextPart());
  std::get<TextPart>(parts.back()).text += more;
}

std::string sanitize_name(std::string_view name) {
  std::string clean(name.substr(0, 64));
  std::replace_if(
      clean.begin(), clean.end(),
      [](char c) {
        return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                 c == '-');
      },
      '_');
  return clean;
}

json::value to_json_value(const Message& message) {
  json::object object{{"role", json::string(to_string(message.role))}};
  json::array parts;
  for (const auto& part : message.parts) parts.push_back(to_json_value(part));
  object["parts"] = std::move(parts);
  set_text(object, "name", message.name);
  if (!message.tool_calls.empty()) {
    json::array calls;
    for (const auto& call : message.tool_calls) calls.push_back(to_json_value(call));
    object["tool_calls"] = std::move(calls);
  }
  set_text(object, "tool_call_id", message.tool_call_id);
  if (message.is_error) object["is_error"] = true;
  if (!message.logprobs.empty()) {
    json::array entries;
    for (const auto& entry : message.logprobs) entries.push_back(to_json_value(entry));
    object["logprobs"] = std::move(entries);
  }
  if (!message.citations.empty())
    object["citations"] = json::array(message.citations.begin(), message.citations.end());
  if (!message.parsed.is_null()) object["parsed"] = message.parsed;
  set_text(object, "model", message.model);
  set_text(object, "provider", message.provider);
  set_text(object, "finish_reason", message.finish_reason);
  if (!message.usage.empty()) object["usage"] = to_json_value(message.usage);
  if (message.cost_breakdown) object["cost"] = to_json_value(*message.cost_breakdown);
  if (!message.metadata.empty()) object["metadata"] = message.metadata;
  if (message.api_type != ApiType::completion) object["api_type"] = json::string(to_string(message.api_type));
  if (!message.vectors.empty())
    object["vectors"] = json::array(message.vectors.begin(), message.vectors.end());
  if (message.wire_state)
    object["wire_state"] = json::object{{"wire", json::string(message.wire_state->wire)},
                                        {"content", message.wire_state->content}};
  return object;
}

Result<Message> message_from_json(const json::value& value) {
  const auto role = role_from(text_at(value, "role"));
  if (!role)
    return Error(ErrorKind::parse_failed, "/role: '" + std::string(text_at(value, "role")) + "' is no role");
  Message message;
  message.role = *role;
  if (const auto* parts = array_at(value, "parts"))
    for (const auto& one : *parts) {
      auto part = part_from_json(one);
      if (!part)
        return Error(ErrorKind::parse_failed,
                     "/parts/" + std::to_string(message.parts.size()) + ": " + part.error().message());
      message.parts.push_back(std::move(*part));
    }
  const auto text = [&](std::string_view key) { return std::string(text_at(value, key)); };
  message.name = text("name");
  if (const auto* calls = array_at(value, "tool_calls"))
    for (const auto& one : *calls) message.tool_calls.push_back(tool_call_from(one));
  message.tool_call_id = text("tool_call_id");
  message.is_error = as_boolean(find(value, "is_error")).value_or(false);
  if (const auto* entries = array_at(value, "logprobs"))
    for (const auto& one : *entries) message.logprobs.push_back(logprob_from(one));
  if (const auto* citations = array_at(value, "citations"))
    message.citations.assign(citations->begin(), citations->end());
  if (const auto* parsed = find(value, "parsed")) message.parsed = *parsed;
  message.model = text("model");
  message.provider = text("provider");
  message.finish_reason = text("finish_reason");
  if (const auto* usage = find(value, "usage")) message.usage = usage_from_json(*usage);
  if (const auto* cost = find(value, "cost")) message.cost_breakdown = cost_from_json(*cost);
  if (const auto* metadata = object_at(value, "metadata")) message.metadata = *metadata;
  if (text_at(value, "api_type") == "response") message.api_type = ApiType::response;
  if (const auto* vectors = array_at(value, "vectors"))
    for (const auto& one : *vectors)
      message.vectors.push_back(static_cast<float>(as_number(&one).value_or(0)));
  if (const auto* state = find(value, "wire_state"); state != nullptr && find(*state, "content") != nullptr)
    message.wire_state =
        std::make_shared<const WireState>(std::string(text_at(*state, "wire")), *find(*state, "content"));
  return message;
}

}  // namespace lllm
