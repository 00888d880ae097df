#include "lllm/runtime/load.hpp"

#include <doctest/doctest.h>

#include "tests/runtime/support.hpp"
#include "tests/support/skip.hpp"

using namespace lllm;
using namespace lllm::test;

TEST_SUITE("runtime/load") {
  TEST_CASE("the seed's manifest loads its prompts, and its dependency under an alias") {
    const TempDir dir;
    dir.write("demo/lllm.toml", R"([package]
name = "demo"
version = "0.1.0"
description = "Native runtime demo."

[prompts]
paths = ["prompts"]

[tools]
paths = ["tools"]

[tactics]
paths = ["tactics"]

[dependencies]
packages = ["../shared as common"]
)");
    dir.write("demo/prompts/writer/system.md", "You are concise.\n");
    dir.write("demo/tools/search.py", "def search(): pass\n");
    dir.write("demo/tactics/.keep", "");
    dir.write("shared/lllm.toml", "[package]\nname = \"shared\"\n[prompts]\n");
    dir.write("shared/prompts/rules.txt", "Be kind.");
    Runtime runtime;
    const auto report = load_runtime_blocking(runtime, only(dir.path() / "demo"));
    CHECK(report.default_package == "demo");
    CHECK(report.published);
    REQUIRE(report.packages.size() == 2);
    CHECK(report.packages[1].aliases == std::vector<std::string>{"common"});
    CHECK(report.resources.at("prompt") == 2);
    CHECK(report.errors.empty());
    REQUIRE(report.warnings.size() == 1);
    CHECK(report.warnings[0].message == "Python modules are not loaded by the C++ runtime");
    CHECK(contains(report.warnings[0].file, "search.py"));
    CHECK(runtime.get_prompt("writer/system").value()->prompt == "You are concise.\n");
    CHECK(runtime.get_prompt("common.prompts:rules").value() == runtime.get_prompt("shared:rules").value());
    CHECK(runtime.get_node("common.prompts:rules").value()->metadata().at("alias_of") ==
          "shared.prompts:rules");
    CHECK(contains(runtime.get_node("demo:writer/system", "prompt").value()->file(), "writer/system.md"));
  }

  TEST_CASE("the newsroom loads: a diamond, an alias, prompts, lazy configs and assets") {
    Runtime runtime;
    const auto report = load_runtime_blocking(runtime, only(source_root() / "examples/packages/newsroom"));
    for (const auto& error : report.errors) MESSAGE(error.to_string());
    for (const auto& warning : report.warnings) MESSAGE(warning.to_string());
    CHECK(report.errors.empty());
    CHECK(report.warnings.empty());
    REQUIRE(report.packages.size() == 4);
    CHECK(report.packages[0].name == "newsroom");
    CHECK(report.packages[1].name == "reporting");
    CHECK(report.packages[2].name == "research");
    CHECK(report.packages[3].name == "style");  // once

    const auto system = runtime.get_prompt("desk/system").value();
    CHECK(system->template_vars() == std::vector<std::string>{"section", "words"});
    REQUIRE(system->tools.size() == 1);
    CHECK(std::get<std::string>(system->tools[0]) == "research.tools:search_archive");
    CHECK(as_text(find(system->metadata, "description")).starts_with("The desk's editor"));
    CHECK_FALSE(runtime.get_prompt("desk/headline").value()->format.empty());
    CHECK(runtime.get_prompt("letters/correction").value()->template_vars().size() == 2);
    CHECK(runtime.get_prompt("reporting.prompts:write").value()->parser != nullptr);

    CHECK(runtime.get_config("editor").error().kind() == ErrorKind::unsupported);  // lazy, not loaded yet
    CHECK(run_to_end(load_config("editor", runtime)).at("name") == "editor");
    CHECK(runtime.get_config("editor").has_value());
    CHECK(run_to_end(load_config("house.configs:house", runtime)).at("model_name") == "gpt-4o-mini");
    const auto archive = run_to_end(load_asset("archive.assets:archive.json", runtime));
    CHECK(archive->data->as_array().size() == 3);
    CHECK(run_to_end(load_asset("masthead.txt", runtime))->bytes == "THE EVENING POST\n");
    CHECK(runtime.has("newsroom.assets:shared/words.json"));
  }

  TEST_CASE("the seed's manifest: every section, a dependency with an alias, full and bare refs") {
    const TempDir dir;
    dir.write("demo/lllm.toml",
              "[package]\nname = \"demo\"\nversion = \"0.1.0\"\ndescription = \"Native runtime demo.\"\n\n"
              "[prompts]\npaths = [\"prompts\"]\n\n[tools]\npaths = [\"tools\"]\n\n"
              "[tactics]\npaths = [\"tactics\"]\n\n[proxies]\n[configs]\n[assets]\n\n"
              "[dependencies]\npackages = [\"../shared as shared\"]\n");
    dir.write("demo/prompts/writer/system.md", "You are concise.");
    dir.write("demo/tools/search.toml", "[exec]\nargv = ['true']\n");
    dir.write("demo/tactics/brief.toml", "[agents.a]\nmodel_name = 'gpt-4o-mini'\n");
    dir.write("demo/proxies/market_data.toml",
              "base_url = 'https://a.example.com'\n[endpoints.quote]\npath = '/q'\n");
    dir.write("demo/configs/writer.yaml", "model_name: gpt-4o-mini\n");
    dir.write("demo/assets/logo.png", "png");
    dir.write("shared/lllm.toml", "[package]\nname = 'house'\n[tools]\n");
    dir.write("shared/tools/search_code.toml", "[exec]\nargv = ['true']\n");
    Runtime runtime;
    const auto report = load_runtime_blocking(runtime, only(dir.path() / "demo"));
    CHECK(report.errors.empty());
    CHECK(report.warnings.empty());
    for (const auto* ref : {"demo.prompts:writer/system", "demo.tools:search", "demo.tactics:brief",
                            "demo.proxies:market_data", "demo.configs:writer", "demo.assets:logo.png",
                            "shared.tools:search_code", "house.tools:search_code"}) {
      CAPTURE(ref);
      CHECK(runtime.has(ref));
    }
    CHECK(run_to_end(load_tactic("brief", runtime))->name == "brief");
    CHECK(run_to_end(load_proxy("demo:market_data", runtime))->base_url == "https://a.example.com");
    CHECK(runtime.get_service("brief").error().kind() == ErrorKind::resource_type_mismatch);
  }

  TEST_CASE("fault 98: a cycle ends, every package is loaded once, and its path is reported") {
    const TempDir dir;
    for (const auto& [name, next] : {std::pair("a", "b"), std::pair("b", "c"), std::pair("c", "a")}) {
      const std::string n(name);
      dir.write(n + "/lllm.toml",
                "[package]\nname='" + n + "'\n[prompts]\n[dependencies]\npackages=['../" + next + "']\n");
      dir.write(n + "/prompts/p.md", n);
    }
    Runtime runtime;
    const auto report = load_runtime_blocking(runtime, only(dir.path() / "a"));
    CHECK(report.packages.size() == 3);
    REQUIRE(report.warnings.size() == 1);
    CHECK(report.warnings[0].message == "dependency cycle: a -> b -> c -> a");
    CHECK(contains(report.warnings[0].file, "c/lllm.toml"));
    CHECK(report.warnings[0].line == 5);
    CHECK(runtime.size() == 3);
  }

  TEST_CASE("fault 100: a missing dependency is a warning that names who wants it") {
    const TempDir dir;
    dir.write("lllm.toml", "[package]\nname='a'\n[prompts]\n[dependencies]\npackages=['../gone']\n");
    dir.write("prompts/p.md", "x");
    Runtime runtime;
    const auto report = load_runtime_blocking(runtime, only(dir.path()));
    REQUIRE(report.warnings.size() == 1);
    CHECK(contains(report.warnings[0].to_string(), "lllm.toml:5:"));
    CHECK(contains(report.warnings[0].message, "package 'a' depends on '../gone'"));
    CHECK(runtime.size() == 1);
  }

  TEST_CASE("a malformed manifest fails the load with file, line and column, and publishes nothing") {
    const TempDir dir;
    dir.write("lllm.toml", "[package]\nname = \"a\"\n[prompts]\npaths = 3\n");
    Runtime runtime;
    const auto error = error_of([&] { load_runtime_blocking(runtime, only(dir.path())); });
    CHECK(error.kind() == ErrorKind::bad_resource);
    CHECK(contains(error.file(), "lllm.toml"));
    CHECK(error.line() == 4);
    CHECK(error.column() == 1);
    CHECK(runtime.size() == 0);
  }

  TEST_CASE("progress is told on the caller's loop, and throwing from it ends the load") {
    const TempDir dir;
    dir.write("lllm.toml", "[package]\nname='a'\n[prompts]\n");
    for (int i = 0; i < 300; ++i) dir.write("prompts/p" + std::to_string(i) + ".md", "x");
    Runtime runtime;
    LoadProgress last;
    auto options = only(dir.path());
    options.progress = [&](const LoadProgress& progress) { last = progress; };
    const auto report = load_runtime_blocking(runtime, options);
    CHECK(last.packages_done == 1);
    CHECK(last.files_done == 300);
    CHECK(report.files_read == 300);
    options.progress = [](const LoadProgress&) { throw_error(ErrorKind::cancelled, "enough"); };
    Runtime other;
    CHECK(error_of([&] { load_runtime_blocking(other, options); }).message() == "enough");
    CHECK(other.size() == 0);
  }
}
