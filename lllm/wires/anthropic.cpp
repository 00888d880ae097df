#include "lllm/wires/anthropic.hpp"

#include <algorithm>

#include "lllm/base/hash.hpp"
#include "lllm/base/text.hpp"
#include "lllm/wires/model_args.hpp"
#include "lllm/wires/providers.hpp"
#include "lllm/wires/reply_json.hpp"

namespace lllm {
namespace anthropic {
namespace {

ErrorKind kind_of(std::string_view type) {
  if (type == "invalid_request_error" || type == "request_too_large") return ErrorKind::invalid_request;
  if (type == "authentication_error") return ErrorKind::authentication;
  if (type == "permission_error") return ErrorKind::permission_denied;
  if (type == "not_found_error") return ErrorKind::not_found;
  if (type == "rate_limit_error") return ErrorKind::rate_limited;
  if (type == "billing_error") return ErrorKind::quota_exceeded;
  if (type == "overloaded_error") return ErrorKind::overloaded;
  return ErrorKind::provider_error;
}

Usage read_usage(const json::value& counters) {
  Usage usage;
  const auto input = counter_at(counters, "input_tokens");
  usage.cached_prompt_tokens = counter_at(counters, "cache_read_input_tokens");
  usage.cache_write_tokens = counter_at(counters, "cache_creation_input_tokens");
  usage.prompt_tokens = sum_counters({input, usage.cached_prompt_tokens, usage.cache_write_tokens});
  usage.completion_tokens = counter_at(counters, "output_tokens");
  usage.total_tokens = sum_counters({usage.prompt_tokens, usage.completion_tokens});
  if (const auto* details = find(counters, "output_tokens_details"))
    usage.reasoning_tokens = counter_at(*details, "thinking_tokens");
  return usage;
}

// The content blocks of one reply, made into the parts of a message.
class ContentReader {
 public:
  ContentReader(Message& message, std::string_view reply_id) : message_(message), reply_id_(reply_id) {}

  void read(const json::array& blocks) {
    for (const auto& block : blocks) read_block(block);
    if (keep_)
      message_.wire_state = std::make_shared<const WireState>(std::string(wire_name), std::move(state_));
  }

 private:
  void read_block(const json::value& block) {
    const auto type = text_at(block, "type");
    if (type == "text") {
      read_text(block);
    } else if (type == "tool_use") {
      read_tool_use(block);
    } else if (type == "thinking" || type == "redacted_thinking") {
      ReasoningPart part{std::string(text_at(block, "thinking"))};
      part.redacted = type == "redacted_thinking";
      part.signature = std::string(text_at(block, part.redacted ? "data" : "signature"));
      // Unsigned thoughts are refused when they come back.
      if (!part.signature.empty()) state_.push_back(block);
      keep_ = keep_ || !part.signature.empty();
      message_.parts.emplace_back(std::move(part));
    } else {
      // Server-side tools, their results, and whatever else there will be: the provider's own affair, which
      // it wants back as it was.
      state_.push_back(block);
      keep_ = true;
    }
  }

  void read_text(const json::value& block) {
    const auto text = text_at(block, "text");
    message_.parts.emplace_back(TextPart(std::string(text)));
    if (const auto* citations = array_at(block, "citations"); citations != nullptr && !citations->empty()) {
      message_.citations.insert(message_.citations.end(), citations->begin(), citations->end());
      keep_ = true;
    }
    if (!trim(text).empty()) state_.push_back(block);  // blank ones are refused when they come back
  }

