#include "lllm/wires/cohere.hpp"

#include "lllm/base/hash.hpp"
#include "lllm/base/text.hpp"
#include "lllm/wires/model_args.hpp"
#include "lllm/wires/providers.hpp"
#include "lllm/wires/reply_json.hpp"

namespace lllm {
namespace cohere {
namespace {

Usage read_usage(const json::value& counters) {
  Usage usage;
  const auto* tokens = find(counters, "tokens");
  if (tokens == nullptr || !tokens->is_object()) tokens = find(counters, "billed_units");
  if (tokens != nullptr) {
    usage.prompt_tokens = counter_at(*tokens, "input_tokens");
    usage.completion_tokens = counter_at(*tokens, "output_tokens");
  }
  usage.total_tokens = sum_counters({usage.prompt_tokens, usage.completion_tokens});
  usage.cached_prompt_tokens = counter_at(counters, "cached_tokens");
  return usage;
}

void read_tool_call(const json::value& entry, std::string_view reply_id, Message& message) {
  const auto* function = find(entry, "function");
  if (function == nullptr) return;
  std::string arguments;
  if (const auto* given = find(*function, "arguments"); given != nullptr && !given->is_null())
    arguments = given->is_string() ? std::string(as_text(given)) : to_json(*given);
  const auto name = text_at(*function, "name");
  if (name == answer_tool) {
    message.parts.emplace_back(TextPart(std::move(arguments)));
    return;
  }
  ToolCall call(std::string(text_at(entry, "id")), std::string(name), std::move(arguments));
  if (const auto* given = find(entry, "id"); given != nullptr && given->is_string())
    call.provider_id = call.id;
  if (call.id.empty()) {
    const std::string seed =
        std::string(reply_id) + '/' + call.name + '/' + std::to_string(message.tool_calls.size());
    call.id = "call_" + sha256_hex(seed).substr(0, 24);
  }
  message.tool_calls.push_back(std::move(call));
}

void read_content(const json::value& content, Message& message) {
  if (content.is_string()) {
    if (!as_text(&content).empty()) message.parts.emplace_back(TextPart(std::string(as_text(&content))));
    return;
  }
  if (!content.is_array()) return;
  for (const auto& part : content.get_array()) {
    const auto type = text_at(part, "type");
    if (type == "thinking")
      message.parts.emplace_back(ReasoningPart(std::string(text_at(part, "thinking"))));
    else if (type == "text" || type.empty())
      message.parts.emplace_back(TextPart(std::string(text_at(part, "text"))));
  }
}

// {"token_ids": […], "text": "…", "logprobs": […]}: one entry may cover several tokens; their sum is its
// chance.
void read_logprobs(const json::array& entries, Message& message) {
  for (const auto& entry : entries) {
    TokenLogprob token;
    token.token = std::string(text_at(entry, "text"));
    if (const auto* numbers = array_at(entry, "logprobs"))
      for (const auto& number : *numbers) token.logprob += as_number(&number).value_or(0);
    message.logprobs.push_back(std::move(token));
  }
}

class CohereCodec final : public Codec {
 public:
  [[nodiscard]] std::string_view name() const override { return wire_name; }
  [[nodiscard]] Result<EncodedRequest> encode(const EncodeInput& input) const override {
    return cohere::encode(input);
  }
  [[nodiscard]] Result<InvokeResult> decode(const Provider& provider, std::string_view body) const override {
    auto reply = parse_reply(body);
    if (!reply) return Error(ErrorKind::bad_reply, "cohere-chat: the reply is " + reply.error().message());
    return read_reply(provider.name, std::move(*reply));
  }
  [[nodiscard]] std::unique_ptr<StreamDecoder> stream_decoder(const Provider& provider) const override {
    return cohere::stream_decoder(provider);
  }
};

}  // namespace

Result<InvokeResult> read_reply(std::string_view provider, json::value reply) {
  const auto* said = find(reply, "message");
  if (said == nullptr || !said->is_object()) {
    if (said == nullptr && find(reply, "error") == nullptr)
      return Error(ErrorKind::bad_reply, "cohere-chat: the reply has no message");
    Error failure(ErrorKind::provider_error, "the provider reported an error inside its answer");
    const auto words = said != nullptr ? as_text(said) : text_at(reply, "error");
    return failure.provider_text(excerpt(words, 4096));
  }
  InvokeResult result;
  Message& message = result.message;
  message.role = Role::assistant;
  message.provider = std::string(provider);
  message.model = std::string(text_at(reply, "model"));
  message.finish_reason = std::string(text_at(reply, "finish_reason"));
  if (const auto* content = find(*said, "content")) read_content(*content, message);
  if (const auto* calls = array_at(*said, "tool_calls"))
    for (const auto& call : *calls) read_tool_call(call, text_at(reply, "id"), message);
  if (const auto plan = text_at(*said, "tool_plan"); !plan.empty())
    message.metadata["tool_plan"] = json::string(plan);
  if (const auto* citations = array_at(*said, "citations"))
    message.citations.assign(citations->begin(), citations->end());
  if (const auto* entries = array_at(reply, "logprobs")) read_logprobs(*entries, message);
  if (const auto* usage = find(reply, "usage")) message.usage = read_usage(*usage);
  result.raw = [whole = std::make_shared<const json::value>(std::move(reply))] { return *whole; };
  return result;
}

}  // namespace cohere

const Codec& cohere_codec() {
  static const cohere::CohereCodec codec;
  return codec;
}

}  // namespace lllm
