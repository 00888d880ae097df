#pragma once

#include "lllm/wires/codec.hpp"

namespace lllm {

/// Anthropic's Messages API, "anthropic-messages".
/// Spec: Anthropic "Messages" and "Streaming Messages", anthropic-version 2023-06-01, as of 2026-11.
///
/// A reply with anything that the parts of a Message cannot say (signed or redacted thinking, server-side
/// tools, citations) keeps its content blocks in `Message::wire_state`; the next request sends them back
/// verbatim.
const Codec& anthropic_codec();

// The pieces of it, for its sources and tests.
namespace anthropic {

inline constexpr std::string_view wire_name = "anthropic-messages";

Result<EncodedRequest> encode(const EncodeInput& input);
/// From the whole reply as JSON, which a stream is put together into as well.
Result<InvokeResult> read_reply(std::string_view provider, json::value reply);
/// The Error inside {"type":"error","error":{…}}, wherever it came.
Error read_error(const json::value& body);
std::unique_ptr<StreamDecoder> stream_decoder(const Provider& provider);

}  // namespace anthropic
}  // namespace lllm
