#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "lllm/core/prompt.hpp"
#include "lllm/formats/framer.hpp"
#include "lllm/wires/gemini.hpp"
#include "lllm/wires/providers.hpp"

// What the tests of this wire share.
namespace lllm::test::gemini_wire {

inline const Codec& codec() {
  return gemini_codec();
}

struct Played {
  Result<InvokeResult> result = Error();
  std::string text, reasoning, tools;  // as the chunks had them
  std::size_t text_chunks = 0;
  Message partial;
};

/// Gives the stream to the decoder cut at `cut`, and then in pieces of `step` bytes.
inline Played play(std::string_view stream, std::size_t cut, std::size_t step = std::string_view::npos) {
  Played played;
  const auto decoder = codec().stream_decoder(*find_provider("gemini"));
  const auto framer = make_framer(Framing::sse);
  StreamEvent event;
  std::vector<StreamChunk> chunks;
  const auto drain = [&]() -> Result<> {
    for (;;) {
      const auto next = framer->next(event);
      if (!next) return next.error();
      if (!*next) return {};
      chunks.clear();
      if (auto fed = decoder->feed(event, chunks); !fed) return fed;
      for (const auto& chunk : chunks) {
        if (chunk.kind == ChunkKind::text) {
          played.text += chunk.content;
          ++played.text_chunks;
        }
        if (chunk.kind == ChunkKind::reasoning) played.reasoning += chunk.content;
        if (chunk.kind == ChunkKind::tool_call) {
          played.tools += chunk.tool_name;
          played.tools += chunk.content;
        }
      }
    }
  };
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t size = at == 0 ? std::max<std::size_t>(cut, 1) : step;
    const std::string bytes(stream.substr(at, size));  // views into it must not outlive it
    framer->feed(bytes);
    at += bytes.size();
    if (auto drained = drain(); !drained) {
      played.result = drained.error();
      played.partial = decoder->partial();
      return played;
    }
  }
  framer->end();
  played.partial = decoder->partial();
  if (auto drained = drain(); !drained)
    played.result = drained.error();
  else
    played.result = decoder->finish();
  return played;
}

inline Result<InvokeResult> decode(std::string_view body) {
  return codec().decode(*find_provider("gemini"), body);
}

struct Encoded {
  EncodedRequest request;
  json::value body;
};

inline Encoded encode(const Dialog& dialog, std::string_view model, const CallOptions& options = {},
                      const std::vector<Tool>& tools = {}, const Schema& format = {}, bool stream = false) {
  auto request = codec().encode({dialog, *find_provider("gemini"), model, options, tools, format, stream});
  REQUIRE(request.has_value());
  auto body = parse_json(request->body);
  REQUIRE(body.has_value());
  return {std::move(*request), std::move(*body)};
}

inline std::string at(const Encoded& encoded, std::string_view pointer) {
  const auto* found = find_at(encoded.body, pointer);
  return found == nullptr ? "(nothing)" : to_json(*found);
}

inline Tool weather_tool() {
  return Tool("weather", "Today's weather.",
              *parse_json(R"({"type":"object","properties":{"city":{"type":"string"}}})")->if_object(), {});
}

inline constexpr std::string_view text_stream =
    "data: "
    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"think\",\"thought\":true}],\"role\":\"model\"}}],"
    "\"usageMetadata\":{\"promptTokenCount\":5,\"totalTokenCount\":5},\"modelVersion\":\"gemini-x\","
    "\"responseId\":\"r1\"}\r\n\r\n"
    "data: "
    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Gr\xC3\xBC\"}],\"role\":\"model\"}}]}\r\n\r\n"
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\xC3\x9F"
    "e \\ud83d\\ude00\"}]},\"new\":[1]}]}\r\n\r\n"
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\",\"thoughtSignature\":\"c2ln\"}]},"
    "\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":5,"
    "\"candidatesTokenCount\":7,"
    "\"thoughtsTokenCount\":3,\"toolUsePromptTokenCount\":11,\"cachedContentTokenCount\":2,"
    "\"totalTokenCount\":26}}\r\n\r\n";

}  // namespace lllm::test::gemini_wire
