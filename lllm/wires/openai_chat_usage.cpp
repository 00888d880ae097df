#include "lllm/wires/openai_chat_usage.hpp"

#include <cstdint>
#include <optional>

namespace lllm::openai_chat {
namespace {

void count(std::optional<std::int64_t>& counter, std::optional<std::int64_t> value) {
  if (value && *value >= 0) counter = value;
}

}  // namespace

Usage read_usage(JsonReader& in) {
  Usage usage;
  std::optional<std::int64_t> hits, cached, num_cached, reasoning;
  in.object([&](std::string_view key) {
    if (key == "prompt_tokens") {
      count(usage.prompt_tokens, in.integer());
    } else if (key == "completion_tokens") {
      count(usage.completion_tokens, in.integer());
    } else if (key == "total_tokens") {
      count(usage.total_tokens, in.integer());
    } else if (key == "prompt_tokens_details") {
      in.object([&](std::string_view detail) {
        if (detail == "cached_tokens") count(usage.cached_prompt_tokens, in.integer());
        if (detail == "cache_write_tokens") count(usage.cache_write_tokens, in.integer());
      });
    } else if (key == "completion_tokens_details") {
      in.object([&](std::string_view detail) {
        if (detail == "reasoning_tokens") count(usage.reasoning_tokens, in.integer());
      });
    } else if (key == "prompt_cache_hit_tokens") {  // DeepSeek
      count(hits, in.integer());
    } else if (key == "cached_tokens") {  // Moonshot
      count(cached, in.integer());
    } else if (key == "num_cached_tokens") {  // Mistral
      count(num_cached, in.integer());
    } else if (key == "reasoning_tokens") {  // Perplexity
      count(reasoning, in.integer());
    }
  });
  for (const auto& other : {hits, cached, num_cached})
    if (!usage.cached_prompt_tokens) usage.cached_prompt_tokens = other;
  if (!usage.reasoning_tokens) usage.reasoning_tokens = reasoning;
  // xAI counts reasoning beside the completion, everyone else inside it; the total tells.
  const auto small = [](const std::optional<std::int64_t>& n) { return n && *n < (std::int64_t{1} << 60); };
  if (small(usage.prompt_tokens) && small(usage.completion_tokens) && small(usage.reasoning_tokens) &&
      *usage.reasoning_tokens > 0 &&
      usage.total_tokens == *usage.prompt_tokens + *usage.completion_tokens + *usage.reasoning_tokens)
    *usage.completion_tokens += *usage.reasoning_tokens;
  return usage;
}

}  // namespace lllm::openai_chat
