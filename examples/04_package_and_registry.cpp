// Registers resources from code, loads a package with its dependencies, and reads both by ref. Needs no key.
//   ./04_package_and_registry examples/packages/newsroom
#include <iostream>

#include <lllm/lllm.hpp>

namespace asio = boost::asio;

struct Text {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(Text, (), (text))

asio::awaitable<void> run(std::string folder) {
  lllm::Runtime runtime;

  // From code: what the class and the decorator are in Python.
  runtime.register_prompt(lllm::Prompt("writer/system", "You are concise."), "demo.prompts");
  runtime.register_tool(
      "echo", lllm::Tool::from<Text>("echo", "Echo text.", [](const Text& args) { return args.text; }),
      "demo.tools");
  const lllm::PromptPtr prompt = co_await lllm::load_prompt("demo.prompts:writer/system", runtime);
  const lllm::Tool echo = co_await lllm::load_tool("demo.tools:echo", runtime);
  std::cout << prompt->path << ", " << echo.name() << '\n';

  // From a folder: the package and its dependencies, in parallel, without blocking this thread.
  lllm::LoadOptions options;
  options.package = std::move(folder);
  const lllm::LoadReport report = co_await lllm::load_runtime(runtime, options);
  for (const auto& package : report.packages)
    std::cout << package.name << ' ' << package.version << ": " << package.resources << " resources\n";

  const lllm::PromptPtr desk = co_await lllm::load_prompt("newsroom.prompts:desk/system", runtime);
  std::cout << desk->render({{"section", "city"}, {"words", 80}}).value() << '\n';
}

int main(int argc, char** argv) {
  return lllm::run(run(argc == 2 ? argv[1] : "examples/packages/newsroom"));
}
