// The program `lllm`.
#include <csignal>
#include <cstdio>

#include "lllm/base/error.hpp"
#include "lllm/cli/command.hpp"
#include "lllm/cli/terminal.hpp"
#include "lllm/version.hpp"

namespace lllm::cli {
namespace {

int run(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader of our output that went away is an error of a write, not our end

  CLI::App app(
      "lllm talks to large language models: chat, packages of prompts, a fake provider, a demonstration.",
      "lllm");
  app.set_version_flag("--version", "lllm " LLLM_VERSION);
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);
  Outcome outcome;
  add_chat(app, outcome);
  add_call(app, outcome);
  add_replay(app, outcome);
  add_resources(app, outcome);
  add_show(app, outcome);
  add_check(app, outcome);
  add_new(app, outcome);
  add_pkg(app, outcome);
  add_mcp(app, outcome);
  add_providers(app, outcome);
  add_models(app, outcome);
  add_serve_fake(app, outcome);
  add_demo(app, outcome);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  } catch (const Exception& e) {
    print_error(e.error());
    return 1;
  } catch (const std::exception& e) {
    print_error(e.what());
    return 1;
  }
  return outcome.exit_code;
}

}  // namespace
}  // namespace lllm::cli

int main(int argc, char** argv) {
  return lllm::cli::run(argc, argv);
}
