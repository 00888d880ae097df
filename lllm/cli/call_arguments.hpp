#pragma once

#include <chrono>
#include <string>

#include <CLI/CLI.hpp>

#include "lllm/base/json.hpp"
#include "lllm/core/invoke_result.hpp"
#include "lllm/invokers/litellm_invoker.hpp"

namespace lllm::cli {

/// What every command that calls a model takes.
struct CallArguments {
  std::string model = "gpt-4o-mini";
  std::string base_url;
  std::string ca_file;
  std::string model_args;
  double timeout_s = 600;
  bool stream = true;
  bool json = false;
  int verbosity = 0;

  void add_to(CLI::App& command);
  [[nodiscard]] InvokerOptions invoker_options() const;
  /// @throws Exception invalid_argument when they are no JSON object
  [[nodiscard]] json::object parsed_model_args() const;
  [[nodiscard]] std::chrono::milliseconds timeout() const;
};

/// All of standard input, without white space around it.
std::string read_standard_input();

/// One line under an answer, for a person: model, tokens, cost.
void print_summary(const std::string& model, const Usage& usage, const std::optional<Money>& cost);

/// What `--json` prints of a reply, whichever command asked for it.
json::object described_reply(const Message& message);

}  // namespace lllm::cli
