#pragma once

#include "lllm/wires/codec.hpp"

namespace lllm {

/// Google's generateContent and streamGenerateContent, as AI Studio and Vertex AI speak them. The key goes
/// out as a header, never in the URL. Spec: Gemini API reference, "Generating content" and "Thought
/// signatures"; Vertex AI reference, "generateContent" (streamed function call arguments).
const Codec& gemini_codec();

}  // namespace lllm
