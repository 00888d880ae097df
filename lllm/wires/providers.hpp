#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lllm {

/// How a request says who sends it.
enum class Auth {
  none,            ///< a local server; a key is sent as bearer when there is one
  bearer,          ///< Authorization: Bearer KEY
  x_api_key,       ///< x-api-key: KEY (Anthropic)
  api_key,         ///< api-key: KEY (Azure)
  google_api_key,  ///< x-goog-api-key: KEY; never in the URL
  google_oauth,    ///< a token made from a service account (Vertex AI)
  aws_sigv4,       ///< AWS Signature Version 4 (Bedrock)
};

/// Where a provider departs from its wire. The defaults are OpenAI's own behaviour.
struct Quirks {
  bool accepts_name = true;         ///< `name` on messages
  bool stream_usage = true;         ///< takes stream_options.include_usage
  bool strict_schema = true;        ///< takes response_format json_schema with strict
  bool parallel_tool_calls = true;  ///< takes parallel_tool_calls
  bool cache_control = false;       ///< takes cache_control on content parts
  bool document_url = false;        ///< files by address are {"type":"document_url"} parts (Mistral)
  bool file_by_address = false;     ///< takes a file's address where others take its bytes (`file_data`)
  /// Where it wants the model's reasoning back; empty: it does not. Beside tool calls the member is there
  /// even when there was no reasoning, because those who want it refuse a call without it.
  std::string_view reasoning_field;
  bool short_call_ids = false;                ///< ids of tool calls are nine letters and digits (Mistral)
  std::vector<std::string_view> unsupported;  ///< OpenAI-style arguments it refuses
  bool developer_role = false;                ///< system messages go out as "developer"
  std::string_view max_tokens_field = "max_tokens";  ///< or "max_completion_tokens"
  std::string_view seed_field = "seed";              ///< or "random_seed" (Mistral)
};

/// A part of a base URL or query that the environment fills in: "{region}" from AWS_REGION.
struct Placeholder {
  std::string name;                    ///< without its braces
  std::vector<std::string> variables;  ///< first one that is set wins; none set is a configuration error
};

/// One row of the table: who answers, in which dialect, where, and with what key. A user's own provider is
/// such a value, too; name, wire and base_url are all it needs.
struct Provider {
  std::string name;                  ///< "openai", as in "openai/gpt-4o"
  std::string title;                 ///< "OpenAI"
  std::vector<std::string> aliases;  ///< other names for it: LiteLLM's, and what people write
  std::string wire;                  ///< a Codec's name
  /// A codec's path is appended to it: "/chat/completions" (openai-chat), "/responses" (openai-responses),
  /// "/v1/messages" (anthropic-messages), "/models/…:generateContent" (gemini-generate), "/v2/chat"
  /// (cohere-chat), "/model/…/converse" (bedrock-converse), "/api/chat" (ollama-chat). `{model}` is the
  /// model's name, `{base}` what base_variables or the caller give (who must: without it, what they give
  /// replaces all of it), other braces are `placeholders`.
  std::string base_url;
  std::string responses_base_url;  ///< the Responses API's, where it differs (Azure)
  std::string query;               ///< appended to every request: "api-version={version}"
  /// It also speaks openai-responses, for calls with ApiType::response; others answer in their own wire.
  bool has_responses = false;
  Auth auth = Auth::bearer;
  std::vector<std::string> key_variables;   ///< first one that is set wins
  std::vector<std::string> base_variables;  ///< environment variables that replace base_url, first wins
  std::vector<Placeholder> placeholders;
  /// Variables that belong together: when some but not all of them are set, that is an error at once and not
  /// at the first call.
  std::vector<std::string> group;
  Quirks quirks;
};

/// All built-in providers, in alphabetical order of their names.
const std::vector<Provider>& providers();
/// By name or by one of its aliases; null when there is none.
const Provider* find_provider(std::string_view name);

}  // namespace lllm
