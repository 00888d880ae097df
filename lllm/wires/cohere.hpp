#pragma once

#include "lllm/wires/codec.hpp"

namespace lllm {

/// Cohere's Chat API, version 2, "cohere-chat".
/// Spec: Cohere API reference, "Chat" (POST /v2/chat) and "Chat with Streaming", as of 2026-11.
///
/// A reply's tool plan is kept in `Message::metadata["tool_plan"]` and goes back with its calls.
const Codec& cohere_codec();

namespace cohere {

inline constexpr std::string_view wire_name = "cohere-chat";

Result<EncodedRequest> encode(const EncodeInput& input);
/// From the whole reply as JSON, which a stream is put together into as well.
Result<InvokeResult> read_reply(std::string_view provider, json::value reply);
std::unique_ptr<StreamDecoder> stream_decoder(const Provider& provider);

}  // namespace cohere
}  // namespace lllm
