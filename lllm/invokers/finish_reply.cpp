#include "lllm/invokers/finish_reply.hpp"

#include <algorithm>

#include "lllm/core/parser.hpp"

namespace lllm {

const Schema& wanted_format(const Dialog& dialog, const CallOptions& options) {
  static const Schema none;
  if (!options.format().empty()) return options.format();
  return dialog.top_prompt() ? dialog.top_prompt()->format : none;
}

Result<std::vector<Tool>> offered_tools(const Dialog& dialog, const CallOptions& options) {
  std::vector<Tool> tools = options.tools();
  if (!dialog.top_prompt()) return tools;
  for (const auto& entry : dialog.top_prompt()->tools) {
    const auto* tool = std::get_if<Tool>(&entry);
    if (tool == nullptr)
      return Error(ErrorKind::invalid_argument,
                   "the prompt's tool '" + std::get<std::string>(entry) +
                       "' is a ref that was not resolved: call through an Agent, or resolve_tools() first");
    const bool known =
        std::any_of(tools.begin(), tools.end(), [&](const Tool& t) { return t.name() == tool->name(); });
    if (!known) tools.push_back(*tool);
  }
  return tools;
}

void finish_reply(InvokeResult& result, const Dialog& dialog, const CallOptions& options) {
  Message& message = result.message;
  message.role = Role::assistant;
  message.name = options.responder();
  message.api_type = options.api_type();
  for (const auto& [key, value] : options.metadata()) message.metadata[key] = value;

  const PromptPtr& prompt = dialog.top_prompt();
  if (prompt) {
    result.prompt_ref = prompt->ref.empty() ? prompt->path : prompt->ref;
    result.prompt_hash = prompt->content_hash();
  }
  for (const ToolCall& call : message.tool_calls)
    if (auto arguments = call.parsed_arguments(); !arguments)
      result.execution_errors.push_back(arguments.error());

  // A reply that calls tools is no answer yet: there is nothing to parse.
  if (!message.tool_calls.empty()) return;
  const Schema& format = wanted_format(dialog, options);
  Result<json::value> parsed = json::value();
  if (prompt && prompt->parser)
    parsed = prompt->parser->parse(message.text(), options.parser_args());
  else if (!format.empty())
    parsed = JsonParser(format).parse(message.text(), options.parser_args());
  if (parsed)
    message.parsed = std::move(*parsed);
  else
    result.execution_errors.push_back(parsed.error());
}

}  // namespace lllm
