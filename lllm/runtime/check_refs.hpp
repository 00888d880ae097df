#pragma once

// The half of check_package that follows refs; for check.cpp only.
#include "lllm/base/json.hpp"
#include "lllm/runtime/check.hpp"
#include "lllm/runtime/registry.hpp"

namespace lllm::detail {

/// Where `word` stands in a file; the file alone when it cannot be found. Blocks.
Diagnostic about_word(std::string message, const std::string& file, const std::string& word);

/// Where prompts, tactics and services point: `registry` holds everything that was loaded. Blocks.
void check_prompt(const Registry& registry, const ResourceNode& node, CheckReport& report);
void check_tactic(const Registry& registry, const ResourceNode& node, CheckReport& report);
void check_service(const Registry& registry, const ResourceNode& node, CheckReport& report);
/// The agents that a config describes, if it does; `resolved` is the config with all it inherits.
void check_agents(const Registry& registry, const ResourceNode& node, const json::value& resolved,
                  CheckReport& report);

}  // namespace lllm::detail
