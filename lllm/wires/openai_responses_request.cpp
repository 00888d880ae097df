#include <algorithm>
#include <array>

#include "lllm/core/prompt.hpp"
#include "lllm/wires/json_writing.hpp"
#include "lllm/wires/model_args.hpp"
#include "lllm/wires/openai_models.hpp"
#include "lllm/wires/openai_responses.hpp"
#include "lllm/wires/openai_responses_items.hpp"
#include "lllm/wires/providers.hpp"
#include "lllm/wires/structured_output.hpp"

namespace lllm::openai_responses {
namespace {

constexpr std::int64_t default_max_output_tokens = 32000;

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

class Request {
 public:
  explicit Request(const EncodeInput& input)
      : in_(input), traits_(openai_traits(input.provider, input.model)) {}
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
  const OpenAiTraits traits_;
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
  const json::object& args = in_.options.model_args();
  const auto* reasoning = find(args, "reasoning");
  const auto effort =
      reasoning != nullptr ? text_at(*reasoning, "effort") : as_text(find(args, "reasoning_effort"));
  for (const auto& [key, value] : args) {
    const std::string_view name = key;
    if (value.is_null()) continue;
    if (!traits_.takes(name, effort)) {
      request_.dropped.emplace_back(name);
    } else if (name == "extra_headers") {
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
    // Only the preview's own model knows the preview's tool, which wants to know the screen; for all others
    // it is "computer", which has no settings (OpenAI's guide "Computer use", migration).
    const bool preview = !search && in_.model.find("computer-use-preview") != in_.model.npos;
    if (!search && !preview) {
      tools_.push_back(json::object{{"type", "computer"}});
      continue;
    }
    json::object tool{{"type", search ? "web_search" : "computer_use_preview"}};
    if (preview) {
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
  if (openai_traits(in_.model).reasons) include("reasoning.encrypted_content");

  std::string& body = request_.body;
  body += R"({"model":)";
  append_json_string(body, in_.model);
  body += R"(,"input":[)";
  Items items(body, in_.provider, stored, !traits_.is_known || traits_.reasons);
  for (std::size_t i = 0; i < in_.dialog.size(); ++i)
    if (auto written = items.append(*in_.dialog.messages()[i]); !written)
      return Error(written.error().kind(), "message " + std::to_string(i) + ": " + written.error().message());
  body += ']';
  if (!tools_.empty()) {
    body += R"(,"tools":)";
    append_json(body, tools_);
  }
  for (const auto& [key, value] : request_.model_args) append_member(body, key, value);
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
