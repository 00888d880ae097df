#include <cstdio>
#include <memory>

#include "lllm/base/json.hpp"
#include "lllm/cli/command.hpp"
#include "lllm/runtime/sharing.hpp"

namespace lllm::cli {
namespace {

struct Arguments {
  ShareOptions options;
  std::string what;
  std::string zip;
  bool user = false;
  bool json = false;
};

void print(const std::vector<InstalledPackage>& packages, bool as_json) {
  json::array rows;
  for (const auto& each : packages) {
    const char* scope = each.scope == ShareScope::user ? "user" : "project";
    if (as_json)
      rows.push_back(json::object{{"name", json::string(each.name)},
                                  {"version", json::string(each.version)},
                                  {"alias", json::string(each.alias)},
                                  {"scope", scope},
                                  {"folder", json::string(each.folder)}});
    else
      std::printf("%-8s %-24s %-10s %s%s%s\n", scope, each.name.c_str(), each.version.c_str(),
                  each.folder.c_str(), each.alias.empty() ? "" : "  as ", each.alias.c_str());
  }
  if (as_json) std::printf("%s\n", to_pretty_json(rows).c_str());
}

}  // namespace

void add_pkg(CLI::App& app, Outcome&) {
  auto args = std::make_shared<Arguments>();
  auto* pkg = app.add_subcommand("pkg", "Install, export, list and remove packages");
  pkg->require_subcommand(1);
  const auto common = [args](CLI::App* command) {
    command->add_flag("--user", args->user, "In ~/.lllm/packages, for all projects; else in ./lllm_packages");
    command->add_flag("--json", args->json, "Print JSON");
  };
  const auto options = [args] {
    args->options.scope = args->user ? ShareScope::user : ShareScope::project;
    return args->options;
  };
  auto* install = pkg->add_subcommand("install", "Install a package from a zip; executes nothing in it");
  install->add_option("zip", args->zip, "The zip file")->required();
  install->add_option("--as", args->options.alias, "Also register its resources under this name");
  install->add_flag("--replace", args->options.replace, "Replace an installed one");
  common(install);
  install->callback([args, options] { print({install_package(args->zip, options()).value()}, args->json); });

  auto* pack = pkg->add_subcommand("export", "Pack a package and what it depends on into a zip");
  pack->add_option("package", args->what, "Its folder")->required();
  pack->add_option("zip", args->zip, "The zip file to write")->required();
  pack->add_flag("--json", args->json, "Print JSON");
  pack->callback([args] {
    json::array entries;
    for (const auto& entry : export_package(args->what, args->zip).value()) {
      entries.emplace_back(entry);
      if (!args->json) std::printf("%s\n", entry.c_str());
    }
    if (args->json) std::printf("%s\n", to_pretty_json(entries).c_str());
  });

  auto* list = pkg->add_subcommand("list", "List the installed packages of both scopes");
  common(list);
  list->callback([args, options] { print(list_packages(options()).value(), args->json); });

  auto* remove = pkg->add_subcommand("remove", "Remove an installed package");
  remove->add_option("name", args->what, "Its name")->required();
  common(remove);
  remove->callback([args, options] {
    remove_package(args->what, options()).value();
    const json::object removed{{"removed", json::string(args->what)}};
    if (args->json)
      std::printf("%s\n", to_pretty_json(removed).c_str());
    else
      std::printf("removed %s\n", args->what.c_str());
  });
}

}  // namespace lllm::cli
