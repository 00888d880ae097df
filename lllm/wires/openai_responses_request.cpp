#include <algorithm>
#include <array>
#include <set>

#include "lllm/core/prompt.hpp"
#include "lllm/wires/model_args.hpp"
#include "lllm/wires/openai_responses.hpp"
#include "lllm/wires/providers.hpp"
#include "lllm/wires/structured_output.hpp"

namespace lllm::openai_responses {
namespace {

constexpr std::int64_t default_max_output_tokens = 32000;

void append_member(std::string& out, std::string_view key, std::string_view text) {
  out += ",\"";
  out += key;
  out += "\":";
  append_json_string(out, text);
}

void append_data_url(std::string& out, const MediaPart& media) {
  out += "\"data:";
  out += media.mime.empty() ? "application/octet-stream" : media.mime;
  out += ";base64,";
  out += media.data();
  out += '"';
}

Result<> append_media(std::string& out, const MediaPart& media) {
  if (media.kind == MediaKind::video)
    return Error(ErrorKind::unsupported, "the Responses API takes no video");
  if (media.kind == MediaKind::audio) {
    if (!media.base64)
      return Error(ErrorKind::unsupported, "the Responses API takes audio by its bytes, not by address");
    out += R"({"type":"input_audio","input_audio":{"data":")";
    out += media.data();
    out += R"(","format":)";
    append_json_string(out, media.mime == "audio/mpeg" ? "mp3" : "wav");
    out += "}}";
    return {};
  }
  const bool image = media.kind == MediaKind::image;
  out += image ? R"({"type":"input_image")" : R"({"type":"input_file")";
  if (media.base64) {
    out += image ? R"(,"image_url":)" : R"(,"file_data":)";
    append_data_url(out, media);
    if (!image) append_member(out, "filename", media.name.empty() ? std::string_view("file") : media.name);
  } else if (!media.url.empty()) {
    append_member(out, image ? "image_url" : "file_url", media.url);
  } else {
    append_member(out, "file_id", media.file_id);
  }
  if (image) append_member(out, "detail", media.detail.empty() ? std::string_view("auto") : media.detail);
  out += '}';
  return {};
}

// The content of a user's or system's message, or of a tool's result: words alone as a string.
Result<> append_content(std::string& out, const Message& message) {
  const bool words_alone =
      std::all_of(message.parts.begin(), message.parts.end(),
                  [](const ContentPart& part) { return !std::holds_alternative<MediaPart>(part); });
  if (words_alone) {
    append_json_string(out, message.text());
    return {};
  }
  char before = '[';
  for (const auto& part : message.parts) {
    if (const auto* text = std::get_if<TextPart>(&part)) {
      out += before;
      out += R"({"type":"input_text","text":)";
      append_json_string(out, text->text);
      out += '}';
    } else if (const auto* media = std::get_if<MediaPart>(&part)) {
      out += before;
      if (auto written = append_media(out, *media); !written) return written;
    } else {
      continue;
    }
    before = ',';
  }
  out += ']';
  return {};
}

/// Writes the dialog as input items.
class Items {
 public:
  Items(std::string& out, const Provider& provider, bool stored)
      : out_(out), provider_(provider), stored_(stored) {}
  Result<> append(const Message& message);

 private:
  void begin() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  void append_reply(const Message& message);
  void append_own_items(const json::array& items);
  Result<> append_tool_result(const Message& message);

  std::string& out_;
  const Provider& provider_;
  bool stored_;
  bool first_ = true;
  std::set<std::string, std::less<>> custom_calls_;  // ids of calls whose results have another type
};

Result<> Items::append(const Message& message) {
  for (const auto& call : message.tool_calls)
    if (call.custom) custom_calls_.insert(call.id);
  switch (message.role) {
    case Role::assistant:
    case Role::tool_call:
      if (const auto* items = as_array(own_state(message, wire_name, provider_)))
        append_own_items(*items);
      else
        append_reply(message);
      return {};
    case Role::tool:
      return append_tool_result(message);
    case Role::system:
    case Role::user:
      break;
  }
  begin();
  out_ += message.role == Role::user ? R"({"role":"user","content":)" : R"({"role":"system","content":)";
  if (auto written = append_content(out_, message); !written) return written;
  out_ += '}';
  return {};
}

// As the provider gave them. Without storage on its side it knows no ids, and refuses them.
void Items::append_own_items(const json::array& items) {
  for (const auto& item : items) {
    begin();
    if (stored_ || !item.is_object()) {
      append_json(out_, item);
      continue;
    }
    json::object without_id = item.get_object();
    without_id.erase("id");
    append_json(out_, without_id);
  }
}

