#include "lllm/wires/routing.hpp"

#include <doctest/doctest.h>

namespace lllm {
namespace {

struct Expected {
  const char* model;
  const char* provider;
  const char* own_name;
  const char* wire;
};

}  // namespace

TEST_SUITE("wires/routing") {
  TEST_CASE("models are routed by LiteLLM's naming") {
    const Expected cases[] = {
        {"openai/gpt-4o", "openai", "gpt-4o", "openai-chat"},
        {"openrouter/openai/gpt-4o", "openrouter", "openai/gpt-4o", "openai-chat"},
        {"openrouter/anthropic/claude-sonnet-4.5:beta", "openrouter", "anthropic/claude-sonnet-4.5:beta",
         "openai-chat"},
        {"azure/my-deployment", "azure", "my-deployment", "openai-chat"},
        {"azure/responses/my-deployment", "azure", "my-deployment", "openai-responses"},
        {"openai/responses/gpt-5", "openai", "gpt-5", "openai-responses"},
        {"bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock",
         "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock-converse"},
        {"bedrock/converse/us.amazon.nova-pro-v1:0", "bedrock", "us.amazon.nova-pro-v1:0",
         "bedrock-converse"},
        {"bedrock_converse/amazon.nova-pro-v1:0", "bedrock", "amazon.nova-pro-v1:0", "bedrock-converse"},
        {"bedrock/arn:aws:bedrock:us-east-1:123:inference-profile/us.x", "bedrock",
         "arn:aws:bedrock:us-east-1:123:inference-profile/us.x", "bedrock-converse"},
        {"vertex_ai/gemini-2.5-pro", "vertex_ai", "gemini-2.5-pro", "gemini-generate"},
        {"vertex_ai/gemini/1234567890", "vertex_ai", "1234567890", "gemini-generate"},
        {"gemini/gemini-2.5-flash", "gemini", "gemini-2.5-flash", "gemini-generate"},
        {"ollama_chat/llama3.2", "ollama", "llama3.2", "ollama-chat"},
        {"together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo", "together_ai",
         "meta-llama/Llama-3.3-70B-Instruct-Turbo", "openai-chat"},
        {"huggingface/together/deepseek-ai/DeepSeek-R1", "huggingface", "together/deepseek-ai/DeepSeek-R1",
         "openai-chat"},
        {"vllm/facebook/opt-125m", "hosted_vllm", "facebook/opt-125m", "openai-chat"},
        {"gpt-4o-mini", "openai", "gpt-4o-mini", "openai-chat"},
        {"o1", "openai", "o1", "openai-chat"},
        {"o3-mini", "openai", "o3-mini", "openai-chat"},
        {"chatgpt-4o-latest", "openai", "chatgpt-4o-latest", "openai-chat"},
        {"ft:gpt-4o-mini-2024-07-18:acme::abc", "openai", "ft:gpt-4o-mini-2024-07-18:acme::abc",
         "openai-chat"},
        {"claude-haiku-4-5", "anthropic", "claude-haiku-4-5", "anthropic-messages"},
        {"gemini-2.5-flash", "gemini", "gemini-2.5-flash", "gemini-generate"},
        {"command-r-plus", "cohere", "command-r-plus", "cohere-chat"},
        {"mistral-large-latest", "mistral", "mistral-large-latest", "openai-chat"},
        {"open-mixtral-8x22b", "mistral", "open-mixtral-8x22b", "openai-chat"},
        {"grok-4", "xai", "grok-4", "openai-chat"},
        {"deepseek-chat", "deepseek", "deepseek-chat", "openai-chat"},
        {"sonar-pro", "perplexity", "sonar-pro", "openai-chat"},
        {"kimi-k2-0711-preview", "moonshot", "kimi-k2-0711-preview", "openai-chat"},
        {"qwen-plus", "dashscope", "qwen-plus", "openai-chat"},
        {"glm-4.6", "zai", "glm-4.6", "openai-chat"},
        {"anthropic.claude-3-5-sonnet-20241022-v2:0", "bedrock", "anthropic.claude-3-5-sonnet-20241022-v2:0",
         "bedrock-converse"},
        {"us.meta.llama3-3-70b-instruct-v1:0", "bedrock", "us.meta.llama3-3-70b-instruct-v1:0",
         "bedrock-converse"},
    };
    const Router router;
    for (const auto& expected : cases) {
      CAPTURE(expected.model);
      const auto route = router.route(expected.model);
      REQUIRE(route.has_value());
      CHECK(route->provider->name == expected.provider);
      CHECK(route->model == expected.own_name);
      CHECK(route->wire == expected.wire);
    }
  }

  TEST_CASE("the Responses API is used where it is spoken") {
    const Router router;
    CHECK(router.route("gpt-5", ApiType::response)->wire == "openai-responses");
    CHECK(router.route("xai/grok-4", ApiType::response)->wire == "openai-responses");
    CHECK(router.route("claude-opus-4-1", ApiType::response)->wire == "anthropic-messages");
    CHECK(router.route("openai/responses/gpt-5")->api_type == ApiType::response);
  }

  TEST_CASE("a region in a Bedrock name is the region that is asked") {
    const auto route = Router().route("bedrock/eu-central-1/anthropic.claude-v2");
    REQUIRE(route.has_value());
    CHECK(route->provider->base_url == "https://bedrock-runtime.eu-central-1.amazonaws.com");
    CHECK(route->model == "anthropic.claude-v2");
  }

  TEST_CASE("an unknown provider is answered with the known ones, near names first") {
    const auto route = Router().route("opanai/gpt-4o");
    REQUIRE(route.has_error());
    CHECK(route.error().kind() == ErrorKind::unknown_provider);
    const auto& message = route.error().message();
    CHECK(message.find("unknown provider 'opanai' in model 'opanai/gpt-4o'; did you mean openai?") == 0);
    CHECK(message.find("Known providers: openai, ") != std::string::npos);
    for (const auto& row : providers()) CHECK(message.find(row.name) != std::string::npos);
  }

  TEST_CASE("a bare name of no family is an error that says how to write it") {
    const auto route = Router().route("llama-3.3-70b");
    REQUIRE(route.has_error());
    CHECK(route.error().kind() == ErrorKind::unknown_provider);
    CHECK(route.error().message().find("write provider/llama-3.3-70b") != std::string::npos);
    CHECK(Router().route("gpt-oss-120b").has_error());
  }

  TEST_CASE("names without a model, and dialects that are not spoken, are refused") {
    const Router router;
    CHECK(router.route("").error().kind() == ErrorKind::invalid_argument);
    CHECK(router.route("openai/").error().kind() == ErrorKind::invalid_argument);
    CHECK(router.route("openai/responses/").error().kind() == ErrorKind::invalid_argument);
    CHECK(router.route("bedrock/invoke/anthropic.claude-v2").error().kind() == ErrorKind::unsupported);
    CHECK(router.route("vertex_ai/claude-sonnet-4@20250514").error().kind() == ErrorKind::unsupported);
  }

  TEST_CASE("aliases, a provider of one's own and a fallback") {
    Router router;
    router.add_alias("fast", "quick");
    router.add_alias("quick", "groq/llama-3.3-70b-versatile");
    CHECK(router.route("fast")->provider->name == "groq");
    CHECK(router.route("fast")->model == "llama-3.3-70b-versatile");
    router.add_alias("quick", "fast");
    CHECK(router.route("fast").error().kind() == ErrorKind::invalid_argument);

    Provider mine;
    mine.name = "mine";
    CHECK(router.add_provider(mine).error().kind() == ErrorKind::invalid_argument);
    mine.wire = "openai-chat";
    mine.base_url = "https://llm.example/v1";
    REQUIRE(router.add_provider(mine).has_value());
    CHECK(router.route("mine/a/b")->model == "a/b");
    CHECK(router.route("mine/a/b")->provider->base_url == "https://llm.example/v1");

    CHECK(router.fallback("nobody").error().kind() == ErrorKind::unknown_provider);
    REQUIRE(router.fallback("mine").has_value());
    CHECK(router.route("llama-3.3-70b")->provider->name == "mine");
    CHECK(router.route("meta-llama/Llama-3")->model == "meta-llama/Llama-3");
    CHECK(router.route("gpt-4o")->provider->name == "openai");

    Provider replaced = *find_provider("openai");
    replaced.base_url = "https://proxy.example/v1";
    REQUIRE(router.add_provider(replaced).has_value());
    CHECK(router.route("gpt-4o")->provider->base_url == "https://proxy.example/v1");
  }
}

}  // namespace lllm
