#include <memory>
#include <set>

#include "lllm/testing/fake_wire.hpp"

namespace lllm {
namespace {

json::object usage_json(const Usage& usage) {
  const auto cached = usage.cached_prompt_tokens.value_or(0);
  json::object counters{{"input_tokens", usage.prompt_tokens.value_or(0) - cached},
                        {"cache_creation_input_tokens", 0},
                        {"cache_read_input_tokens", cached},
                        {"output_tokens", usage.completion_tokens.value_or(0)}};
  if (usage.reasoning_tokens)
    counters["output_tokens_details"] = {{"thinking_tokens", *usage.reasoning_tokens}};
  return counters;
}

json::object message_json(const FakeRequest& request, json::array content, json::value stop_reason,
                          Usage usage) {
  return {{"id", json::string("msg_fake_" + std::to_string(request.number))},
          {"type", "message"},
          {"role", "assistant"},
          {"model", json::string(request.model)},
          {"content", std::move(content)},
          {"stop_reason", std::move(stop_reason)},
          {"stop_sequence", nullptr},
          {"usage", usage_json(usage)}};
}

// A stream is made of blocks; a step of another kind, or of another call, opens the next one.
class MessagesStream final : public FakeStream {
 public:
  MessagesStream(const FakeRequest& request, const FakeReply& reply) : request_(request), reply_(reply) {}

  void begin(std::string& out) override {
    Usage usage = usage_of(reply_, request_);
    usage.completion_tokens = 1;
    usage.reasoning_tokens.reset();
    add_fake_event(out, "message_start", {{"message", message_json(request_, {}, nullptr, usage)}});
    add_fake_event(out, "ping", {});
  }

  void step(std::string& out, const FakeStep& step) override {
    switch (step.kind) {
      case FakeStep::Kind::text:
        open(out, "text", R"({"type":"text","text":""})");
        delta(out, R"({"type":"text_delta","text":)", step.text);
        break;
      case FakeStep::Kind::reasoning:
        open(out, "thinking", R"({"type":"thinking","thinking":"","signature":""})");
        delta(out, R"({"type":"thinking_delta","thinking":)", step.text);
        break;
      case FakeStep::Kind::tool_start: {
        std::string block = R"({"type":"tool_use","id":)";
        append_json_string(block, fake_call_id(request_, reply_, step.index, "toolu_"));
        block += ",\"name\":";
        append_json_string(block, step.text);
        block += ",\"input\":{}}";
        close(out);
        open(out, "tool_use", block);
        break;
      }
      case FakeStep::Kind::tool_arguments:
        delta(out, R"({"type":"input_json_delta","partial_json":)", step.text);
        break;
    }
  }

  void end(std::string& out) override {
    close(out);
    add_fake_event(out, "message_delta",
                   {{"delta",
                     {{"stop_reason", json::string(fake_finish(reply_, "end_turn", "tool_use"))},
                      {"stop_sequence", nullptr}}},
                    {"usage", usage_json(usage_of(reply_, request_))}});
    add_fake_event(out, "message_stop", {});
  }

  void error(std::string& out, std::string_view type, std::string_view message) override {
    out += "event: error\ndata: " + fake_anthropic().error_body(500, type, message) + "\n\n";
  }

