#include "lllm/runtime/check.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "lllm/async/worker_pool.hpp"
#include "lllm/core/renderer.hpp"
#include "lllm/formats/document.hpp"
#include "lllm/runtime/config.hpp"
#include "lllm/runtime/reload.hpp"
#include "lllm/runtime/resource_ref.hpp"
#include "lllm/runtime/runtime.hpp"

namespace lllm {
namespace {

Diagnostic diagnostic_of(const Error& error) {
  return Diagnostic(error.message(), error.file(), error.line(), error.column());
}

/// Where `word` stands in a file; the file alone when it cannot be found. Blocks.
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
  if (const auto variables = BraceRenderer().variables(prompt.prompt); !variables)
    report.problems.push_back(
        Diagnostic("prompt '" + prompt.ref + "': " + variables.error().message(), node.file()));
  for (const auto& tool : prompt.tools) {
    const auto* ref = std::get_if<std::string>(&tool);
    if (ref == nullptr) continue;
    const auto found = registry.resolve(*ref, ref->find(".tactics:") == ref->npos ? "tool" : "tactic");
    if (found) continue;
    if (found.error().kind() == ErrorKind::resource_not_found)
      report.notes.push_back(about_word(
          "prompt '" + prompt.ref + "': '" + *ref + "' is in no package; a program must register it",
          node.file(), *ref));
    else
      report.problems.push_back(
          about_word("prompt '" + prompt.ref + "': " + found.error().message(), node.file(), *ref));
  }
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
    for (const auto& node : runtime->nodes()) {
      if (node->is_alias() || node->failure() != nullptr) continue;
      std::optional<Error> failure;
      try {
        if (node->type() == "config") {
          auto resolving = resolve_config(node->key(), *runtime);
          co_await std::move(resolving);
        } else if (node->is_lazy() && syntax_of(node->path())) {
          auto loading = ResourceNode::load(node);
          co_await std::move(loading);
        }
      } catch (const Exception& e) {
        if (e.kind() == ErrorKind::cancelled) throw;
        failure = e.error();
      }
      if (failure) report.problems.push_back(diagnostic_of(*failure));
    }
    auto prompts = [runtime, found = std::make_shared<CheckReport>()] {
      const auto registry = runtime->snapshot();
      for (const auto& node : registry->nodes("prompt"))
        if (!node->is_alias()) check_prompt(*registry, *node, *found);
      return found;
    };
    auto checking = WorkerPool::shared().run(std::move(prompts));
    const auto found = co_await std::move(checking);
    report.problems.insert(report.problems.end(), found->problems.begin(), found->problems.end());
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
