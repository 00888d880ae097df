#include "lllm/invokers/environment.hpp"

#include <doctest/doctest.h>

namespace lllm {
namespace {

using Map = std::map<std::string, std::string, std::less<>>;

Environment environment(Map values) {
  return Environment(fixed_variables(std::move(values)));
}

const Provider& row(std::string_view name) {
  const auto* found = find_provider(name);
  REQUIRE(found != nullptr);
  return *found;
}

}  // namespace

TEST_SUITE("invokers/environment") {
  TEST_CASE("a key and a base URL come from the provider's variables") {
    const auto env =
        environment({{"OPENAI_API_KEY", "sk-1"}, {"OPENAI_BASE_URL", "https://proxy.example/v1/"}});
    const auto access = env.access(row("openai"));
    REQUIRE(access.has_value());
    CHECK(access->key == Secret("sk-1"));
    CHECK(access->base_url == "https://proxy.example/v1");
    CHECK(access->base_for("openai-chat", "gpt-4o") == "https://proxy.example/v1");
    CHECK(environment({{"GROQ_API_KEY", "g"}}).access(row("groq"))->base_url ==
          "https://api.groq.com/openai/v1");
    CHECK(environment({{"GOOGLE_API_KEY", "g"}}).access(row("gemini"))->auth == Auth::google_api_key);
  }

  TEST_CASE("what is given in code wins") {
    const auto env =
        environment({{"OPENAI_API_KEY", "sk-1"}, {"OPENAI_BASE_URL", "https://proxy.example/v1"}});
    AccessOverrides given;
    given.base_url = "http://127.0.0.1:8080/v1";
    given.key = Secret("sk-2");
    const auto access = env.access(row("openai"), given);
    CHECK(access->key == Secret("sk-2"));
    CHECK(access->base_url == "http://127.0.0.1:8080/v1");
  }

  TEST_CASE("a missing key is a configuration error that names the variable") {
    const auto access = environment({{"MISTRAL_API_KEY", ""}}).access(row("mistral"));
    REQUIRE(access.has_error());
    CHECK(access.error().kind() == ErrorKind::configuration);
    CHECK(access.error().provider() == "mistral");
    CHECK(access.error().message() ==
          "mistral: not configured: set MISTRAL_API_KEY, or give the key and base URL in code");
  }

  TEST_CASE("a server of one's own needs a base URL and no key") {
    const auto access = environment({}).access(row("openai_like"));
    REQUIRE(access.has_error());
    CHECK(access.error().message().find("OPENAI_LIKE_API_BASE") != std::string::npos);
    AccessOverrides given;
    given.base_url = "http://gpu:8000/v1";
    const auto found = environment({}).access(row("openai_like"), given);
    REQUIRE(found.has_value());
    CHECK(found->base_url == "http://gpu:8000/v1");
    CHECK(found->key.empty());
    CHECK(environment({{"OLLAMA_HOST", "gpu:11434"}}).access(row("ollama"))->base_url == "http://gpu:11434");
  }

  TEST_CASE("Azure: deployment in the path, version in the query") {
    Map values{{"AZURE_API_KEY", "k"},
               {"AZURE_API_BASE", "https://me.openai.azure.com/"},
               {"AZURE_API_VERSION", "2024-10-21"}};
    const auto access = environment(values).access(row("azure"));
    REQUIRE(access.has_value());
    CHECK(access->auth == Auth::api_key);
    CHECK(access->query == "api-version=2024-10-21");
    CHECK(access->base_for("openai-chat", "my gpt") ==
          "https://me.openai.azure.com/openai/deployments/my%20gpt");
    CHECK(access->base_for("openai-responses", "my-gpt") == "https://me.openai.azure.com/openai");
    values["AZURE_API_VERSION"] = "v1";
    const auto v1 = environment(values).access(row("azure"));
    CHECK(v1->base_for("openai-chat", "my-gpt") == "https://me.openai.azure.com/openai/v1");
    CHECK(v1->query == "api-version=v1");
  }

  TEST_CASE("Vertex AI: project and location in the URL; the global location has a host of its own") {
    Map values{{"VERTEXAI_PROJECT", "p-1"},
               {"VERTEXAI_LOCATION", "europe-west4"},
               {"GOOGLE_APPLICATION_CREDENTIALS", "/keys/sa.json"}};
    CHECK(environment(values).access(row("vertex_ai"))->base_url ==
          "https://europe-west4-aiplatform.googleapis.com/v1/projects/p-1/locations/europe-west4/publishers/"
          "google");
    values["VERTEXAI_LOCATION"] = "global";
    CHECK(environment(values).access(row("vertex_ai"))->base_url ==
          "https://aiplatform.googleapis.com/v1/projects/p-1/locations/global/publishers/google");
    values["VERTEXAI_LOCATION"] = "evil.example/x";
    const auto refused = environment(values).access(row("vertex_ai"));
    REQUIRE(refused.has_error());
    CHECK(refused.error().message().find("evil") == std::string::npos);
  }

  TEST_CASE("Bedrock: the region from any of AWS's variables; an API key replaces the signature") {
    const auto access = environment({{"AWS_REGION", "eu-central-1"}}).access(row("bedrock"));
    REQUIRE(access.has_value());
    CHECK(access->base_url == "https://bedrock-runtime.eu-central-1.amazonaws.com");
    CHECK(access->region == "eu-central-1");
    CHECK(access->auth == Auth::aws_sigv4);
    const auto bearer = environment({{"AWS_REGION", "eu-central-1"}, {"AWS_BEARER_TOKEN_BEDROCK", "b"}})
                            .access(row("bedrock"));
    CHECK(bearer->auth == Auth::bearer);
    CHECK(environment({}).access(row("bedrock")).error().message().find("AWS_REGION") != std::string::npos);
  }

  TEST_CASE("a group that is set in part is an error at construction that names what is missing") {
    CHECK(environment({}).check().has_value());
    CHECK(environment({{"OPENAI_API_KEY", "k"}}).check().has_value());
    const auto azure = environment({{"AZURE_API_KEY", "canary"}, {"AZURE_API_BASE", "https://a"}}).check();
    REQUIRE(azure.has_error());
    CHECK(azure.error().kind() == ErrorKind::configuration);
    CHECK(azure.error().message() ==
          "Azure OpenAI is configured in part: AZURE_API_VERSION is missing, AZURE_API_KEY and "
          "AZURE_API_BASE are set");
    CHECK(azure.error().message().find("canary") == std::string::npos);
    CHECK(environment({{"NVIDIA_NIM_API_KEY", "k"}}).check().error().message().find("NVIDIA_NIM_API_BASE") !=
          std::string::npos);
    const auto both = environment({{"VERTEXAI_PROJECT", "p"}, {"NVIDIA_NIM_API_BASE", "https://n"}}).check();
    CHECK(both.error().message().find("VERTEXAI_LOCATION") != std::string::npos);
    CHECK(both.error().message().find("NVIDIA_NIM_API_KEY") != std::string::npos);
  }

  TEST_CASE("fault 109: a key with a line break is refused before it reaches a header, and is not quoted") {
    for (const std::string broken : {"sk-canary\r\nX-Evil: 1", "sk-canary\n"}) {
      const auto access = environment({{"OPENAI_API_KEY", broken}}).access(row("openai"));
      REQUIRE(access.has_error());
      CHECK(access.error().kind() == ErrorKind::configuration);
      CHECK(access.error().message().find("OPENAI_API_KEY") != std::string::npos);
      CHECK(access.error().to_string().find("canary") == std::string::npos);
    }
    CHECK(environment({{"OPENAI_API_KEY", "k"}, {"OPENAI_BASE_URL", "http://a\r\nb"}})
              .access(row("openai"))
              .has_error());
  }

  TEST_CASE("the status tells ready, partial and absent apart") {
    using State = ProviderStatus::State;
    const auto env =
        environment({{"OPENAI_API_KEY", "k"}, {"AZURE_API_KEY", "k"}, {"AWS_REGION", "us-east-1"}});
    CHECK(env.status(row("openai")).state == State::ready);
    CHECK(env.status(row("openai")).key_variable == "OPENAI_API_KEY");
    CHECK(env.status(row("azure")).state == State::partial);
    CHECK(env.status(row("azure")).missing ==
          std::vector<std::string>{"AZURE_API_BASE", "AZURE_API_VERSION"});
    CHECK(env.status(row("groq")).state == State::absent);
    CHECK(env.status(row("bedrock")).state == State::absent);
    CHECK(env.status(row("ollama")).state == State::ready);
    CHECK(env.status(row("hosted_vllm")).state == State::absent);
  }
}

}  // namespace lllm
