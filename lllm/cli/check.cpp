#include "lllm/runtime/check.hpp"

#include <cstdio>
#include <memory>

#include "lllm/cli/command.hpp"
#include "lllm/cli/run_interruptible.hpp"
#include "lllm/cli/terminal.hpp"

namespace lllm::cli {
namespace {

struct Arguments {
  std::string path;
  std::string name;
  bool json = false;
};

json::array listed(const std::vector<Diagnostic>& all) {
  json::array rows;
  for (const auto& each : all)
    rows.push_back(json::object{{"file", json::string(each.file)},
                                {"line", each.line},
                                {"column", each.column},
                                {"message", json::string(each.message)}});
  return rows;
}

std::string counted(std::size_t count, const char* noun) {
  return std::to_string(count) + ' ' + noun + (count == 1 ? "" : "s");
}

asio::awaitable<void> check(const Arguments& args, Outcome& outcome) {
  LoadOptions options;
  options.package = args.path;
  options.project_packages = options.user_packages = false;
  const CheckReport report = co_await check_package(std::move(options));
  if (!report.clean()) outcome.exit_code = 1;
  if (args.json) {
    const json::object all{{"problems", listed(report.problems)},
                           {"warnings", listed(report.warnings)},
                           {"notes", listed(report.notes)},
                           {"packages", report.packages.size()},
                           {"clean", report.clean()}};
    std::printf("%s\n", to_pretty_json(all).c_str());
    co_return;
  }
  // As compilers write it, so that editors find the place.
  for (const auto& each : report.problems) std::printf("%s\n", each.to_string().c_str());
  for (const auto& each : report.warnings)
    std::printf("%s %s\n", each.to_string().c_str(), on_stdout("33", "[warning]").c_str());
  for (const auto& each : report.notes) std::printf("%s [note]\n", each.to_string().c_str());
  std::size_t resources = 0;
  for (const auto& [type, count] : report.resources) resources += count;
  std::printf("%s, %s: %s, %s\n", counted(report.packages.size(), "package").c_str(),
              counted(resources, "resource").c_str(), counted(report.problems.size(), "problem").c_str(),
              counted(report.warnings.size(), "warning").c_str());
}

}  // namespace

void add_check(CLI::App& app, Outcome& outcome) {
  auto args = std::make_shared<Arguments>();
  auto* command =
      app.add_subcommand("check", "Find every problem of a package and what it depends on; runs nothing");
  command->add_option("path", args->path, "The package's folder or manifest; none: found from here upward");
  command->add_flag("--json", args->json, "Print JSON");
  command->callback([args, &outcome] {
    asio::io_context context(1);
    if (!run_interruptible(context, check(*args, outcome))) outcome.exit_code = 130;
  });
}

void add_new(CLI::App& app, Outcome&) {
  auto args = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("new", "Start a package in a folder of its own");
  command->add_option("name", args->name, "Its name: letters, digits, _ and -")->required();
  command->add_option("--in", args->path, "Folder to make it in; none: here");
  command->callback([args] {
    for (const auto& file : scaffold_package(args->path, args->name).value())
      std::printf("%s\n", file.c_str());
  });
}

}  // namespace lllm::cli
