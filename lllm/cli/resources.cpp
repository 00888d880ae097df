#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "lllm/base/text.hpp"
#include "lllm/cli/command.hpp"
#include "lllm/cli/run_interruptible.hpp"
#include "lllm/cli/terminal.hpp"
#include "lllm/runtime/load.hpp"
#include "lllm/runtime/resource_ref.hpp"
#include "lllm/runtime/runtime.hpp"

namespace lllm::cli {
namespace {

struct Arguments {
  std::string package;
  std::string type;
  std::string ref;
  bool json = false;
};

asio::awaitable<void> load_package(Runtime& runtime, const Arguments& args) {
  LoadOptions load;
  if (!args.package.empty()) load.start = args.package;
  const LoadReport report = co_await load_runtime(runtime, std::move(load));
  for (const auto& warning : report.warnings)
    std::fprintf(stderr, "%s %s\n", on_stderr("33", "warning:").c_str(), warning.to_string().c_str());
}

/// A type that nothing has, and that is not one of those that every package may have, is a slip.
void check_type(const std::string& type, const Runtime& runtime) {
  const auto section = section_of_type(type);
  if (type.empty() || (is_standard_section(section) && type_of_section(section) == type)) return;
  std::vector<std::string> types{"prompt", "tool",   "tactic", "service",
                                 "proxy",  "config", "asset",  "context_manager"};
  for (const auto& node : runtime.nodes())
    if (std::find(types.begin(), types.end(), node->type()) == types.end()) types.push_back(node->type());
  const auto meant = near_matches(type, {types.begin(), types.end()}, 1);
  throw_error(ErrorKind::invalid_argument,
              "--type: nothing here is of type '" + type + "' (there are: " + join(types, ", ") + ")" +
                  (meant.empty() ? "" : "; did you mean '" + meant.front() + "'?"));
}

asio::awaitable<void> list(const Arguments& args) {
  Runtime runtime;
  co_await load_package(runtime, args);
  json::array rows;
  const auto nodes = runtime.nodes(args.type);
  if (nodes.empty()) check_type(args.type, runtime);
  for (const auto& node : nodes) {
    if (args.json)
      rows.push_back(json::object{{"ref", json::string(node->key())},
                                  {"type", json::string(node->type())},
                                  {"metadata", node->metadata()}});
    else
      std::printf("%-16s %s\n", node->type().c_str(), node->key().c_str());
  }
  if (args.json) std::printf("%s\n", to_pretty_json(rows).c_str());
}

void add_members(json::object& about, const json::object& info) {
  for (const auto& [name, value] : info) about[name] = value;
}

// What a person wants to know of a resource: where it is, what it says, what it takes.
asio::awaitable<json::object> describe(std::string ref, const Runtime& runtime) {
  const NodePtr node = runtime.get_node(ref).value();
  json::object about{{"ref", json::string(node->key())}, {"type", json::string(node->type())}};
  if (!node->file().empty()) about["file"] = json::string(node->file());
  if (node->type() == "prompt") {
    const PromptPtr prompt = co_await load_prompt(ref, runtime);
    for (const auto& [name, value] : prompt->info())
      if (name != "ref") about[name] = value;
    if (!prompt->metadata.empty()) about["metadata"] = prompt->metadata;
    if (!prompt->format.empty()) about["format"] = prompt->format.value();
    about["text"] = json::string(prompt->prompt);
  } else if (node->type() == "tool") {
    const Tool tool = co_await load_tool(ref, runtime);
    about["description"] = json::string(tool.description());
    about["parameters"] = tool.parameters().value();
    about["metadata"] = node->metadata();
  } else if (node->type() == "config") {
    about["value"] = co_await load_config(ref, runtime);
  } else if (node->type() == "proxy") {
    const ProxyPtr proxy = co_await load_proxy(ref, runtime);
    add_members(about, proxy->info());
  } else if (node->type() == "tactic") {
    const TacticPtr tactic = co_await load_tactic(ref, runtime);
    add_members(about, tactic->info());
  } else if (node->type() == "service") {
    const ServicePtr service = co_await load_service(ref, runtime);
    add_members(about, service->info());
  } else if (const ResourceValue value = co_await ResourceNode::load(node);
             const auto asset = value.get<Asset>()) {
    about["bytes"] = asset->bytes.size();
    if (asset->data)
      about["value"] = *asset->data;
    else if (is_utf8(asset->bytes))
      about["text"] = json::string(excerpt(asset->bytes, 4000));
  } else {
    about["metadata"] = node->metadata();
  }
  co_return about;
}

asio::awaitable<void> show(const Arguments& args) {
  Runtime runtime;
  co_await load_package(runtime, args);
  const json::object description = co_await describe(args.ref, runtime);
  if (args.json) {
    std::printf("%s\n", to_pretty_json(description).c_str());
    co_return;
  }
  for (const auto& [name, value] : description) {
    std::string text = value.is_string() ? std::string(as_text(&value)) : to_pretty_json(value);
    if (stdout_is_terminal()) text = strip_terminal_escapes(text);
    const bool block = text.find('\n') != text.npos;
    std::printf("%s%s%s\n", on_stdout("1", std::string(name.data(), name.size()) + ":").c_str(),
                block ? "\n" : " ", text.c_str());
  }
}

void run(asio::awaitable<void> work, Outcome& outcome) {
  asio::io_context context(1);
  if (!run_interruptible(context, std::move(work))) outcome.exit_code = 130;
}

}  // namespace

void add_resources(CLI::App& app, Outcome& outcome) {
  auto args = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("resources", "List the resources of a package and its dependencies");
  command->add_option("--package", args->package, "Folder of the package; none: found from here upward");
  command->add_option("--type", args->type,
                      "Only this type (prompt, tool, tactic, service, proxy, config, asset …)");
  command->add_flag("--json", args->json, "Print JSON");
  command->callback([args, &outcome] { run(list(*args), outcome); });
}

void add_show(CLI::App& app, Outcome& outcome) {
  auto args = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("show", "Show one resource: its text, tools, values, where it is from");
  command->add_option("ref", args->ref, "Its ref, as `lllm resources` lists it")->required();
  command->add_option("--package", args->package, "Folder of the package; none: found from here upward");
  command->add_flag("--json", args->json, "Print JSON");
  command->callback([args, &outcome] { run(show(*args), outcome); });
}

}  // namespace lllm::cli
