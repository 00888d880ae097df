#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "lllm/base/json.hpp"
#include "lllm/core/dialog.hpp"
#include "lllm/formats/framer.hpp"
#include "lllm/wires/codec.hpp"
#include "lllm/wires/providers.hpp"

// What the tests of single wires share: encoding without an invoker, and streams cut into pieces.
namespace lllm::test {

inline const Provider& a_provider() {
  static const Provider provider = [] {
    Provider row;
    row.name = "testing";
    return row;
  }();
  return provider;
}

inline json::value js(std::string_view text) {
  return parse_json(text).value();
}

/// A dialog of one question.
inline Dialog asked(std::string words = "Hi") {
  Dialog dialog;
  dialog.put_text(std::move(words));
  return dialog;
}

/// The same, behind instructions.
inline Dialog asked_briefly(std::string words = "Hi") {
  Dialog dialog;
  dialog.put_text("Be brief.", Role::system).put_text(std::move(words));
  return dialog;
}

/// What one call would send.
struct Call {
  Dialog dialog;
  CallOptions options;
  std::string model;
  std::vector<Tool> tools;
  Schema format;
  bool stream = false;

  Call(Dialog talk, std::string model_name) : dialog(std::move(talk)), model(std::move(model_name)) {}

  [[nodiscard]] Result<EncodedRequest> encode(const Codec& codec) const {
    return codec.encode(EncodeInput{dialog, a_provider(), model, options, tools, format, stream});
  }
  [[nodiscard]] json::value body(const Codec& codec) const {
    const auto request = encode(codec);
    REQUIRE_MESSAGE(request.has_value(), (request ? std::string() : request.error().to_string()));
    return js(request->body);
  }
};

inline Tool a_tool(std::string name) {
  return Tool(std::move(name), "What a test needs.",
              {{"type", "object"}, {"properties", {{"city", {{"type", "string"}}}}}, {"required", {"city"}}},
              {});
}

/// A reply as a stream gave it.
struct Streamed {
  Result<InvokeResult> result = Error();
  std::vector<std::pair<ChunkKind, std::string>> chunks;
  std::string text;
};

inline Streamed stream(const Codec& codec, const std::vector<std::string_view>& pieces,
                       const Provider& provider = a_provider()) {
  Streamed streamed;
  const auto framer = make_framer(codec.framing());
  const auto decoder = codec.stream_decoder(provider);
  std::vector<StreamChunk> chunks;
  const auto drain = [&]() -> Result<> {
    for (StreamEvent event;;) {
      const auto more = framer->next(event);
      if (!more) return more.error();
      if (!*more) return {};
      chunks.clear();
      const auto fed = decoder->feed(event, chunks);
      for (const auto& chunk : chunks) {
        streamed.chunks.emplace_back(chunk.kind, chunk.content);
        if (chunk.kind == ChunkKind::text) streamed.text += chunk.content;
        CHECK(chunk.raw == event.data);
      }
      if (!fed) return fed.error();
    }
  };
  for (const auto piece : pieces) {
    // A block of exactly this size, so that a sanitizer sees a read outside it.
    const std::vector<char> bytes(piece.begin(), piece.end());
    framer->feed({bytes.data(), bytes.size()});
    if (const auto fed = drain(); !fed) {
      streamed.result = fed.error();
      return streamed;
    }
  }
  framer->end();
  const auto fed = drain();
  streamed.result = fed ? decoder->finish() : fed.error();
  return streamed;
}

/// The message without what two equal replies may differ in: nothing but the raw answer's own ids.
inline json::value comparable(const Result<InvokeResult>& result) {
  REQUIRE_MESSAGE(result.has_value(), (result ? std::string() : result.error().to_string()));
  return to_json_value(result->message);
}

/// Every two-way cut and byte by byte give what the uncut stream gives.
inline void check_cuts(const Codec& codec, std::string_view body) {
  const auto whole = stream(codec, {body});
  const auto expected = comparable(whole.result);
  for (std::size_t cut = 1; cut < body.size(); ++cut) {
    const auto parts = stream(codec, {body.substr(0, cut), body.substr(cut)});
    CAPTURE(cut);
    REQUIRE(comparable(parts.result) == expected);
    REQUIRE(parts.chunks == whole.chunks);
  }
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < body.size(); ++i) bytes.push_back(body.substr(i, 1));
  CHECK(comparable(stream(codec, bytes).result) == expected);
}

/// However short the stream is cut off: an error with what came, or (cut behind the end mark) the whole
/// reply.
inline void check_truncation(const Codec& codec, std::string_view body) {
  const auto whole = stream(codec, {body});
  const auto expected = comparable(whole.result);
  for (std::size_t size = 0; size < body.size(); ++size) {
    const auto part = stream(codec, {body.substr(0, size)});
    CAPTURE(size);
    if (part.result) {
      REQUIRE(comparable(part.result) == expected);
      continue;
    }
    REQUIRE(part.result.error().kind() == ErrorKind::incomplete_reply);
    if (part.result.error().partial() && part.text != "")
      REQUIRE(part.result.error().partial()->text() == part.text);
  }
}

}  // namespace lllm::test
