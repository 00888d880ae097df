#include "lllm/testing/fake_wire.hpp"

namespace lllm {

bool is_post_to(std::string_view ending, std::string_view method, std::string_view path) {
  return method == "POST" && path.substr(0, path.find('?')).ends_with(ending);
}

FakeRequest fake_request(std::string_view wire, std::string_view path, const json::value& body) {
  FakeRequest request;
  request.wire = wire;
  request.path = path;
  request.body = body;
  request.model = text_at(body, "model");
  request.stream = as_boolean(find(body, "stream")).value_or(false);
  return request;
}

Error fake_refusal(std::string why) {
  return {ErrorKind::invalid_request, std::move(why)};
}

std::string fake_words(const json::value* content) {
  if (content == nullptr) return {};
  const auto* parts = content->if_array();
  if (parts == nullptr) return std::string(as_text(content));
  std::string words;
  for (const auto& part : *parts) words += text_at(part, "text");
  return words;
}

std::string fake_call_id(const FakeRequest& request, const FakeReply& reply, std::size_t index,
                         std::string_view prefix) {
  const std::string& own = reply.tool_calls[index].id;
  if (!own.empty()) return own;
  return std::string(prefix) + std::to_string(request.number) + "_" + std::to_string(index);
}

std::string fake_finish(const FakeReply& reply, std::string_view plain, std::string_view with_calls) {
  if (!reply.finish_reason.empty()) return reply.finish_reason;
  return std::string(reply.tool_calls.empty() ? plain : with_calls);
}

json::object fake_arguments(const ToolCall& call) {
  auto arguments = call.parsed_arguments();
  return arguments ? std::move(*arguments) : json::object();
}

void read_fake_functions(const json::value& body, FakeRequest& request) {
  const auto* tools = array_at(body, "tools");
  if (tools == nullptr) return;
  for (const auto& tool : *tools) {
    const auto* function = find(tool, "function");
    if (function == nullptr) continue;
    const auto* parameters = object_at(*function, "parameters");
    request.tools.emplace_back(text_at(*function, "name"),
                               parameters == nullptr ? json::object() : *parameters);
  }
}

Result<> read_fake_messages(const json::value& body, FakeRequest& request, bool needs_call_ids) {
  if (request.model.empty()) return fake_refusal("you must provide a model parameter");
  const auto* messages = array_at(body, "messages");
  if (messages == nullptr || messages->empty())
    return fake_refusal("'messages' must be a list that is not empty");
  for (const auto& message : *messages) {
    const auto role = text_at(message, "role");
    if (role == "tool") {
      if (needs_call_ids && text_at(message, "tool_call_id").empty())
        return fake_refusal("a message with role 'tool' needs a tool_call_id");
      ++request.tool_results;
      request.last_tool_result = fake_words(find(message, "content"));
    } else if (role == "user") {
      request.tool_results = 0;
      request.last_user_text = fake_words(find(message, "content"));
    } else if (role != "assistant" && role != "system" && role != "developer") {
      return fake_refusal("invalid role '" + std::string(role) + "'");
    }
  }
  return {};
}

void add_fake_event(std::string& out, std::string_view type, const json::object& members) {
  out.append("event: ").append(type).append("\ndata: {\"type\":\"").append(type).append("\"");
  for (const auto& [name, value] : members) {
    out += ',';
    append_json_string(out, name);
    out += ':';
    append_json(out, value);
  }
  out += "}\n\n";
}

const FakeWire* find_fake_wire(std::string_view method, std::string_view path) {
  for (const FakeWire* wire : {&fake_openai_chat(), &fake_openai_responses(), &fake_gemini(), &fake_ollama(),
                               &fake_anthropic(), &fake_bedrock(), &fake_cohere()})
    if (wire->serves(method, path)) return wire;
  return nullptr;
}

}  // namespace lllm
