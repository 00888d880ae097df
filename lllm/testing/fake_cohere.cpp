#include <optional>

#include "lllm/testing/fake_wire.hpp"

namespace lllm {
namespace {

json::object usage_json(const Usage& usage) {
  const json::object tokens{{"input_tokens", usage.prompt_tokens.value_or(0)},
                            {"output_tokens", usage.completion_tokens.value_or(0)}};
  return {{"billed_units", tokens},
          {"tokens", tokens},
          {"cached_tokens", usage.cached_prompt_tokens.value_or(0)}};
}

json::object call_json(const FakeRequest& request, const FakeReply& reply, std::size_t index,
                       std::string_view arguments) {
  return {{"id", json::string(fake_call_id(request, reply, index, reply.tool_calls[index].name + "_"))},
          {"type", "function"},
          {"function",
           {{"name", json::string(reply.tool_calls[index].name)}, {"arguments", json::string(arguments)}}}};
}

class ChatStream final : public FakeStream {
 public:
  ChatStream(const FakeRequest& request, const FakeReply& reply) : request_(request), reply_(reply) {}

  void begin(std::string& out) override {
    event(out, {{"type", "message-start"},
                {"id", json::string("fake-" + std::to_string(request_.number))},
                {"delta",
                 {{"message",
                   {{"role", "assistant"},
                    {"content", json::array()},
                    {"tool_plan", ""},
                    {"tool_calls", json::array()},
                    {"citations", json::array()}}}}}});
  }

  void step(std::string& out, const FakeStep& step) override {
    switch (step.kind) {
      case FakeStep::Kind::text:
        words(out, "text", step.text);
        break;
      case FakeStep::Kind::reasoning:
        words(out, "thinking", step.text);
        break;
      case FakeStep::Kind::tool_start:
        close(out);
        said(out, "tool-call-start", step.index,
             {{"tool_calls", call_json(request_, reply_, step.index, "")}});
        calling_ = step.index;
        break;
      case FakeStep::Kind::tool_arguments:
        said(out, "tool-call-delta", step.index,
             {{"tool_calls", {{"function", {{"arguments", json::string(step.text)}}}}}});
        break;
    }
  }

  void end(std::string& out) override {
    close(out);
    event(out, {{"type", "message-end"},
                {"delta",
                 {{"finish_reason", json::string(fake_finish(reply_, "COMPLETE", "TOOL_CALL"))},
                  {"usage", usage_json(usage_of(reply_, request_))}}}});
  }

  void error(std::string& out, std::string_view, std::string_view message) override {
    event(out, {{"type", "message-end"},
                {"delta", {{"finish_reason", "ERROR"}, {"error", json::string(message)}}}});
  }

 private:
  static void event(std::string& out, const json::object& data) {
    out.append("event: ").append(as_text(find(data, "type"))).append("\ndata: ");
    append_json(out, data);
    out += "\n\n";
  }

  static void said(std::string& out, std::string_view type, std::size_t index, json::value message) {
    event(out, {{"type", json::string(type)},
                {"index", index},
                {"delta", json::object{{"message", std::move(message)}}}});
  }

  void words(std::string& out, std::string_view kind, std::string_view text) {
    if (open_ != kind) {
      close(out);
      open_ = kind;
      said(out, "content-start", index_,
           {{"content", {{"type", json::string(kind)}, {json::string(kind), ""}}}});
    }
    said(out, "content-delta", index_, {{"content", json::object{{kind, json::string(text)}}}});
  }

  void close(std::string& out) {
    if (!open_.empty()) event(out, {{"type", "content-end"}, {"index", index_++}});
    if (calling_) event(out, {{"type", "tool-call-end"}, {"index", *calling_}});
    open_ = {};
    calling_.reset();
  }

  const FakeRequest& request_;
  const FakeReply& reply_;
  std::size_t index_ = 0;
  std::string_view open_;
  std::optional<std::size_t> calling_;
};

class CohereChat final : public FakeWire {
 public:
  bool serves(std::string_view method, std::string_view path) const override {
    return is_post_to("/v2/chat", method, path);
  }

  Result<FakeRequest> read(std::string_view path, const json::value& body) const override {
    FakeRequest request = fake_request("cohere-chat", path, body);
    if (auto read = read_fake_messages(body, request, true); !read) return read.error();
    read_fake_functions(body, request);
    return request;
  }

  std::string whole(const FakeRequest& request, const FakeReply& reply) const override {
    json::object message{{"role", "assistant"}};
    json::array content;
    if (!reply.reasoning.empty())
      content.push_back(json::object{{"type", "thinking"}, {"thinking", json::string(reply.reasoning)}});
    if (!reply.text.empty())
      content.push_back(json::object{{"type", "text"}, {"text", json::string(reply.text)}});
    if (!content.empty()) message["content"] = std::move(content);
    json::array calls;
    for (std::size_t i = 0; i < reply.tool_calls.size(); ++i)
      calls.push_back(call_json(request, reply, i, reply.tool_calls[i].arguments));
    if (!calls.empty()) message["tool_calls"] = std::move(calls);
    return to_json(json::object{{"id", json::string("fake-" + std::to_string(request.number))},
                                {"message", std::move(message)},
                                {"finish_reason", json::string(fake_finish(reply, "COMPLETE", "TOOL_CALL"))},
                                {"usage", usage_json(usage_of(reply, request))}});
  }

  std::unique_ptr<FakeStream> stream(const FakeRequest& request, const FakeReply& reply) const override {
    return std::make_unique<ChatStream>(request, reply);
  }

  std::string error_body(int, std::string_view, std::string_view message) const override {
    return to_json(json::object{{"message", json::string(message)}});
  }
};

}  // namespace

const FakeWire& fake_cohere() {
  static const CohereChat wire;
  return wire;
}

}  // namespace lllm
