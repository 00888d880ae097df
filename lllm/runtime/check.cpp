#include "lllm/runtime/check.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "lllm/async/worker_pool.hpp"
#include "lllm/formats/document.hpp"
#include "lllm/runtime/check_refs.hpp"
#include "lllm/runtime/config.hpp"
#include "lllm/runtime/reload.hpp"
#include "lllm/runtime/resource_ref.hpp"
#include "lllm/runtime/runtime.hpp"

namespace lllm {
namespace {

Diagnostic diagnostic_of(const Error& error) {
  return Diagnostic(error.message(), error.file(), error.line(), error.column());
}

void sort_once(std::vector<Diagnostic>& all) {
  const auto before = [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.file, a.line, a.column, a.message) < std::tie(b.file, b.line, b.column, b.message);
  };
  std::sort(all.begin(), all.end(), before);
  all.erase(std::unique(all.begin(), all.end()), all.end());
}

}  // namespace

asio::awaitable<CheckReport> check_package(LoadOptions options) {
  options.strict = false;
  auto running = detail::run_loader(std::move(options), nullptr);
  const auto outcomes = std::make_shared<std::vector<LoadOutcome>>();
  outcomes->push_back(co_await std::move(running));
  auto& outcome = outcomes->front();
  const bool nothing = outcome.failure && outcome.report.packages.empty() && outcome.report.errors.empty();
  if (nothing) throw_error(*outcome.failure);

  CheckReport report;
  report.packages = outcome.report.packages;
  report.resources = outcome.report.resources;
  report.warnings = outcome.report.warnings;
  for (const auto& error : outcome.report.errors) report.problems.push_back(diagnostic_of(error));
  if (outcome.failure) report.problems.push_back(diagnostic_of(*outcome.failure));
  if (!outcome.failure) {
    const auto runtime = std::make_shared<Runtime>();
    auto publish = [runtime, outcomes] { return runtime->publish(*outcomes); };
    auto publishing = WorkerPool::shared().run(std::move(publish));
    co_await std::move(publishing);
    std::vector<Error> unplaced;
    const auto configs = std::make_shared<std::vector<std::pair<NodePtr, json::value>>>();
    for (const auto& node : runtime->nodes()) {
      if (node->is_alias() || node->failure() != nullptr) continue;
      std::optional<Error> failure;
      try {
        if (node->type() == "config") {
          auto resolving = resolve_config(node->key(), *runtime);
          configs->emplace_back(node, co_await std::move(resolving));
        } else if (node->is_lazy() && syntax_of(node->path())) {
          auto loading = ResourceNode::load(node);
          co_await std::move(loading);
        }
      } catch (const Exception& e) {
        if (e.kind() == ErrorKind::cancelled) throw;
        failure = e.error();
      }
      if (!failure) continue;
      // What a config inherits is not there, or comes back to itself: that is said where it names its base.
      if (node->type() == "config" && failure->line() == 0)
        unplaced.push_back(*failure);
      else
        report.problems.push_back(diagnostic_of(*failure));
    }
    auto refs = [runtime, configs, unplaced, found = std::make_shared<CheckReport>()] {
      for (const auto& error : unplaced)
        found->problems.push_back(detail::about_word(error.message(), error.file(), "base"));
      const auto registry = runtime->snapshot();
      for (const auto& node : registry->nodes()) {
        if (node->is_alias()) continue;
        if (node->type() == "prompt") detail::check_prompt(*registry, *node, *found);
        if (node->type() == "tactic") detail::check_tactic(*registry, *node, *found);
        if (node->type() == "service") detail::check_service(*registry, *node, *found);
      }
      for (const auto& [node, resolved] : *configs) detail::check_agents(*registry, *node, resolved, *found);
      return found;
    };
    auto checking = WorkerPool::shared().run(std::move(refs));
    const auto found = co_await std::move(checking);
    report.problems.insert(report.problems.end(), found->problems.begin(), found->problems.end());
    report.warnings.insert(report.warnings.end(), found->warnings.begin(), found->warnings.end());
    report.notes = found->notes;
  }
  sort_once(report.problems);
  sort_once(report.warnings);
  sort_once(report.notes);
  co_return report;
}

Result<std::vector<std::string>> scaffold_package(const std::string& folder, const std::string& name) {
  if (const auto valid = check_package_name(name); !valid) return valid.error();
  namespace fs = std::filesystem;
  const fs::path root = fs::path(folder.empty() ? "." : folder) / name;
  std::error_code failure;
  if (fs::exists(root, failure))
    return Error(ErrorKind::resource_conflict, "'" + root.string() + "' is already there").at(root.string());
  const std::pair<const char*, std::string> files[] = {
      {"lllm.toml",
       "[package]\nname = \"" + name +
           "\"\nversion = \"0.1.0\"\ndescription = \"\"\n\n[prompts]\n\n[configs]\n\n[assets]\n"},
      {"prompts/assistant.md",
       "---\ndescription: Answers in the language it is asked in.\n---\nYou are a concise assistant for "
       "{audience}.\n"},
      {"configs/assistant.yaml", "name: assistant\nmodel_name: gpt-4o-mini\nsystem_prompt_path: " + name +
                                     ".prompts:assistant\nmodel_args:\n  temperature: 0.2\n"},
      {"assets/about.txt", "What this package keeps besides prompts and configs.\n"},
  };
  std::vector<std::string> written;
  for (const auto& [path, text] : files) {
    const fs::path whole = root / path;
    fs::create_directories(whole.parent_path(), failure);
    std::ofstream out(whole, std::ios::binary);
    out << text;
    if (!out.flush())
      return Error(ErrorKind::io_failed, "cannot write '" + whole.string() + "'").at(whole.string());
    written.push_back(whole.string());
  }
  return written;
}

}  // namespace lllm
