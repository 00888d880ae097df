#include "lllm/agent/agent.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <set>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lllm/agent/make_agent.hpp"
#include "lllm/agent/server_tools.hpp"
#include "lllm/async/deadline.hpp"
#include "lllm/async/gather.hpp"
#include "lllm/base/text.hpp"
#include "lllm/base/time.hpp"
#include "lllm/runtime/runtime.hpp"

namespace lllm {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t concurrent_tools = 16;

std::string filled(const std::string& text, std::string_view name, const std::string& value) {
  return replace_all(text, "{" + std::string(name) + "}", value);
}

std::string list(const std::vector<Error>& errors) {
  std::vector<std::string> lines;
  for (const auto& error : errors) lines.push_back(error.message());
  return join(lines, "\n");
}

asio::awaitable<ToolRun> timed(Tool tool, ToolCall call, json::object arguments) {
  const auto start = Clock::now();
  ToolRun run;
  run.call = std::move(call);
  run.result = co_await tool.call(std::move(arguments));
  run.took = Clock::now() - start;
  co_return run;
}

asio::awaitable<ToolRun> answered(ToolCall call, ToolResult result, bool repeated) {
  ToolRun run;
  run.call = std::move(call);
  run.result = std::move(result);
  run.repeated = repeated;
  co_return run;
}

}  // namespace

// One turn's state: the dialog that grows with what belongs to it, and the one that is sent.
struct Agent::Turn {
  Dialog kept;     // becomes the agent's dialog when the turn succeeds
  Dialog working;  // kept, and the repairs
  PromptPtr prompt;
  CallOptions options;
  InvokeResult reply;
  std::set<std::pair<std::string, std::string>> calls_made;
  Clock::time_point deadline;

  void append(const Message& message) {
    const auto shared = std::make_shared<const Message>(message);
    kept.append(shared);
    working.append(shared);
  }
};

Agent::Agent(std::string agent_name, BaseInvoker& invoker, std::string model_name, Runtime* runtime)
    : name(std::move(agent_name)), model(std::move(model_name)), invoker_(&invoker), runtime_(runtime) {}
Agent::~Agent() = default;
Agent::Agent(Agent&&) noexcept = default;
Agent& Agent::operator=(Agent&&) noexcept = default;

Dialog& Agent::open(std::string alias) {
  if (dialogs_.contains(alias))
    throw_error(ErrorKind::resource_conflict, "agent '" + name + "' has a dialog '" + alias + "' already");
  Dialog dialog;
  if (system_prompt) dialog.put_prompt(system_prompt, system_args, Role::system);
  current_ = alias;
  return dialogs_.emplace(std::move(alias), std::move(dialog)).first->second;
}

Dialog& Agent::fork(std::string alias, std::optional<std::size_t> last_n,
                    std::optional<std::size_t> first_k) {
  if (dialogs_.contains(alias))
    throw_error(ErrorKind::resource_conflict, "agent '" + name + "' has a dialog '" + alias + "' already");
  Dialog child = dialog().fork(last_n, first_k);
  current_ = alias;
  return dialogs_.emplace(std::move(alias), std::move(child)).first->second;
}

Dialog& Agent::switch_to(std::string_view alias) {
  const auto found = dialogs_.find(alias);
  if (found == dialogs_.end())
    throw_error(ErrorKind::resource_not_found, "agent '" + name + "' has no dialog '" + std::string(alias) +
                                                   "'; it has: " + join(aliases(), ", "));
  current_ = found->first;
  return found->second;
}

void Agent::close(std::string_view alias) {
  const auto found = dialogs_.find(alias);
  if (found == dialogs_.end()) return;
  if (current_ == found->first) current_.clear();
  dialogs_.erase(found);
}

Dialog& Agent::dialog() {
  if (!current_.empty()) return dialogs_.find(current_)->second;
  return dialogs_.contains("main") ? switch_to("main") : open();
}

std::vector<std::string> Agent::aliases() const {
  std::vector<std::string> names;
  for (const auto& [alias, dialog] : dialogs_) names.push_back(alias);
  return names;
}

Agent& Agent::receive(std::string text, std::string sender) {
  // Plain words do not take the system prompt's tools away.
  Dialog& into = dialog();
  const PromptPtr top = into.top_prompt();
  into.put_text(std::move(text), Role::user, std::move(sender));
  if (top && top == system_prompt) into.top_prompt(top);
  return *this;
}

Agent& Agent::receive_prompt(PromptPtr prompt, const json::object& args, std::string sender) {
  dialog().put_prompt(std::move(prompt), args, Role::user, std::move(sender));
  return *this;
}

