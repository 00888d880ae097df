#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lllm/formats/framer.hpp"
#include "lllm/wires/codec.hpp"
#include "lllm/wires/providers.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace lllm::test {

/// What a stream came to: nothing where it did not come to its end.
struct Fed {
  std::optional<Result<InvokeResult>> result;
  Message partial;
  std::size_t bytes = 0;
};

/// @param step  the bytes that come at once
inline Fed feed_stream(const Codec& codec, const Provider& provider, std::string_view input,
                       std::size_t step) {
  const auto framer = make_framer(codec.framing(), 1 << 16);
  const auto decoder = codec.stream_decoder(provider);
  std::vector<StreamChunk> chunks;
  Fed fed;
  const auto drain = [&] {
    for (StreamEvent event;;) {
      const auto more = framer->next(event);
      if (!more) return false;
      if (!*more) return true;
      chunks.clear();
      if (!decoder->feed(event, chunks)) return false;
      for (const auto& chunk : chunks)  // reads every view, for the sanitizers
        for (const auto view : {chunk.content, chunk.raw, chunk.tool_id, chunk.tool_name})
          fed.bytes += std::string(view).size();
    }
  };
  bool whole = true;
  for (std::size_t at = 0; whole && at < input.size(); at += step) {
    framer->feed(input.substr(at, step));
    whole = drain();
  }
  if (whole) {
    framer->end();
    whole = drain();
  }
  fed.partial = decoder->partial();
  if (whole) fed.result = decoder->finish();
  return fed;
}

inline std::string as_text_of(const Message& message) {
  return to_json(to_json_value(message));
}

/// Feeds `input` to a codec as a whole answer, as one that is not ready yet, as an error body and as a
/// stream, in one piece and in many. A stream that is complete must read, put together, as the whole answer
/// that would have come unstreamed; and what was read can be sent back.
/// @param one_dialect  false: several servers' ways of saying things may be mixed in the input, for which
/// there
///                     is no one unstreamed form; then only calls and end must be the same.
inline void fuzz_decoder(const Codec& codec, std::string_view input, bool one_dialect = true) {
  static const Provider provider = [] {
    Provider row;
    row.name = "fuzz";
    return row;
  }();
  const auto send_back = [&](const Message& message) {
    Dialog dialog;
    dialog.put_text("Go on").append(message);
    for (const auto& call : message.tool_calls) dialog.put_tool_result(call.id, call.name, "done");
    const CallOptions options;
    const std::vector<Tool> tools;
    const Schema format;
    const auto request = codec.encode(EncodeInput{dialog, provider, "model", options, tools, format});
    must(!request || parse_json(request->body).has_value());
  };
  if (const auto answer = codec.decode(provider, input)) send_back(answer->message);
  (void)codec.decode_error(400, input);
  (void)codec.poll_path(input);

  const Fed whole = feed_stream(codec, provider, input, std::max<std::size_t>(input.size(), 1));
  const std::size_t step = input.empty() ? 1 : 1 + static_cast<unsigned char>(input[input.size() / 2]) % 61;
  const Fed cut = feed_stream(codec, provider, input, step);
  must(cut.result.has_value() == whole.result.has_value());
  must(as_text_of(cut.partial) == as_text_of(whole.partial));
  must(whole.bytes < (std::size_t{1} << 40));
  if (!whole.result) return;
  must(cut.result->has_value() == whole.result->has_value());
  if (!*whole.result) return;
  const InvokeResult& result = **whole.result;
  must(as_text_of((*cut.result)->message) == as_text_of(result.message));
  send_back(result.message);
  const auto again = codec.decode(provider, to_json(result.raw_response()));
  must(again.has_value());
  must(again->message.tool_calls.size() == result.message.tool_calls.size());
  must(again->message.finish_reason == result.message.finish_reason);
  if (one_dialect) must(as_text_of(again->message) == as_text_of(result.message));
}

}  // namespace lllm::test