 private:
  void open(std::string& out, std::string_view type, std::string_view block) {
    if (open_ == type) return;
    close(out);
    open_ = type;
    out.append("event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":");
    out.append(std::to_string(index_)).append(",\"content_block\":").append(block).append("}\n\n");
  }

  void close(std::string& out) {
    if (open_.empty()) return;
    if (open_ == "thinking") delta(out, R"({"type":"signature_delta","signature":)", fake_signature);
    out.append("event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":");
    out.append(std::to_string(index_++)).append("}\n\n");
    open_ = {};
  }

  void delta(std::string& out, std::string_view start, std::string_view text) const {
    out.append("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":");
    out.append(std::to_string(index_)).append(",\"delta\":").append(start);
    append_json_string(out, text);
    out += "}}\n\n";
  }

  const FakeRequest& request_;
  const FakeReply& reply_;
  std::size_t index_ = 0;
  std::string_view open_;
};

class AnthropicMessages final : public FakeWire {
 public:
  bool serves(std::string_view method, std::string_view path) const override {
    return is_post_to("/v1/messages", method, path);
  }

  Result<FakeRequest> read(std::string_view path, const json::value& body) const override {
    FakeRequest request = fake_request("anthropic-messages", path, body);
    if (request.model.empty()) return fake_refusal("model: Field required");
    if (!integer_at(body, "max_tokens")) return fake_refusal("max_tokens: Field required");
    const auto* messages = array_at(body, "messages");
    if (messages == nullptr || messages->empty())
      return fake_refusal("messages: at least one message is required");
    std::set<std::string> unanswered;
    for (const auto& message : *messages)
      if (auto done = read_message(message, request, unanswered); !done) return done.error();
    if (!unanswered.empty())
      return fake_refusal("`tool_use` ids were found without `tool_result` blocks: " + *unanswered.begin());
    if (const auto* tools = array_at(body, "tools"))
      for (const auto& tool : *tools)
        if (const auto* schema = object_at(tool, "input_schema"))
          request.tools.emplace_back(std::string(text_at(tool, "name")), *schema);
    return request;
  }

  std::string whole(const FakeRequest& request, const FakeReply& reply) const override {
    json::array content;
    if (!reply.reasoning.empty())
      content.push_back(json::object{{"type", "thinking"},
                                     {"thinking", json::string(reply.reasoning)},
                                     {"signature", json::string(fake_signature)}});
    if (!reply.text.empty())
      content.push_back(json::object{{"type", "text"}, {"text", json::string(reply.text)}});
    for (std::size_t i = 0; i < reply.tool_calls.size(); ++i) {
      content.push_back(json::object{{"type", "tool_use"},
                                     {"id", json::string(fake_call_id(request, reply, i, "toolu_"))},
                                     {"name", json::string(reply.tool_calls[i].name)},
                                     {"input", fake_arguments(reply.tool_calls[i])}});
    }
    return to_json(message_json(request, std::move(content),
                                json::string(fake_finish(reply, "end_turn", "tool_use")),
                                usage_of(reply, request)));
  }

  std::unique_ptr<FakeStream> stream(const FakeRequest& request, const FakeReply& reply) const override {
    return std::make_unique<MessagesStream>(request, reply);
  }

  std::string error_body(int, std::string_view type, std::string_view message) const override {
    return to_json(json::object{{"type", "error"},
                                {"error", {{"type", json::string(type)}, {"message", json::string(message)}}},
                                {"request_id", "req_fake"}});
  }

 private:
  static Result<> read_message(const json::value& message, FakeRequest& request,
                               std::set<std::string>& unanswered) {
    const auto role = text_at(message, "role");
    if (role != "user" && role != "assistant")
      return fake_refusal("messages: role must be 'user' or 'assistant', not '" + std::string(role) + "'");
    if (role == "user") request.tool_results = 0;
    const auto* content = find(message, "content");
    if (content != nullptr && content->is_string()) {
      if (role == "user") request.last_user_text = std::string(as_text(content));
      return {};
    }
    const auto* blocks = as_array(content);
    if (blocks == nullptr || blocks->empty()) return fake_refusal("messages: content must not be empty");
    std::string words;
    for (const auto& block : *blocks) {
      const auto type = text_at(block, "type");
      if (type == "text") {
        if (text_at(block, "text").empty())
          return fake_refusal("messages: text content blocks must be non-empty");
        words += text_at(block, "text");
      } else if (type == "tool_use") {
        unanswered.emplace(text_at(block, "id"));
      } else if (type == "tool_result") {
        if (unanswered.erase(std::string(text_at(block, "tool_use_id"))) == 0)
          return fake_refusal("messages: unexpected `tool_use_id` found in `tool_result` blocks");
        ++request.tool_results;
        request.last_tool_result = fake_words(find(block, "content"));
      }
    }
    if (role == "user" && !words.empty()) request.last_user_text = std::move(words);
    return {};
  }
};

}  // namespace

const FakeWire& fake_anthropic() {
  static const AnthropicMessages wire;
  return wire;
}

}  // namespace lllm
