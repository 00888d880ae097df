#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <sstream>

#include <unistd.h>

#include "lllm/base/text.hpp"
#include "lllm/cli/answer_printer.hpp"
#include "lllm/cli/call_arguments.hpp"
#include "lllm/cli/command.hpp"
#include "lllm/cli/run_interruptible.hpp"
#include "lllm/cli/terminal.hpp"
#include "lllm/core/dialog.hpp"
#include "lllm/wires/openai_chat.hpp"
#include "lllm/wires/recording.hpp"

namespace lllm::cli {
namespace {

struct Arguments : CallArguments {
  std::string message;
  std::string messages_file;
  std::string system;
  std::vector<std::string> images;
  std::string api = "completion";
  std::string record;
};

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  if (!in) throw_error(ErrorKind::io_failed, "cannot read '" + path + "'");
  return std::move(bytes).str();
}

Dialog dialog_of(const Arguments& args) {
  Dialog dialog;
  if (!args.messages_file.empty()) {
    const auto messages =
        parse_json(args.messages_file == "-" ? read_standard_input() : read_file(args.messages_file));
    if (!messages || !messages->is_array())
      throw_error(ErrorKind::invalid_argument, "--messages takes a JSON array of messages, as OpenAI has it");
    dialog = dialog_from_openai(messages->get_array()).value();
  }
  if (!args.system.empty()) dialog.put_text(args.system, Role::system);
  for (const auto& path : args.images) dialog.put_image(read_file(path));
  if (!args.message.empty()) dialog.put_text(args.message);
  if (dialog.size() == 0)
    throw_error(ErrorKind::invalid_argument, "there is no message: give one, or pipe it in");
  return dialog;
}

json::object described(const InvokeResult& result) {
  const Message& message = result.message;
  json::object object = described_reply(message);
  json::array calls;
  for (const auto& call : message.tool_calls)
    calls.push_back(json::object{{"id", json::string(call.id)},
                                 {"name", json::string(call.name)},
                                 {"arguments", json::string(call.arguments)}});
  json::array wrong;
  for (const auto& error : result.execution_errors) wrong.push_back(json::string(error.to_string()));
  object["tool_calls"] = std::move(calls);
  object["usage"] = to_json_value(message.usage);
  object["cost_usd"] = nullptr;
  if (const auto cost = result.cost()) object["cost_usd"] = cost->dollars();
  object["attempts"] = result.attempts.size();
  object["request_id"] = json::string(result.request_id);
  object["model_args"] = result.model_args;
  object["dropped_args"] = json::array(result.dropped_args.begin(), result.dropped_args.end());
  object["execution_errors"] = std::move(wrong);
  if (result.timings.last_token)
    object["seconds"] = static_cast<double>(result.timings.last_token->count()) / 1e9;
  return object;
}

void print(const InvokeResult& result, const Arguments& args) {
  const Message& message = result.message;
  if (args.json) {
    std::printf("%s\n", to_json(described(result)).c_str());
    return;
  }
  const bool terminal = stdout_is_terminal();
  const auto shown = [&](const std::string& text) { return terminal ? strip_terminal_escapes(text) : text; };
  if (!args.stream) std::cout << shown(message.text());
  std::cout << shown(message.refusal());
  if (!message.text().empty() || !message.refusal().empty()) std::cout << '\n';
  for (const auto& call : message.tool_calls)
    std::cout << shown(call.name) << ' ' << shown(call.arguments.empty() ? "{}" : call.arguments) << '\n';
  std::cout << std::flush;
  print_summary(message.model, message.usage, result.cost());
}

// Opened before the call, so that a place that cannot be written costs no tokens. What stands there is
// overwritten by an answer only.
class RecordFile {
 public:
  explicit RecordFile(const std::string& path) : path_(path) {
    if (path.empty()) return;
    std::error_code ignored;
    was_there_ = std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
    out_.open(path, std::ios::binary | std::ios::app);
    if (!out_) throw_error(ErrorKind::io_failed, "cannot write '" + path + "'");
  }
  void keep(const Recording& recording) { last_ = recording; }

  /// The last exchange is the one that decided; without one nothing is written.
  void write() {
    if (path_.empty()) return;
    out_.close();
    if (!last_) {
      if (!was_there_) std::remove(path_.c_str());
      print_error("no answer came, so nothing was recorded");
      return;
    }
    auto name = path_.substr(path_.find_last_of('/') + 1);
    if (name.ends_with(".json")) name.resize(name.size() - 5);
    last_->id = last_->conversation = name;
    out_.open(path_, std::ios::binary | std::ios::trunc);
    out_ << to_pretty_json(to_json_value(*last_)) << '\n';
    out_.close();
    if (!out_) throw_error(ErrorKind::io_failed, "cannot write '" + path_ + "'");
  }

 private:
  std::string path_;
  bool was_there_ = false;
  std::ofstream out_;
  std::optional<Recording> last_;
};

asio::awaitable<void> make_call(LiteLLMInvoker& invoker, Dialog dialog, const Arguments& args,
                                AnswerPrinter& printer) {
  CallOptions options;
  options.model_args(args.parsed_model_args()).deadline(args.timeout());
  if (args.api == "response") options.api_type(ApiType::response);
  if (args.stream && !args.json) options.stream_handler(&printer);
  const InvokeResult result = co_await invoker.call(std::move(dialog), args.model, std::move(options));
  print(result, args);
}

void call(Arguments args, Outcome& outcome) {
  if (args.message.empty() && args.messages_file.empty() && ::isatty(STDIN_FILENO) == 0)
    args.message = read_standard_input();
  Dialog dialog = dialog_of(args);
  asio::io_context context(1);
  RecordFile file(args.record);
  InvokerOptions options = args.invoker_options();
  if (!args.record.empty())
    options.on_exchange([&file](const Recording& recording) { file.keep(recording); });
  LiteLLMInvoker invoker(context.get_executor(), std::move(options));
  AnswerPrinter printer;
  try {
    if (!run_interruptible(context, make_call(invoker, std::move(dialog), args, printer))) {
      printer.end_line();
      print_error("cancelled");
      outcome.exit_code = 130;
    }
  } catch (const Exception&) {
    printer.end_line();
    file.write();  // what went wrong is what somebody wants to see
    throw;
  }
  file.write();
}

}  // namespace

void add_call(CLI::App& app, Outcome& outcome) {
  auto args = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("call", "Make one model call, and record the exchange if asked to");
  command->add_option("message", args->message, "What the user says; none: what is piped in");
  command->add_option("--messages", args->messages_file,
                      "File with messages in OpenAI's format (JSON array); - reads standard input");
  command->add_option("--system", args->system, "System prompt, as it is");
  command->add_option("--image", args->images, "Image file to show (may be repeated)");
  command->add_option("--api", args->api, "Which of OpenAI's two interfaces")
      ->check(CLI::IsMember({"completion", "response"}))
      ->capture_default_str();
  command->add_option(
      "--record", args->record,
      "Write request and answer to this file, without keys: for `lllm replay` and bug reports");
  args->add_to(*command);
  command->callback([args, &outcome] { call(*args, outcome); });
}

}  // namespace lllm::cli
