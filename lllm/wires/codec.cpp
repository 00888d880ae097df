#include "lllm/wires/codec.hpp"

#include <algorithm>
#include <array>

#include "lllm/base/text.hpp"
#include "lllm/formats/retry.hpp"
#include "lllm/wires/anthropic.hpp"
#include "lllm/wires/bedrock.hpp"
#include "lllm/wires/cohere.hpp"
#include "lllm/wires/gemini.hpp"
#include "lllm/wires/ollama.hpp"
#include "lllm/wires/openai_chat.hpp"
#include "lllm/wires/openai_responses.hpp"
#include "lllm/wires/providers.hpp"
#include "lllm/wires/reply_json.hpp"

namespace lllm {
namespace {

constexpr std::size_t excerpt_bytes = 4096;

struct Word {
  std::string_view word;
  ErrorKind kind;
};

// Types, codes and statuses as providers spell them. What says more than the HTTP status comes first.
constexpr std::array telling_words{
    Word{"insufficient_quota", ErrorKind::quota_exceeded},
    Word{"billing_not_active", ErrorKind::quota_exceeded},
    Word{"billing_error", ErrorKind::quota_exceeded},
    Word{"content_filter", ErrorKind::content_blocked},
    Word{"content_policy_violation", ErrorKind::content_blocked},
    Word{"moderation_blocked", ErrorKind::content_blocked},
    Word{"overloaded_error", ErrorKind::overloaded},
};
constexpr std::array plain_words{
    Word{"invalid_api_key", ErrorKind::authentication},
    Word{"authentication_error", ErrorKind::authentication},
    Word{"UNAUTHENTICATED", ErrorKind::authentication},
    Word{"UnrecognizedClientException", ErrorKind::authentication},
    Word{"permission_error", ErrorKind::permission_denied},
    Word{"PERMISSION_DENIED", ErrorKind::permission_denied},
    Word{"AccessDeniedException", ErrorKind::permission_denied},
    Word{"model_not_found", ErrorKind::not_found},
    Word{"not_found_error", ErrorKind::not_found},
    Word{"NOT_FOUND", ErrorKind::not_found},
    Word{"ResourceNotFoundException", ErrorKind::not_found},
    Word{"rate_limit_exceeded", ErrorKind::rate_limited},
    Word{"rate_limit_error", ErrorKind::rate_limited},
    Word{"too_many_requests", ErrorKind::rate_limited},
    Word{"RESOURCE_EXHAUSTED", ErrorKind::rate_limited},
    Word{"ThrottlingException", ErrorKind::rate_limited},
    Word{"throttlingException", ErrorKind::rate_limited},
    Word{"UNAVAILABLE", ErrorKind::overloaded},
    Word{"ServiceUnavailableException", ErrorKind::overloaded},
    Word{"serviceUnavailableException", ErrorKind::overloaded},
    Word{"invalid_request_error", ErrorKind::invalid_request},
    Word{"invalid_prompt", ErrorKind::invalid_request},
    Word{"INVALID_ARGUMENT", ErrorKind::invalid_request},
    Word{"FAILED_PRECONDITION", ErrorKind::invalid_request},
    Word{"ValidationException", ErrorKind::invalid_request},
    Word{"validationException", ErrorKind::invalid_request},
};

ErrorKind kind_of_status(int status) {
  switch (status) {
    case 401:
      return ErrorKind::authentication;
    case 402:
      return ErrorKind::quota_exceeded;
    case 403:
      return ErrorKind::permission_denied;
    case 404:
      return ErrorKind::not_found;
    case 429:
      return ErrorKind::rate_limited;
    case 503:
    case 529:
      return ErrorKind::overloaded;
    default:
      return status < 500 ? ErrorKind::invalid_request : ErrorKind::provider_error;
  }
}

template <std::size_t N>
std::optional<ErrorKind> kind_of_word(const std::array<Word, N>& words, std::string_view type,
                                      std::string_view code, std::string_view status) {
  for (const auto& [word, kind] : words)
    if (type == word || code == word || status == word) return kind;
  return std::nullopt;
}

// "17s", "0.5s": google.rpc.RetryInfo inside the error's details.
std::optional<std::chrono::milliseconds> retry_delay(const json::value& error) {
  const auto* details = array_at(error, "details");
  if (details == nullptr) return std::nullopt;
  for (const auto& detail : *details)
    if (const auto delay = parse_delay(text_at(detail, "retryDelay"))) return delay;
  return std::nullopt;
}

std::string text_of(const json::value* value) {
  if (value == nullptr || value->is_null()) return {};
  return value->is_string() ? std::string(as_text(value)) : to_json(*value);
}

}  // namespace

Error provider_error(int status, std::string_view body) {
  // Only what could be an error's JSON is parsed: nobody puts it behind megabytes.
  const auto parsed = parse_reply(body.substr(0, std::size_t{1} << 20));
  const json::value* outer = parsed ? &*parsed : nullptr;
  if (const auto* list = as_array(outer); list != nullptr && !list->empty()) outer = &list->front();
  const json::value* error = outer == nullptr ? nullptr : find(*outer, "error");
  if (error == nullptr || error->is_null()) error = outer;

  std::string message;
  std::string type;
  std::string code;
  std::string_view word;
  if (error != nullptr && error->is_string()) {
    message = as_text(error);
  } else if (error != nullptr) {
    for (const auto key : {"message", "Message", "detail", "error_description"})
      if (message.empty()) message = text_of(find(*error, key));
    type = text_of(find(*error, "type"));
    if (type.empty()) type = text_of(find(*error, "__type"));
    code = text_of(find(*error, "code"));
    word = text_at(*error, "status");
  }
  if (outer != nullptr && error != outer && message.empty()) message = text_of(find(*outer, "message"));

  // A number among the words stands in for the status that an error inside a stream or a 200 lacks.
  int effective = status;
  if (effective < 400 && error != nullptr)
    for (const auto key : {"status_code", "code", "status"})
      if (const auto number = integer_at(*error, key);
          effective < 400 && number && *number >= 400 && *number < 600)
        effective = static_cast<int>(*number);

  ErrorKind kind = ErrorKind::provider_error;
  if (const auto told = kind_of_word(telling_words, type, code, word))
    kind = *told;
  else if (effective >= 400)
    kind = kind_of_status(effective);
  else if (const auto plain = kind_of_word(plain_words, type, code, word))
    kind = *plain;

  Error failure(kind, status >= 400 ? "the provider answered with status " + std::to_string(status)
                                    : "the provider reported an error inside its answer");
  failure.status(status)
      .provider_text(
          to_valid_utf8(excerpt(message.empty() ? body : std::string_view(message), excerpt_bytes)))
      .provider_type(std::move(type))
      .provider_code(std::move(code));
  if (error != nullptr) failure.retry_after(retry_delay(*error));
  return failure;
}

const json::value* own_state(const Message& message, std::string_view wire, const Provider& provider) {
  const auto& state = message.wire_state;
  if (state == nullptr || state->wire != wire) return nullptr;
  return message.provider.empty() || message.provider == provider.name ? &state->content : nullptr;
}

std::function<json::value()> raw_of(std::string_view body) {
  const auto kept = std::make_shared_for_overwrite<char[]>(body.size());  // one allocation, bytes and all
  std::copy(body.begin(), body.end(), kept.get());
  return [kept, size = body.size()] {
    const std::string_view text(kept.get(), size);
    auto value = parse_reply(text);
    return value ? std::move(*value) : json::value(json::string(text));
  };
}

Error Codec::decode_error(int status, std::string_view body) const {
  return provider_error(status, body);
}

std::optional<std::string> Codec::poll_path(std::string_view) const {
  return std::nullopt;
}

const Codec* find_codec(std::string_view wire) {
  // One row per wire.
  for (const Codec* codec : {&openai_chat_codec(), &openai_responses_codec(), &anthropic_codec(),
                             &gemini_codec(), &bedrock_codec(), &cohere_codec(), &ollama_codec()})
    if (codec->name() == wire) return codec;
  return nullptr;
}

}  // namespace lllm