void Items::append_reply(const Message& message) {
  if (const std::string text = message.text(); !text.empty()) {
    begin();
    out_ += R"({"role":"assistant","content":)";
    append_json_string(out_, text);
    out_ += '}';
  }
  if (const std::string refusal = message.refusal(); !refusal.empty()) {
    begin();
    out_ += R"({"type":"message","role":"assistant","content":[{"type":"refusal","refusal":)";
    append_json_string(out_, refusal);
    out_ += "}]}";
  }
  for (const auto& call : message.tool_calls) {
    begin();
    out_ +=
        call.custom ? R"({"type":"custom_tool_call","call_id":)" : R"({"type":"function_call","call_id":)";
    append_json_string(out_, call.id);
    append_member(out_, "name", call.name);
    append_member(out_, call.custom ? "input" : "arguments",
                  call.arguments.empty() && !call.custom ? std::string_view("{}") : call.arguments);
    out_ += '}';
  }
}

Result<> Items::append_tool_result(const Message& message) {
  if (message.tool_call_id.empty())
    return Error(ErrorKind::invalid_argument, "a tool message needs the id of the call it answers");
  begin();
  out_ += custom_calls_.contains(message.tool_call_id) ? R"({"type":"custom_tool_call_output","call_id":)"
                                                       : R"({"type":"function_call_output","call_id":)";
  append_json_string(out_, message.tool_call_id);
  out_ += R"(,"output":)";
  if (auto written = append_content(out_, message); !written) return written;
  out_ += '}';
  return {};
}

// {"type":"function","function":{…}} of chat completions, flattened; anything else as it is.
json::value flat_tool(const json::value& tool) {
  const auto* function = object_at(tool, "function");
  if (function == nullptr) return tool;
  json::object flat{{"type", "function"}};
  for (const auto& [key, value] : *function) flat[key] = value;
  // Left out, it would mean true, and most schemas are not strict.
  if (!flat.contains("strict")) flat["strict"] = false;
  return flat;
}

json::value flat_tool_choice(const json::value& choice) {
  const auto* function = find(choice, "function");
  if (function == nullptr) return choice;
  return json::object{{"type", "function"}, {"name", json::string(text_at(*function, "name"))}};
}

bool reasons(std::string_view model) {
  if (const auto slash = model.rfind('/'); slash != model.npos) model.remove_prefix(slash + 1);
  if (model.starts_with("gpt-5")) return !model.starts_with("gpt-5-chat");
  return model.size() >= 2 && model[0] == 'o' && model[1] >= '1' && model[1] <= '9';
}

class Request {
 public:
  explicit Request(const EncodeInput& input) : in_(input) {}
  Result<EncodedRequest> make();

 private:
  void take_model_args();
  void take_response_format(const json::value& format);
  void take_prompt();
  void take_format();
  json::object& object_arg(std::string_view name);
  void include(std::string_view what);
  void set_default(std::string_view name, json::value value) {
    if (!request_.model_args.contains(name)) request_.model_args[name] = std::move(value);
  }

  const EncodeInput& in_;
  EncodedRequest request_;
  json::array tools_;
  json::value extra_body_;
};

json::object& Request::object_arg(std::string_view name) {
  json::value& value = request_.model_args[name];
  if (!value.is_object()) value = json::object();
  return value.get_object();
}

void Request::include(std::string_view what) {
  json::value& list = request_.model_args["include"];
  if (!list.is_array()) list = json::array();
  auto& names = list.get_array();
  if (std::none_of(names.begin(), names.end(),
                   [&](const json::value& name) { return as_text(&name) == what; }))
    names.push_back(json::string(what));
}

void Request::take_response_format(const json::value& format) {
  json::object flat;
  if (const auto* named = object_at(format, "json_schema")) {
    flat["type"] = "json_schema";
    for (const auto& [key, value] : *named) flat[key] = value;
  } else {
    flat["type"] = json::string(text_at(format, "type"));
  }
  object_arg("text")["format"] = std::move(flat);
}

void Request::take_model_args() {
  static constexpr std::array<std::string_view, 17> refused{
      "model",           "input",         "messages",   "stream",
      "stream_options",  "stop",          "seed",       "logit_bias",
      "functions",       "function_call", "modalities", "audio",
      "prediction",      "logprobs_mode", "best_of",    "frequency_penalty",
      "presence_penalty"};
  for (const auto& [key, value] : in_.options.model_args()) {
    const std::string_view name = key;
    if (value.is_null()) continue;
    if (name == "extra_headers") {
      if (const auto* headers = value.if_object())
        for (const auto& [field, text] : *headers)
          if (text.is_string()) request_.headers.set(field, as_text(&text));
    } else if (name == "extra_body") {
      extra_body_ = value;
    } else if (name == "tools") {
      if (const auto* given = value.if_array())
        for (const auto& tool : *given) tools_.push_back(flat_tool(tool));
    } else if (name == "max_tokens" || name == "max_completion_tokens" || name == "max_output_tokens") {
      request_.model_args["max_output_tokens"] = value;
    } else if (name == "reasoning_effort") {
      object_arg("reasoning")["effort"] = value;
    } else if (name == "verbosity") {
      object_arg("text")["verbosity"] = value;
    } else if (name == "response_format") {
      take_response_format(value);
    } else if (name == "tool_choice") {
      request_.model_args["tool_choice"] = flat_tool_choice(value);
    } else if (name == "logprobs") {
      if (as_boolean(&value).value_or(false)) include("message.output_text.logprobs");
    } else if (name == "include") {
      if (const auto* names = value.if_array())
        for (const auto& one : *names) include(as_text(&one));
    } else if (name == "web_search_options") {
      json::object tool{{"type", "web_search"}};
      if (const auto* options = value.if_object())
        for (const auto& [option, setting] : *options) tool[option] = setting;
      tools_.push_back(std::move(tool));
    } else if (name == "n" && as_integer(&value) == 1) {
      continue;  // one answer is all that this wire gives
    } else if (name == "n" || std::find(refused.begin(), refused.end(), name) != refused.end() ||
               std::find(in_.provider.quirks.unsupported.begin(), in_.provider.quirks.unsupported.end(),
                         name) != in_.provider.quirks.unsupported.end()) {
      request_.dropped.emplace_back(name);
    } else if ((name == "text" || name == "reasoning") && value.is_object()) {
      for (const auto& [member, setting] : value.get_object()) object_arg(name)[member] = setting;
    } else {
      request_.model_args[name] = value;
    }
  }
  if (request_.model_args.contains("top_logprobs")) include("message.output_text.logprobs");
}

