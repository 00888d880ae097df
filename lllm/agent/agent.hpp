#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lllm/agent/call_session.hpp"
#include "lllm/agent/context_manager.hpp"
#include "lllm/agent/step.hpp"
#include "lllm/core/awaitable.hpp"
#include "lllm/core/call_options.hpp"
#include "lllm/core/dialog.hpp"
#include "lllm/invokers/invoker.hpp"

namespace lllm {

class Runtime;

/// A model with a system prompt, tools and named dialogs, and the loop that lets it use the tools.
///
///     lllm::Agent agent("writer", invoker, "gpt-4o-mini");
///     agent.open("main");
///     agent.receive("Write a haiku about sockets.");
///     agent.stream_handler = PrintStream();
///     const lllm::Message message = co_await agent.respond();
///
/// Thread-safety: none; one turn at a time. Make one agent per conversation: it costs little more than its
/// dialogs.
class Agent {
 public:
  /// @param invoker  must outlive the agent's turns, and so must `runtime`, in which refs of tools and
  /// prompts are
  ///                 looked up; null: the prompts hold their tools themselves.
  Agent(std::string name, BaseInvoker& invoker, std::string model, Runtime* runtime = nullptr);
  ~Agent();
  Agent(Agent&&) noexcept;
  Agent& operator=(Agent&&) noexcept;

  std::string name;
  std::string model;
  PromptPtr system_prompt;   ///< put first into every dialog that is opened
  json::object system_args;  ///< its variables
  CallOptions options;       ///< for every call; `stream_handler` and `tools` below are added
  std::vector<Tool> tools;   ///< offered in every call, beside those of the top prompt
  AgentLimits limits;
  ContextManagerPtr context_manager;  ///< null: DefaultContextManager
  StreamHandlerPtr stream_handler;    ///< streams every call of a turn
  int tactic_depth = 0;  ///< how many tactics called one another to get here; bounded by run_tactic

  // Dialogs by alias. The first one opened is "main" unless it is named; it is opened by itself when needed.
  /// @throws Exception resource_conflict when the alias is taken; missing_variable from the system prompt.
  Dialog& open(std::string alias = "main");
  /// Forks the current dialog under a new alias and switches to it.
  Dialog& fork(std::string alias, std::optional<std::size_t> last_n = {},
               std::optional<std::size_t> first_k = {});
  /// @throws Exception resource_not_found, naming the aliases there are.
  Dialog& switch_to(std::string_view alias);
  void close(std::string_view alias);
  [[nodiscard]] Dialog& dialog();
  [[nodiscard]] const std::string& current() const { return current_; }
  [[nodiscard]] std::vector<std::string> aliases() const;

  // What the user says, into the current dialog.
  Agent& receive(std::string text, std::string sender = {});
  Agent& receive_prompt(PromptPtr prompt, const json::object& args = {}, std::string sender = {});
  Agent& receive_image(std::string_view bytes_or_base64, std::string caption = {});
  Agent& receive_image(MediaPart image, std::string caption = {});

  /// The agent's turn: starts the MCP servers of the top prompt that are programs, calls the model, runs the
  /// tools it asks for, repairs what it got wrong, and appends the final message to the dialog. Repairs do
  /// not pollute the dialog; tool calls and their results do belong to it.
  /// @throws Exception what the invoker throws; parse_failed when the reply stays unusable, tool_failed when
  /// the model
  ///         goes on calling tools. The dialog is then as it was before the turn; `session()` has everything.
  /// Cancellation: terminal, at every await, tools included. The deadline of `options` covers the whole turn:
  /// it cancels tools that still run, and ends the turn with `deadline_exceeded`.
  asio::awaitable<Message> respond();

  /// The last turn.
  [[nodiscard]] const AgentCallSession& session() const { return session_; }

 private:
  struct Turn;
  asio::awaitable<PromptPtr> resolve_tools(PromptPtr prompt) const;
  asio::awaitable<void> add_server_tools(Turn& turn) const;
  asio::awaitable<InvokeResult> call_model(Turn& turn);
  asio::awaitable<void> run_tools(Turn& turn);

  BaseInvoker* invoker_;
  Runtime* runtime_;
  std::map<std::string, Dialog, std::less<>> dialogs_;
  std::string current_;
  AgentCallSession session_;
};

/// The prompt with every ref of a tool or tactic looked up; the same pointer when there is none. A tactic
/// runs with `invoker`, which must outlive the calls, and so must `runtime`.
/// @throws Exception resource_not_found naming the ref.
asio::awaitable<PromptPtr> resolve_tools(PromptPtr prompt, Runtime& runtime, BaseInvoker& invoker,
                                         int tactic_depth = 0);

}  // namespace lllm
