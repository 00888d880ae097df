#include "lllm/wires/openai_chat_request.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "lllm/base/hash.hpp"
#include "lllm/core/prompt.hpp"
#include "lllm/wires/model_args.hpp"
#include "lllm/wires/providers.hpp"
#include "lllm/wires/structured_output.hpp"

namespace lllm::openai_chat {
namespace {

void append_member(std::string& out, std::string_view key, std::string_view text) {
  out += ",\"";
  out += key;
  out += "\":";
  append_json_string(out, text);
}

void append_cache_control(std::string& out, const std::optional<std::string>& ttl, const Quirks& quirks) {
  if (!ttl || !quirks.cache_control) return;
  out += R"(,"cache_control":{"type":"ephemeral")";
  if (!ttl->empty()) append_member(out, "ttl", *ttl);
  out += '}';
}

// "data:image/png;base64,…" as a JSON string. Base64 and media types need no escapes, and images are large.
void append_data_url(std::string& out, const MediaPart& media) {
  out += "\"data:";
  out += media.mime.empty() ? "application/octet-stream" : media.mime;
  out += ";base64,";
  out += media.data();
  out += '"';
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
      out += media.data();
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
      for (const auto& [key, value] : *extra) {
        out += ',';
        append_json_string(out, key);
        out += ':';
        append_json(out, value);
      }
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
    for (const auto& [key, value] : *members) {
      if (key == "content" || key == "tool_calls") continue;
      out += ',';
      append_json_string(out, key);
      out += ':';
      append_json(out, value);
    }
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

// o1, o3-mini, gpt-5 …: they refuse max_tokens.
bool wants_max_completion_tokens(std::string_view model) {
  if (model.starts_with("gpt-5")) return !model.starts_with("gpt-5-chat");
  return model.size() >= 2 && model[0] == 'o' && model[1] >= '1' && model[1] <= '9';
}

class Request {
 public:
  explicit Request(const EncodeInput& input) : in_(input), quirks_(input.provider.quirks) {}
  Result<EncodedRequest> make();

 private:
  void take_model_args();
  void take_format();
  void take_addons();
  void append_tools();
  void drop(std::string_view name) { request_.dropped.emplace_back(name); }
  void set(std::string_view name, json::value value) { request_.model_args[name] = std::move(value); }

  const EncodeInput& in_;
  const Quirks& quirks_;
  EncodedRequest request_;
  json::array given_tools_;  // in model_args, as the caller wrote them
  json::value extra_body_;
  bool answer_tool_offered_ = false;
};

void Request::take_model_args() {
  static constexpr std::array<std::string_view, 4> ours{"model", "messages", "stream", "stream_options"};
  for (const auto& [key, value] : in_.options.model_args()) {
    const std::string_view name = key;
    if (name == "extra_headers") {
      if (const auto* headers = value.if_object())
        for (const auto& [field, text] : *headers)
          if (text.is_string()) request_.headers.set(field, as_text(&text));
    } else if (name == "extra_body") {
      extra_body_ = value;
    } else if (name == "tools") {
      if (const auto* tools = value.if_array()) given_tools_ = *tools;
    } else if (std::find(ours.begin(), ours.end(), name) != ours.end() ||
               (name == "n" && as_integer(&value) != 1) ||
               (name == "parallel_tool_calls" && !quirks_.parallel_tool_calls) ||
               std::find(quirks_.unsupported.begin(), quirks_.unsupported.end(), name) !=
                   quirks_.unsupported.end()) {
      drop(name);
    } else if (name == "max_tokens" || name == "max_completion_tokens") {
      const bool openai = in_.provider.name == "openai" || in_.provider.name == "azure";
      if (openai)
        set(wants_max_completion_tokens(in_.model) ? "max_completion_tokens" : name, value);
      else
        set(quirks_.max_tokens_field.empty() ? name : quirks_.max_tokens_field, value);
    } else if (name == "seed") {
      set(quirks_.seed_field, value);
    } else {
      set(name, value);
    }
  }
}

void Request::take_format() {
  if (in_.format.empty() || request_.model_args.contains("response_format")) return;
  const json::object& schema = in_.format.value();
  if (quirks_.strict_schema) {
    auto strict = strict_schema(schema);
    json::object named{{"name", json::string(schema_name(schema))}};
    named["strict"] = strict.has_value();
    named["schema"] = strict ? *strict : schema;
    set("response_format", json::object{{"type", "json_schema"}, {"json_schema", std::move(named)}});
    return;
  }
  answer_tool_offered_ = true;
  const bool only_tool = in_.tools.empty() && given_tools_.empty();
  if (only_tool)
    set("tool_choice",
        json::object{{"type", "function"}, {"function", {{"name", json::string(answer_tool)}}}});
  else if (!request_.model_args.contains("tool_choice"))
    set("tool_choice", "required");
}

void Request::take_addons() {
  const auto& prompt = in_.dialog.top_prompt();
  if (!prompt) return;
  for (const auto& [key, value] : prompt->addon_args) {
    if (std::string_view(key) == "web_search" && in_.provider.name == "openai")
      set("web_search_options", value.is_object() ? value : json::value(json::object()));
    else
      drop(key);
  }
}

void Request::append_tools() {
  if (in_.tools.empty() && given_tools_.empty() && !answer_tool_offered_) return;
  std::string& body = request_.body;
  body += R"(,"tools":)";
  char before = '[';
  const auto append = [&](const json::value& tool) {
    body += before;
    before = ',';
    append_json(body, tool);
  };
  for (const auto& tool : in_.tools) append(tool.to_tool());
  for (const auto& tool : given_tools_) append(tool);
  if (answer_tool_offered_)
    append(json::object{{"type", "function"},
                        {"function",
                         {{"name", json::string(answer_tool)},
                          {"description", json::string(answer_tool_description)},
                          {"parameters", in_.format.value()}}}});
  body += ']';
}

Result<EncodedRequest> Request::make() {
  request_.path = "/chat/completions";
  request_.headers.set("Content-Type", "application/json");
  take_model_args();
  take_format();
  take_addons();

  std::string& body = request_.body;
  std::size_t size = 256;
  for (const auto& message : in_.dialog.messages())
    for (const auto& part : message->parts) {
      if (const auto* text = std::get_if<TextPart>(&part)) size += text->text.size() + 64;
      if (const auto* media = std::get_if<MediaPart>(&part)) size += media->data().size() + 128;
    }
  body.reserve(size);
  body += R"({"model":)";
  append_json_string(body, in_.model);
  body += R"(,"messages":[)";
  for (std::size_t i = 0; i < in_.dialog.size(); ++i) {
    if (i > 0) body += ',';
    if (auto written = append_message(body, *in_.dialog.messages()[i], in_.provider); !written)
      return Error(written.error().kind(), "message " + std::to_string(i) + ": " + written.error().message());
  }
  body += ']';
  append_tools();
  for (const auto& [key, value] : request_.model_args) {
    body += ',';
    append_json_string(body, key);
    body += ':';
    append_json(body, value);
  }
  if (in_.stream) {
    body += R"(,"stream":true)";
    if (quirks_.stream_usage) body += R"(,"stream_options":{"include_usage":true})";
  }
  body += '}';
  if (!given_tools_.empty()) set("tools", std::move(given_tools_));
  if (const auto* extra = extra_body_.if_object(); extra != nullptr && !extra->empty()) {
    // Rare, so it may cost a parse: what the caller adds wins over everything.
    auto whole = parse_json(body);
    if (!whole) return whole.error();
    deep_merge(*whole, extra_body_);
    body = to_json(*whole);
    set("extra_body", extra_body_);
  }
  return std::move(request_);
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

Result<EncodedRequest> encode(const EncodeInput& input) {
  return Request(input).make();
}

}  // namespace lllm::openai_chat
