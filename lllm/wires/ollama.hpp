#pragma once

#include "lllm/wires/codec.hpp"

namespace lllm {

/// Ollama's own chat API: newline-delimited JSON, arguments as objects, calls without ids.
/// Spec: Ollama API, "Generate a chat completion" (POST /api/chat).
const Codec& ollama_codec();

}  // namespace lllm
