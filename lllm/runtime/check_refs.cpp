#include "lllm/runtime/check_refs.hpp"

#include "lllm/async/file_io.hpp"
#include "lllm/base/text.hpp"
#include "lllm/core/prompt.hpp"
#include "lllm/core/renderer.hpp"
#include "lllm/formats/document.hpp"
#include "lllm/runtime/agent_spec.hpp"
#include "lllm/runtime/resource_ref.hpp"
#include "lllm/runtime/service.hpp"
#include "lllm/runtime/tactic.hpp"

namespace lllm::detail {
namespace {

/// Checks the refs of one thing; a program may register what no package has.
class Refs {
 public:
  Refs(const Registry& registry, const ResourceNode& node, std::string_view package, CheckReport& report)
      : registry_(registry), node_(node), package_(package), report_(report) {}

  /// @param needed  Prompts and configs come from files as a rule: one that is nowhere is a mistake.
  void check(const std::string& who, const std::string& ref, std::string_view type, bool needed) {
    if (ref.empty() || is_there(ref, type)) return;
    const auto found = registry_.resolve(ref, type);
    if (found) return;
    const bool missing = found.error().kind() == ErrorKind::resource_not_found;
    if (missing && !needed)
      report_.notes.push_back(about_word(who + ": '" + ref + "' is in no package; a program must register it",
                                         node_.file(), ref));
    else
      report_.problems.push_back(about_word(who + ": " + found.error().message(), node_.file(), ref));
  }

  void check_tool(const std::string& who, const std::string& ref) {
    if (is_there(ref, "tactic") || registry_.resolve_quietly(ref, "tactic") != nullptr) return;
    check(who, ref, ref.find(".tactics:") == ref.npos ? "tool" : "tactic", false);
  }

  void check_agent(const std::string& who, const AgentSpec& spec) {
    check(who, spec.config, "config", true);
    check(who, spec.system_prompt_path, "prompt", true);
    check(who, spec.context_manager, "context_manager", false);
    for (const auto& tool : spec.tools) check_tool(who, tool);
  }

 private:
  /// In the package itself, where refs without one are looked up first.
  [[nodiscard]] bool is_there(const std::string& ref, std::string_view type) const {
    if (package_.empty() || ref.find(':') != ref.npos) return false;
    return registry_.find(std::string(package_) + '.' + section_of_type(type) + ':' + ref) != nullptr;
  }

  const Registry& registry_;
  const ResourceNode& node_;
  std::string_view package_;
  CheckReport& report_;
};

std::string_view package_of(const ResourceNode& node) {
  return node.ns().substr(0, node.ns().find('.'));
}

/// Where a member of a config stands; what it inherits is told where its file names the base.
Diagnostic about_member(std::string message, const ResourceNode& node, const std::string& pointer) {
  const auto syntax = syntax_of(node.file());
  const auto contents = read_file_blocking(node.file());
  if (!syntax || !contents) return Diagnostic(std::move(message), node.file());
  const auto own = parse_document(*syntax, contents->bytes);
  boost::system::error_code missing;
  if (!own || own->find_pointer(pointer, missing) == nullptr)
    return about_word(std::move(message), node.file(), "base");
  const auto where = locate(*syntax, contents->bytes, pointer);
  return Diagnostic(std::move(message), node.file(), where.line, where.column);
}

}  // namespace

Diagnostic about_word(std::string message, const std::string& file, const std::string& word) {
  Diagnostic diagnostic(std::move(message), file);
  const auto contents = read_file_blocking(file);
  if (!contents) return diagnostic;
  const auto offset = contents->bytes.find(word);
  if (offset == std::string::npos) return diagnostic;
  const auto where = position_at(contents->bytes, offset);
  diagnostic.line = where.line;
  diagnostic.column = where.column;
  return diagnostic;
}

void check_prompt(const Registry& registry, const ResourceNode& node, CheckReport& report) {
  const auto held = node.value_as<Prompt>();
  if (!held) return;  // broken: reported by the load
  const Prompt& prompt = **held;
  const std::string who = "prompt '" + prompt.ref + "'";
  if (const auto variables = BraceRenderer().variables(prompt.prompt); !variables)
    report.problems.push_back(Diagnostic(who + ": " + variables.error().message(), node.file()));
  // Front matter may hold anything; what is nearly a key with a meaning was meant to be it.
  for (const auto& [key, value] : prompt.metadata) {
    const std::string name(key);
    const auto meant =
        near_matches(name, {"tools", "format", "parser", "mcp_servers", "addon_args", "handler"}, 1);
    if (!meant.empty())
      report.warnings.push_back(about_word(
          who + ": unknown key '" + name + "'; did you mean '" + meant.front() + "'?", node.file(), name));
  }
  Refs refs(registry, node, {}, report);
  for (const auto& tool : prompt.tools)
    if (const auto* ref = std::get_if<std::string>(&tool)) refs.check_tool(who, *ref);
}

void check_tactic(const Registry& registry, const ResourceNode& node, CheckReport& report) {
  const auto held = node.value_as<Tactic>();
  if (!held) return;
  Refs refs(registry, node, package_of(node), report);
  for (const auto& agent : (*held)->agents) {
    const std::string who = "tactic '" + node.key() + "', agent '" + agent.spec.name + "'";
    refs.check_agent(who, agent.spec);
    refs.check(who, agent.prompt, "prompt", true);
  }
}

void check_service(const Registry& registry, const ResourceNode& node, CheckReport& report) {
  const auto held = node.value_as<Service>();
  if (!held) return;
  Refs refs(registry, node, package_of(node), report);
  refs.check("service '" + node.key() + "'", (*held)->tactic, "tactic", false);
}

void check_agents(const Registry& registry, const ResourceNode& node, const json::value& resolved,
                  CheckReport& report) {
  if (!describes_agents(resolved)) return;
  const auto path = node.path();
  const auto read = read_agent_specs(resolved, path.substr(path.rfind('/') + 1));
  const std::string where = "config '" + node.key() + "'";
  for (const auto& mistake : read.mistakes)
    report.problems.push_back(about_member(where + ": " + mistake.message, node, mistake.pointer));
  Refs refs(registry, node, package_of(node), report);
  for (const auto& spec : read.all) {
    for (const auto& key : spec.unknown_keys)
      report.warnings.push_back(about_word(where + ": " + unknown_key_warning(spec, key), node.file(), key));
    refs.check_agent(where + ", agent '" + spec.name + "'", spec);
  }
}

}  // namespace lllm::detail