void Request::take_prompt() {
  const auto& prompt = in_.dialog.top_prompt();
  if (!prompt) return;
  for (const auto& [key, value] : prompt->addon_args) {
    const bool search = std::string_view(key) == "web_search";
    if (!search && std::string_view(key) != "computer_use") {
      request_.dropped.emplace_back(key);
      continue;
    }
    if (const auto wanted = as_boolean(&value); wanted && !*wanted) continue;
    json::object tool{{"type", search ? "web_search" : "computer_use_preview"}};
    if (!search) {  // the wire wants to know the screen
      tool["display_width"] = 1024;
      tool["display_height"] = 768;
      tool["environment"] = "browser";
    }
    if (const auto* settings = value.if_object())
      for (const auto& [setting, chosen] : *settings) tool[setting] = chosen;
    tools_.push_back(std::move(tool));
  }
  for (const auto& server : prompt->mcp_servers) {
    if (server.url.empty()) continue;  // a child process of ours; the provider cannot reach it
    json::object tool{
        {"type", "mcp"},
        {"server_label", json::string(server.name.empty() ? std::string("mcp") : sanitize_name(server.name))},
        {"server_url", json::string(server.url)},
        {"require_approval", "never"}};
    for (const auto& [option, setting] : server.options) tool[option] = setting;
    tools_.push_back(std::move(tool));
  }
}

void Request::take_format() {
  if (in_.format.empty()) return;
  json::object& text = object_arg("text");
  if (text.contains("format")) return;
  const json::object& schema = in_.format.value();
  auto strict = strict_schema(schema);
  json::object format{{"type", "json_schema"}, {"name", json::string(schema_name(schema))}};
  format["strict"] = strict.has_value();
  format["schema"] = strict ? *strict : schema;
  text["format"] = std::move(format);
}

Result<EncodedRequest> Request::make() {
  request_.path = "/responses";
  request_.headers.set("Content-Type", "application/json");
  for (const auto& tool : in_.tools) tools_.push_back(flat_tool(tool.to_tool()));
  take_model_args();
  take_prompt();
  take_format();
  set_default("max_output_tokens", default_max_output_tokens);
  set_default("truncation", "auto");
  const bool stored = as_boolean(find(request_.model_args, "store")).value_or(true);
  // So that what it thought can go back with the next turn, stored over there or not.
  if (reasons(in_.model)) include("reasoning.encrypted_content");

  std::string& body = request_.body;
  body += R"({"model":)";
  append_json_string(body, in_.model);
  body += R"(,"input":[)";
  Items items(body, in_.provider, stored);
  for (std::size_t i = 0; i < in_.dialog.size(); ++i)
    if (auto written = items.append(*in_.dialog.messages()[i]); !written)
      return Error(written.error().kind(), "message " + std::to_string(i) + ": " + written.error().message());
  body += ']';
  if (!tools_.empty()) {
    body += R"(,"tools":)";
    append_json(body, tools_);
  }
  for (const auto& [key, value] : request_.model_args) {
    body += ',';
    append_json_string(body, key);
    body += ':';
    append_json(body, value);
  }
  if (in_.stream) body += R"(,"stream":true)";
  body += '}';
  if (in_.options.model_args().contains("tools")) request_.model_args["tools"] = std::move(tools_);
  if (const auto* extra = extra_body_.if_object(); extra != nullptr && !extra->empty()) {
    auto whole = parse_json(body);
    if (!whole) return whole.error();
    deep_merge(*whole, extra_body_);
    body = to_json(*whole);
    request_.model_args["extra_body"] = extra_body_;
  }
  return std::move(request_);
}

}  // namespace

Result<EncodedRequest> encode(const EncodeInput& input) {
  return Request(input).make();
}

}  // namespace lllm::openai_responses
