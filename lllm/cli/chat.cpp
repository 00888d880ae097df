#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>

#include <unistd.h>

#include "lllm/agent/agent.hpp"
#include "lllm/base/text.hpp"
#include "lllm/cli/answer_printer.hpp"
#include "lllm/cli/call_arguments.hpp"
#include "lllm/cli/command.hpp"
#include "lllm/cli/run_interruptible.hpp"
#include "lllm/cli/terminal.hpp"
#include "lllm/invokers/litellm_invoker.hpp"
#include "lllm/runtime/load.hpp"
#include "lllm/runtime/runtime.hpp"

namespace lllm::cli {
namespace {

struct Arguments : CallArguments {
  std::string message;
  std::string system;
  std::string package;
  std::string prompt;
  std::vector<std::string> variables;
};

json::object variables_of(const Arguments& args) {
  json::object variables;
  for (const auto& pair : args.variables) {
    const auto equals = pair.find('=');
    if (equals == pair.npos || equals == 0)
      throw_error(ErrorKind::invalid_argument, "--var takes name=value, not '" + pair + "'");
    variables[pair.substr(0, equals)] = json::string(pair.substr(equals + 1));
  }
  return variables;
}

json::value described(const Agent& agent, const Message& message) {
  const AgentCallSession& session = agent.session();
  const InvokeResult& last = session.results.back();
  json::object object = described_reply(message);
  object["usage"] = to_json_value(session.usage());
  object["cost_usd"] = nullptr;
  object["calls"] = session.results.size();
  object["attempts"] = last.attempts.size();
  object["request_id"] = json::string(last.request_id);
  object["dropped_args"] = json::array(last.dropped_args.begin(), last.dropped_args.end());
  if (const auto cost = session.cost()) object["cost_usd"] = cost->dollars();
  if (!last.prompt_ref.empty()) {
    object["prompt_ref"] = json::string(last.prompt_ref);
    object["prompt_hash"] = json::string(last.prompt_hash);
  }
  if (last.timings.last_token)
    object["seconds"] = static_cast<double>(last.timings.last_token->count()) / 1e9;
  return object;
}

asio::awaitable<void> take_turn(Agent& agent, const Arguments& args) {
  const Message message = co_await agent.respond();
  if (args.json) {
    std::printf("%s\n", to_json(described(agent, message)).c_str());
    co_return;
  }
  const bool terminal = stdout_is_terminal();
  const auto shown = [&](const std::string& text) { return terminal ? strip_terminal_escapes(text) : text; };
  if (!args.stream) std::cout << shown(message.text());
  if (const auto refusal = message.refusal(); !refusal.empty()) std::cout << shown(refusal);
  std::cout << std::endl;
  print_summary(message.model, agent.session().usage(), agent.session().cost());
}

// False after Ctrl-C.
bool turn(asio::io_context& context, Agent& agent, const Arguments& args, AnswerPrinter& printer) {
  try {
    if (run_interruptible(context, take_turn(agent, args))) {
      printer.line_ended();
      return true;
    }
  } catch (const Exception&) {
    printer.end_line();
    throw;
  }
  printer.end_line();
  print_error("cancelled");
  return false;
}

asio::awaitable<void> prepare(Runtime& runtime, Agent& agent, const Arguments& args,
                              bool prompt_is_question) {
  if (!args.package.empty() || !args.prompt.empty()) {
    LoadOptions load;
    if (!args.package.empty()) load.start = args.package;
    co_await load_runtime(runtime, std::move(load));
  }
  const json::object variables = variables_of(args);
  if (!args.system.empty())
    agent.system_prompt =
        std::make_shared<const Prompt>("system", replace_all(replace_all(args.system, "{", "{{"), "}", "}}"));
  PromptPtr prompt;
  if (!args.prompt.empty()) prompt = co_await load_prompt(args.prompt, runtime);
  if (prompt && !prompt_is_question) {
    agent.system_prompt = prompt;
    agent.system_args = variables;
  }
  agent.open();
  if (prompt && prompt_is_question) agent.receive_prompt(prompt, variables);
}

void chat(Arguments args, Outcome& outcome) {
  const bool from_person = ::isatty(STDIN_FILENO) == 1;
  if (args.message.empty() && !from_person && args.prompt.empty()) {
    args.message = read_standard_input();
    if (args.message.empty())
      throw_error(ErrorKind::invalid_argument, "there is no message: give one, or pipe it in");
  }
  const bool prompt_is_question = !args.prompt.empty() && args.message.empty();
  const bool one_shot = !args.message.empty() || prompt_is_question;

  asio::io_context context(1);
  LiteLLMInvoker invoker(context.get_executor(), args.invoker_options());
  Runtime runtime;
  Agent agent("assistant", invoker, args.model, &runtime);
  agent.options.model_args(args.parsed_model_args()).deadline(args.timeout());
  const auto printer = std::make_shared<AnswerPrinter>();
  if (args.stream && !args.json) agent.stream_handler = printer;

  if (!run_interruptible(context, prepare(runtime, agent, args, prompt_is_question))) {
    outcome.exit_code = 130;
    return;
  }
  if (one_shot) {
    if (!args.message.empty()) agent.receive(args.message);
    if (!turn(context, agent, args, *printer)) outcome.exit_code = 130;
    return;
  }

  std::fprintf(
      stderr, "%s\n",
      on_stderr("2", "Talking to " + args.model + ". Ctrl-C cancels an answer; Ctrl-D ends.").c_str());
  for (;;) {
    std::fprintf(stderr, "%s ", on_stderr("1", ">").c_str());
    std::string line;
    if (!std::getline(std::cin, line)) break;
    if (trim(line).empty()) continue;
    // A turn that failed is not part of the dialog: the words are said anew, or others.
    const Dialog before = agent.dialog();
    agent.receive(line);
    try {
      if (!turn(context, agent, args, *printer)) agent.dialog() = before;
    } catch (const Exception& e) {
      agent.dialog() = before;
      print_error(e.error());
    }
  }
  std::fputc('\n', stderr);
}

}  // namespace

void add_chat(CLI::App& app, Outcome& outcome) {
  auto args = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("chat", "Talk to a model: one question, or a conversation");
  command->add_option("message", args->message, "The question; none: a conversation, or what is piped in");
  command->add_option("--system", args->system, "System prompt, as it is");
  command->add_option("--package", args->package, "Folder of a package (lllm.toml) to load");
  command->add_option("--prompt", args->prompt,
                      "Ref of a prompt: the system prompt when there is a message, else the question");
  command->add_option("--var", args->variables, "name=value for the prompt (may be repeated)");
  args->add_to(*command);
  command->callback([args, &outcome] { chat(*args, outcome); });
}

}  // namespace lllm::cli
