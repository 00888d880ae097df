#pragma once

#include "lllm/wires/codec.hpp"

namespace lllm {

/// Amazon Bedrock's Converse and ConverseStream, "bedrock-converse". Requests are signed by the invoker
/// (wires/aws_sigv4); streams come in AWS frames (formats/aws_frames).
/// Spec: Amazon Bedrock Runtime API Reference, "Converse" and "ConverseStream", as of 2026-11.
///
/// Models behind this wire differ: what goes into additionalModelRequestFields (thinking, top_k) and whether
/// a schema is native is read from the model's name.
const Codec& bedrock_codec();

namespace bedrock {

inline constexpr std::string_view wire_name = "bedrock-converse";

Result<EncodedRequest> encode(const EncodeInput& input);
/// From the whole reply as JSON, which a stream is put together into as well.
Result<InvokeResult> read_reply(std::string_view provider, json::value reply);
/// The Error of an exception inside a stream.
Error read_exception(std::string_view type, std::string_view data);
std::unique_ptr<StreamDecoder> stream_decoder(const Provider& provider);

}  // namespace bedrock
}  // namespace lllm
