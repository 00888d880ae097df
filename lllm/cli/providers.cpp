#include <cstdio>

#include "lllm/base/json.hpp"
#include "lllm/base/text.hpp"
#include "lllm/cli/command.hpp"
#include "lllm/cli/terminal.hpp"
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

void list(bool as_json) {
  const Environment environment;
  json::array rows;
  for (const Provider& provider : providers()) {
    const ProviderStatus status = environment.status(provider);
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
