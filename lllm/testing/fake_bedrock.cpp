#include <set>

#include "lllm/formats/aws_frames.hpp"
#include "lllm/formats/percent.hpp"
#include "lllm/testing/fake_wire.hpp"

namespace lllm {
namespace {

json::object usage_json(const Usage& usage) {
  const auto cached = usage.cached_prompt_tokens.value_or(0);
  return {{"inputTokens", usage.prompt_tokens.value_or(0) - cached},
          {"outputTokens", usage.completion_tokens.value_or(0)},
          {"totalTokens", usage.total_tokens.value_or(0)},
          {"cacheReadInputTokens", cached},
          {"cacheWriteInputTokens", 0}};
}

// As the service does it: text and thoughts have no start of their own.
class ConverseStream final : public FakeStream {
 public:
  ConverseStream(const FakeRequest& request, const FakeReply& reply) : request_(request), reply_(reply) {}

  void begin(std::string& out) override {
    append_aws_event(out, "messageStart", R"({"p":"abcd","role":"assistant"})");
  }

  void step(std::string& out, const FakeStep& step) override {
    switch (step.kind) {
      case FakeStep::Kind::text:
        open(out, step.kind);
        delta(out, R"({"text":)", step.text, "}");
        break;
      case FakeStep::Kind::reasoning:
        open(out, step.kind);
        delta(out, R"({"reasoningContent":{"text":)", step.text, "}}");
        break;
      case FakeStep::Kind::tool_start: {
        close(out);
        open(out, step.kind);
        std::string start =
            R"({"contentBlockIndex":)" + std::to_string(index_) + R"(,"start":{"toolUse":{"toolUseId":)";
        append_json_string(start, fake_call_id(request_, reply_, step.index, "tooluse_"));
        start += ",\"name\":";
        append_json_string(start, step.text);
        append_aws_event(out, "contentBlockStart", start + "}}}");
        break;
      }
      case FakeStep::Kind::tool_arguments:
        delta(out, R"({"toolUse":{"input":)", step.text, "}}");
        break;
    }
  }

  void end(std::string& out) override {
    close(out);
    append_aws_event(
        out, "messageStop",
        to_json(json::object{{"stopReason", json::string(fake_finish(reply_, "end_turn", "tool_use"))}}));
    append_aws_event(out, "metadata",
                     to_json(json::object{{"metrics", {{"latencyMs", 1}}},
                                          {"usage", usage_json(usage_of(reply_, request_))}}));
  }

  void error(std::string& out, std::string_view type, std::string_view message) override {
    const std::string name = type.ends_with("Exception") ? std::string(type) : "internalServerException";
    append_aws_exception(out, name, fake_bedrock().error_body(500, type, message));
  }

 private:
  void open(std::string& out, FakeStep::Kind kind) {
    if (is_open_ && kind_ == kind) return;
    close(out);
    is_open_ = true;
    kind_ = kind;
  }

  void close(std::string& out) {
    if (!is_open_) return;
    if (kind_ == FakeStep::Kind::reasoning)
      delta(out, R"({"reasoningContent":{"signature":)", fake_signature, "}}");
    append_aws_event(out, "contentBlockStop", R"({"contentBlockIndex":)" + std::to_string(index_++) + "}");
    is_open_ = false;
  }

  void delta(std::string& out, std::string_view start, std::string_view text, std::string_view end) const {
    std::string data = R"({"contentBlockIndex":)" + std::to_string(index_) + R"(,"delta":)";
    data += start;
    append_json_string(data, text);
    data.append(end).append(R"(,"p":"abcdefghijkl"})");
    append_aws_event(out, "contentBlockDelta", data);
  }

  const FakeRequest& request_;
  const FakeReply& reply_;
  std::size_t index_ = 0;
  FakeStep::Kind kind_ = FakeStep::Kind::text;
  bool is_open_ = false;
};

class BedrockConverse final : public FakeWire {
 public:
  bool serves(std::string_view method, std::string_view path) const override {
    return method == "POST" && path.find("/model/") != path.npos &&
           (path.ends_with("/converse") || path.ends_with("/converse-stream"));
  }

