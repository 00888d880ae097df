#include "lllm/wires/providers.hpp"

#include <algorithm>
#include <set>

#include <doctest/doctest.h>

namespace lllm {

TEST_SUITE("wires/providers") {
  TEST_CASE("the rows are sorted, and no name or alias is used twice") {
    CHECK(std::ranges::is_sorted(providers(), {}, &Provider::name));
    std::set<std::string> names;
    for (const auto& row : providers()) {
      CAPTURE(row.name);
      CHECK(names.insert(row.name).second);
      for (const auto& alias : row.aliases) CHECK(names.insert(alias).second);
    }
  }

  TEST_CASE("every row can be used: title, wire, base URL over TLS or on this machine") {
    for (const auto& row : providers()) {
      CAPTURE(row.name);
      CHECK_FALSE(row.title.empty());
      CHECK_FALSE(row.wire.empty());
      const bool open = row.base_url.starts_with("{base}");
      const bool local = row.auth == Auth::none && row.base_url.starts_with("http://");
      CHECK((open || local || row.base_url.starts_with("https://")));
      CHECK_FALSE(row.base_url.ends_with("/"));
      if (open) CHECK_FALSE(row.base_variables.empty());
      if (row.auth != Auth::none) CHECK_FALSE(row.key_variables.empty());
    }
  }

  TEST_CASE("every provider that the specification names is there") {
    for (const char* name : {"openai",
                             "anthropic",
                             "xai",
                             "huggingface",
                             "openrouter",
                             "novita",
                             "vercel_ai_gateway",
                             "nvidia_nim",
                             "vertex_ai",
                             "azure",
                             "gemini",
                             "groq",
                             "mistral",
                             "deepseek",
                             "together_ai",
                             "fireworks_ai",
                             "perplexity",
                             "cerebras",
                             "moonshot",
                             "cohere",
                             "bedrock",
                             "ollama",
                             "hosted_vllm",
                             "openai_like"}) {
      CAPTURE(name);
      CHECK(find_provider(name) != nullptr);
    }
    CHECK(find_provider("vllm")->name == "hosted_vllm");
    CHECK(find_provider("nobody") == nullptr);
    CHECK(find_provider("") == nullptr);
  }
}

}  // namespace lllm
