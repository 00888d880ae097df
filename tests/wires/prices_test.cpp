#include "lllm/wires/prices.hpp"

#include <algorithm>
#include <set>

#include <doctest/doctest.h>

#include "lllm/wires/providers.hpp"

namespace lllm {
namespace {

std::int64_t pico(std::optional<Money> money) {
  return money ? money->picodollars() : -1;
}

}  // namespace

TEST_SUITE("wires/prices") {
  TEST_CASE("the table knows well over 400 models, each of a provider there is, and says where it is from") {
    const PriceTable table;
    const auto all = table.all();
    CHECK(all.size() >= 400);
    CHECK(std::ranges::count_if(all, [](const ModelInfo& info) { return info.price.has_value(); }) >= 400);
    CHECK(std::ranges::count_if(all, [](const ModelInfo& info) { return info.context_window.has_value(); }) >=
          400);
    CHECK(std::ranges::count_if(all, [](const ModelInfo& info) { return info.capabilities.has_value(); }) >=
          400);
    for (const auto& info : all) {
      CAPTURE(info.provider);
      CHECK(find_provider(info.provider) != nullptr);
    }
    CHECK(PriceTable::source().find("genai-prices@") != std::string_view::npos);
    CHECK(PriceTable::date().size() == 10);
  }

  TEST_CASE("a price is exact, with the rate of cached tokens") {
    const auto price = PriceTable().price("openai", "gpt-4o");
    REQUIRE(price.has_value());
    CHECK(price->base.input == *Money::parse("2.5e-6"));
    CHECK(price->base.output == *Money::parse("10e-6"));
    CHECK(pico(price->base.cached_input) == 1'250'000);
    const auto info = PriceTable().find("openai", "gpt-4o");
    CHECK(info->context_window == 128'000);
    CHECK(info->max_output == 16'384);
    REQUIRE(info->capabilities.has_value());
    CHECK(info->capabilities->tools);
    CHECK(info->capabilities->image_input);
    CHECK_FALSE(info->capabilities->reasoning);
  }

  TEST_CASE("dated, region-bound and variant names find the model they are") {
    const PriceTable table;
    const auto same = [&](const char* provider, const char* spelling, const char* other, const char* name) {
      CAPTURE(provider);
      CAPTURE(spelling);
      const auto price = table.price(provider, spelling);
      const auto expected = table.price(other, name);
      REQUIRE(price.has_value());
      REQUIRE(expected.has_value());
      CHECK(price->base.input == expected->base.input);
      CHECK(price->base.output == expected->base.output);
    };
    same("openai", "gpt-4o-mini-2024-07-18", "openai", "gpt-4o-mini");
    same("openai", "gpt-4.1-2025-04-14", "openai", "gpt-4.1");
    same("anthropic", "claude-sonnet-4-5-20250929", "anthropic", "claude-sonnet-4-5");
    same("gemini", "models/gemini-2.5-flash", "gemini", "gemini-2.5-flash");
    same("vertex_ai", "gemini-2.5-pro", "gemini", "gemini-2.5-pro");
    same("azure", "gpt-4.1-mini", "openai", "gpt-4.1-mini");
    same("openrouter", "openai/gpt-4o:nitro", "openrouter", "openai/gpt-4o");
    same("vercel_ai_gateway", "openai/gpt-4o-mini", "openai", "gpt-4o-mini");
    same("bedrock", "amazon.nova-pro-v1:0", "bedrock", "us.amazon.nova-pro-v1:0");
  }

  TEST_CASE("a long prompt is priced by its tier") {
    const auto price = PriceTable().price("gemini", "gemini-2.5-pro");
    REQUIRE(price.has_value());
    REQUIRE(price->tiers.size() == 1);
    CHECK(price->tiers[0].above_prompt_tokens == 200'000);
    CHECK(price->tiers[0].rates.input > price->base.input);
    Usage usage;
    usage.prompt_tokens = 200'001;
    usage.completion_tokens = 10;
    CHECK(cost_of(usage, *price)->input == price->tiers[0].rates.input * 200'001);
  }

  TEST_CASE(
      "Copilot has prices of its own; Hugging Face's router those of the company that the name ends with") {
    const PriceTable table;
    const auto codex = table.price("github_copilot", "gpt-5.3-codex");
    REQUIRE(codex.has_value());
    CHECK(codex->base.input == Money::parse("0.00000175"));
    CHECK(codex->base.output == Money::parse("0.000014"));
    const auto at_together = table.price("huggingface", "deepseek-ai/DeepSeek-R1:together");
    const auto at_novita = table.price("huggingface", "deepseek-ai/DeepSeek-R1:novita");
    REQUIRE(at_together.has_value());
    REQUIRE(at_novita.has_value());
    CHECK(at_together->base.input != at_novita->base.input);
    // Without one the router chooses, and of an unlisted one nothing is known.
    CHECK_FALSE(table.price("huggingface", "deepseek-ai/DeepSeek-R1").has_value());
    CHECK_FALSE(table.price("huggingface", "deepseek-ai/DeepSeek-R1:nobody").has_value());
    CHECK_FALSE(table.price("huggingface", "deepseek-ai/DeepSeek-R1:fastest").has_value());
  }

  TEST_CASE(
      "what another company charges for a model is no price: makers, resellers and machines of one's own") {
    const PriceTable table;
    REQUIRE(table.price("deepseek", "deepseek-v4-pro").has_value());
    CHECK_FALSE(table.price("azure", "deepseek-v4-pro").has_value());
    REQUIRE(table.price("openrouter", "z-ai/glm-4.6v").has_value());
    CHECK_FALSE(table.price("zai", "glm-4.6v").has_value());
    REQUIRE(table.price("openrouter", "qwen/qwen3-max").has_value());
    CHECK_FALSE(table.price("dashscope", "qwen3-max").has_value());
    REQUIRE(table.price("groq", "openai/gpt-oss-20b").has_value());
    CHECK_FALSE(table.price("ollama", "gpt-oss:20b").has_value());
    CHECK_FALSE(table.price("crusoe", "meta-llama/Llama-3.3-70B-Instruct").has_value());
    CHECK_FALSE(table.price("snowflake", "claude-sonnet-4-6").has_value());
    // What a compound model costs is what it calls.
    CHECK_FALSE(table.price("groq", "groq/compound").has_value());
  }

  TEST_CASE("an unknown price is unknown, and a free one is nothing to pay") {
    const PriceTable table;
    CHECK_FALSE(table.price("openai", "gpt-99-unheard-of").has_value());
    CHECK_FALSE(table.price("azure", "my-deployment").has_value());
    CHECK_FALSE(table.price("ollama", "llama3.2").has_value());
    CHECK_FALSE(table.price("nobody", "gpt-4o").has_value());
    CHECK_FALSE(table.price("", "").has_value());
    const auto all = table.all();
    const auto free = std::ranges::find_if(all, [](const ModelInfo& info) {
      return info.provider == "openrouter" && info.model.ends_with(":free") && info.price;
    });
    REQUIRE(free != all.end());
    CHECK(free->price->base.input == Money());
  }

  TEST_CASE("prices can be laid over the table from JSON") {
    PriceTable table;
    const auto given =
        parse_json(R"({"openai": {"gpt-4o": {"input": "3", "output": 12.5, "cached_input": "0.3",
      "tiers": [{"above": 1000, "input": "6", "output": "25"}]}},
      "openai_like": {"my-model": {"input": "0.1", "output": "0.2", "context_window": 8192}}})");
    REQUIRE(table.overlay(*given).has_value());
    const auto price = table.price("openai", "gpt-4o");
    REQUIRE(price.has_value());
    CHECK(price->base.input.picodollars() == 3'000'000);
    CHECK(price->base.output.picodollars() == 12'500'000);
    CHECK(pico(price->base.cached_input) == 300'000);
    CHECK(price->tiers.size() == 1);
    CHECK(table.find("openai", "gpt-4o")->context_window == 128'000);  // what was known stays
    CHECK(table.find("openai_like", "my-model")->context_window == 8192);
    CHECK(table.price("openai", "gpt-4o-mini").has_value());
    CHECK(PriceTable().price("openai", "gpt-4o")->base.input.picodollars() == 2'500'000);
  }

  TEST_CASE("a malformed overlay names the place and changes nothing") {
    for (
        const char* broken :
        {R"([])", R"({"openai": 1})", R"({"openai": {"gpt-4o": 1}})",
         R"({"openai": {"gpt-4o": {"input": "1"}}})",
         R"({"openai": {"gpt-4o": {"input": "-1", "output": "1"}}})",
         R"({"openai": {"gpt-4o": {"input": "1e-7", "output": "1"}}})",
         R"({"openai": {"a": {"input": "1", "output": "1"}, "gpt-4o": {"input": "x", "output": "1"}}})",
         R"({"openai": {"gpt-4o": {"input": "1", "output": "1", "tiers": [{"input": "1", "output": "1"}]}}})"}) {
      CAPTURE(broken);
      PriceTable table;
      const auto laid = table.overlay(*parse_json(broken));
      REQUIRE(laid.has_error());
      CHECK(laid.error().kind() == ErrorKind::parse_failed);
      CHECK(laid.error().message().starts_with("prices: "));
      CHECK_FALSE(table.price("openai", "a").has_value());
    }
  }
}

}  // namespace lllm
