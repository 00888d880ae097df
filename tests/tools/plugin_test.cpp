#include "lllm/tools/plugin.h"

#include <doctest/doctest.h>

#include "tests/support/skip.hpp"
#include "tests/tools/support.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

std::filesystem::path example() {
  return build_root() / "examples/06_tool_plugin.so";
}

/// A package whose tools/ holds the example plugin.
class PluginPackage : public DemoPackage {
 public:
  explicit PluginPackage(const std::string& name) : DemoPackage("tools/readme.txt", "") {
    std::filesystem::copy_file(example(), dir().path() / "tools" / name);
  }
};

}  // namespace

TEST_SUITE("tools/plugin") {
  TEST_CASE("a plugin's tools are loaded where the caller allows it, and run") {
    if (!std::filesystem::exists(example())) LLLM_SKIP("the examples are not built");
    PluginPackage package("word_count.so");
    const auto report = package.load(true);
    REQUIRE_MESSAGE(report.errors.empty(), (report.errors.empty() ? "" : report.errors.front().to_string()));
    CHECK(package.runtime.keys() == std::vector<std::string>{"demo.tools:word_count"});
    const Tool tool = package.runtime.get_tool("word_count").value();
    CHECK(tool.description() == "Counts the words of a text.");
    asio::io_context loop;
    CHECK(call(loop, tool, {{"text", "one two three"}}).text == "3 words");
    const auto failed = call(loop, tool, {{"text", ""}});
    CHECK(failed.is_error);
    CHECK(failed.text == "There is no text.");
    CHECK(contains(call(loop, tool, {{"text", 1}}).text, "Invalid arguments"));
  }

  TEST_CASE("a plugin of another name gives its tools below it") {
    if (!std::filesystem::exists(example())) LLLM_SKIP("the examples are not built");
    PluginPackage package("text.so");
    CHECK(package.load(true).errors.empty());
    CHECK(package.runtime.keys() == std::vector<std::string>{"demo.tools:text/word_count"});
  }

  TEST_CASE("without the caller's leave no plugin is opened, and a warning says so") {
    if (!std::filesystem::exists(example())) LLLM_SKIP("the examples are not built");
    PluginPackage package("word_count.so");
    const auto report = package.load();
    CHECK(package.runtime.size() == 0);
    REQUIRE(report.warnings.size() == 1);
    CHECK(contains(report.warnings.front().to_string(), "LoadOptions::plugins"));
  }

  TEST_CASE("what is no plugin is an error that names the file") {
    DemoPackage package("tools/broken.so", "not an object file");
    const auto report = package.load(true);
    REQUIRE(report.errors.size() == 1);
    CHECK(report.errors.front().kind() == ErrorKind::bad_resource);
    CHECK(contains(report.errors.front().to_string(), "tools/broken.so"));
    CHECK(package.runtime.get_tool("broken").has_error());
  }
}
