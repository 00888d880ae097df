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
  bool accepts_name = true;                          ///< `name` on messages
  bool stream_usage = true;                          ///< takes stream_options.include_usage
  bool strict_schema = true;                         ///< takes response_format json_schema with strict
  bool parallel_tool_calls = true;                   ///< takes parallel_tool_calls
  bool developer_role = false;                       ///< system messages go out as "developer"
  std::string_view max_tokens_field = "max_tokens";  ///< or "max_completion_tokens"
};

/// One row of the table: who answers, in which dialect, where, and with what key. A user's own provider is
/// such a value, too.
struct Provider {
  std::string name;      ///< "openai", as in "openai/gpt-4o"
  std::string title;     ///< "OpenAI"
  std::string wire;      ///< a Codec's name
  std::string base_url;  ///< with the version path; "{region}" and the like are filled in by the invoker
  Auth auth = Auth::bearer;
  std::vector<std::string> key_variables;   ///< first one that is set wins
  std::vector<std::string> base_variables;  ///< environment variables that replace base_url
  std::vector<std::string> required;  ///< further variables without which nothing works (Azure, Vertex, NIM)
  Quirks quirks;
};

/// All built-in providers, in alphabetical order of their names.
const std::vector<Provider>& providers();
/// By name or by one of LiteLLM's aliases for it; null when there is none.
const Provider* find_provider(std::string_view name);

}  // namespace lllm
