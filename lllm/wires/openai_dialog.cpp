#include <array>

#include "lllm/wires/openai_chat.hpp"
#include "lllm/wires/openai_chat_message.hpp"
#include "lllm/wires/providers.hpp"

namespace lllm {
namespace {

Result<ContentPart> part_from_openai(const json::value& part) {
  const auto type = text_at(part, "type");
  const auto unknown = [&] {
    return Error(ErrorKind::unsupported, "a part of type '" + std::string(type) + "'");
  };
  std::optional<std::string> cache_ttl;
  if (const auto* cache = object_at(part, "cache_control")) cache_ttl = std::string(text_at(*cache, "ttl"));
  // A member that no part has a place for makes the whole content be kept as it is.
  const auto only = [](const json::value& object, std::initializer_list<std::string_view> known) {
    for (const auto& [key, value] : object.as_object())
      if (!value.is_null() && std::find(known.begin(), known.end(), std::string_view(key)) == known.end())
        return false;
    return true;
  };
  if (!part.is_object() || !only(part, {"type", "cache_control", "text", "image_url", "input_audio", "file"}))
    return unknown();

  if (type == "text" && find(part, "text") != nullptr) {
    TextPart text{std::string(text_at(part, "text"))};
    text.cache_ttl = cache_ttl;
    return ContentPart(std::move(text));
  }
  Result<MediaPart> media = unknown();
  if (type == "image_url") {
    const auto* image = object_at(part, "image_url");
    if (image == nullptr || !only(*image, {"url", "detail"})) return unknown();
    media = media_from_url(MediaKind::image, text_at(*image, "url"));
    if (media) media->detail = text_at(*image, "detail");
  } else if (type == "input_audio") {
    const auto* audio = object_at(part, "input_audio");
    if (audio == nullptr || !only(*audio, {"data", "format"})) return unknown();
    const auto format = text_at(*audio, "format");
    MediaPart sound(MediaKind::audio, "audio/" + std::string(format == "mp3" ? "mpeg" : format));
    sound.base64 = std::make_shared<const std::string>(text_at(*audio, "data"));
    media = std::move(sound);
  } else if (type == "file") {
    const auto* file = object_at(part, "file");
    if (file == nullptr || !only(*file, {"file_data", "filename", "file_id"})) return unknown();
    if (const auto data = text_at(*file, "file_data"); !data.empty())
      media = media_from_url(MediaKind::file, data);
    else
      media = MediaPart(MediaKind::file, "");
    if (media) {
      media->file_id = text_at(*file, "file_id");
      media->name = text_at(*file, "filename");
    }
  }
  if (!media) return media.error();
  media->cache_ttl = cache_ttl;
  return ContentPart(std::move(*media));
}

std::optional<Role> role_from_openai(std::string_view role) {
  if (role == "developer") return Role::system;
  if (role == "function") return Role::tool;
  return role_from(role);
}

void take_content(Message& message, const json::value& content, json::object& state) {
  if (content.is_string()) {
    message.parts.emplace_back(TextPart(std::string(as_text(&content))));
    return;
  }
  const auto* parts = content.if_array();
  if (parts == nullptr) return;
  bool lossless = !(message.role == Role::assistant && parts->size() > 1);
  for (const auto& one : *parts) {
    if (auto part = part_from_openai(one)) {
      message.parts.push_back(std::move(*part));
    } else {
      lossless = false;
      // Its words at least, for wires that do not take the rest.
      if (const auto text = text_at(one, "text"); !text.empty())
        message.parts.emplace_back(TextPart(std::string(text)));
    }
  }
  if (!lossless) state["content"] = content;
}

Result<> take_tool_calls(Message& message, const json::array& calls, json::object& state) {
  json::array extras;
  bool any_extra = false;
  for (const auto& one : calls) {
    ToolCall call;
    call.id = text_at(one, "id");
    if (!call.id.empty()) call.provider_id = call.id;
    call.custom = text_at(one, "type") == "custom";
    const auto* body = find(one, call.custom ? "custom" : "function");
    if (body == nullptr) return Error(ErrorKind::parse_failed, "a tool call without its function");
    call.name = text_at(*body, "name");
    const auto* arguments = find(*body, call.custom ? "input" : "arguments");
    if (arguments != nullptr && !arguments->is_null())
      call.arguments = arguments->is_string() ? std::string(as_text(arguments)) : to_json(*arguments);
    json::object extra;
    for (const auto& [key, value] : one.as_object())
      if (key != "id" && key != "type" && key != "function" && key != "custom" && key != "index" &&
          !value.is_null())
        extra[key] = value;
    any_extra = any_extra || !extra.empty();
    extras.push_back(std::move(extra));
    message.tool_calls.push_back(std::move(call));
  }
  if (any_extra) state["tool_calls"] = std::move(extras);
  return {};
}

Result<Message> message_from_openai(const json::value& value) {
  const auto role = role_from_openai(text_at(value, "role"));
  if (!role)
    return Error(ErrorKind::parse_failed, "'" + std::string(text_at(value, "role")) + "' is no role");
  Message message;
  message.role = *role;
  json::object state;
  for (const auto& [key, member] : value.as_object()) {
    const std::string_view name = key;
    if (name == "role" || member.is_null()) continue;
    if (name == "content") {
      take_content(message, member, state);
    } else if (name == "name") {
      message.name = as_text(&member);
    } else if (name == "tool_call_id") {
      message.tool_call_id = as_text(&member);
    } else if (name == "tool_calls" && member.is_array()) {
      if (auto taken = take_tool_calls(message, member.get_array(), state); !taken) return taken.error();
    } else if (name == "refusal") {
      message.parts.emplace_back(RefusalPart(std::string(as_text(&member))));
    } else {
      state[key] = member;
      // Under these names it is also what the model thought, for other wires and for readers.
      if ((name == "reasoning_content" || name == "reasoning") && message.reasoning().empty())
        message.parts.insert(message.parts.begin(), ReasoningPart(std::string(as_text(&member))));
    }
  }
  if (!state.empty()) message.wire_state = std::make_shared<const WireState>("openai-chat", std::move(state));
  return message;
}

}  // namespace

Result<json::array> dialog_to_openai(const Dialog& dialog) {
  Provider everyone;
  everyone.quirks.cache_control = true;
  json::array messages;
  for (const auto& message : dialog.messages()) {
    std::string text;
    everyone.name = message->provider;  // all that the message has kept goes out
    if (auto written = openai_chat::append_message(text, *message, everyone); !written)
      return written.error();
    auto value = parse_json(text);
    if (!value) return value.error();
    messages.push_back(std::move(*value));
  }
  return messages;
}

Result<Dialog> dialog_from_openai(const json::array& messages) {
  Dialog dialog;
  for (const auto& one : messages) {
    if (!one.is_object())
      return Error(ErrorKind::parse_failed, "message " + std::to_string(dialog.size()) + ": no JSON object");
    auto message = message_from_openai(one);
    if (!message)
      return Error(ErrorKind::parse_failed,
                   "message " + std::to_string(dialog.size()) + ": " + message.error().message());
    dialog.append(std::move(*message));
  }
  return dialog;
}

}  // namespace lllm
