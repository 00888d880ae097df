#include "lllm/base/text.hpp"
#include "lllm/core/renderer.hpp"
#include "lllm/net/process.hpp"
#include "lllm/runtime/backends.hpp"

namespace lllm {
namespace {

constexpr std::size_t error_excerpt = 2000;

/// A string that a program would take for an option, which is not what an argument may choose.
bool looks_like_option(std::string_view part, std::string_view filled, const json::object& arguments) {
  if (!filled.starts_with('-') || !part.starts_with('{')) return false;
  const auto names = placeholders(part);
  const auto* value = names.empty() ? nullptr : find(arguments, names.front());
  return value == nullptr || !value->is_number();
}

Result<ProcessOptions> process_of(const ExecBackend& backend, const json::object& arguments) {
  ProcessOptions options;
  bool options_ended = false;
  for (const auto& part : backend.argv) {
    options_ended = options_ended || part == "--";
    auto filled = BraceRenderer().render(part, arguments);
    if (!filled) {
      // An optional argument that stands alone is left out; inside other text it is missed.
      const auto names = placeholders(part);
      if (names.size() == 1 && part == '{' + names.front() + '}') continue;
      return filled.error();
    }
    if (!options_ended && looks_like_option(part, *filled, arguments))
      return Error(ErrorKind::invalid_argument,
                   "the value of " + part + " may not begin with '-': '" + backend.argv.front() +
                       "' would take it for an option (a \"--\" before it in argv ends the options)");
    options.argv.push_back(std::move(*filled));
  }
  options.environment = backend.environment;
  options.pass_environment(backend.pass_environment);
  options.working_directory = backend.directory;
  options.max_memory = backend.max_memory;
  return options;
}

}  // namespace

asio::awaitable<ToolResult> run_exec(std::shared_ptr<const ExecBackend> backend, json::object arguments) {
  auto options = process_of(*backend, arguments).value();
  const std::string name = options.argv.front();
  std::string input;
  if (backend->json_input) input = to_json(arguments);
  ProcessResult result;
  try {
    auto running = run_process(std::move(options), std::move(input), backend->max_output, backend->timeout);
    result = co_await std::move(running);
  } catch (const Exception& failure) {
    // Its own limit is the tool's failure, which the model may hear of; the caller's deadline is not.
    if (failure.kind() != ErrorKind::deadline_exceeded) throw;
    throw_error(Error(ErrorKind::tool_failed, failure.error().message()));
  }
  std::string text = to_valid_utf8(result.output);
  if (result.truncated) text += "\n[the output was cut at " + std::to_string(backend->max_output) + " bytes]";
  if (result.exit.good()) co_return ToolResult(std::move(text));
  std::string message = "'" + name + "' " + result.exit.to_string();
  const auto words = trim(result.error);
  if (!words.empty()) message += ": " + to_valid_utf8(excerpt(words, error_excerpt));
  if (!text.empty()) message += "\n" + text;
  co_return ToolResult::failure(std::move(message));
}

}  // namespace lllm
