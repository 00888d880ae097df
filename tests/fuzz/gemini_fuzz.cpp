// Whatever Gemini sends, whole or as a stream cut anywhere: one outcome, the same one; and what was
// understood can be sent back.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "lllm/formats/sse.hpp"
#include "lllm/wires/gemini.hpp"
#include "lllm/wires/providers.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

void send_back(const lllm::InvokeResult& result) {
  lllm::Dialog dialog;
  dialog.append(result.message);
  const lllm::CallOptions options;
  const auto request = lllm::gemini_codec().encode(
      {dialog, *lllm::find_provider("gemini"), "gemini-3-pro-preview", options, {}, {}, false});
  lllm::test::must(request.has_value() && lllm::parse_json(request->body).has_value());
  (void)result.raw_response();
}

std::string outcome_of(std::string_view input, std::size_t step) {
  const auto decoder = lllm::gemini_codec().stream_decoder(*lllm::find_provider("gemini"));
  lllm::SseParser parser(1 << 16);
  std::vector<lllm::StreamChunk> chunks;
  std::string text;
  lllm::StreamEvent event;
  for (std::size_t at = 0; at < input.size(); at += step) {
    const std::string piece(input.substr(at, step));
    parser.feed(piece);
    while (true) {
      const auto more = parser.next(event);
      if (!more) return "framing";
      if (!*more) break;
      chunks.clear();
      if (const auto fed = decoder->feed(event, chunks); !fed)
        return text + std::string(lllm::to_string(fed.error().kind()));
      for (const auto& chunk : chunks)
        if (chunk.kind == lllm::ChunkKind::text) text += chunk.content;
    }
  }
  const auto result = decoder->finish();
  if (!result) return text + std::string(lllm::to_string(result.error().kind()));
  send_back(*result);
  return text + lllm::to_json(to_json_value(result->message));
}

}  // namespace

LLLM_FUZZ(gemini) {
  if (const auto result = lllm::gemini_codec().decode(*lllm::find_provider("gemini"), input))
    send_back(*result);
  (void)lllm::gemini_codec().decode_error(429, input);
  const auto whole = outcome_of(input, std::max<std::size_t>(input.size(), 1));
  lllm::test::must(outcome_of(input, 1) == whole);
}
