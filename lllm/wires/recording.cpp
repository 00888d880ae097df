#include "lllm/wires/recording.hpp"

#include <memory>

#include "lllm/base/base64.hpp"
#include "lllm/base/text.hpp"
#include "lllm/formats/framer.hpp"
#include "lllm/wires/codec.hpp"
#include "lllm/wires/providers.hpp"

namespace lllm {
namespace {

bool has_text(const json::value& value, std::string_view key) {
  return !text_at(value, key).empty();
}

// Opaque values that have to go back unchanged, counted as the recordings' README says.
std::int64_t signatures_in(const json::value& value, std::string_view wire) {
  std::int64_t count = 0;
  if (const auto* list = value.if_array()) {
    for (const auto& element : *list) count += signatures_in(element, wire);
  } else if (const auto* object = value.if_object()) {
    const auto type = text_at(value, "type");
    if (wire == "gemini-generate")
      count += has_text(value, "thoughtSignature") ? 1 : 0;
    else if (wire == "openai-responses")
      count += type == "reasoning" && has_text(value, "encrypted_content") ? 1 : 0;
    else if (wire == "openai-chat")
      count +=
          type.starts_with("reasoning.") && (has_text(value, "signature") || has_text(value, "data")) ? 1 : 0;
    else
      count +=
          has_text(value, "signature") || has_text(value, "redactedContent") || type == "redacted_thinking";
    for (const auto& [key, member] : *object) count += signatures_in(member, wire);
  }
  return count;
}

std::int64_t signatures_of(const Message& message, std::string_view wire) {
  if (message.wire_state && message.wire_state->wire == wire)
    return signatures_in(message.wire_state->content, wire);
  std::int64_t count = 0;
  for (const auto& part : message.parts)
    if (const auto* reasoning = std::get_if<ReasoningPart>(&part))
      count += reasoning->signature.empty() ? 0 : 1;
  return count;
}

json::value tokens(const std::optional<std::int64_t>& count) {
  return count ? json::value(*count) : json::value();
}

Provider provider_of(const Recording& recording) {
  if (const Provider* known = find_provider(recording.provider);
      known != nullptr && known->wire == recording.wire)
    return *known;
  Provider provider;
  provider.name = recording.provider;
  provider.wire = recording.wire;
  return provider;
}

Replayed replay_whole(const Codec& codec, const Recording& recording) {
  Replayed replayed;
  auto result = codec.decode(provider_of(recording), recording.body);
  if (!result) {
    replayed.error = result.error();
    if (const auto partial = result.error().partial()) replayed.message = *partial;
    return replayed;
  }
  replayed.message = result->message;
  replayed.raw = result->raw_response();
  return replayed;
}

class StreamReplay {
 public:
  StreamReplay(const Codec& codec, const Recording& recording)
      : framer_(make_framer(codec.framing())), decoder_(codec.stream_decoder(provider_of(recording))) {}

  Replayed run(std::string_view body, const std::vector<std::size_t>& pieces) {
    std::size_t at = 0;
    for (const std::size_t length : pieces) {
      // Memory of its own, so that a view that outlives it is seen by the address sanitizer.
      const std::string piece(body.substr(at, length));
      at += length;
      framer_->feed(piece);
      if (!drain()) return std::move(replayed_);
    }
    framer_->end();
    if (!drain()) return std::move(replayed_);
    if (auto result = decoder_->finish()) {
      replayed_.message = result->message;
      replayed_.raw = result->raw_response();
    } else {
      fail(result.error());
    }
    return std::move(replayed_);
  }

 private:
  bool drain() {
    for (;;) {
      const auto more = framer_->next(event_);
      if (!more) return fail(more.error());
      if (!*more) return true;
      chunks_.clear();
      const auto fed = decoder_->feed(event_, chunks_);
      for (const auto& chunk : chunks_)
        if (chunk.kind == ChunkKind::text && !chunk.content.empty()) ++replayed_.text_chunks;
      if (!fed) return fail(fed.error());
    }
  }

  bool fail(const Error& error) {
    replayed_.error = error;
    replayed_.message = decoder_->partial();
    return false;
  }

