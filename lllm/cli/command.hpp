#pragma once

#include <CLI/CLI.hpp>

namespace lllm::cli {

/// What a command leaves for main(): the process's exit code.
struct Outcome {
  int exit_code = 0;
};

// Each adds one command to the program; when it is chosen, it runs and sets the exit code. What it throws,
// main() prints as one sentence.
void add_call(CLI::App& app, Outcome& outcome);
void add_chat(CLI::App& app, Outcome& outcome);
void add_check(CLI::App& app, Outcome& outcome);
void add_demo(CLI::App& app, Outcome& outcome);
void add_mcp(CLI::App& app, Outcome& outcome);
void add_models(CLI::App& app, Outcome& outcome);
void add_new(CLI::App& app, Outcome& outcome);
void add_pkg(CLI::App& app, Outcome& outcome);
void add_providers(CLI::App& app, Outcome& outcome);
void add_replay(CLI::App& app, Outcome& outcome);
void add_resources(CLI::App& app, Outcome& outcome);
void add_serve_fake(CLI::App& app, Outcome& outcome);
void add_show(CLI::App& app, Outcome& outcome);

}  // namespace lllm::cli
