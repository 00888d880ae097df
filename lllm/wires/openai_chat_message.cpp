#include "lllm/wires/openai_chat_message.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>

#include "lllm/base/hash.hpp"
#include "lllm/wires/codec.hpp"
#include "lllm/wires/json_writing.hpp"
#include "lllm/wires/providers.hpp"

namespace lllm::openai_chat {
namespace {

void append_cache_control(std::string& out, const std::optional<std::string>& ttl, const Quirks& quirks) {
  if (!ttl || !quirks.cache_control) return;
  out += R"(,"cache_control":{"type":"ephemeral")";
  if (!ttl->empty()) append_member(out, "ttl", *ttl);
  out += '}';
}

void append_address(std::string& out, const MediaPart& media) {
  if (media.base64)
    append_data_url(out, media);
  else
    append_json_string(out, media.url);
}

std::string_view audio_format(std::string_view mime) {
  const auto slash = mime.find('/');
  const auto subtype = slash == mime.npos ? mime : mime.substr(slash + 1);
  if (subtype == "mpeg") return "mp3";
  if (subtype == "x-wav" || subtype == "wave" || subtype.empty()) return "wav";
  return subtype;
}

Result<> append_media(std::string& out, const MediaPart& media, const Quirks& quirks) {
  switch (media.kind) {
    case MediaKind::image:
      if (!media.file_id.empty() && media.url.empty() && !media.base64) {
        out += R"({"type":"file","file":{"file_id":)";
        append_json_string(out, media.file_id);
      } else {
        out += R"({"type":"image_url","image_url":{"url":)";
        append_address(out, media);
        if (!media.detail.empty()) append_member(out, "detail", media.detail);
      }
      out += '}';
      break;
    case MediaKind::audio:
      if (!media.base64)
        return Error(ErrorKind::unsupported,
                     "chat completions take audio by its bytes, not by address or file id");
      out += R"({"type":"input_audio","input_audio":{"data":")";
      append_base64(out, media.data());
      out += R"(","format":)";
      append_json_string(out, audio_format(media.mime));
      out += '}';
      break;
    case MediaKind::video:
      out += R"({"type":"video_url","video_url":{"url":)";
      append_address(out, media);
      out += '}';
      break;
    case MediaKind::file:
      if (quirks.document_url) {
        out += R"({"type":"document_url","document_url":)";
        append_address(out, media);
        break;
      }
      // OpenAI's guide to file inputs: addresses are for the Responses API alone.
      if (!media.base64 && media.file_id.empty() && !quirks.file_by_address)
        return Error(
            ErrorKind::unsupported,
            "chat completions take a file by its bytes or its id, not by address (the Responses API, "
            "where a provider has it, takes addresses: ApiType::response)");
      out += R"({"type":"file","file":{)";
      if (!media.file_id.empty()) {
        out += R"("file_id":)";
        append_json_string(out, media.file_id);
      } else {
        out += R"("file_data":)";
        append_address(out, media);
        append_member(out, "filename", media.name.empty() ? std::string_view("file") : media.name);
      }
      out += '}';
      break;
  }
  append_cache_control(out, media.cache_ttl, quirks);
  out += '}';
  return {};
}

bool is_plain(const Message& message, const Quirks& quirks) {
  return message.parts.size() <= 1 &&
         std::all_of(message.parts.begin(), message.parts.end(), [&](const ContentPart& part) {
           const auto* text = std::get_if<TextPart>(&part);
           return text != nullptr && !(text->cache_ttl && quirks.cache_control);
         });
}

Result<> append_content(std::string& out, const Message& message, const Quirks& quirks) {
  if (is_plain(message, quirks)) {
    append_json_string(
        out, message.parts.empty() ? std::string_view() : std::get<TextPart>(message.parts.front()).text);
    return {};
  }
  char before = '[';
  for (const auto& part : message.parts) {
    if (const auto* text = std::get_if<TextPart>(&part)) {
      out += before;
      out += R"({"type":"text","text":)";
      append_json_string(out, text->text);
      append_cache_control(out, text->cache_ttl, quirks);
      out += '}';
    } else if (const auto* media = std::get_if<MediaPart>(&part)) {
      out += before;
      if (auto written = append_media(out, *media, quirks); !written) return written;
    } else {
      continue;  // reasoning and refusals are not content
    }
    before = ',';
  }
  out += before == '[' ? "[]" : "]";
  return {};
}

// Another provider's id in the shape that this one takes, and the same each time.
std::string call_id(const std::string& id, const Quirks& quirks) {
  constexpr std::size_t length = 9;
  const auto is_plain_letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  if (!quirks.short_call_ids || (id.size() == length && std::all_of(id.begin(), id.end(), is_plain_letter)))
    return id;
  return sha256_hex(id).substr(0, length);
}

