#include "lllm/runtime/discovery.hpp"

#include <doctest/doctest.h>

#include "lllm/runtime/manifest.hpp"
#include "tests/runtime/support.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {
const FileSource real_files;

DiscoveryPlaces at(const std::filesystem::path& working_directory) {
  DiscoveryPlaces places;
  places.working_directory = working_directory.string();
  return places;
}
}  // namespace

TEST_SUITE("runtime/discovery") {
  TEST_CASE("LLLM_CONFIG comes first, then upward from the start, then from the working directory") {
    const TempDir dir;
    dir.write("env/lllm.toml", "");
    dir.write("start/.lllm.toml", "");
    dir.write("start/deep/er/file.txt", "");
    dir.write("cwd/LLLM.toml", "");
    dir.write("cwd/sub/x", "");
    auto places = at(dir.path() / "cwd/sub");
    const auto root = [&](const std::string& start) {
      return discover_root(start, places, real_files).value().manifest;
    };
    const auto canonical = std::filesystem::canonical(dir.path()).string();
    CHECK(root((dir.path() / "start/deep/er").string()) == canonical + "/start/.lllm.toml");
    CHECK(root((dir.path() / "start/deep/er/file.txt").string()) == canonical + "/start/.lllm.toml");
    CHECK(root("").ends_with("/cwd/LLLM.toml"));
    places.lllm_config = (dir.path() / "env").string();
    CHECK(root((dir.path() / "start").string()) == canonical + "/env/lllm.toml");
    places.lllm_config += "/lllm.toml";
    CHECK(root("") == canonical + "/env/lllm.toml");
    places.lllm_config = "/nowhere";
    const auto error = discover_root("", places, real_files).error();
    CHECK(error.kind() == ErrorKind::io_failed);
    CHECK(contains(error.message(), "LLLM_CONFIG"));
  }

  TEST_CASE("a manifest may be in template/, and lllm.toml wins over its other names") {
    const TempDir dir;
    dir.write("a/template/lllm.toml", "");
    dir.write("b/LLLM.toml", "");
    dir.write("b/lllm.toml", "");
    CHECK(manifest_in((dir.path() / "a").string(), real_files)->ends_with("a/template/lllm.toml"));
    CHECK(manifest_in((dir.path() / "b").string(), real_files)->ends_with("b/lllm.toml"));
  }

  TEST_CASE("without a manifest the standard folders are an anonymous package, and a warning says so once") {
    const TempDir dir;
    dir.write("my project/prompts/p.md", "x");
    LoadOptions options;
    options.places = at(dir.path() / "my project");
    Runtime runtime;
    const auto report = load_runtime_blocking(runtime, options);
    CHECK(report.default_package == "my_project");
    REQUIRE(report.warnings.size() == 1);
    CHECK(contains(report.warnings[0].message, "anonymous package"));
    CHECK(runtime.get_prompt("p").has_value());
  }

  TEST_CASE(
      "shared packages are layered below, the project's before the user's, and strict boot leaves them out") {
    const TempDir dir;
    const auto package = [&](const std::string& where, const std::string& name, const std::string& text) {
      dir.write(where + "/lllm.toml", "[package]\nname='" + name + "'\n[prompts]\n");
      dir.write(where + "/prompts/p.md", text);
    };
    package("project", "app", "app");
    package("project/lllm_packages/one", "one", "project");
    package("home/.lllm/packages/one", "one", "user");
    package("home/.lllm/packages/two", "two", "user");
    LoadOptions options;
    options.places = at(dir.path() / "project");
    options.places->home = (dir.path() / "home").string();
    Runtime runtime;
    const auto report = load_runtime_blocking(runtime, options);
    CHECK(report.packages.size() == 3);
    CHECK(runtime.get_prompt("p").value()->prompt == "app");
    CHECK(runtime.get_prompt("one:p").value()->prompt == "project");
    CHECK(runtime.get_prompt("two:p").value()->prompt == "user");
    REQUIRE(report.warnings.size() == 1);
    CHECK(contains(report.warnings[0].message, "hidden by"));
    options.project_packages = options.user_packages = false;
    Runtime strict;
    CHECK(load_runtime_blocking(strict, options).packages.size() == 1);
  }
}

TEST_SUITE("runtime/manifest") {
  TEST_CASE("both ways of writing paths and dependencies mean the same") {
    const auto manifest = parse_manifest("/p/lllm.toml", R"([package]
name = "demo"
version = "1"
[prompts]
paths = ["prompts", "vendor under third_party", {path = "more", prefix = "m"}, {path = "x y", under = "u"}]
[dependencies]
packages = ["../a as b", {path = "../c", alias = "d"}, {path = "../e", as = "f"}, "../g"]
[golden]
)")
                              .value();
    CHECK(manifest.name == "demo");
    REQUIRE(manifest.sections.size() == 2);
    CHECK(manifest.sections[0].name == "golden");
    CHECK(manifest.sections[0].implied);
    const auto& paths = manifest.sections[1].paths;
    REQUIRE(paths.size() == 4);
    CHECK(paths[1].path == "vendor");
    CHECK(paths[1].prefix == "third_party");
    CHECK(paths[2].prefix == "m");
    CHECK(paths[3].path == "x y");
    CHECK(manifest.dependencies[0].path == "../a");
    CHECK(manifest.dependencies[0].alias == "b");
    CHECK(manifest.dependencies[1].alias == "d");
    CHECK(manifest.dependencies[2].alias == "f");
    CHECK(manifest.dependencies[3].alias.empty());
    CHECK(manifest.warnings.empty());
    CHECK(parse_manifest("/some/dir.name/lllm.toml", "").value().name == "dir_name");
  }

  TEST_CASE("what is wrong in a manifest is named with file, line and column") {
    const auto refusal = [](const char* text) {
      return parse_manifest("m/lllm.toml", text).error().to_string();
    };
    CHECK(contains(refusal("[package]\nname = \"a b\"\n"), "m/lllm.toml:2:1: "));
    CHECK(contains(refusal("[package]\nname = 3\n"), "m/lllm.toml:2:1: 'package/name' must be a string"));
    CHECK(contains(refusal("prompts = 1\n"), "m/lllm.toml:1:1: 'prompts' must be a table"));
    CHECK(contains(refusal("[prompts]\npaths = [\"a under ../b\"]\n"), "m/lllm.toml:2:"));
    CHECK(contains(refusal("[dependencies]\npackages = [\"a as b c\"]\n"), "m/lllm.toml:2:"));
    CHECK(contains(refusal("[package\n"), "m/lllm.toml:1:"));
    const auto warnings = parse_manifest("m", "[prompts]\npath = [\"x\"]\n").value().warnings;
    REQUIRE(warnings.size() == 1);
    CHECK(warnings[0].to_string() == "m:2:1: unknown key 'path' in [prompts] (paths)");
  }
}
