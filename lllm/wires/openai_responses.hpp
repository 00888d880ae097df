#pragma once

#include "lllm/wires/codec.hpp"

namespace lllm {

/// OpenAI's Responses API.
/// Spec: OpenAI API reference, "Create a model response" and "Streaming events".
///
/// A reply with anything that the parts of a Message cannot say (reasoning items, server-side tools, phases)
/// keeps its output items in `Message::wire_state`; the next request sends them back verbatim. In background
/// mode the first answer's status is "queued" or "in_progress": poll_path() says where to ask again.
const Codec& openai_responses_codec();

// The pieces of it, for its sources and tests.
namespace openai_responses {

inline constexpr std::string_view wire_name = "openai-responses";

Result<EncodedRequest> encode(const EncodeInput& input);
/// From the whole response object, which a stream's last event holds as well.
Result<InvokeResult> read_response(std::string_view provider, json::value response);
std::unique_ptr<StreamDecoder> stream_decoder(const Provider& provider);

}  // namespace openai_responses
}  // namespace lllm
