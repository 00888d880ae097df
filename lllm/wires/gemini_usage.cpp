#include "lllm/wires/gemini_usage.hpp"

#include <cstdint>
#include <limits>
#include <optional>

#include "lllm/base/json_reader.hpp"

namespace lllm::gemini {
namespace {

std::optional<std::int64_t> sum(std::optional<std::int64_t> a, std::optional<std::int64_t> b) {
  if (!a) return b;
  if (!b) return a;
  std::int64_t total = 0;
  if (__builtin_add_overflow(*a, *b, &total)) return std::numeric_limits<std::int64_t>::max();
  return total;
}

}  // namespace

Usage usage_from_gemini(std::string_view usage_json) {
  std::optional<std::int64_t> prompt, tool_use, candidates, thoughts, total, cached;
  TextArena arena;
  JsonReader in(usage_json, arena);
  in.object([&](std::string_view key) {
    std::optional<std::int64_t>* counter = nullptr;
    if (key == "promptTokenCount") counter = &prompt;
    if (key == "toolUsePromptTokenCount") counter = &tool_use;
    if (key == "candidatesTokenCount") counter = &candidates;
    if (key == "thoughtsTokenCount") counter = &thoughts;
    if (key == "totalTokenCount") counter = &total;
    if (key == "cachedContentTokenCount") counter = &cached;
    if (counter == nullptr) return;
    if (const auto count = in.integer(); count && *count >= 0) *counter = count;
  });
  Usage usage;
  usage.prompt_tokens = sum(prompt, tool_use);
  usage.completion_tokens = sum(candidates, thoughts);
  usage.total_tokens = total;
  usage.cached_prompt_tokens = cached;
  usage.reasoning_tokens = thoughts;
  return usage;
}

}  // namespace lllm::gemini
