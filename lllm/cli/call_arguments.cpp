#include "lllm/cli/call_arguments.hpp"

#include <cstdio>
#include <iostream>
#include <iterator>

#include "lllm/base/text.hpp"
#include "lllm/cli/call_log.hpp"
#include "lllm/cli/terminal.hpp"

namespace lllm::cli {

void CallArguments::add_to(CLI::App& command) {
  command.add_option("-m,--model", model, "Model, as LiteLLM writes it")->capture_default_str();
  command.add_flag("--stream,!--no-stream", stream, "Print the answer as it comes (default)");
  command.add_option("--base-url", base_url, "Send everything to this base URL");
  command.add_option("--ca-file", ca_file, "Trust this certificate authority (PEM) instead of the system's");
  command.add_option("--model-args", model_args, "OpenAI-style arguments as a JSON object");
  command.add_option("--timeout", timeout_s, "Seconds for the whole answer")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_flag("--json", json, "Print the result as one JSON object");
  command.add_flag("-v,--verbose", verbosity,
                   "Tell on standard error how the call goes: retries and ends; -vv: every step");
}

InvokerOptions CallArguments::invoker_options() const {
  InvokerOptions options;
  if (!base_url.empty()) options.base_url(base_url);
  if (!ca_file.empty()) {
    HttpClientOptions http;
    http.tls.ca_file = ca_file;
    options.http(http);
  }
  tell_calls(options, verbosity);
  return options;
}

json::object CallArguments::parsed_model_args() const {
  if (model_args.empty()) return {};
  auto parsed = parse_json(model_args);
  if (!parsed || !parsed->is_object())
    throw_error(ErrorKind::invalid_argument, "--model-args takes a JSON object");
  return std::move(parsed->get_object());
}

std::chrono::milliseconds CallArguments::timeout() const {
  return std::chrono::milliseconds(static_cast<std::int64_t>(timeout_s * 1000));
}

std::string read_standard_input() {
  const std::string all(std::istreambuf_iterator<char>(std::cin), {});
  return std::string(trim(all));
}

void print_summary(const std::string& model, const Usage& usage, const std::optional<Money>& cost) {
  if (!stderr_is_terminal()) return;
  std::string line = model + " · " + std::to_string(usage.prompt_tokens.value_or(0)) + " + " +
                     std::to_string(usage.completion_tokens.value_or(0)) + " tokens";
  line += cost ? " · " + cost->to_string() : " · cost unknown";
  std::fprintf(stderr, "%s\n", on_stderr("2", strip_terminal_escapes(line)).c_str());
}

json::object described_reply(const Message& message) {
  json::object object{{"text", json::string(message.text())},
                      {"model", json::string(message.model)},
                      {"provider", json::string(message.provider)},
                      {"finish_reason", json::string(message.finish_reason)}};
  if (const auto reasoning = message.reasoning(); !reasoning.empty())
    object["reasoning"] = json::string(reasoning);
  if (const auto refusal = message.refusal(); !refusal.empty()) object["refusal"] = json::string(refusal);
  if (!message.parsed.is_null()) object["parsed"] = message.parsed;
  return object;
}

}  // namespace lllm::cli
