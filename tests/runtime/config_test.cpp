#include "lllm/runtime/config.hpp"

#include <doctest/doctest.h>

#include "tests/runtime/support.hpp"
#include "tests/support/skip.hpp"

using namespace lllm;
using namespace lllm::test;

TEST_SUITE("runtime/config") {
  TEST_CASE("a config inherits: objects merge, lists and scalars replace") {
    Runtime runtime("demo");
    runtime.register_config("root",
                            json::object{{"a", 1}, {"list", {1, 2}}, {"o", {{"x", 1}, {"y", {{"z", 1}}}}}});
    runtime.register_config("middle", json::object{{"base", "root"}, {"o", {{"y", {{"w", 2}}}}}});
    runtime.register_config("leaf",
                            json::object{{"base", "demo.configs:middle"}, {"list", {3}}, {"o", {{"x", 9}}}});
    CHECK(run_to_end(resolve_config("leaf", runtime)) ==
          json::value(json::object{{"a", 1}, {"list", {3}}, {"o", {{"x", 9}, {"y", {{"z", 1}, {"w", 2}}}}}}));
    CHECK(run_to_end(vendor_config("leaf", {{"a", 2}, {"o", {{"x", 0}}}}, runtime)).at("o").at("x") == 0);
    CHECK(run_to_end(load_config("leaf", runtime)).at("base") == "demo.configs:middle");  // as written
  }

  TEST_CASE("circular inheritance is an error that shows the chain") {
    Runtime runtime("demo");
    runtime.register_config("a", json::object{{"base", "b"}});
    runtime.register_config("b", json::object{{"base", "demo:a"}});
    const auto error = error_of([&] { run_to_end(resolve_config("a", runtime)); });
    CHECK(error.kind() == ErrorKind::bad_resource);
    CHECK(error.message() ==
          "circular inheritance of configs: demo.configs:a -> demo.configs:b -> demo.configs:a");
  }

  TEST_CASE("a base that is missing or no ref names the config and the chain") {
    Runtime runtime("demo");
    runtime.register_config("a", json::object{{"base", "b"}});
    runtime.register_config("b", json::object{{"base", "gone"}});
    const auto error = error_of([&] { run_to_end(resolve_config("a", runtime)); });
    CHECK(error.kind() == ErrorKind::resource_not_found);
    CHECK(contains(error.message(), "config 'demo.configs:b': base 'gone'"));
    CHECK(contains(error.message(), "demo.configs:a -> demo.configs:b"));
    runtime.register_config("c", json::object{{"base", 3}});
    CHECK(error_of([&] { run_to_end(resolve_config("c", runtime)); }).kind() == ErrorKind::bad_resource);
  }

  TEST_CASE("the newsroom's agents inherit across packages, syntaxes and an alias") {
    Runtime runtime;
    load_runtime_blocking(runtime, only(source_root() / "examples/packages/newsroom"));
    const auto editor = run_to_end(resolve_config("editor", runtime));
    CHECK(editor.at("model_args") == json::value(json::object{{"temperature", 0.2}, {"max_tokens", 300}}));
    CHECK(editor.at("model_name") == "gpt-4o-mini");
    CHECK_FALSE(editor.as_object().contains("base"));
    const auto reporter = run_to_end(resolve_config("reporting:reporter", runtime));
    CHECK(reporter.at("model_args").at("temperature") == 0.7);
  }
}
