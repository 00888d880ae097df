#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lllm/base/describe.hpp"
#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"
#include "lllm/core/parser.hpp"
#include "lllm/core/renderer.hpp"
#include "lllm/core/schema.hpp"
#include "lllm/core/tool.hpp"

namespace lllm {

/// A tool, or the ref of one that is looked up when a call is made ("shared.tools:search_code").
using ToolOrRef = std::variant<Tool, std::string>;

/// A Model Context Protocol server that a provider, or lllm, is to use for a prompt.
struct McpServer {
  McpServer() = default;
  std::string name;
  std::string url;                   ///< streamable HTTP …
  std::vector<std::string> command;  ///< … or a child process: argv
  json::object options;              ///< headers, allowed_tools, … as given
  friend bool operator==(const McpServer&, const McpServer&) = default;
};

/// What the agent loop says to the model when something went wrong; `{error}` and `{steps}` are filled in.
struct PromptHandler {
  PromptHandler() = default;
  std::string exception_prompt =
      "Your last reply could not be used:\n{error}\nPlease answer again and correct this.";
  std::string repeated_call_notice =
      "You have made this very call before; its result is above. Use it, or call with other arguments.";
  std::string final_answer_prompt =
      "You have used all {steps} tool steps. Give your final answer now, without calling tools.";
  friend bool operator==(const PromptHandler&, const PromptHandler&) = default;
};

/// A template with everything a call that uses it needs. Build it, then share it as `std::shared_ptr<const
/// Prompt>`; a shared prompt never changes.
class Prompt {
 public:
  Prompt() = default;
  Prompt(std::string prompt_path, std::string text) : path(std::move(prompt_path)), prompt(std::move(text)) {}

  std::string path;
  std::string prompt;  ///< the template text
  json::object metadata;
  std::shared_ptr<const Parser> parser;
  Schema format;  ///< the structured output that is asked for
  std::vector<ToolOrRef> tools;
  std::vector<McpServer> mcp_servers;
  json::object addon_args;  ///< {"web_search": {...}, "computer_use": {...}}
  PromptHandler handler;
  std::shared_ptr<const Renderer> renderer;  ///< null: BraceRenderer
  std::string ref;                           ///< the qualified ref it was registered under

  /// Asks for the struct `T` as the answer.
  template <Described T>
  Prompt& format_as() {
    format = Schema(schema_of<T>());
    return *this;
  }

  /// `missing_variable` names the prompt and lists what is missing; extra arguments are fine.
  [[nodiscard]] Result<std::string> render(const json::object& args = {}) const;
  [[nodiscard]] std::vector<std::string> template_vars() const;
  [[nodiscard]] Result<> validate_args(const json::object& args) const;

  /// A copy under another path with some members replaced: `prompt`, `metadata` (merged), `format`, `tools`
  /// (refs), `addon_args`. `invalid_argument` names an override it does not know.
  [[nodiscard]] Result<Prompt> extend(std::string new_path, const json::object& overrides) const;

  /// Path, variables, tool names, servers, and the hash.
  [[nodiscard]] json::object info() const;
  /// SHA-256 over template, format, tools, servers and add-ons, as 64 hex digits: equal exactly when a model
  /// is told the same.
  [[nodiscard]] std::string content_hash() const;
};

using PromptPtr = std::shared_ptr<const Prompt>;

}  // namespace lllm
