#include "lllm/testing/fake_wire.hpp"

namespace lllm {
namespace {

std::string_view method_of(std::string_view path) {
  path = path.substr(0, path.find('?'));
  const auto colon = path.rfind(':');
  return colon == path.npos ? std::string_view() : path.substr(colon + 1);
}

std::string model_of(std::string_view path) {
  path = path.substr(0, path.find('?'));
  path = path.substr(0, path.rfind(':'));
  return std::string(path.substr(path.rfind('/') + 1));
}

std::string finish_of(const FakeReply& reply) {
  // Google says STOP before a tool call, too.
  if (reply.finish_reason.empty() || reply.finish_reason == "stop" || reply.finish_reason == "tool_calls")
    return "STOP";
  return reply.finish_reason == "length" ? "MAX_TOKENS" : reply.finish_reason;
}

json::object usage_json(const Usage& usage) {
  const std::int64_t thoughts = usage.reasoning_tokens.value_or(0);
  json::object counters{{"promptTokenCount", usage.prompt_tokens.value_or(0)},
                        {"candidatesTokenCount", usage.completion_tokens.value_or(0) - thoughts},
                        {"totalTokenCount", usage.total_tokens.value_or(0)}};
  if (thoughts > 0) counters["thoughtsTokenCount"] = thoughts;
  if (const auto cached = usage.cached_prompt_tokens.value_or(0); cached > 0)
    counters["cachedContentTokenCount"] = cached;
  return counters;
}

json::object call_part(const ToolCall& call, bool first) {
  json::object function{{"name", json::string(call.name)}, {"args", fake_arguments(call)}};
  if (!call.id.empty()) function["id"] = json::string(call.id);
  json::object part{{"functionCall", std::move(function)}};
  if (first) part["thoughtSignature"] = json::string(fake_signature);  // which must come back unchanged
  return part;
}

/// What every event and the whole answer have besides candidates and usage.
json::object envelope(const FakeRequest& request) {
  return {{"modelVersion", json::string(request.model)},
          {"responseId", json::string("fake-" + std::to_string(request.number))}};
}

class GeminiStream final : public FakeStream {
 public:
  GeminiStream(const FakeRequest& request, const FakeReply& reply) : request_(request), reply_(reply) {
    tail_ = R"(],"role":"model"},"index":0}],"modelVersion":)";
    append_json_string(tail_, request.model);
    tail_ += R"(,"responseId":"fake-)" + std::to_string(request.number) + "\"}\r\n\r\n";
  }

  void begin(std::string&) override {}

  void step(std::string& out, const FakeStep& step) override {
    switch (step.kind) {
      case FakeStep::Kind::text:
      case FakeStep::Kind::reasoning:
        out += R"(data: {"candidates":[{"content":{"parts":[{"text":)";
        append_json_string(out, step.text);
        out += step.kind == FakeStep::Kind::reasoning ? R"(,"thought":true})" : "}";
        out += tail_;
        break;
      case FakeStep::Kind::tool_start:
        // A call comes whole; its arguments are in the reply already.
        out += R"(data: {"candidates":[{"content":{"parts":[)";
        append_json(out, call_part(reply_.tool_calls[step.index], step.index == 0));
        out += tail_;
        break;
      case FakeStep::Kind::tool_arguments:
        break;
    }
  }

  void end(std::string& out) override {
    json::object last = envelope(request_);
    last["candidates"] = json::array{
        json::object{{"content", {{"parts", json::array{json::object{{"text", ""}}}}, {"role", "model"}}},
                     {"finishReason", json::string(finish_of(reply_))},
                     {"index", 0}}};
    last["usageMetadata"] = usage_json(usage_of(reply_, request_));
    out += "data: ";
    append_json(out, last);
    out += "\r\n\r\n";
  }

  void error(std::string& out, std::string_view type, std::string_view message) override {
    out += "data: " + fake_gemini().error_body(500, type, message) + "\r\n\r\n";
  }

 private:
  const FakeRequest& request_;
  const FakeReply& reply_;
  std::string tail_;
};

class Gemini final : public FakeWire {
 public:
  bool serves(std::string_view method, std::string_view path) const override {
    const auto name = method_of(path);
    return method == "POST" && (name == "generateContent" || name == "streamGenerateContent");
  }

  Result<FakeRequest> read(std::string_view path, const json::value& body) const override {
    FakeRequest request = fake_request("gemini-generate", path, body);
    request.model = model_of(path);
    request.stream = method_of(path) == "streamGenerateContent";
    const auto* contents = array_at(body, "contents");
    if (contents == nullptr || contents->empty())
      return fake_refusal("* GenerateContentRequest.contents: contents is not specified");
    for (const auto& content : *contents) {
      const auto* parts = array_at(content, "parts");
      if (parts == nullptr || parts->empty())
        return fake_refusal("* GenerateContentRequest.contents.parts: contents.parts must not be empty.");
      const auto role = text_at(content, "role");
      if (!role.empty() && role != "user" && role != "model")
        return fake_refusal("Please use a valid role: user, model.");
      if (role == "model") continue;
      std::string words;
      std::size_t results = 0;
      for (const auto& part : *parts) {
        words += text_at(part, "text");
        if (const auto* response = find(part, "functionResponse")) {
          if (text_at(*response, "name").empty())
            return fake_refusal(
                "* GenerateContentRequest.contents.parts.function_response.name: Name cannot be empty.");
          ++results;
          if (const auto* given = find(*response, "response")) {
            const auto output = text_at(*given, "output");
            request.last_tool_result = output.empty() ? to_json(*given) : std::string(output);
          }
        }
      }
      request.tool_results = results == 0 ? 0 : request.tool_results + results;
      if (results == 0) request.last_user_text = std::move(words);
    }
    if (const auto* tools = array_at(body, "tools"))
      for (const auto& tool : *tools)
        if (const auto* functions = array_at(tool, "functionDeclarations"))
          for (const auto& function : *functions) {
            const auto* parameters = object_at(function, "parametersJsonSchema");
            if (parameters == nullptr) parameters = object_at(function, "parameters");
            request.tools.emplace_back(std::string(text_at(function, "name")),
                                       parameters == nullptr ? json::object() : *parameters);
          }
    return request;
  }

  std::string whole(const FakeRequest& request, const FakeReply& reply) const override {
    json::array parts;
    if (!reply.reasoning.empty())
      parts.push_back(json::object{{"text", json::string(reply.reasoning)}, {"thought", true}});
    if (!reply.text.empty() || reply.tool_calls.empty())
      parts.push_back(json::object{{"text", json::string(reply.text)}});
    for (std::size_t i = 0; i < reply.tool_calls.size(); ++i)
      parts.push_back(call_part(reply.tool_calls[i], i == 0));
    json::object answer = envelope(request);
    answer["candidates"] =
        json::array{json::object{{"content", json::object{{"parts", std::move(parts)}, {"role", "model"}}},
                                 {"finishReason", json::string(finish_of(reply))},
                                 {"index", 0}}};
    answer["usageMetadata"] = usage_json(usage_of(reply, request));
    return to_json(answer);
  }

  std::unique_ptr<FakeStream> stream(const FakeRequest& request, const FakeReply& reply) const override {
    return std::make_unique<GeminiStream>(request, reply);
  }

  std::string error_body(int status, std::string_view type, std::string_view message) const override {
    return to_json(json::object{{"error", json::object{{"code", status},
                                                       {"message", json::string(message)},
                                                       {"status", json::string(type)}}}});
  }
};

}  // namespace

const FakeWire& fake_gemini() {
  static const Gemini wire;
  return wire;
}

}  // namespace lllm