void append_tool_calls(std::string& out, const Message& message, const json::array* extras,
                       const Quirks& quirks) {
  char before = '[';
  out += R"(,"tool_calls":)";
  for (std::size_t i = 0; i < message.tool_calls.size(); ++i) {
    const ToolCall& call = message.tool_calls[i];
    out += before;
    before = ',';
    out += R"({"id":)";
    append_json_string(out, call_id(call.id, quirks));
    out +=
        call.custom ? R"(,"type":"custom","custom":{"name":)" : R"(,"type":"function","function":{"name":)";
    append_json_string(out, call.name);
    out += call.custom ? R"(,"input":)" : R"(,"arguments":)";
    // Several servers refuse empty arguments, though they send them.
    append_json_string(out, call.arguments.empty() && !call.custom ? std::string_view("{}") : call.arguments);
    out += '}';
    if (const auto* extra = extras != nullptr && i < extras->size() ? (*extras)[i].if_object() : nullptr)
      for (const auto& [key, value] : *extra) append_member(out, key, value);
    out += '}';
  }
  out += ']';
}

// What an assistant's message says beside its tool calls: words, and the state that must go back unchanged.
void append_assistant_content(std::string& out, const Message& message, const json::value* state,
                              const Quirks& quirks) {
  const auto* own_content = state == nullptr ? nullptr : find(*state, "content");
  out += R"(,"content":)";
  const std::string text = message.text();
  if (own_content != nullptr)
    append_json(out, *own_content);
  else if (text.empty() && !(message.tool_calls.empty() && message.refusal().empty()))
    out += "null";
  else if (is_plain(message, quirks))
    append_json_string(out, text);
  else if (std::any_of(message.parts.begin(), message.parts.end(), [&](const auto& part) {
             const auto* words = std::get_if<TextPart>(&part);
             return words != nullptr && words->cache_ttl && quirks.cache_control;
           })) {
    char before = '[';
    for (const auto& part : message.parts)
      if (const auto* words = std::get_if<TextPart>(&part)) {
        out += before;
        before = ',';
        out += R"({"type":"text","text":)";
        append_json_string(out, words->text);
        append_cache_control(out, words->cache_ttl, quirks);
        out += '}';
      }
    out += ']';
  } else {
    append_json_string(out, text);
  }
  if (const std::string refusal = message.refusal(); !refusal.empty()) append_member(out, "refusal", refusal);
  const auto in_state = [state](std::string_view name) {
    return state != nullptr && find(*state, name) != nullptr;
  };
  if (!quirks.reasoning_field.empty() && !in_state("reasoning_details") && !in_state("content") &&
      !in_state(quirks.reasoning_field))
    if (const std::string reasoning = message.reasoning(); !reasoning.empty() || !message.tool_calls.empty())
      append_member(out, quirks.reasoning_field, reasoning);
  if (const auto* members = state == nullptr ? nullptr : state->if_object())
    for (const auto& [key, value] : *members)
      if (key != "content" && key != "tool_calls") append_member(out, key, value);
}

std::string_view wire_role(Role role, const Quirks& quirks) {
  switch (role) {
    case Role::system:
      return quirks.developer_role ? "developer" : "system";
    case Role::user:
      return "user";
    case Role::tool:
      return "tool";
    case Role::assistant:
    case Role::tool_call:
      break;
  }
  return "assistant";
}

}  // namespace

Result<> append_message(std::string& out, const Message& message, const Provider& provider) {
  const Quirks& quirks = provider.quirks;
  const json::value* state = own_state(message, "openai-chat", provider);
  out += R"({"role":")";
  out += wire_role(message.role, quirks);
  out += '"';
  if (message.role == Role::tool) {
    if (message.tool_call_id.empty())
      return Error(ErrorKind::invalid_argument, "a tool message needs the id of the call it answers");
    append_member(out, "tool_call_id", call_id(message.tool_call_id, quirks));
  } else if (quirks.accepts_name && !message.name.empty() && message.name != "assistant") {
    append_member(out, "name", sanitize_name(message.name));
  }
  if (message.role == Role::assistant || message.role == Role::tool_call) {
    append_assistant_content(out, message, state, quirks);
    if (!message.tool_calls.empty())
      append_tool_calls(out, message, state == nullptr ? nullptr : array_at(*state, "tool_calls"), quirks);
  } else {
    out += R"(,"content":)";
    if (const auto* own = state == nullptr ? nullptr : find(*state, "content"))
      append_json(out, *own);
    else if (auto written = append_content(out, message, quirks); !written)
      return written;
  }
  out += '}';
  return {};
}

}  // namespace lllm::openai_chat
