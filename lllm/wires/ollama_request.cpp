#include "lllm/wires/ollama_request.hpp"

#include <map>

#include "lllm/core/prompt.hpp"
#include "lllm/wires/json_writing.hpp"
#include "lllm/wires/model_args.hpp"
#include "lllm/wires/prompt_wishes.hpp"

namespace lllm::ollama {
namespace {

Result<> append_images(std::string& out, const Message& message) {
  char before = '[';
  for (const auto& part : message.parts) {
    const auto* media = std::get_if<MediaPart>(&part);
    if (media == nullptr) continue;
    if (media->kind != MediaKind::image || !media->base64)
      return Error(ErrorKind::unsupported, "Ollama takes images by their bytes, and no other media");
    out += before == '[' ? R"(,"images":[")" : R"(,")";
    before = ',';
    append_base64(out, media->data());
    out += '"';
  }
  if (before == ',') out += ']';
  return {};
}

using ToolNames = std::map<std::string_view, std::string_view>;  // by call id

Result<> append_message(std::string& out, const Message& message, ToolNames& tools) {
  std::string_view role = to_string(message.role);
  if (message.role == Role::tool_call) role = "assistant";
  out += R"({"role":")";
  out += role;
  out += '"';
  append_member(out, "content", message.text().empty() ? message.refusal() : message.text());
  if (message.role == Role::tool) {
    if (message.tool_call_id.empty())
      return Error(ErrorKind::invalid_argument, "a tool message needs the id of the call it answers");
    const auto found = tools.find(message.tool_call_id);
    const std::string_view name = found == tools.end() ? std::string_view(message.name) : found->second;
    if (!name.empty()) append_member(out, "tool_name", name);
  }
  if (message.role == Role::assistant || message.role == Role::tool_call) {
    if (const auto thinking = message.reasoning(); !thinking.empty() && !message.tool_calls.empty())
      append_member(out, "thinking", thinking);
    char before = '[';
    for (const auto& call : message.tool_calls) {
      tools[call.id] = call.name;
      out += before == '[' ? R"(,"tool_calls":[)" : ",";
      before = ',';
      out += R"({"function":{"name":)";
      append_json_string(out, call.name);
      out += R"(,"arguments":)";
      append_arguments(out, call);
      out += "}}";
    }
    if (before == ',') out += ']';
  }
  if (auto images = append_images(out, message); !images) return images;
  out += '}';
  return {};
}

/// OpenAI's arguments as `options` and members of the body.
json::object members_of(const EncodeInput& input, ModelArgs& args, EncodedRequest& request) {
  json::object options;
  args.pass("temperature", options);
  args.pass("top_p", options);
  args.pass("top_k", options);
  args.pass("seed", options);
  args.pass("presence_penalty", options);
  args.pass("frequency_penalty", options);
  args.pass("num_ctx", options);
  args.pass("min_p", options);
  args.pass("repeat_penalty", options);
  if (const auto* most = args.take({"max_completion_tokens", "max_tokens"})) options["num_predict"] = *most;
  if (auto stop = stop_list(args.take("stop")); !stop.empty()) options["stop"] = std::move(stop);

  json::object members;
  args.pass("keep_alive", members);
  args.pass("logprobs", members);
  args.pass("top_logprobs", members);
  if (const auto* effort = args.take("reasoning_effort")) {
    const auto word = as_text(effort);
    members["think"] = word == "none" || word == "disable" ? json::value(false) : json::value(true);
    // Only gpt-oss knows levels.
    if (input.model.starts_with("gpt-oss") && (word == "low" || word == "medium" || word == "high"))
      members["think"] = json::string(word);
  }
  if (const auto* n = args.take("n"); n != nullptr && as_integer(n) != 1) args.drop("n");
  if (const auto* format = find(input.options.model_args(), "response_format");
      format != nullptr && text_at(*format, "type") == "json_object") {
    args.take("response_format");
    members["format"] = "json";
    if (!input.format.empty()) members["format"] = input.format.value();
  } else if (const WantedFormat wanted = take_format(input.format, args); wanted.schema != nullptr) {
    members["format"] = *wanted.schema;
  }
  if (!options.empty()) members["options"] = std::move(options);
  request.model_args = members;

  json::array tools;
  for (const auto& tool : input.tools) tools.push_back(tool.to_tool());
  if (const auto* given = as_array(args.take("tools")))
    for (const auto& tool : *given) tools.push_back(tool);
  // It has no way to force or forbid a call but to offer none.
  const ToolChoice choice = read_tool_choice(args.take("tool_choice"));
  if (choice.kind == ToolChoice::Kind::none)
    tools.clear();
  else if (choice.kind == ToolChoice::Kind::required || choice.kind == ToolChoice::Kind::named)
    args.drop("tool_choice");
  if (!tools.empty()) members["tools"] = std::move(tools);
  return members;
}

}  // namespace

Result<EncodedRequest> encode(const EncodeInput& input) {
  EncodedRequest request;
  request.path = "/api/chat";
  request.headers.set("Content-Type", "application/json");
  ModelArgs args(input.options.model_args());
  if (const auto* headers = as_object(args.take("extra_headers")))
    for (const auto& [field, text] : *headers)
      if (text.is_string()) request.headers.set(field, as_text(&text));
  const auto* extra = as_object(args.take("extra_body"));
  const json::object members = members_of(input, args, request);
  if (const auto& prompt = input.dialog.top_prompt()) {
    for (const auto& [name, value] : prompt->addon_args)
      if (is_wanted(value)) args.drop(name);
    if (names_remote_server(*prompt)) args.drop("mcp_servers");
  }

  std::string& body = request.body;
  body += R"({"model":)";
  append_json_string(body, input.model);
  body += R"(,"messages":[)";
  ToolNames tools;
  for (std::size_t i = 0; i < input.dialog.size(); ++i) {
    if (i > 0) body += ',';
    if (auto written = append_message(body, *input.dialog.messages()[i], tools); !written)
      return Error(written.error().kind(), "message " + std::to_string(i) + ": " + written.error().message());
  }
  body += ']';
  for (const auto& [name, value] : members) {
    body += ',';
    append_json_string(body, name);
    body += ':';
    append_json(body, value);
  }
  body += input.stream ? R"(,"stream":true})" : R"(,"stream":false})";
  if (extra != nullptr && !extra->empty()) {
    auto whole = parse_json(body);
    if (!whole) return whole.error();
    deep_merge(*whole, *extra);
    body = to_json(*whole);
    request.model_args["extra_body"] = *extra;
  }
  request.dropped = args.dropped();
  return request;
}

}  // namespace lllm::ollama