  std::unique_ptr<Framer> framer_;
  std::unique_ptr<StreamDecoder> decoder_;
  StreamEvent event_;
  std::vector<StreamChunk> chunks_;
  Replayed replayed_;
};

Error malformed(std::string what) {
  return {ErrorKind::parse_failed, "this is no recording: " + std::move(what)};
}

}  // namespace

Result<Recording> read_recording(std::string_view text) {
  const auto parsed = parse_json(text);
  if (!parsed) return malformed(parsed.error().message());
  const json::value& all = *parsed;
  const auto* response = find(all, "response");
  if (response == nullptr || !response->is_object()) return malformed("there is no 'response'");
  Recording recording;
  recording.wire = text_at(all, "wire");
  if (recording.wire.empty()) return malformed("there is no 'wire'");
  recording.id = text_at(all, "id");
  recording.conversation = text_at(all, "conversation");
  recording.turn = static_cast<int>(integer_at(all, "turn").value_or(0));
  recording.provider = text_at(all, "provider");
  recording.streaming = as_boolean(find(all, "streaming")).value_or(false);
  if (const auto* request = find(all, "request")) recording.request = *request;
  if (const auto* expect = find(all, "expect")) recording.expect = *expect;
  recording.status = static_cast<int>(integer_at(*response, "status").value_or(200));
  if (const auto* headers = object_at(*response, "headers"))
    for (const auto& [name, value] : *headers) {
      if (value.is_string()) recording.headers.emplace_back(name, as_text(&value));
      if (const auto* list = value.if_array())
        for (const auto& one : *list) recording.headers.emplace_back(name, as_text(&one));
    }
  if (const auto* raw = find(*response, "raw"); raw != nullptr && raw->is_string()) {
    recording.body = as_text(raw);
  } else if (const auto* b64 = find(*response, "raw_b64"); b64 != nullptr && b64->is_string()) {
    auto bytes = base64_decode(as_text(b64));
    if (!bytes) return malformed("'raw_b64' is no base64");
    recording.body = std::move(*bytes);
  } else if (const auto* body = find(*response, "body"); body != nullptr && !body->is_null()) {
    recording.body = to_json(*body);
  }
  return recording;
}

json::object to_json_value(const Recording& recording) {
  json::object response{{"status", recording.status}};
  json::object headers;
  for (const auto& [name, value] : recording.headers) {
    auto& there = headers[name];
    if (there.is_null())
      there = json::string(value);
    else if (there.is_array())
      there.get_array().emplace_back(json::string(value));
    else
      there = json::array{json::value(there), json::string(value)};
  }
  response["headers"] = std::move(headers);
  auto parsed = recording.streaming ? Result<json::value>(Error()) : parse_json(recording.body);
  if (parsed)
    response["body"] = std::move(*parsed);
  else if (is_utf8(recording.body))
    response["raw"] = json::string(recording.body);
  else
    response["raw_b64"] = json::string(base64_encode(recording.body));
  return {{"id", json::string(recording.id)},
          {"conversation", json::string(recording.conversation)},
          {"turn", recording.turn},
          {"wire", json::string(recording.wire)},
          {"provider", json::string(recording.provider)},
          {"streaming", recording.streaming},
          {"request", recording.request},
          {"response", std::move(response)},
          {"expect", recording.expect}};
}

Result<Replayed> replay(const Recording& recording, const std::vector<std::size_t>& pieces) {
  const Codec* codec = find_codec(recording.wire);
  if (codec == nullptr)
    return Error(ErrorKind::unsupported, "the wire '" + recording.wire + "' is not known here");
  if (recording.status >= 400) {
    Replayed replayed;
    replayed.error = codec->decode_error(recording.status, recording.body);
    return replayed;
  }
  if (!recording.streaming) return replay_whole(*codec, recording);
  const std::vector<std::size_t> at_once{recording.body.size()};
  return StreamReplay(*codec, recording).run(recording.body, pieces.empty() ? at_once : pieces);
}

json::object described(const Recording& recording, const Replayed& replayed) {
  const Message& message = replayed.message;
  json::object actual{{"text", json::string(message.text())},
                      {"reasoning", json::string(message.reasoning())},
                      {"refusal", json::string(message.refusal())},
                      {"finish_reason", json::string(message.finish_reason)}};
  json::array calls;
  for (const auto& call : message.tool_calls) {
    json::object one{{"name", json::string(call.name)}};
    one["id"] = call.provider_id ? json::value(json::string(*call.provider_id)) : json::value();
    if (auto arguments = call.parsed_arguments())
      one["arguments"] = std::move(*arguments);
    else
      one["arguments"] = json::string(call.arguments);
    calls.push_back(std::move(one));
  }
  actual["tool_calls"] = std::move(calls);
  if (!message.usage.empty())
    actual["usage"] = json::object{{"prompt_tokens", tokens(message.usage.prompt_tokens)},
                                   {"completion_tokens", tokens(message.usage.completion_tokens)},
                                   {"total_tokens", tokens(message.usage.total_tokens)},
                                   {"cached_prompt_tokens", tokens(message.usage.cached_prompt_tokens)},
                                   {"reasoning_tokens", tokens(message.usage.reasoning_tokens)}};
  else
    actual["usage"] = nullptr;
  actual["signatures"] = signatures_of(message, recording.wire);
  actual["citations"] = message.citations.size();
  if (recording.streaming) actual["chunks"] = replayed.text_chunks;
  if (replayed.error) {
    const Error& error = *replayed.error;
    json::object told{{"status", error.status() == 0 ? recording.status : error.status()},
                      {"type", json::string(error.provider_type())},
                      {"message", json::string(error.provider_text())}};
    const auto* expected = find(recording.expect, "error");
    if (const auto* code = expected == nullptr ? nullptr : find(*expected, "code")) {
      // Codes are numbers at some providers and words at others; an Error has the text of either.
      const bool same_number = code->is_number() && to_json(*code) == error.provider_code();
      told["code"] = same_number ? *code : json::value(json::string(error.provider_code()));
    }
    actual["error"] = std::move(told);
  }
  return actual;
}

}  // namespace lllm