Agent& Agent::receive_image(std::string_view bytes_or_base64, std::string caption) {
  dialog().put_image(bytes_or_base64, std::move(caption));
  return *this;
}

Agent& Agent::receive_image(MediaPart image, std::string caption) {
  dialog().put_image(std::move(image), std::move(caption));
  return *this;
}

asio::awaitable<PromptPtr> resolve_tools(PromptPtr prompt, Runtime& runtime, BaseInvoker& invoker,
                                         int tactic_depth) {
  const auto is_ref = [](const ToolOrRef& tool) { return std::holds_alternative<std::string>(tool); };
  if (!prompt || std::none_of(prompt->tools.begin(), prompt->tools.end(), is_ref)) co_return prompt;
  Prompt resolved = *prompt;
  for (auto& tool : resolved.tools) {
    if (!is_ref(tool)) continue;
    const std::string ref = std::get<std::string>(tool);
    auto loading = load_tool_or_tactic(ref, invoker, runtime, tactic_depth);
    Tool found = co_await std::move(loading);
    tool = std::move(found);
  }
  co_return std::make_shared<const Prompt>(std::move(resolved));
}

asio::awaitable<PromptPtr> Agent::resolve_tools(PromptPtr prompt) const {
  if (runtime_ == nullptr) co_return prompt;
  co_return co_await lllm::resolve_tools(std::move(prompt), *runtime_, *invoker_, tactic_depth);
}

asio::awaitable<void> Agent::add_server_tools(Turn& turn) const {
  std::vector<Tool> offered = turn.options.tools();
  std::set<std::string> taken;
  for (const auto& tool : offered) taken.insert(tool.name());
  for (const auto& tool : turn.prompt->tools)
    if (const auto* resolved = std::get_if<Tool>(&tool)) taken.insert(resolved->name());
  auto listing = server_tools(turn.prompt, std::move(taken));
  auto found = co_await std::move(listing);
  offered.insert(offered.end(), found.begin(), found.end());
  turn.options.tools(std::move(offered));
}

asio::awaitable<InvokeResult> Agent::call_model(Turn& turn) {
  Dialog sent = turn.working;
  sent.top_prompt(turn.prompt);
  if (context_manager) {
    auto prepared = with_deadline(context_manager->prepare(std::move(sent), model), turn.deadline,
                                  "the deadline of the turn ran out in the context manager");
    sent = co_await std::move(prepared);
  } else {
    DefaultContextManager standard;
    sent = co_await standard.prepare(std::move(sent), model);
  }
  co_return co_await invoker_->call(std::move(sent), model, turn.options);
}

asio::awaitable<void> Agent::run_tools(Turn& turn) {
  const auto& calls = turn.reply.message.tool_calls;
  std::vector<Tool> known = turn.options.tools();
  if (turn.prompt)
    for (const auto& tool : turn.prompt->tools)
      if (const auto* resolved = std::get_if<Tool>(&tool)) known.push_back(*resolved);
  const PromptHandler handler = turn.prompt ? turn.prompt->handler : PromptHandler();

  std::vector<asio::awaitable<ToolRun>> runs;
  for (const ToolCall& call : calls) {
    const auto tool = std::find_if(known.begin(), known.end(),
                                   [&](const Tool& candidate) { return candidate.name() == call.name; });
    auto arguments = call.parsed_arguments();
    if (tool == known.end()) {
      runs.push_back(answered(
          call, ToolResult::failure("There is no tool '" + call.name + "' in this conversation."), false));
    } else if (!arguments) {
      runs.push_back(answered(call, ToolResult::failure(arguments.error().message()), false));
    } else if (!turn.calls_made.emplace(call.name, to_json(*arguments)).second) {
      runs.push_back(answered(call, ToolResult(handler.repeated_call_notice), true));
    } else {
      runs.push_back(timed(*tool, call, std::move(*arguments)));
    }
  }
  std::vector<std::string> names;
  for (const ToolCall& call : calls) names.push_back(call.name);
  auto gathered = with_deadline(
      gather(std::move(runs), concurrent_tools), turn.deadline,
      "agent '" + name + "': the deadline of the turn ran out while tools ran: " + join(names, ", "));
  std::vector<ToolRun> done;
  std::optional<Error> out_of_time;
  try {
    done = co_await std::move(gathered);
  } catch (const Exception& e) {
    if (e.kind() != ErrorKind::deadline_exceeded) throw;
    out_of_time = e.error();
  }
  if (out_of_time)
    throw_error(out_of_time->model(model).partial(std::make_shared<const Message>(turn.reply.message)));

  turn.append(turn.reply.message);
  for (auto& run : done) {
    Message result = Message::tool(run.call.id, run.call.name, run.result.text);
    result.is_error = run.result.is_error;
    for (const auto& media : run.result.media) result.parts.emplace_back(media);
    turn.append(result);
    session_.tool_runs.push_back(std::move(run));
  }
}

