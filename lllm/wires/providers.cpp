#include "lllm/wires/providers.hpp"

#include <algorithm>

namespace lllm {
namespace {

// Names, key variables and base URLs as LiteLLM has them (docs.litellm.ai, "Providers"), so that a
// deployment's environment works unchanged; each provider's own documentation and the recorded exchanges
// where they differ.

using Names = std::vector<std::string>;

/// A row in OpenAI's chat dialect, which is what most providers speak.
Provider chat(std::string name, std::string title, std::string base_url, Names keys, Names bases = {}) {
  Provider row;
  row.name = std::move(name);
  row.title = std::move(title);
  row.wire = "openai-chat";
  row.base_url = std::move(base_url);
  row.key_variables = std::move(keys);
  row.base_variables = std::move(bases);
  return row;
}

Provider with(Provider row, void (*change)(Provider&)) {
  change(row);
  return row;
}

void json_object_only(Provider& row) {
  row.quirks.strict_schema = false;
}

// Thinking models that go on thinking between tool calls want their thoughts back.
void wants_its_reasoning(Provider& row) {
  row.quirks.reasoning_field = "reasoning_content";
}

Provider alibaba() {
  return with(
      chat("dashscope", "Alibaba Model Studio", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
           {"DASHSCOPE_API_KEY"}, {"DASHSCOPE_API_BASE"}),
      [](Provider& row) {
        row.aliases = {"alibaba", "qwen"};
        row.quirks.cache_control = true;  // "Context cache", explicit
        json_object_only(row);
      });
}

Provider anthropic() {
  return with(chat("anthropic", "Anthropic", "https://api.anthropic.com", {"ANTHROPIC_API_KEY"},
                   {"ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"}),
              [](Provider& row) {
                row.wire = "anthropic-messages";
                row.auth = Auth::x_api_key;
                row.aliases = {"claude"};
              });
}

Provider azure() {
  return with(chat("azure", "Azure OpenAI", "{base}/openai/deployments/{model}",
                   {"AZURE_API_KEY", "AZURE_OPENAI_API_KEY"}, {"AZURE_API_BASE"}),
              [](Provider& row) {
                row.aliases = {"azure-openai", "azure_openai"};
                row.auth = Auth::api_key;
                row.responses_base_url = "{base}/openai";
                row.query = "api-version={version}";
                row.placeholders = {{"version", {"AZURE_API_VERSION"}}};
                row.group = {"AZURE_API_KEY", "AZURE_API_BASE", "AZURE_API_VERSION"};
                row.has_responses = true;
                row.quirks.max_tokens_field = "max_completion_tokens";
              });
}

Provider bedrock() {
  return with(chat("bedrock", "Amazon Bedrock", "https://bedrock-runtime.{region}.amazonaws.com",
                   {"AWS_BEARER_TOKEN_BEDROCK"}, {"AWS_BEDROCK_RUNTIME_ENDPOINT"}),
              [](Provider& row) {
                row.wire = "bedrock-converse";
                row.auth = Auth::aws_sigv4;
                row.aliases = {"bedrock_converse", "amazon-bedrock"};
                row.placeholders = {{"region", {"AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"}}};
              });
}

Provider bedrock_mantle() {
  return with(chat("bedrock_mantle", "Amazon Bedrock (OpenAI endpoint)",
                   "https://bedrock-mantle.{region}.api.aws/openai/v1", {"AWS_BEARER_TOKEN_BEDROCK"}),
              [](Provider& row) {
                row.aliases = {"bedrock-mantle"};
                row.has_responses = true;
                row.placeholders = {{"region", {"AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"}}};
              });
}

Provider cerebras() {
  return with(
      chat("cerebras", "Cerebras", "https://api.cerebras.ai/v1", {"CEREBRAS_API_KEY"}, {"CEREBRAS_API_BASE"}),
      [](Provider& row) {
        // "Chat Completions" lists the penalties and parallel_tool_calls since 2026. It takes and checks
        // logit_bias but does not apply it (measured in pydantic-ai's pull request 7653).
        row.quirks.unsupported = {"logit_bias"};
      });
}

Provider cohere() {
  return with(chat("cohere", "Cohere", "https://api.cohere.com", {"COHERE_API_KEY", "CO_API_KEY"},
                   {"COHERE_API_BASE"}),
              [](Provider& row) {
                row.wire = "cohere-chat";
                row.aliases = {"cohere_chat"};
              });
}

Provider deepseek() {
  return with(
      chat("deepseek", "DeepSeek", "https://api.deepseek.com", {"DEEPSEEK_API_KEY"}, {"DEEPSEEK_API_BASE"}),
      [](Provider& row) {
        row.has_responses = true;
        json_object_only(row);
        wants_its_reasoning(row);
      });
}

Provider gemini() {
  return with(chat("gemini", "Google AI Studio", "https://generativelanguage.googleapis.com/v1beta",
                   {"GEMINI_API_KEY", "GOOGLE_API_KEY"}, {"GEMINI_API_BASE"}),
              [](Provider& row) {
                row.wire = "gemini-generate";
                row.auth = Auth::google_api_key;
                row.aliases = {"google", "google_ai_studio"};
              });
}

Provider github() {
  return with(chat("github", "GitHub Models", "https://models.github.ai/inference",
                   {"GITHUB_API_KEY", "GITHUB_TOKEN"}, {"GITHUB_API_BASE"}),
              [](Provider& row) { row.aliases = {"github_models"}; });
}

Provider github_copilot() {
  return with(chat("github_copilot", "GitHub Copilot", "https://api.githubcopilot.com",
                   {"GITHUB_COPILOT_API_KEY"}, {"GITHUB_COPILOT_API_BASE"}),
              [](Provider& row) {
                row.aliases = {"github-copilot"};
                row.has_responses = true;
              });
}

Provider groq() {
  return with(chat("groq", "Groq", "https://api.groq.com/openai/v1", {"GROQ_API_KEY"}, {"GROQ_API_BASE"}),
              [](Provider& row) {
                // console.groq.com/docs/openai: what "will result in a 400 error if they are supplied"
                row.quirks.accepts_name = false;
                row.quirks.unsupported = {"logit_bias", "logprobs", "top_logprobs"};
              });
}

Provider huggingface() {
  return with(chat("huggingface", "Hugging Face", "https://router.huggingface.co/v1",
                   {"HUGGINGFACE_API_KEY", "HF_TOKEN"}, {"HUGGINGFACE_API_BASE", "HF_API_BASE"}),
              [](Provider& row) { row.aliases = {"hf"}; });
}

Provider mistral() {
  return with(chat("mistral", "Mistral AI", "https://api.mistral.ai/v1", {"MISTRAL_API_KEY"},
                   {"MISTRAL_API_BASE", "MISTRAL_AZURE_API_BASE"}),
              [](Provider& row) {
                // Its "Chat Completion" reference (ChatCompletionRequest) forbids members that it does not
                // list: status 422, "extra_forbidden", for `name` on messages and stream_options as well.
                row.quirks.accepts_name = false;
                row.quirks.stream_usage = false;  // always sent
                row.quirks.seed_field = "random_seed";
                row.quirks.document_url = true;
                // "must be a-z, A-Z, 0-9, with a length of 9": status 400 since July 2024
                row.quirks.short_call_ids = true;
                row.quirks.unsupported = {
                    "logit_bias",        "logprobs",      "top_logprobs",      "user",      "audio",
                    "modalities",        "store",         "verbosity",         "functions", "service_tier",
                    "safety_identifier", "function_call", "web_search_options"};
              });
}

Provider moonshot() {
  return with(chat("moonshot", "Moonshot AI", "https://api.moonshot.ai/v1", {"MOONSHOT_API_KEY"},
                   {"MOONSHOT_API_BASE"}),
              [](Provider& row) {
                row.aliases = {"moonshotai"};
                json_object_only(row);
                wants_its_reasoning(row);
              });
}

/// A server of one's own: no key unless one is given. What it can fetch is its own business.
Provider local(std::string name, std::string title, std::string base_url, Names keys, Names bases) {
  Provider row =
      chat(std::move(name), std::move(title), std::move(base_url), std::move(keys), std::move(bases));
  row.auth = Auth::none;
  row.quirks.file_by_address = true;
  return row;
}

Provider nvidia_nim() {
  return with(chat("nvidia_nim", "NVIDIA NIM", "https://integrate.api.nvidia.com/v1", {"NVIDIA_NIM_API_KEY"},
                   {"NVIDIA_NIM_API_BASE"}),
              [](Provider& row) {
                row.aliases = {"nvidia"};
                row.group = {"NVIDIA_NIM_API_KEY", "NVIDIA_NIM_API_BASE"};
              });
}

Provider ollama() {
  return with(local("ollama", "Ollama", "http://localhost:11434", {"OLLAMA_API_KEY"},
                    {"OLLAMA_API_BASE", "OLLAMA_HOST"}),
              [](Provider& row) {
                row.wire = "ollama-chat";
                row.aliases = {"ollama_chat"};
              });
}

Provider openai() {
  return with(chat("openai", "OpenAI", "https://api.openai.com/v1", {"OPENAI_API_KEY"},
                   {"OPENAI_BASE_URL", "OPENAI_API_BASE"}),
              [](Provider& row) {
                row.has_responses = true;
                row.quirks.max_tokens_field = "max_completion_tokens";
              });
}

Provider openrouter() {
  return with(chat("openrouter", "OpenRouter", "https://openrouter.ai/api/v1",
                   {"OPENROUTER_API_KEY", "OR_API_KEY"}, {"OPENROUTER_API_BASE"}),
              [](Provider& row) {
                row.has_responses = true;
                row.quirks.cache_control = true;
                row.quirks.file_by_address = true;  // its guide to PDF inputs: file_data holds either
              });
}

Provider perplexity() {
  return with(chat("perplexity", "Perplexity", "https://api.perplexity.ai",
                   {"PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"}, {"PERPLEXITY_API_BASE"}),
              [](Provider& row) {
                row.quirks.stream_usage = false;  // always sent
                row.quirks.parallel_tool_calls = false;
              });
}

Provider snowflake() {
  return with(
      chat("snowflake", "Snowflake Cortex", "https://{account}.snowflakecomputing.com/api/v2/cortex/v1",
           {"SNOWFLAKE_JWT", "SNOWFLAKE_TOKEN"}, {"SNOWFLAKE_API_BASE"}),
      [](Provider& row) {
        row.placeholders = {{"account", {"SNOWFLAKE_ACCOUNT_ID"}}};
        row.quirks.max_tokens_field = "max_completion_tokens";
      });
}

Provider together() {
  return with(chat("together_ai", "Together AI", "https://api.together.xyz/v1",
                   {"TOGETHERAI_API_KEY", "TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHER_AI_TOKEN"},
                   {"TOGETHER_AI_API_BASE"}),
              [](Provider& row) { row.aliases = {"together", "togetherai"}; });
}

Provider vercel() {
  return with(chat("vercel_ai_gateway", "Vercel AI Gateway", "https://ai-gateway.vercel.sh/v1",
                   {"VERCEL_AI_GATEWAY_API_KEY", "VERCEL_OIDC_TOKEN"}, {"VERCEL_AI_GATEWAY_API_BASE"}),
              [](Provider& row) { row.aliases = {"vercel"}; });
}

Provider vertex() {
  return with(chat("vertex_ai", "Google Vertex AI",
                   "https://{location}-aiplatform.googleapis.com/v1/projects/{project}/locations/{location}/"
                   "publishers/google",
                   {"VERTEXAI_CREDENTIALS", "VERTEX_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS"},
                   {"VERTEXAI_API_BASE"}),
              [](Provider& row) {
                row.wire = "gemini-generate";
                row.auth = Auth::google_oauth;
                row.aliases = {"vertex", "vertexai", "vertex_ai_beta", "google-vertex"};
                row.placeholders = {{"project", {"VERTEXAI_PROJECT"}}, {"location", {"VERTEXAI_LOCATION"}}};
                row.group = {"VERTEXAI_PROJECT", "VERTEXAI_LOCATION"};
              });
}

Provider xai() {
  return with(chat("xai", "xAI", "https://api.x.ai/v1", {"XAI_API_KEY"}, {"XAI_API_BASE"}),
              [](Provider& row) {
                row.aliases = {"x-ai"};
                row.has_responses = true;
              });
}

Provider zai() {
  return with(chat("zai", "Z.ai", "https://api.z.ai/api/paas/v4", {"ZAI_API_KEY"}, {"ZAI_API_BASE"}),
              [](Provider& row) {
                json_object_only(row);
                wants_its_reasoning(row);
              });
}

std::vector<Provider> table() {
  std::vector<Provider> rows{
      chat("ai21", "AI21 Labs", "https://api.ai21.com/studio/v1", {"AI21_API_KEY"}, {"AI21_API_BASE"}),
      anthropic(),
      azure(),
      bedrock(),
      bedrock_mantle(),
      cerebras(),
      cohere(),
      chat("crusoe", "Crusoe", "https://api.inference.crusoecloud.com/v1", {"CRUSOE_API_KEY"},
           {"CRUSOE_API_BASE"}),
      alibaba(),
      chat("deepinfra", "DeepInfra", "https://api.deepinfra.com/v1/openai", {"DEEPINFRA_API_KEY"},
           {"DEEPINFRA_API_BASE"}),
      deepseek(),
      chat("fireworks_ai", "Fireworks AI", "https://api.fireworks.ai/inference/v1",
           {"FIREWORKS_AI_API_KEY", "FIREWORKS_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"},
           {"FIREWORKS_API_BASE"}),
      chat("friendliai", "FriendliAI", "https://api.friendli.ai/serverless/v1",
           {"FRIENDLI_TOKEN", "FRIENDLIAI_API_KEY"}, {"FRIENDLI_API_BASE"}),
      gemini(),
      github(),
      github_copilot(),
      groq(),
      local("hosted_vllm", "vLLM", "{base}", {"HOSTED_VLLM_API_KEY"}, {"HOSTED_VLLM_API_BASE"}),
      huggingface(),
      chat("hyperbolic", "Hyperbolic", "https://api.hyperbolic.xyz/v1", {"HYPERBOLIC_API_KEY"},
           {"HYPERBOLIC_API_BASE"}),
      local("litellm_proxy", "LiteLLM Proxy", "{base}", {"LITELLM_PROXY_API_KEY"},
            {"LITELLM_PROXY_API_BASE"}),
      local("llamafile", "llamafile", "http://127.0.0.1:8080/v1", {"LLAMAFILE_API_KEY"},
            {"LLAMAFILE_API_BASE"}),
      local("lm_studio", "LM Studio", "http://localhost:1234/v1", {"LM_STUDIO_API_KEY"},
            {"LM_STUDIO_API_BASE"}),
      chat("meta_llama", "Meta Llama API", "https://api.llama.com/compat/v1", {"LLAMA_API_KEY"},
           {"LLAMA_API_BASE"}),
      mistral(),
      moonshot(),
      chat("nebius", "Nebius AI Studio", "https://api.studio.nebius.ai/v1", {"NEBIUS_API_KEY"},
           {"NEBIUS_API_BASE"}),
      chat("novita", "Novita AI", "https://api.novita.ai/v3/openai", {"NOVITA_API_KEY"}, {"NOVITA_API_BASE"}),
      nvidia_nim(),
      ollama(),
      openai(),
      local("openai_like", "any OpenAI-compatible server", "{base}", {"OPENAI_LIKE_API_KEY"},
            {"OPENAI_LIKE_API_BASE"}),
      openrouter(),
      perplexity(),
      chat("sambanova", "SambaNova", "https://api.sambanova.ai/v1", {"SAMBANOVA_API_KEY"},
           {"SAMBANOVA_API_BASE"}),
      snowflake(),
      together(),
      vercel(),
      vertex(),
      chat("volcengine", "Volcengine Ark", "https://ark.cn-beijing.volces.com/api/v3",
           {"VOLCENGINE_API_KEY", "ARK_API_KEY"}, {"VOLCENGINE_API_BASE"}),
      xai(),
      zai(),
  };
  for (auto& row : rows) {
    if (row.name == "hosted_vllm") row.aliases = {"vllm"};
    if (row.name == "fireworks_ai") row.aliases = {"fireworks"};
    if (row.name == "openai_like") row.aliases = {"custom_openai", "openai-like"};
    if (row.name == "deepinfra") json_object_only(row);
    if (row.name == "litellm_proxy") row.quirks.cache_control = true;
  }
  std::ranges::sort(rows, {}, &Provider::name);
  return rows;
}

}  // namespace

const std::vector<Provider>& providers() {
  static const std::vector<Provider> rows = table();
  return rows;
}

const Provider* find_provider(std::string_view name) {
  const auto& rows = providers();
  const auto found = std::ranges::lower_bound(
      rows, name, {}, [](const Provider& row) -> std::string_view { return row.name; });
  if (found != rows.end() && found->name == name) return &*found;
  for (const auto& row : rows)
    if (std::ranges::find(row.aliases, name) != row.aliases.end()) return &row;
  return nullptr;
}

}  // namespace lllm
