// What the description of the registry promises, sentence by sentence, where no other test says it.
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "lllm/agent/context_manager.hpp"
#include "lllm/core/dialog.hpp"
#include "lllm/runtime/discovery.hpp"
#include "lllm/runtime/load.hpp"
#include "lllm/runtime/proxy.hpp"
#include "lllm/runtime/service.hpp"
#include "lllm/runtime/tactic.hpp"
#include "tests/runtime/support.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

struct NoArgs {};
BOOST_DESCRIBE_STRUCT(NoArgs, (), ())

Tool tool_that_says(const std::string& word) {
  return Tool::from<NoArgs>("say", "Says a word.", [word](NoArgs) { return word; });
}

Tactic tactic_about(const std::string& what) {
  return Tactic("brief", what, [](TacticInput, BaseInvoker&, Runtime&) -> asio::awaitable<TacticResult> {
    co_return TacticResult();
  });
}

Service service_at(std::uint16_t port) {
  Service service;
  service.tactic = "brief";
  service.port = port;
  return service;
}

}  // namespace

TEST_SUITE("runtime/contract") {
  TEST_CASE("each section gives its type, a custom one its own name, and a node of a file names the file") {
    const TempDir dir;
    dir.write("lllm.toml",
              "[package]\nname='demo'\n[prompts]\n[tools]\n[proxies]\n[tactics]\n[services]\n[configs]\n"
              "[assets]\n[golden]\n");
    const std::vector<std::array<std::string, 3>> rows = {
        {"prompt", "demo.prompts:p", "prompts/p.md"},
        {"tool", "demo.tools:t", "tools/t.toml"},
        {"proxy", "demo.proxies:x", "proxies/x.toml"},
        {"tactic", "demo.tactics:brief", "tactics/brief.toml"},
        {"service", "demo.services:s", "services/s.toml"},
        {"config", "demo.configs:c", "configs/c.yaml"},
        {"asset", "demo.assets:a.bin", "assets/a.bin"},
        {"golden", "demo.golden:g.json", "golden/g.json"},
    };
    dir.write("prompts/p.md", "x");
    dir.write("tools/t.toml", "[exec]\nargv = ['true']\n");
    dir.write("proxies/x.toml",
              "base_url = 'https://a.example.com'\n[endpoints.e]\npath = '/'\ntool = false\n");
    dir.write("tactics/brief.toml", "[agents.a]\nmodel_name = 'm'\n");
    dir.write("services/s.toml", "tactic = 'brief'\n");
    dir.write("configs/c.yaml", "a: 1\n");
    dir.write("assets/a.bin", "a");
    dir.write("golden/g.json", "[1]");
    Runtime runtime;
    const auto report = load_runtime_blocking(runtime, only(dir.path()));
    CHECK(report.errors.empty());
    CHECK(report.warnings.empty());
    CHECK(runtime.size() == rows.size());
    for (const auto& [type, ref, file] : rows) {
      CAPTURE(ref);
      const auto node = runtime.get_node(ref, type);
      REQUIRE(node.has_value());
      CHECK((*node)->type() == type);
      CHECK(as_text(find((*node)->metadata(), "file_path")).ends_with(file));
      CHECK(report.resources.at(type) == 1);
    }
    CHECK(run_to_end(load_resource("golden:g.json", runtime)).get<Asset>()->data->as_array().size() == 1);
    REQUIRE(report.packages.size() == 1);
    CHECK(report.packages[0].resources == rows.size());
    CHECK(report.packages[0].elapsed.count() > 0);
  }

  TEST_CASE("a bare key is looked for in tactics, services, configs, assets, prompts, tools, proxies") {
    Runtime runtime("demo");
    const std::vector<std::string> order = {"tactic", "service", "config", "asset",
                                            "prompt", "tool",    "proxy"};
    for (auto type = order.rbegin(); type != order.rend(); ++type) {
      const auto section = *type == "proxy" ? "proxies" : *type + "s";
      runtime.register_value(*type, "it", ResourceValue::of(1), "demo." + section, true);
      CHECK(runtime.get_node("it").value()->type() == *type);
    }
    // A typed lookup begins in its own section, and may end in another one's type, which it then says.
    for (const auto& type : order) CHECK(runtime.get_node("it", type).value()->type() == type);
    CHECK(runtime.get_node("it", "context_manager").error().message() ==
          "'demo.tactics:it' is a tactic, not a context_manager");
  }

  TEST_CASE("at most five near matches are offered, the nearest first") {
    Runtime runtime("demo");
    for (const auto* path : {"writer", "writers", "waiter", "writer1", "writer2", "writer3", "unlike"})
      runtime.register_prompt(Prompt(path, "x"));
    const auto message = runtime.get_prompt("writr").error().message();
    CAPTURE(message);
    const auto offered = message.substr(message.find("did you mean "));
    CHECK(std::count(offered.begin(), offered.end(), ',') == 4);
    CHECK(offered.starts_with("did you mean writer,"));
    CHECK_FALSE(contains(offered, "unlike"));
  }

  TEST_CASE("proxies and tactics are not replaced by default, everything else is") {
    Runtime runtime("demo");
    const auto twice = [&](const auto& put) {
      put(1);
      put(2);
    };
    twice([&](int i) { runtime.register_prompt(Prompt("p", std::to_string(i))); });
    twice([&](int i) { runtime.register_tool("say", tool_that_says(std::to_string(i))); });
    twice([&](int i) { runtime.register_config("c", i); });
    twice([&](int i) { runtime.register_asset("a", std::to_string(i)); });
    twice([&](int i) { runtime.register_service("s", service_at(static_cast<std::uint16_t>(i))); });
    const auto last = std::make_shared<DefaultContextManager>();
    twice([&](int i) {
      runtime.register_context_manager("m", i == 2 ? last : std::make_shared<DefaultContextManager>());
    });
    CHECK(runtime.get_prompt("p").value()->prompt == "2");
    CHECK(runtime.get_config("c").value() == 2);
    CHECK(runtime.get_asset("a").value()->bytes == "2");
    CHECK(runtime.get_service("s").value()->port == 2);
    CHECK(runtime.get_context_manager("m").value() == last);
    const auto proxy = [&] { runtime.register_proxy("x", Proxy("x", "https://a.example.com")); };
    const auto tactic = [&] { runtime.register_tactic("brief", tactic_about("d")); };
    proxy();
    tactic();
    CHECK(error_of(proxy).kind() == ErrorKind::resource_conflict);
    CHECK(error_of(tactic).kind() == ErrorKind::resource_conflict);
  }

  TEST_CASE("each type has its getter, its loader and its list of keys") {
    Runtime runtime("demo");
    runtime.register_prompt(Prompt("p", "x"));
    runtime.register_tool("say", tool_that_says("x"));
    runtime.register_config("c", 1);
    runtime.register_asset("a", "x");
    runtime.register_proxy("x", Proxy("x", "https://a.example.com"));
    runtime.register_tactic("brief", tactic_about("d"));
    runtime.register_service("s", service_at(1));
    runtime.register_context_manager("m", std::make_shared<DefaultContextManager>());
    CHECK(run_to_end(load_prompt("p", runtime)) == runtime.get_prompt("p").value());
    CHECK(run_to_end(load_tool("say", runtime)).name() == runtime.get_tool("say").value().name());
    CHECK(run_to_end(load_config("c", runtime)) == runtime.get_config("c").value());
    CHECK(run_to_end(load_asset("a", runtime)) == runtime.get_asset("a").value());
    CHECK(run_to_end(load_proxy("x", runtime)) == runtime.get_proxy("x").value());
    CHECK(run_to_end(load_tactic("brief", runtime)) == runtime.get_tactic("brief").value());
    CHECK(run_to_end(load_service("s", runtime)) == runtime.get_service("s").value());
    CHECK(run_to_end(load_context_manager("m", runtime)) == runtime.get_context_manager("m").value());
    for (const auto* type :
         {"prompt", "tool", "config", "asset", "proxy", "tactic", "service", "context_manager"})
      CHECK(runtime.keys(type).size() == 1);
    const auto nodes = runtime.nodes();
    CHECK(nodes.size() == 8);
    CHECK(std::is_sorted(nodes.begin(), nodes.end(),
                         [](const NodePtr& a, const NodePtr& b) { return a->key() < b->key(); }));
  }

  TEST_CASE("a dialog in flight keeps the version of the prompt that it started with") {
    Runtime runtime("demo");
    runtime.register_prompt(Prompt("p", "old {x}"));
    Dialog dialog;
    dialog.put_prompt(runtime.get_prompt("p").value(), {{"x", 1}});
    runtime.register_prompt(Prompt("p", "new {x}"));
    CHECK(dialog.top_prompt()->prompt == "old {x}");
    CHECK(dialog.top_prompt()->ref == "demo.prompts:p");
    CHECK(dialog.top_prompt()->content_hash() != runtime.get_prompt("p").value()->content_hash());
    CHECK(runtime.unregister("demo.prompts:p"));
    CHECK(dialog.top_prompt()->render({{"x", 2}}).value() == "old 2");
  }

  TEST_CASE(
      "a path that is missing is a warning that names the manifest; a section without a folder is not") {
    const TempDir dir;
    dir.write("lllm.toml",
              "[package]\nname='demo'\n[prompts]\npaths = ['prompts', 'gone']\n[tools]\n[configs]\n");
    dir.write("prompts/p.md", "x");
    Runtime runtime;
    const auto report = load_runtime_blocking(runtime, only(dir.path()));
    CHECK(report.errors.empty());
    REQUIRE(report.warnings.size() == 1);
    CHECK(contains(report.warnings[0].to_string(), "lllm.toml:4:"));
    CHECK(contains(report.warnings[0].message, "section [prompts]: no 'gone'"));
    CHECK(runtime.size() == 1);
  }

  TEST_CASE("dotfiles, names that begin with _ and __pycache__ are skipped; Python modules are told once") {
    const TempDir dir;
    dir.write("lllm.toml",
              "[package]\nname='demo'\n[prompts]\n[tools]\n[tactics]\n[assets]\n[configs]\n[golden]\n");
    for (const auto* name : {".hidden.md", "_draft.md", "__pycache__/x.md", ".git/x.md", "_old/x.md"})
      dir.write(std::string("prompts/") + name, "x");
    dir.write("prompts/p.prompt", "from .prompt");
    dir.write("prompts/f.md", "+++\ndescription = 'd'\n+++\nfrom front matter in TOML");
    dir.write("prompts/module.py", "");
    dir.write("tools/one.py", "");
    dir.write("tools/two.py", "");
    dir.write("tactics/three.py", "");
    dir.write("assets/script.py", "print()");  // any file is an asset
    dir.write("golden/_x.json", "[]");
    dir.write("configs/.c.yaml", "a: 1");
    Runtime runtime;
    const auto report = load_runtime_blocking(runtime, only(dir.path()));
    CHECK(report.errors.empty());
    REQUIRE(report.warnings.size() == 1);
    CHECK(report.warnings[0].message == "Python modules are not loaded by the C++ runtime");
    CHECK(runtime.keys() ==
          std::vector<std::string>{"demo.assets:script.py", "demo.prompts:f", "demo.prompts:p"});
    CHECK(runtime.get_prompt("p").value()->prompt == "from .prompt");
    CHECK(as_text(find(runtime.get_prompt("f").value()->metadata, "description")) == "d");
  }

  TEST_CASE("on the way upward a folder's template/ counts as the folder itself") {
    const TempDir dir;
    dir.write("a/template/lllm.toml", "");
    dir.write("a/b/c/x.txt", "");
    dir.write("a/b/lllm.toml/not_a_file", "");
    DiscoveryPlaces places;
    places.working_directory = "/";
    const auto found = discover_root((dir.path() / "a/b/c").string(), places, FileSource());
    REQUIRE(found.has_value());
    CHECK(found->manifest.ends_with("a/template/lllm.toml"));
  }
}