asio::awaitable<Message> Agent::respond() {
  session_ = AgentCallSession();
  Turn turn;
  turn.kept = dialog();  // opens "main" when there is none
  const std::string alias = current_;
  turn.working = turn.kept.fork();
  turn.prompt = turn.kept.top_prompt();
  turn.options = options;
  if (stream_handler) turn.options.stream_handler(stream_handler);
  std::vector<Tool> offered = options.tools();
  offered.insert(offered.end(), tools.begin(), tools.end());
  turn.options.tools(std::move(offered));
  turn.deadline = options.deadline_from(Clock::now());
  turn.options.deadline_at(turn.deadline);

  std::exception_ptr failure;
  try {
    auto resolved = with_deadline(resolve_tools(turn.prompt), turn.deadline,
                                  "agent '" + name + "': the deadline ran out while tools were looked up");
    turn.prompt = co_await std::move(resolved);
    if (turn.prompt && !turn.prompt->mcp_servers.empty()) {
      auto adding = with_deadline(add_server_tools(turn), turn.deadline,
                                  "agent '" + name + "': the deadline ran out while MCP servers were asked");
      co_await std::move(adding);
    }
    for (;;) {
      std::optional<Error> provider_error;
      try {
        turn.reply = co_await call_model(turn);
      } catch (const Exception& e) {
        provider_error = e.error();
      }
      if (provider_error) {
        session_.errors.push_back(*provider_error);
        if (after_error(*provider_error, limits, session_.counters) == NextStep::fail)
          throw_error(*provider_error);
        // Half a second, doubling to eight, or what the provider asked for.
        const auto backoff =
            std::chrono::milliseconds(500) * (1 << std::min(4, session_.counters.llm_recalls - 1));
        const auto wait = provider_error->retry_after().value_or(backoff);
        // A wait that the deadline would cut short is not begun.
        if (time_after(Clock::now(), wait) >= turn.deadline) throw_error(*provider_error);
        asio::steady_timer timer(co_await asio::this_coro::executor, wait);
        co_await timer.async_wait(asio::use_awaitable);
        continue;
      }
      session_.results.push_back(turn.reply);
      session_.errors.insert(session_.errors.end(), turn.reply.execution_errors.begin(),
                             turn.reply.execution_errors.end());
      const NextStep next = after_reply(turn.reply, limits, session_.counters);
      const PromptHandler handler = turn.prompt ? turn.prompt->handler : PromptHandler();
      if (next == NextStep::finish) break;
      if (next == NextStep::fail) {
        const auto partial = std::make_shared<const Message>(turn.reply.message);
        if (turn.reply.execution_errors.empty())
          throw_error(
              Error(ErrorKind::tool_failed, "agent '" + name + "': the model goes on calling tools after " +
                                                std::to_string(limits.max_interrupt_steps) + " rounds")
                  .partial(partial));
        throw_error(Error(ErrorKind::parse_failed, "agent '" + name + "': the reply is unusable after " +
                                                       std::to_string(limits.max_exception_retry) +
                                                       " repairs: " + list(turn.reply.execution_errors))
                        .partial(partial));
      }
      if (next == NextStep::repair) {
        turn.working.append(turn.reply.message);
        turn.working.append(
            Message::user(filled(handler.exception_prompt, "error", list(turn.reply.execution_errors))));
        continue;
      }
      co_await run_tools(turn);
      if (next == NextStep::run_tools_then_final) {
        session_.counters.final_asked = true;
        turn.working.append(Message::user(
            filled(handler.final_answer_prompt, "steps", std::to_string(session_.counters.interrupt_steps))));
        turn.options.model_arg("tool_choice", "none");
      }
    }
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    session_.state = AgentCallSession::State::failed;
    const Error error = error_from(failure);
    if (error.kind() == ErrorKind::cancelled)
      throw_error(error);  // however the wait that was cancelled said it
    std::rethrow_exception(failure);
  }
  Message answer = turn.reply.message;
  turn.kept.append(answer);
  dialogs_.insert_or_assign(alias, std::move(turn.kept));
  session_.state = AgentCallSession::State::done;
  session_.delivery = answer;
  co_return answer;
}

}  // namespace lllm