  Result<FakeRequest> read(std::string_view path, const json::value& body) const override {
    FakeRequest request = fake_request("bedrock-converse", path, body);
    request.stream = path.ends_with("-stream");
    const auto start = path.find("/model/") + 7;
    request.model = percent_decode(path.substr(start, path.rfind('/') - start));
    const auto* messages = array_at(body, "messages");
    if (messages == nullptr || messages->empty())
      return fake_refusal("A conversation must start with a user message.");
    std::set<std::string> unanswered;
    std::string_view before;
    for (const auto& message : *messages) {
      const auto role = text_at(message, "role");
      if (role == before || (role != "user" && role != "assistant"))
        return fake_refusal("Roles must alternate between \"user\" and \"assistant\".");
      before = role;
      if (auto done = read_message(message, request, unanswered); !done) return done.error();
    }
    if (!unanswered.empty())
      return fake_refusal("Expected toolResult blocks for the following Ids: " + *unanswered.begin());
    if (const auto* tools = as_array(find_at(body, "/toolConfig/tools")))
      for (const auto& tool : *tools)
        if (const auto* schema = as_object(find_at(tool, "/toolSpec/inputSchema/json")))
          request.tools.emplace_back(std::string(as_text(find_at(tool, "/toolSpec/name"))), *schema);
    return request;
  }

  std::string whole(const FakeRequest& request, const FakeReply& reply) const override {
    json::array content;
    if (!reply.reasoning.empty())
      content.push_back(json::object{
          {"reasoningContent",
           {{"reasoningText",
             {{"text", json::string(reply.reasoning)}, {"signature", json::string(fake_signature)}}}}}});
    if (!reply.text.empty()) content.push_back(json::object{{"text", json::string(reply.text)}});
    for (std::size_t i = 0; i < reply.tool_calls.size(); ++i) {
      content.push_back(
          json::object{{"toolUse",
                        {{"toolUseId", json::string(fake_call_id(request, reply, i, "tooluse_"))},
                         {"name", json::string(reply.tool_calls[i].name)},
                         {"input", fake_arguments(reply.tool_calls[i])}}}});
    }
    return to_json(
        json::object{{"metrics", {{"latencyMs", 1}}},
                     {"output", {{"message", {{"role", "assistant"}, {"content", std::move(content)}}}}},
                     {"stopReason", json::string(fake_finish(reply, "end_turn", "tool_use"))},
                     {"usage", usage_json(usage_of(reply, request))}});
  }

  std::string_view stream_content_type() const override { return "application/vnd.amazon.eventstream"; }

  std::unique_ptr<FakeStream> stream(const FakeRequest& request, const FakeReply& reply) const override {
    return std::make_unique<ConverseStream>(request, reply);
  }

  std::string error_body(int, std::string_view, std::string_view message) const override {
    return to_json(json::object{{"message", json::string(message)}});
  }

 private:
  static Result<> read_message(const json::value& message, FakeRequest& request,
                               std::set<std::string>& unanswered) {
    const bool user = text_at(message, "role") == "user";
    if (user) request.tool_results = 0;
    const auto* blocks = array_at(message, "content");
    if (blocks == nullptr || blocks->empty())
      return fake_refusal("The content field in the Message object is empty.");
    std::string words;
    for (const auto& block : *blocks) {
      words += text_at(block, "text");
      if (const auto* use = find(block, "toolUse"); use && text_at(*use, "type") != "server_tool_use")
        unanswered.emplace(text_at(*use, "toolUseId"));
      if (const auto* result = find(block, "toolResult"); result != nullptr && user) {
        if (unanswered.erase(std::string(text_at(*result, "toolUseId"))) == 0)
          return fake_refusal("The toolUseId of a toolResult is unknown.");
        ++request.tool_results;
        request.last_tool_result = fake_words(find(*result, "content"));
      }
    }
    if (user && !words.empty()) request.last_user_text = std::move(words);
    return {};
  }
};

}  // namespace

const FakeWire& fake_bedrock() {
  static const BedrockConverse wire;
  return wire;
}

}  // namespace lllm