  void read_tool_use(const json::value& block) {
    const auto* input = find(block, "input");
    std::string arguments = "{}";
    if (input != nullptr && input->is_string())
      arguments = std::string(as_text(input));  // malformed, from a stream
    else if (input != nullptr && !input->is_null())
      arguments = to_json(*input);

    if (text_at(block, "name") == answer_tool) {
      message_.parts.emplace_back(TextPart(arguments));
      state_.push_back(json::object{{"type", "text"}, {"text", json::string(arguments)}});
      return;
    }
    ToolCall call(std::string(text_at(block, "id")), std::string(text_at(block, "name")),
                  std::move(arguments));
    json::value copy = block;
    if (const auto* caller = find(block, "caller"); caller != nullptr && text_at(*caller, "type") != "direct")
      keep_ = true;  // called from the provider's sandbox: it must recognise the call
    if (const auto* given = find(block, "id"); given != nullptr && given->is_string())
      call.provider_id = call.id;
    if (call.id.empty()) {
      const std::string seed =
          std::string(reply_id_) + '/' + call.name + '/' + std::to_string(message_.tool_calls.size());
      call.id = "toolu_" + sha256_hex(seed).substr(0, 24);
      copy.as_object()["id"] = json::string(call.id);
    }
    if (input == nullptr || !input->is_object()) {
      std::string object;
      append_arguments(object, call);
      copy.as_object()["input"] = parse_json(object).value();
    }
    state_.push_back(std::move(copy));
    message_.tool_calls.push_back(std::move(call));
  }

  Message& message_;
  std::string_view reply_id_;
  json::array state_;
  bool keep_ = false;
};

class AnthropicCodec final : public Codec {
 public:
  [[nodiscard]] std::string_view name() const override { return wire_name; }
  [[nodiscard]] Result<EncodedRequest> encode(const EncodeInput& input) const override {
    return anthropic::encode(input);
  }
  [[nodiscard]] Result<InvokeResult> decode(const Provider& provider, std::string_view body) const override {
    auto reply = parse_reply(body);
    if (!reply)
      return Error(ErrorKind::bad_reply, "anthropic-messages: the reply is " + reply.error().message());
    return read_reply(provider.name, std::move(*reply));
  }
  [[nodiscard]] std::unique_ptr<StreamDecoder> stream_decoder(const Provider& provider) const override {
    return anthropic::stream_decoder(provider);
  }
};

}  // namespace

Error read_error(const json::value& body) {
  const auto* error = find(body, "error");
  static const json::value nothing;
  const json::value& words = error != nullptr ? *error : nothing;
  const auto type = text_at(words, "type");
  Error failure(kind_of(type), "the provider reported an error");
  failure.provider_type(std::string(type)).provider_text(excerpt(text_at(words, "message"), 4096));
  if (const auto id = text_at(body, "request_id"); !id.empty()) failure.request_id(std::string(id));
  return failure;
}

Result<InvokeResult> read_reply(std::string_view provider, json::value reply) {
  if (text_at(reply, "type") == "error" ||
      (find(reply, "error") != nullptr && find(reply, "content") == nullptr))
    return read_error(reply);
  static const json::array nothing;
  const auto* said = find(reply, "content");
  const auto* content = said != nullptr && said->is_null() ? &nothing : as_array(said);
  if (content == nullptr) return Error(ErrorKind::bad_reply, "anthropic-messages: the reply has no content");

  InvokeResult result;
  Message& message = result.message;
  message.role = Role::assistant;
  message.provider = std::string(provider);
  message.model = std::string(text_at(reply, "model"));
  message.finish_reason = std::string(text_at(reply, "stop_reason"));
  ContentReader(message, text_at(reply, "id")).read(*content);
  if (const auto* usage = find(reply, "usage")) message.usage = read_usage(*usage);
  if (const auto* details = object_at(reply, "stop_details")) message.metadata["stop_details"] = *details;
  if (const auto* word = find(reply, "stop_sequence"); word != nullptr && word->is_string())
    message.metadata["stop_sequence"] = *word;
  result.raw = [whole = std::make_shared<const json::value>(std::move(reply))] { return *whole; };
  return result;
}

}  // namespace anthropic

const Codec& anthropic_codec() {
  static const anthropic::AnthropicCodec codec;
  return codec;
}

}  // namespace lllm
