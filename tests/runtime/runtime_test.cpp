#include "lllm/runtime/runtime.hpp"

#include <map>
#include <random>

#include <doctest/doctest.h>

#include "lllm/runtime/load.hpp"
#include "tests/runtime/support.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {
struct EchoArgs {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(EchoArgs, (), (text))

Tool echo_tool() {
  return Tool::from<EchoArgs>("echo", "Echo text.", [](EchoArgs args) { return args.text; });
}
}  // namespace

TEST_SUITE("runtime/runtime") {
  TEST_CASE("the seed's first snippet, in C++") {
    Runtime runtime;
    runtime.register_prompt(Prompt("writer/system", "You are concise."), "demo.prompts");
    runtime.register_tool("echo", echo_tool(), "demo.tools");

    const auto prompt = run_to_end(load_prompt("demo.prompts:writer/system", runtime));
    CHECK(prompt->path == "writer/system");
    CHECK(prompt->ref == "demo.prompts:writer/system");
    CHECK(run_to_end(load_tool("demo.tools:echo", runtime)).name() == "echo");
  }

  TEST_CASE("a ref is resolved by exact key, then in the default package, then with the section put in") {
    Runtime runtime("demo");
    runtime.register_prompt(Prompt("writer/system", "text"));
    runtime.register_prompt(Prompt("both", "prompt"));
    runtime.register_config("both", json::object{{"a", 1}});
    CHECK(runtime.get_prompt("demo.prompts:writer/system").value()->prompt == "text");
    CHECK(runtime.get_prompt("writer/system").value()->prompt == "text");
    CHECK(runtime.get_prompt("demo:writer/system").value()->prompt == "text");
    // Typed: its own section first. Untyped: configs come before prompts.
    CHECK(runtime.get_prompt("both").value()->prompt == "prompt");
    CHECK(runtime.get_node("both").value()->type() == "config");
    CHECK(runtime.get_config("both").value() == json::value(json::object{{"a", 1}}));
    CHECK(runtime.has("both"));
    CHECK(runtime.has("both", "config"));
    CHECK_FALSE(runtime.has("both", "tool"));
    CHECK_FALSE(runtime.has("demo:writer/system"));  // no type, no section to put in
  }

  TEST_CASE("what is not there is named, with what may have been meant") {
    Runtime runtime("demo");
    runtime.register_prompt(Prompt("writer/system", "text"));
    const auto missing = runtime.get_prompt("demo.prompts:writer/sistem");
    CHECK(missing.error().kind() == ErrorKind::resource_not_found);
    CHECK(missing.error().message() ==
          "no prompt 'demo.prompts:writer/sistem'; did you mean demo.prompts:writer/system?");
    CHECK(contains(runtime.get_prompt("writer/sytem").error().message(), "did you mean writer/system?"));
  }

  TEST_CASE("a lookup of another type says both types") {
    Runtime runtime("demo");
    runtime.register_prompt(Prompt("writer", "text"));
    const auto wrong = runtime.get_tool("demo.prompts:writer");
    CHECK(wrong.error().kind() == ErrorKind::resource_type_mismatch);
    CHECK(wrong.error().message() == "'demo.prompts:writer' is a prompt, not a tool");
  }

  TEST_CASE(
      "load_resource takes section:path in the default package and says so when it gets something else") {
    Runtime runtime("demo");
    runtime.register_prompt(Prompt("writer", "text"));
    const auto value = run_to_end(load_resource("prompts:writer", runtime));
    CHECK(value.get<Prompt>()->prompt == "text");
    CHECK(run_to_end(load_resource("demo.prompts:writer", runtime)).get<Prompt>() != nullptr);
    const auto wrong = error_of([&] { run_to_end(load_resource("writer", runtime)); });
    CHECK(wrong.kind() == ErrorKind::bad_ref);
    CHECK(contains(wrong.message(), "section:path"));
  }

  TEST_CASE("fault 102: '..', an absolute path or NUL in a ref is refused") {
    Runtime runtime("demo");
    for (const std::string ref : {"demo.prompts:../secret", "demo.prompts:/etc/passwd",
                                  "demo.assets:a/../../b", "../x", "/etc/passwd"}) {
      CAPTURE(ref);
      CHECK(runtime.get_prompt(ref).error().kind() == ErrorKind::bad_ref);
    }
    const std::string nul("demo.prompts:a\0b", 16);
    CHECK(runtime.get_prompt(nul).error().kind() == ErrorKind::bad_ref);
    for (const std::string path : {"../up", "/abs", "a/../b", ""}) {
      CAPTURE(path);
      const auto error = error_of([&] { runtime.register_prompt(Prompt(path, "x"), "demo.prompts"); });
      CHECK(error.kind() == ErrorKind::bad_ref);
    }
    CHECK(runtime.size() == 0);
  }

  TEST_CASE("a tool is registered under its own name") {
    Runtime runtime;
    const auto wrong = error_of([&] { runtime.register_tool("ecko", echo_tool(), "demo.tools"); });
    CHECK(wrong.kind() == ErrorKind::invalid_argument);
    CHECK(contains(wrong.message(), "'echo'"));
    runtime.register_tool("text/echo", echo_tool(), "demo.tools");
    CHECK(runtime.get_tool("demo.tools:text/echo").value().name() == "echo");
  }

  TEST_CASE("registering twice replaces, or is an error that names both origins") {
    Runtime runtime("demo");
    runtime.register_prompt(Prompt("p", "one"));
    const auto before = runtime.get_prompt("p").value();
    runtime.register_prompt(Prompt("p", "two"));
    CHECK(runtime.get_prompt("p").value()->prompt == "two");
    CHECK(before->prompt == "one");  // who holds it keeps it
    const auto taken = error_of([&] { runtime.register_prompt(Prompt("p", "three"), {}, false); });
    CHECK(taken.kind() == ErrorKind::resource_conflict);
    CHECK(runtime.size() == 1);
  }

  TEST_CASE("keys come in order, all or of one type") {
    Runtime runtime("demo");
    for (const auto* path : {"c", "a/z", "b"}) runtime.register_prompt(Prompt(path, "x"));
    runtime.register_config("a", json::object());
    CHECK(runtime.keys() ==
          std::vector<std::string>{"demo.configs:a", "demo.prompts:a/z", "demo.prompts:b", "demo.prompts:c"});
    CHECK(runtime.keys("config") == std::vector<std::string>{"demo.configs:a"});
    CHECK(runtime.unregister("demo.prompts:b"));
    CHECK_FALSE(runtime.unregister("demo.prompts:b"));
    CHECK(runtime.keys().size() == 3);
  }

  TEST_CASE("a snapshot stays what it was") {
    Runtime runtime("demo");
    runtime.register_prompt(Prompt("p", "one"));
    const auto snapshot = runtime.snapshot();
    for (int i = 0; i < 2000; ++i) runtime.register_prompt(Prompt("p" + std::to_string(i), "x"));
    CHECK(snapshot->size() == 1);
    CHECK(runtime.size() == 2001);
    CHECK(snapshot->find("demo.prompts:p7") == nullptr);
    for (int i = 0; i < 2000; ++i) REQUIRE(runtime.has("p" + std::to_string(i)));
    for (int i = 0; i < 2000; i += 2) REQUIRE(runtime.unregister("demo.prompts:p" + std::to_string(i)));
    CHECK(runtime.size() == 1001);
    for (int i = 0; i < 2000; ++i) REQUIRE(runtime.has("p" + std::to_string(i)) == (i % 2 == 1));
  }

  TEST_CASE("a registry agrees with a map through 20,000 random changes, and its copies stay as they were") {
    std::minstd_rand random(7);
    std::map<std::string, NodePtr> expected, frozen;
    const auto agrees = [](const Registry& registry, const std::map<std::string, NodePtr>& all) {
      REQUIRE(registry.size() == all.size());
      const auto nodes = registry.nodes();
      REQUIRE(nodes.size() == all.size());
      auto next = nodes.begin();
      for (const auto& [key, node] : all) {
        REQUIRE(*next++ == node);
        const auto* found = registry.find(key);
        REQUIRE(found != nullptr);
        REQUIRE(*found == node);
      }
    };
    Registry registry;
    auto copy = std::make_shared<const Registry>(registry);
    for (int i = 1; i <= 20'000; ++i) {
      ResourceNode::Parts parts;
      parts.ns = "p.assets";
      parts.path = std::to_string(random() % 8'000);
      const auto key = parts.ns + ':' + parts.path;
      if (random() % 4 == 0) {
        CHECK(registry.erase(key) == (expected.erase(key) == 1));
      } else {
        const auto node = ResourceNode::eager(std::move(parts), ResourceValue::of(i));
        registry.put(node);
        expected[key] = node;
      }
      if (i % 2'500 != 0) continue;
      agrees(registry, expected);
      agrees(*copy, frozen);
      copy = std::make_shared<const Registry>(registry);
      registry = *copy;
      frozen = expected;
    }
  }

  TEST_CASE("named runtimes are apart from each other and from the default one") {
    get_runtime("experiment").register_prompt(Prompt("p", "x"), "demo.prompts");
    CHECK(get_runtime("experiment").has("demo.prompts:p"));
    CHECK_FALSE(get_runtime().has("demo.prompts:p"));
    CHECK(&get_runtime("experiment") == &get_runtime("experiment"));
  }

  TEST_CASE("a value of your own type is registered and read back") {
    struct Window {
      int tokens = 5000;
    };
    Runtime runtime("demo");
    runtime.register_value("context_manager", "short", ResourceValue::of(Window{}), {}, true);
    CHECK(runtime.get_value<Window>("context_manager", "short").value()->tokens == 5000);
    CHECK(runtime.get_node("demo.context_managers:short").has_value());
    CHECK(runtime.get_value<int>("context_manager", "short").error().kind() ==
          ErrorKind::resource_type_mismatch);
  }
}
