#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lllm/base/json.hpp"
#include "lllm/wires/codec.hpp"

namespace lllm::gemini {

/// Everything of a request but its contents.
struct Config {
  json::object body;  ///< generationConfig, tools, toolConfig, safetySettings …
  json::value extra_body;
  std::vector<std::pair<std::string, std::string>> headers;
  json::object model_args;           ///< as they went into the body
  std::vector<std::string> dropped;  ///< arguments that this wire, or this model, cannot take
};

/// Maps OpenAI-style arguments, tools, structured output and add-ons. @param generation  see generation_of()
Config make_config(const EncodeInput& input, int generation);

}  // namespace lllm::gemini
