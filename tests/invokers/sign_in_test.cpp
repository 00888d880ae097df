// How each provider is told who asks: the header, the path and the query that it wants, and nothing more.
#include <doctest/doctest.h>

#include <set>

#include "tests/invokers/wire_world.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

using Values = std::map<std::string, std::string, std::less<>>;

/// What a provider saw of one call that was configured by variables alone.
HttpServerRequest seen_with(Values variables, const char* base_variable, const char* model,
                            ApiType api = ApiType::completion) {
  asio::io_context loop(1);
  HttpServerRequest seen;
  HttpServer server(loop.get_executor(), [&seen](const HttpServerRequest& request, HttpResponder& responder) {
    seen = request;
    return responder.send(400, of_type("application/json"), "{}");
  });
  variables[base_variable] = server.url() + "/base";
  HttpClientOptions http;
  http.proxies = ProxyRules();
  LiteLLMInvoker invoker(
      loop.get_executor(),
      InvokerOptions().environment(Environment(fixed_variables(std::move(variables)))).http(http));
  const Error error = error_on(loop, invoker.call(question(), model, CallOptions().api_type(api)));
  CHECK_MESSAGE(error.kind() == ErrorKind::invalid_request, error.to_string());
  return seen;
}

/// The headers that say who asks.
std::set<std::string> signed_by(const HttpServerRequest& request) {
  std::set<std::string> names;
  for (const auto& [name, value] : request.headers)
    if (value.find(canary) != std::string::npos) names.emplace(name);
  CHECK(request.target.find(canary) == std::string::npos);
  CHECK(request.body.find(canary) == std::string::npos);
  return names;
}

}  // namespace

TEST_SUITE("invokers/sign_in") {
  TEST_CASE("bearer tokens: OpenAI, Cohere, Bedrock's keys, Ollama's cloud and every compatible provider") {
    struct Way {
      const char *key, *base, *model, *path;
      ApiType api = ApiType::completion;
    };
    for (const Way& way : {
             Way{"OPENAI_API_KEY", "OPENAI_BASE_URL", "gpt-4o-mini", "/base/chat/completions"},
             Way{"OPENAI_API_KEY", "OPENAI_BASE_URL", "gpt-5-mini", "/base/responses", ApiType::response},
             Way{"COHERE_API_KEY", "COHERE_API_BASE", "cohere/command-a-03-2025", "/base/v2/chat"},
             Way{"OLLAMA_API_KEY", "OLLAMA_API_BASE", "ollama/llama3.2", "/base/api/chat"},
             Way{"GROQ_API_KEY", "GROQ_API_BASE", "groq/llama-3.1-8b-instant", "/base/chat/completions"},
             Way{"NVIDIA_NIM_API_KEY", "NVIDIA_NIM_API_BASE", "nvidia_nim/meta/llama3-8b",
                 "/base/chat/completions"},
         }) {
      CAPTURE(way.model);
      const auto seen = seen_with({{way.key, canary}}, way.base, way.model, way.api);
      CHECK(seen.method == "POST");
      CHECK(seen.path() == way.path);
      CHECK(seen.headers.get("authorization") == "Bearer " + canary);
      CHECK(signed_by(seen).size() == 1);
    }
  }

  TEST_CASE("Anthropic: x-api-key with the version of the API") {
    const auto seen = seen_with({{"ANTHROPIC_API_KEY", canary}}, "ANTHROPIC_API_BASE", "claude-haiku-4-5");
    CHECK(seen.path() == "/base/v1/messages");
    CHECK(seen.headers.get("x-api-key") == canary);
    CHECK(seen.headers.get("anthropic-version") == "2023-06-01");
    CHECK_FALSE(seen.headers.contains("authorization"));
    CHECK(signed_by(seen).size() == 1);
  }

  TEST_CASE("Google AI Studio: x-goog-api-key, and the model in the path") {
    const auto seen = seen_with({{"GEMINI_API_KEY", canary}}, "GEMINI_API_BASE", "gemini/gemini-2.5-flash");
    CHECK(seen.target == "/base/models/gemini-2.5-flash:generateContent");
    CHECK(seen.headers.get("x-goog-api-key") == canary);
    CHECK(signed_by(seen).size() == 1);
  }

  TEST_CASE("Azure: api-key, the deployment in the path, the version in the query") {
    const auto seen = seen_with({{"AZURE_API_KEY", canary}, {"AZURE_API_VERSION", "2024-10-21"}},
                                "AZURE_API_BASE", "azure/my deployment");
    CHECK(seen.target == "/base/openai/deployments/my%20deployment/chat/completions?api-version=2024-10-21");
    CHECK(seen.headers.get("api-key") == canary);
    CHECK_FALSE(seen.headers.contains("authorization"));
    CHECK(signed_by(seen).size() == 1);
  }

  TEST_CASE("a server of one's own is asked without a key when there is none") {
    const auto seen = seen_with({}, "HOSTED_VLLM_API_BASE", "hosted_vllm/house-model");
    CHECK(seen.target == "/base/chat/completions");
    CHECK_FALSE(seen.headers.contains("authorization"));
    CHECK(text_at(parse_json(seen.body).value(), "model") == "house-model");
  }
}
