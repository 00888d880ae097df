#include <cstdio>

#include "lllm/base/json.hpp"
#include "lllm/base/text.hpp"
#include "lllm/cli/command.hpp"
#include "lllm/cli/run_interruptible.hpp"
#include "lllm/cli/terminal.hpp"
#include "lllm/invokers/aws_credentials.hpp"
#include "lllm/invokers/environment.hpp"
#include "lllm/wires/providers.hpp"

namespace lllm::cli {
namespace {

std::string_view word(ProviderStatus::State state) {
  switch (state) {
    case ProviderStatus::State::ready:
      return "ready";
    case ProviderStatus::State::partial:
      return "partial";
    case ProviderStatus::State::absent:
      return "not set";
  }
  return "not set";
}

// Keys of AWS may be in a profile's file, which only reading it can tell.
void look_for_aws_keys(const Environment& environment, ProviderStatus& status) {
  asio::io_context context(1);
  std::string problem;
  try {
    run_interruptible(context, [](const Environment& variables) -> asio::awaitable<void> {
      co_await find_aws_credentials(variables);
    }(environment));
  } catch (const Exception& failure) {
    problem = failure.error().message();
  }
  const bool asked_for =
      !environment.get("AWS_PROFILE").empty() || !environment.get("AWS_ACCESS_KEY_ID").empty();
  std::erase_if(status.missing,
                [](const std::string& name) { return name.starts_with("AWS_ACCESS_KEY_ID"); });
  if (!problem.empty())
    status.missing.push_back(asked_for ? problem : "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  using State = ProviderStatus::State;
  status.state = status.missing.empty()         ? State::ready
                 : problem.empty() || asked_for ? State::partial
                                                : State::absent;
}

void list(bool as_json) {
  const Environment environment;
  json::array rows;
  for (const Provider& provider : providers()) {
    ProviderStatus status = environment.status(provider);
    if (provider.auth == Auth::aws_sigv4 && status.key_variable.empty())
      look_for_aws_keys(environment, status);
    if (as_json) {
      rows.push_back(json::object{{"name", json::string(provider.name)},
                                  {"title", json::string(provider.title)},
                                  {"wire", json::string(provider.wire)},
                                  {"state", json::string(word(status.state))},
                                  {"key_variable", json::string(status.key_variable)},
                                  {"missing", json::array(status.missing.begin(), status.missing.end())}});
      continue;
    }
    const bool ready = status.state == ProviderStatus::State::ready;
    const bool partial = status.state == ProviderStatus::State::partial;
    std::string note = ready ? (status.key_variable.empty() ? "" : "by " + status.key_variable)
                             : "set " + join(status.missing, ", ");
    // A sentence of its own says more than the name of a variable.
    if (!ready && status.missing.back().starts_with("bedrock: ")) note = join(status.missing, ", ");
    const std::string state = on_stdout(ready ? "32" : partial ? "33" : "2", word(status.state));
    std::printf("%-20s %-20s %s%*s %s\n", provider.name.c_str(), provider.wire.c_str(), state.c_str(),
                static_cast<int>(8 - word(status.state).size()), "", note.c_str());
  }
  if (as_json) std::printf("%s\n", to_pretty_json(rows).c_str());
}

}  // namespace

void add_providers(CLI::App& app, Outcome&) {
  auto as_json = std::make_shared<bool>(false);
  auto* command =
      app.add_subcommand("providers", "List the providers and which are configured; never shows a key");
  command->add_flag("--json", *as_json, "Print JSON");
  command->callback([as_json] { list(*as_json); });
}

}  // namespace lllm::cli
