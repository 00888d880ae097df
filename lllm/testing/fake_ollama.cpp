#include "lllm/testing/fake_wire.hpp"

namespace lllm {
namespace {

// Created at a fixed time: the same request gets the same bytes.
constexpr std::string_view created = "2025-06-15T15:06:40Z";

json::object call_json(const ToolCall& call) {
  return {{"function", json::object{{"name", json::string(call.name)}, {"arguments", fake_arguments(call)}}}};
}

json::object line(const FakeRequest& request, json::object message) {
  message["role"] = "assistant";
  return {{"model", json::string(request.model)},
          {"created_at", json::string(created)},
          {"message", std::move(message)},
          {"done", false}};
}

void finish(json::object& last, const FakeRequest& request, const FakeReply& reply) {
  const Usage usage = usage_of(reply, request);
  last["done"] = true;
  last["done_reason"] = reply.finish_reason == "length" ? "length" : "stop";
  last["prompt_eval_count"] = usage.prompt_tokens.value_or(0);
  last["eval_count"] = usage.completion_tokens.value_or(0);
}

class OllamaStream final : public FakeStream {
 public:
  OllamaStream(const FakeRequest& request, const FakeReply& reply) : request_(request), reply_(reply) {}

  void begin(std::string&) override {}

  void step(std::string& out, const FakeStep& step) override {
    json::object message{{"content", ""}};
    switch (step.kind) {
      case FakeStep::Kind::text:
        message["content"] = json::string(step.text);
        break;
      case FakeStep::Kind::reasoning:
        message["thinking"] = json::string(step.text);
        break;
      case FakeStep::Kind::tool_start:
        message["tool_calls"] = json::array{call_json(reply_.tool_calls[step.index])};
        break;
      case FakeStep::Kind::tool_arguments:
        return;  // a call comes whole
    }
    append_json(out, line(request_, std::move(message)));
    out += '\n';
  }

  void end(std::string& out) override {
    json::object last = line(request_, json::object{{"content", ""}});
    finish(last, request_, reply_);
    append_json(out, last);
    out += '\n';
  }

  void error(std::string& out, std::string_view type, std::string_view message) override {
    out += fake_ollama().error_body(500, type, message) + '\n';
  }

 private:
  const FakeRequest& request_;
  const FakeReply& reply_;
};

class Ollama final : public FakeWire {
 public:
  bool serves(std::string_view method, std::string_view path) const override {
    return is_post_to("/api/chat", method, path);
  }

  Result<FakeRequest> read(std::string_view path, const json::value& body) const override {
    FakeRequest request = fake_request("ollama-chat", path, body);
    request.stream = as_boolean(find(body, "stream")).value_or(true);
    if (auto read = read_fake_messages(body, request, false); !read) return read.error();
    read_fake_functions(body, request);
    return request;
  }

  std::string whole(const FakeRequest& request, const FakeReply& reply) const override {
    json::object message{{"content", json::string(reply.text)}};
    if (!reply.reasoning.empty()) message["thinking"] = json::string(reply.reasoning);
    json::array calls;
    for (const auto& call : reply.tool_calls) calls.push_back(call_json(call));
    if (!calls.empty()) message["tool_calls"] = std::move(calls);
    json::object answer = line(request, std::move(message));
    finish(answer, request, reply);
    return to_json(answer);
  }

  [[nodiscard]] std::string_view stream_content_type() const override { return "application/x-ndjson"; }

  std::unique_ptr<FakeStream> stream(const FakeRequest& request, const FakeReply& reply) const override {
    return std::make_unique<OllamaStream>(request, reply);
  }

  std::string error_body(int, std::string_view, std::string_view message) const override {
    return to_json(json::object{{"error", json::string(message)}});
  }
};

}  // namespace

const FakeWire& fake_ollama() {
  static const Ollama wire;
  return wire;
}

}  // namespace lllm
