#include "lllm/wires/bedrock.hpp"

#include "lllm/base/hash.hpp"
#include "lllm/base/text.hpp"
#include "lllm/wires/model_args.hpp"
#include "lllm/wires/providers.hpp"
#include "lllm/wires/reply_json.hpp"

namespace lllm {
namespace bedrock {
namespace {

Usage read_usage(const json::value& counters) {
  Usage usage;
  usage.cached_prompt_tokens = counter_at(counters, "cacheReadInputTokens");
  usage.cache_write_tokens = counter_at(counters, "cacheWriteInputTokens");
  usage.prompt_tokens = sum_counters(
      {integer_at(counters, "inputTokens"), usage.cached_prompt_tokens, usage.cache_write_tokens});
  usage.completion_tokens = counter_at(counters, "outputTokens");
  usage.total_tokens = sum_counters({usage.prompt_tokens, usage.completion_tokens});
  return usage;
}

// The content blocks of one reply. A block is an object with one member that says what it is.
class ContentReader {
 public:
  explicit ContentReader(Message& message) : message_(message) {}

  void read(const json::array& blocks) {
    for (const auto& block : blocks) {
      if (const auto* text = find(block, "text"))
        read_text(*text);
      else if (const auto* use = find(block, "toolUse"))
        read_tool_use(*use);
      else if (const auto* reasoning = find(block, "reasoningContent"))
        read_reasoning(*reasoning);
      else if (const auto* cited = find(block, "citationsContent"))
        read_citations(block, *cited);
      else
        keep(block);  // results of the provider's own tools, and whatever else there will be
    }
    if (keep_)
      message_.wire_state = std::make_shared<const WireState>(std::string(wire_name), std::move(state_));
  }

 private:
  void keep(json::value block) {
    state_.push_back(std::move(block));
    keep_ = true;
  }

  void read_text(const json::value& text) {
    message_.parts.emplace_back(TextPart(std::string(as_text(&text))));
    if (!trim(as_text(&text)).empty()) state_.push_back(json::object{{"text", text}});
  }

  void read_reasoning(const json::value& reasoning) {
    ReasoningPart part;
    if (const auto* words = find(reasoning, "reasoningText")) {
      part.text = std::string(text_at(*words, "text"));
      part.signature = std::string(text_at(*words, "signature"));
    } else {
      part.redacted = true;
      part.signature = std::string(text_at(reasoning, "redactedContent"));
    }
    // Unsigned thoughts are refused when they come back.
    if (!part.signature.empty()) keep(json::object{{"reasoningContent", reasoning}});
    message_.parts.emplace_back(std::move(part));
  }

  void read_citations(const json::value& block, const json::value& cited) {
    if (const auto* pieces = array_at(cited, "content"))
      for (const auto& piece : *pieces)
        if (const auto text = text_at(piece, "text"); !text.empty()) message_.append_text(text);
    if (const auto* citations = array_at(cited, "citations"))
      message_.citations.insert(message_.citations.end(), citations->begin(), citations->end());
    keep(block);
  }

  void read_tool_use(const json::value& use) {
    if (text_at(use, "type") == "server_tool_use") {
      keep(json::object{{"toolUse", use}});
      return;
    }
    const auto* input = find(use, "input");
    std::string arguments = "{}";
    if (input != nullptr && input->is_string())
      arguments = std::string(as_text(input));  // malformed, from a stream
    else if (input != nullptr && !input->is_null())
      arguments = to_json(*input);
    const auto name = text_at(use, "name");
    if (name == answer_tool) {
      read_text(json::string(arguments));
      return;
    }
    ToolCall call(std::string(text_at(use, "toolUseId")), std::string(name), std::move(arguments));
    if (const auto* given = find(use, "toolUseId"); given != nullptr && given->is_string())
      call.provider_id = call.id;
    if (call.id.empty()) {
      const std::string seed =
          call.name + '/' + call.arguments + '/' + std::to_string(message_.tool_calls.size());
      call.id = "tooluse_" + sha256_hex(seed).substr(0, 22);
    }
    std::string object;
    append_arguments(object, call);
    // Rebuilt: replies have members ("type") that requests may not have.
    state_.push_back(json::object{{"toolUse",
                                   {{"toolUseId", json::string(call.id)},
                                    {"name", json::string(call.name)},
                                    {"input", parse_json(object).value()}}}});
    message_.tool_calls.push_back(std::move(call));
  }

  Message& message_;
  json::array state_;
  bool keep_ = false;
};

class BedrockCodec final : public Codec {
 public:
  [[nodiscard]] std::string_view name() const override { return wire_name; }
  [[nodiscard]] Framing framing() const override { return Framing::aws_frames; }
  [[nodiscard]] Result<EncodedRequest> encode(const EncodeInput& input) const override {
    return bedrock::encode(input);
  }
  [[nodiscard]] Result<InvokeResult> decode(const Provider& provider, std::string_view body) const override {
    auto reply = parse_reply(body);
    if (!reply)
      return Error(ErrorKind::bad_reply, "bedrock-converse: the reply is " + reply.error().message());
    return read_reply(provider.name, std::move(*reply));
  }
  [[nodiscard]] std::unique_ptr<StreamDecoder> stream_decoder(const Provider& provider) const override {
    return bedrock::stream_decoder(provider);
  }
};

}  // namespace

Error read_exception(std::string_view type, std::string_view data) {
  ErrorKind kind = ErrorKind::provider_error;
  if (type == "throttlingException") kind = ErrorKind::rate_limited;
  if (type == "serviceUnavailableException" || type == "modelNotReadyException") kind = ErrorKind::overloaded;
  if (type == "validationException") kind = ErrorKind::invalid_request;
  if (type == "accessDeniedException") kind = ErrorKind::permission_denied;
  if (type == "resourceNotFoundException") kind = ErrorKind::not_found;
  const auto body = parse_reply(data);
  std::string_view words = data;
  std::string code;
  if (body && body->is_object()) {
    words = text_at(*body, "message");
    if (words.empty()) words = text_at(*body, "Message");
    code = std::string(text_at(*body, "code"));
  }
  Error failure(kind, "the provider reported an error inside its answer");
  failure.provider_type(std::string(type)).provider_code(std::move(code)).provider_text(excerpt(words, 4096));
  return failure;
}

Result<InvokeResult> read_reply(std::string_view provider, json::value reply) {
  static const json::array nothing;
  const auto* said = find_at(reply, "/output/message/content");
  const auto* content = said != nullptr && said->is_null() ? &nothing : as_array(said);
  if (content == nullptr) {
    if (find(reply, "message") != nullptr || find(reply, "Message") != nullptr ||
        find(reply, "__type") != nullptr) {
      const auto type = text_at(reply, "__type");
      return read_exception(type.substr(type.rfind('#') + 1), to_json(reply));
    }
    return Error(ErrorKind::bad_reply, "bedrock-converse: the reply has no output message");
  }
  InvokeResult result;
  Message& message = result.message;
  message.role = Role::assistant;
  message.provider = std::string(provider);
  message.finish_reason = std::string(text_at(reply, "stopReason"));
  ContentReader(message).read(*content);
  if (const auto* usage = find(reply, "usage")) message.usage = read_usage(*usage);
  result.raw = [whole = std::make_shared<const json::value>(std::move(reply))] { return *whole; };
  return result;
}

}  // namespace bedrock

const Codec& bedrock_codec() {
  static const bedrock::BedrockCodec codec;
  return codec;
}

}  // namespace lllm
