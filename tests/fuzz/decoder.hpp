#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lllm/formats/framer.hpp"
#include "lllm/wires/codec.hpp"
#include "lllm/wires/providers.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace lllm::test {

/// Feeds `input` to a codec as a whole answer, as an error body and as a stream. A stream that is complete
/// must read, put together, as the whole answer that would have come unstreamed.
/// @param one_dialect  false: several servers' ways of saying things may be mixed in the input, for which
/// there
///                     is no one unstreamed form; then only calls and end must be the same.
inline void fuzz_decoder(const Codec& codec, std::string_view input, bool one_dialect = true) {
  static const Provider provider = [] {
    Provider row;
    row.name = "fuzz";
    return row;
  }();
  (void)codec.decode(provider, input);
  (void)codec.decode_error(400, input);

  const auto framer = make_framer(codec.framing(), 1 << 16);
  const auto decoder = codec.stream_decoder(provider);
  std::vector<StreamChunk> chunks;
  std::size_t bytes = 0;
  framer->feed(input);
  const auto drain = [&] {
    for (StreamEvent event;;) {
      const auto more = framer->next(event);
      if (!more) return false;
      if (!*more) return true;
      chunks.clear();
      if (!decoder->feed(event, chunks)) return false;
      for (const auto& chunk : chunks)  // reads every view, for the sanitizers
        for (const auto view : {chunk.content, chunk.raw, chunk.tool_id, chunk.tool_name})
          bytes += std::string(view).size();
    }
  };
  bool whole = drain();
  framer->end();
  whole = whole && drain();
  (void)decoder->partial();
  if (!whole) return;
  const auto result = decoder->finish();
  if (!result) return;
  const auto again = codec.decode(provider, to_json(result->raw_response()));
  must(again.has_value());
  must(again->message.tool_calls.size() == result->message.tool_calls.size());
  must(again->message.finish_reason == result->message.finish_reason);
  if (one_dialect) must(to_json(to_json_value(again->message)) == to_json(to_json_value(result->message)));
  must(bytes < (std::size_t{1} << 40));
}

}  // namespace lllm::test
