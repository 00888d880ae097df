#include "lllm/testing/fake_wire.hpp"

namespace lllm {
namespace {

std::string id_of(const FakeRequest& request) {
  return "chatcmpl-fake-" + std::to_string(request.number);
}

json::object usage_json(const Usage& usage) {
  return {
      {"prompt_tokens", usage.prompt_tokens.value_or(0)},
      {"completion_tokens", usage.completion_tokens.value_or(0)},
      {"total_tokens", usage.total_tokens.value_or(0)},
      {"prompt_tokens_details", json::object{{"cached_tokens", usage.cached_prompt_tokens.value_or(0)}}},
      {"completion_tokens_details", json::object{{"reasoning_tokens", usage.reasoning_tokens.value_or(0)}}}};
}

// Created at a fixed time: the same request gets the same bytes.
constexpr std::int64_t created = 1'750'000'000;

class ChatStream final : public FakeStream {
 public:
  ChatStream(const FakeRequest& request, const FakeReply& reply) : request_(request), reply_(reply) {
    head_ = R"(data: {"id":)";
    append_json_string(head_, id_of(request));
    head_ += R"(,"object":"chat.completion.chunk","created":)" + std::to_string(created) + R"(,"model":)";
    append_json_string(head_, request.model);
    head_ += R"(,"system_fingerprint":"fp_fake")";
    if (const auto* options = find(request.body, "stream_options"))
      wants_usage_ = as_boolean(find(*options, "include_usage")).value_or(false);
    if (wants_usage_) tail_ = R"(,"usage":null)";
    tail_ += "}\n\n";
  }

  void begin(std::string& out) override {
    choice(out, R"({"role":"assistant","content":"","refusal":null})");
  }

  void step(std::string& out, const FakeStep& step) override {
    std::string delta;
    switch (step.kind) {
      case FakeStep::Kind::text:
        delta = R"({"content":)";
        append_json_string(delta, step.text);
        delta += '}';
        break;
      case FakeStep::Kind::reasoning:
        delta = R"({"reasoning_content":)";
        append_json_string(delta, step.text);
        delta += '}';
        break;
      case FakeStep::Kind::tool_start:
        delta = R"({"tool_calls":[{"index":)" + std::to_string(step.index) + R"(,"id":)";
        append_json_string(delta, fake_call_id(request_, reply_, step.index, "call_"));
        delta += R"(,"type":"function","function":{"name":)";
        append_json_string(delta, step.text);
        delta += R"(,"arguments":""}}]})";
        break;
      case FakeStep::Kind::tool_arguments:
        delta = R"({"tool_calls":[{"index":)" + std::to_string(step.index) + R"(,"function":{"arguments":)";
        append_json_string(delta, step.text);
        delta += "}}]}";
        break;
    }
    choice(out, delta);
  }

  void end(std::string& out) override {
    std::string finish;
    append_json_string(finish, fake_finish(reply_, "stop", "tool_calls"));
    choice(out, "{}", finish);
    if (wants_usage_) {
      out += head_ + R"(,"choices":[],"usage":)";
      append_json(out, usage_json(usage_of(reply_, request_)));
      out += "}\n\n";
    }
    out += "data: [DONE]\n\n";
  }

  void error(std::string& out, std::string_view type, std::string_view message) override {
    out += "data: " + fake_openai_chat().error_body(500, type, message) + "\n\n";
  }

 private:
  void choice(std::string& out, std::string_view delta, std::string_view finish = "null") {
    out.append(head_).append(R"(,"choices":[{"index":0,"delta":)").append(delta);
    out.append(R"(,"logprobs":null,"finish_reason":)").append(finish).append("}]").append(tail_);
  }

  const FakeRequest& request_;
  const FakeReply& reply_;
  std::string head_;
  std::string tail_;
  bool wants_usage_ = false;
};

class OpenAiChat final : public FakeWire {
 public:
  bool serves(std::string_view method, std::string_view path) const override {
    return is_post_to("/chat/completions", method, path);
  }

  Result<FakeRequest> read(std::string_view path, const json::value& body) const override {
    FakeRequest request = fake_request("openai-chat", path, body);
    if (auto read = read_fake_messages(body, request, true); !read) return read.error();
    read_fake_functions(body, request);
    return request;
  }

  std::string whole(const FakeRequest& request, const FakeReply& reply) const override {
    json::object message{{"role", "assistant"}, {"content", nullptr}, {"refusal", nullptr}};
    if (!reply.text.empty() || reply.tool_calls.empty()) message["content"] = json::string(reply.text);
    if (!reply.reasoning.empty()) message["reasoning_content"] = json::string(reply.reasoning);
    if (!reply.tool_calls.empty()) {
      json::array calls;
      for (std::size_t i = 0; i < reply.tool_calls.size(); ++i)
        calls.push_back(json::object{
            {"id", json::string(fake_call_id(request, reply, i, "call_"))},
            {"type", "function"},
            {"function", json::object{{"name", json::string(reply.tool_calls[i].name)},
                                      {"arguments", json::string(reply.tool_calls[i].arguments)}}}});
      message["tool_calls"] = std::move(calls);
    }
    return to_json(json::object{
        {"id", json::string(id_of(request))},
        {"object", "chat.completion"},
        {"created", created},
        {"model", json::string(request.model)},
        {"choices", json::array{json::object{
                        {"index", 0},
                        {"message", std::move(message)},
                        {"logprobs", nullptr},
                        {"finish_reason", json::string(fake_finish(reply, "stop", "tool_calls"))}}}},
        {"usage", usage_json(usage_of(reply, request))},
        {"system_fingerprint", "fp_fake"}});
  }

  std::unique_ptr<FakeStream> stream(const FakeRequest& request, const FakeReply& reply) const override {
    return std::make_unique<ChatStream>(request, reply);
  }

  std::string error_body(int, std::string_view type, std::string_view message) const override {
    return to_json(json::object{{"error", json::object{{"message", json::string(message)},
                                                       {"type", json::string(type)},
                                                       {"param", nullptr},
                                                       {"code", nullptr}}}});
  }
};

}  // namespace

const FakeWire& fake_openai_chat() {
  static const OpenAiChat wire;
  return wire;
}

}  // namespace lllm
