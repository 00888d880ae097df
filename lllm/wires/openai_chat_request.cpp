#include "lllm/wires/openai_chat_request.hpp"

#include <algorithm>
#include <array>

#include "lllm/core/prompt.hpp"
#include "lllm/wires/json_writing.hpp"
#include "lllm/wires/model_args.hpp"
#include "lllm/wires/openai_chat_message.hpp"
#include "lllm/wires/openai_models.hpp"
#include "lllm/wires/prompt_wishes.hpp"
#include "lllm/wires/providers.hpp"
#include "lllm/wires/structured_output.hpp"

namespace lllm::openai_chat {
namespace {

class Request {
 public:
  explicit Request(const EncodeInput& input)
      : in_(input), quirks_(input.provider.quirks), traits_(openai_traits(input.provider, input.model)) {}
  Result<EncodedRequest> make();

 private:
  void take_model_args();
  void settle_effort();
  void take_format();
  void take_addons();
  void append_tools();
  void drop(std::string_view name) { request_.dropped.emplace_back(name); }
  void set(std::string_view name, json::value value) { request_.model_args[name] = std::move(value); }

  const EncodeInput& in_;
  const Quirks& quirks_;
  const OpenAiTraits traits_;
  EncodedRequest request_;
  json::array given_tools_;  // in model_args, as the caller wrote them
  json::value extra_body_;
  bool answer_tool_offered_ = false;
};

void Request::take_model_args() {
  static constexpr std::array<std::string_view, 4> ours{"model", "messages", "stream", "stream_options"};
  const auto effort = as_text(find(in_.options.model_args(), "reasoning_effort"));
  for (const auto& [key, value] : in_.options.model_args()) {
    const std::string_view name = key;
    if (value.is_null()) continue;  // not given
    if (name == "extra_headers") {
      if (const auto* headers = value.if_object())
        for (const auto& [field, text] : *headers)
          if (text.is_string()) request_.headers.set(field, as_text(&text));
    } else if (name == "extra_body") {
      extra_body_ = value;
    } else if (name == "tools") {
      if (const auto* tools = value.if_array()) given_tools_ = *tools;
    } else if (std::find(ours.begin(), ours.end(), name) != ours.end() || !traits_.takes(name, effort) ||
               (name == "n" && as_integer(&value) != 1) ||
               (name == "parallel_tool_calls" && !quirks_.parallel_tool_calls) ||
               std::find(quirks_.unsupported.begin(), quirks_.unsupported.end(), name) !=
                   quirks_.unsupported.end()) {
      drop(name);
    } else if (name == "max_tokens" || name == "max_completion_tokens") {
      const bool openai = in_.provider.name == "openai" || in_.provider.name == "azure";
      if (openai)
        set(traits_.reasons ? "max_completion_tokens" : name, value);  // where max_tokens is refused
      else
        set(quirks_.max_tokens_field.empty() ? name : quirks_.max_tokens_field, value);
    } else if (name == "seed") {
      set(quirks_.seed_field, value);
    } else {
      set(name, value);
    }
  }
}

// "Function tools with reasoning_effort are not supported for gpt-5.4 in /v1/chat/completions": the tools are
// kept. The Responses API takes both.
void Request::settle_effort() {
  using Effort = OpenAiTraits::EffortBesideTools;
  if (traits_.effort_beside_tools == Effort::any || (in_.tools.empty() && given_tools_.empty())) return;
  const auto* effort = find(request_.model_args, "reasoning_effort");
  if (effort != nullptr && as_text(effort) != "none") {
    drop("reasoning_effort");
    request_.model_args.erase("reasoning_effort");
  }
  if (traits_.effort_beside_tools == Effort::none) set("reasoning_effort", "none");
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
    if (!is_wanted(value)) continue;
    if (std::string_view(key) == "web_search" && in_.provider.name == "openai")
      set("web_search_options", value.is_object() ? value : json::value(json::object()));
    else
      drop(key);
  }
  if (names_remote_server(*prompt)) drop("mcp_servers");
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
  settle_effort();
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
  for (const auto& [key, value] : request_.model_args) append_member(body, key, value);
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

Result<EncodedRequest> encode(const EncodeInput& input) {
  return Request(input).make();
}

}  // namespace lllm::openai_chat
