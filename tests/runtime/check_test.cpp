#include "lllm/runtime/check.hpp"

#include <algorithm>

#include <doctest/doctest.h>

#include "tests/runtime/support.hpp"
#include "tests/support/skip.hpp"

using namespace lllm;
using namespace lllm::test;

TEST_SUITE("runtime/check") {
  TEST_CASE("the newsroom is clean") {
    const auto report = run_to_end(check_package(only(source_root() / "examples/packages/newsroom")));
    for (const auto& problem : report.problems) MESSAGE(problem.to_string());
    for (const auto& warning : report.warnings) MESSAGE(warning.to_string());
    CHECK(report.clean());
    CHECK(report.packages.size() == 4);
  }

  TEST_CASE("every problem is found in one pass, with file and line") {
    const TempDir dir;
    dir.write("lllm.toml",
              "[package]\nname='demo'\n[prompts]\n[configs]\n[assets]\n[dependencies]\npackages=['gone']\n");
    dir.write("prompts/front.md", "---\ntools: [a\n---\n");
    dir.write("prompts/tools.md", "---\ntools:\n  - demo.prompts:front\n  - demo.tools:absent\n---\nx");
    dir.write("configs/a.yaml", "base: b\n");
    dir.write("configs/b.yaml", "base: a\n");
    dir.write("configs/c.json", "{\"x\":\n 1,}");
    dir.write("assets/d.toml", "x = 1\nx = 2\n");
    const auto report = run_to_end(check_package(only(dir.path())));
    const auto all = texts_of(report.problems);
    CAPTURE(all);
    CHECK(contains(all, "front.md:"));
    CHECK(contains(all, "tools.md:3:5: "));
    CHECK(contains(all, "circular inheritance"));
    CHECK(contains(all, "a.yaml:1:1: "));
    CHECK(contains(all, "c.json:2:"));
    CHECK(contains(all, "d.toml:2:"));
    REQUIRE(report.warnings.size() == 1);
    CHECK(contains(report.warnings[0].to_string(), "lllm.toml:7:"));
    REQUIRE(report.notes.size() == 1);
    CHECK(contains(report.notes[0].to_string(), "tools.md:4:5: "));
  }

  TEST_CASE("what tools, tactics, services and agents say is checked, and where it points") {
    const TempDir dir;
    dir.write("lllm.toml",
              "[package]\nname='demo'\n[prompts]\n[configs]\n[tools]\n[proxies]\n[tactics]\n[services]\n");
    dir.write("prompts/p.md", "x");
    dir.write("tools/t.toml", "[exec]\nargv = ['true']\nshel = true\n");
    dir.write("proxies/x.toml", "base_url = 'https://a.example.com'\n[endpoints.a]\npath = '/{id}'\n");
    dir.write("tactics/brief.toml",
              "[agents.a]\nmodel_name = 'm'\nprompt = 'pp'\ntools = ['from_code']\ntop_p = 1\n"
              "system_prompt_path = 'demo.tactics:brief'\n");
    dir.write("services/s.toml", "tactic = 'brief'\nport = 0\n");
    dir.write("services/good.toml", "tactic = 'brief'\n");
    dir.write("configs/agents.yaml",
              "global: {model_name: m}\nagent_configs:\n  - name: a\n    system_prompt_path: absent\n    "
              "temprature: 1\n");
    const auto report = run_to_end(check_package(only(dir.path())));
    const auto problems = texts_of(report.problems), warnings = texts_of(report.warnings),
               notes = texts_of(report.notes);
    CAPTURE(problems);
    CAPTURE(warnings);
    CHECK(contains(problems, "t.toml:3:1: "));
    CHECK(contains(problems, "x.toml:3:1: "));
    CHECK(contains(problems, "brief.toml:3:11: tactic 'demo.tactics:brief', agent 'a': no prompt 'pp'"));
    CHECK(contains(problems, "'demo.tactics:brief' is a tactic, not a prompt"));
    CHECK(contains(problems, "s.toml:2:1: "));
    CHECK(
        contains(problems, "agents.yaml:4:25: config 'demo.configs:agents', agent 'a': no prompt 'absent'"));
    CHECK(report.problems.size() == 6);
    CHECK(contains(warnings, "agents.yaml:5:5: "));
    CHECK(contains(warnings, "brief.toml:5:1: "));
    CHECK(report.warnings.size() == 2);
    CHECK(contains(notes, "brief.toml:4:11: "));
    CHECK(report.notes.size() == 1);
  }

  TEST_CASE(
      "every mistake of an agent is reported where it stands, and what is inherited where the base is "
      "named") {
    const TempDir dir;
    dir.write("lllm.toml", "[package]\nname='demo'\n[configs]\n[tactics]\n");
    dir.write("configs/part.yaml", "model_args: 3\nmax_llm_recall: 1\n");
    dir.write("configs/agents.yaml",
              "base: part\nmodel_name: 7\nsystem_prompt: x\nsystem_prompt_path: absent\napi_type: chat\n");
    dir.write(
        "tactics/t.toml",
        "order = ['a', 'b']\n[agents.a]\nmodel_name = 'm'\nprompt = 'x'\napi_type = 1\nmax_llm_recall = -1\n"
        "[agents.b]\nmodel_name = 'm'\ntools = 'x'\nmessage = 'y'\n");
    const auto report = run_to_end(check_package(only(dir.path())));
    const auto problems = texts_of(report.problems);
    CAPTURE(problems);
    const std::string agents = "config 'demo.configs:agents': agent 'agents'";
    CHECK(contains(problems, "agents.yaml:1:1: " + agents + ": 'model_args' must be a mapping"));
    CHECK(contains(problems, "agents.yaml:2:13: " + agents + ": 'model_name' must be a string"));
    CHECK(contains(problems, "agents.yaml:4:21: " + agents + " has both 'system_prompt' and"));
    CHECK(contains(problems, "agents.yaml:4:21: config 'demo.configs:agents', agent 'agents': no prompt"));
    CHECK(contains(problems, "agents.yaml:5:11: " + agents + ": 'api_type' must be"));
    CHECK(contains(problems, "t.toml:5:1: agent 'a': 'api_type' must be"));
    CHECK(contains(problems, "t.toml:6:1: agent 'a': 'max_llm_recall' must be"));
    CHECK(contains(problems, "t.toml:9:1: agent 'b': 'tools' must be a list of refs"));
    CHECK(report.problems.size() == 8);
  }

  TEST_CASE("a folder that the manifest does not speak of is pointed out") {
    const TempDir dir;
    dir.write("lllm.toml", "[package]\nname='demo'\n[assets]\npaths=['configs']\n");
    dir.write("prompts/p.md", "x");
    dir.write("configs/c.yaml", "a: 1");
    dir.write("tools/notes.txt", "no declaration");
    const auto report = run_to_end(check_package(only(dir.path())));
    CHECK(report.problems.empty());
    REQUIRE(report.warnings.size() == 1);
    CHECK(contains(report.warnings[0].to_string(),
                   "lllm.toml: the folder 'prompts' is not loaded: the manifest has no [prompts]"));
  }

  TEST_CASE("a slip in a name is pointed out, with the name that was meant") {
    const TempDir dir;
    dir.write("lllm.toml",
              "[package]\nnmae='demo'\nlicense='MIT'\n[prompts]\n[promts]\n[golden]\n[configs]\n");
    dir.write("prompts/p.md", "---\ndescription: fine\ntolls: [x]\n---\ntext");
    dir.write("configs/c.yaml", "x: 1\nbase: nowhere\n");
    dir.write("golden/set.json", "[]");
    const auto report = run_to_end(check_package(only(dir.path())));
    const auto warnings = texts_of(report.warnings);
    CAPTURE(warnings);
    CHECK(report.warnings.size() == 3);
    CHECK(contains(warnings, "lllm.toml:2:1: unknown key 'nmae'; did you mean 'name'?"));
    CHECK(contains(warnings, "section [promts]: there is no folder 'promts'; did you mean [prompts]?"));
    CHECK(contains(warnings, "lllm.toml:5:"));
    CHECK(contains(warnings, "p.md:3:1: "));
    CHECK(contains(warnings, "did you mean 'tools'?"));
    const auto problems = texts_of(report.problems);
    CAPTURE(problems);
    CHECK(contains(problems, "c.yaml:2:1: "));
  }

  TEST_CASE("several malformed manifests are all reported") {
    const TempDir dir;
    dir.write("lllm.toml", "[package]\nname='demo'\n[prompts]\n[dependencies]\npackages=['a','b']\n");
    dir.write("prompts/bad.md", "---\nx: [\n---\n");
    dir.write("a/lllm.toml", "[package\n");
    dir.write("b/lllm.toml", "[package]\nname=1\n");
    const auto report = run_to_end(check_package(only(dir.path())));
    const auto all = texts_of(report.problems);
    CAPTURE(all);
    CHECK(report.problems.size() == 3);
    CHECK(contains(all, "a/lllm.toml:1:"));
    CHECK(contains(all, "b/lllm.toml:2:"));
    CHECK(contains(all, "bad.md:"));
  }

  TEST_CASE("every mistake of one file is reported, and what follows from one is not told twice") {
    const TempDir dir;
    dir.write("lllm.toml", "[package]\nname='demo'\n[prompts]\n[tools]\n[proxies]\n[tactics]\n[services]\n");
    dir.write("tools/t.toml",
              "description = 1\nnmae = 'x'\n[http]\nurl = 'ftp://a.example.com/'\nmethod = 'FETCH'\n"
              "timeout = -1\nquery = { q = '{x}' }\nbody = 3\nauth = 'key'\n");
    dir.write("tools/two.toml",
              "[[tool]]\nname = 'a b'\n[tool.exec]\nargv = 3\n[[tool]]\nname = 'c'\n[tool.mcp]\nurl = 1\n");
    dir.write("proxies/x.toml",
              "base_url = 'https://{h}/'\nverify = false\n[endpoints.a]\npath = '/{id}'\nmethod = 'FETCH'\n"
              "[endpoints.b]\npat = '/'\n");
    dir.write("tactics/t.toml",
              "order = ['a', 'x']\n[agents.a]\nprompt = 'p'\n[agents.b]\nmodel_name = 'm'\nprompt = 'p'\n"
              "message = 'm'\n");
    dir.write("services/s.toml", "port = 0\npath = 'x'\nprot = 1\n");
    dir.write("prompts/p.md", "---\ntools: 5\nformat: 3\nhandler: {x: 1}\n---\ntext");
    dir.write("prompts/q.toml",
              "[[prompt]]\npath = '../a'\nprompt = 'x'\ntools = 1\n[[prompt]]\npath = 'b'\n");
    const auto report = run_to_end(check_package(only(dir.path())));
    const auto all = texts_of(report.problems);
    CAPTURE(all);
    const auto count_in = [&](const std::string& file) {
      return std::count_if(report.problems.begin(), report.problems.end(),
                           [&](const Diagnostic& each) { return each.file.ends_with(file); });
    };
    for (const auto* place :
         {"t.toml:1:", "t.toml:2:", "t.toml:4:",   "t.toml:5:",   "t.toml:6:",   "t.toml:7:",
          "t.toml:8:", "t.toml:9:", "two.toml:2:", "two.toml:4:", "two.toml:8:", "x.toml:1:",
          "x.toml:2:", "x.toml:5:", "x.toml:7:",   "s.toml:1:",   "s.toml:2:",   "s.toml:3:",
          "p.md:2:",   "p.md:3:",   "p.md:4:",     "q.toml:2:",   "q.toml:4:",   "q.toml:5:"})
      CHECK_MESSAGE(contains(all, place), place);
    CHECK(count_in("tools/t.toml") == 8);
    CHECK(count_in("tools/two.toml") == 3);
    CHECK(count_in("proxies/x.toml") == 4);
    CHECK(contains(all, "names 'x', which is no agent here"));
    CHECK(contains(all, "agent 'b' is not in 'order'"));
    CHECK(contains(all, "agent 'a' needs 'model_name'"));
    CHECK(contains(all, "agent 'b' has both"));
    CHECK(contains(all, "'tactic' is missing"));
  }

  TEST_CASE("every mistake of a manifest is reported, and a reload remembers all that a file had") {
    const TempDir dir;
    dir.write("lllm.toml",
              "[package]\nname = 3\nversion = 1\n[prompts]\npaths = [1, 'a under ../b', 'prompts']\n"
              "[dependencies]\npackages = ['a as b c', 2]\n");
    const auto report = run_to_end(check_package(only(dir.path())));
    const auto all = texts_of(report.problems);
    CAPTURE(all);
    CHECK(report.problems.size() == 6);
    for (const auto* place : {"lllm.toml:2:", "lllm.toml:3:", "lllm.toml:5:", "lllm.toml:7:"})
      CHECK_MESSAGE(contains(all, place), place);

    dir.write("lllm.toml", "[package]\nname = 'demo'\n[prompts]\n");
    dir.write("prompts/p.md", "---\ntools: 5\nformat: 3\n---\ntext");
    Runtime runtime;
    CHECK(load_runtime_blocking(runtime, only(dir.path())).errors.size() == 2);
    dir.write("prompts/q.md", "new");
    CHECK(run_to_end(runtime.reload()).errors.size() == 2);  // p.md was not opened again
    CHECK(runtime.has("demo.prompts:q"));
  }

  TEST_CASE("a scaffolded package passes") {
    const TempDir dir;
    CHECK(scaffold_package(dir.path().string(), "fresh").value().size() == 4);
    CHECK(run_to_end(check_package(only(dir.path() / "fresh"))).clean());
    CHECK(scaffold_package(dir.path().string(), "fresh").error().kind() == ErrorKind::resource_conflict);
    CHECK(scaffold_package(dir.path().string(), "../x").error().kind() == ErrorKind::invalid_argument);
  }
}
