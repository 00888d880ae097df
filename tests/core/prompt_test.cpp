#include "lllm/core/prompt.hpp"

#include <doctest/doctest.h>

using namespace lllm;

namespace {
struct Answer {
  int score = 0;
};
BOOST_DESCRIBE_STRUCT(Answer, (), (score))
}  // namespace

TEST_SUITE("core/prompt") {
  TEST_CASE("all missing variables are listed, extra ones are fine") {
    const Prompt prompt("greet", "{a} {b} {a} {c.d}");
    const auto failed = prompt.render({{"b", 1}, {"extra", true}});
    REQUIRE(failed.has_error());
    CHECK(failed.error().kind() == ErrorKind::missing_variable);
    CHECK(failed.error().message() == "prompt 'greet': missing variables: a, c.d");
    CHECK(prompt.render({{"a", "x"}, {"b", 1.5}, {"c", {{"d", json::array{1}}}}}).value() == "x 1.5 x [1]");
    CHECK(prompt.template_vars() == std::vector<std::string>{"a", "b", "c.d"});
    CHECK(prompt.validate_args({{"b", 1}}).error().message() == failed.error().message());
    CHECK(prompt.validate_args({{"a", "x"}, {"b", 1.5}, {"c", {{"d", 1}}}, {"extra", 1}}).has_value());
  }

  TEST_CASE("fault 116: values holding braces or % are inert, and JSON in a template needs no doubling") {
    const Prompt prompt("p", R"({"key": {value}, "n": {} } {{value}})");
    CHECK(prompt.render({{"value", "{{x}} %s {value}"}}).value() ==
          R"({"key": {{x}} %s {value}, "n": {} } {value})");
  }

  TEST_CASE("the content hash changes with what a model is told, and with nothing else") {
    Prompt a("one", "text");
    Prompt b("two", "text");
    b.metadata["x"] = 1;
    CHECK(a.content_hash() == b.content_hash());
    b.prompt = "other";
    CHECK(a.content_hash() != b.content_hash());
    Prompt c("one", "text");
    c.format_as<Answer>();
    CHECK(a.content_hash() != c.content_hash());
    Prompt d("one", "text");
    d.tools.emplace_back("shared.tools:x");
    CHECK(a.content_hash() != d.content_hash());
  }

  TEST_CASE("info tells path, variables, tools, servers and the hash") {
    Prompt prompt("one", "Hi {name}");
    prompt.ref = "demo.prompts:one";
    prompt.tools.emplace_back("shared.tools:x");
    McpServer server;
    server.name = "wiki";
    server.url = "https://mcp.example.com";
    prompt.mcp_servers.push_back(server);
    const json::value info = prompt.info();
    CHECK(info.at("path") == "one");
    CHECK(info.at("ref") == "demo.prompts:one");
    CHECK(info.at("variables") == json::array{"name"});
    CHECK(info.at("tools") == json::array{"shared.tools:x"});
    CHECK(to_json(info.at("mcp_servers")).find("wiki") != std::string::npos);
    CHECK(info.at("has_format") == false);
    CHECK(text_at(info, "hash") == prompt.content_hash());
  }

  TEST_CASE("extend replaces what is named and refuses what it does not know") {
    Prompt base("base", "text");
    base.metadata = {{"a", 1}};
    const auto longer = base.extend("longer", {{"prompt", "more"}, {"metadata", {{"b", 2}}}});
    REQUIRE(longer.has_value());
    CHECK(longer->path == "longer");
    CHECK(longer->prompt == "more");
    CHECK(longer->metadata.size() == 2);
    CHECK(base.extend("x", {{"promt", "typo"}}).error().message().find("'promt'") != std::string::npos);
  }
}

TEST_SUITE("core/parser") {
  TEST_CASE("tags, fenced blocks and signals are found, and all that is missing is listed at once") {
    TagSpec spec;
    spec.xml_tags = {"plan"};
    spec.required_xml_tags = {"answer"};
    spec.required_md_tags = {"json"};
    spec.signal_tags = {"done"};
    const DefaultTagParser parser(spec);
    const auto good =
        parser.parse("<plan>p</plan><answer> 1 </answer><answer>2</answer>\n```json\n{}\n```\n<done/>", {});
    REQUIRE(good.has_value());
    CHECK(*find_at(*good, "/xml_tags/answer") == json::value(json::array{"1", "2"}));
    CHECK(*find_at(*good, "/md_tags/json/0") == "{}");
    CHECK(*find_at(*good, "/signal_tags/done") == true);
    const auto bad = parser.parse("nothing", {});
    REQUIRE(bad.has_error());
    CHECK(bad.error().message() == "the reply lacks <answer>…</answer>, a fenced block ```json");
  }

  TEST_CASE("JSON is found bare, fenced or among words, and checked against the schema") {
    const JsonParser parser(Schema(schema_of<Answer>()));
    for (const char* text : {R"({"score":1})", "```json\n{\"score\":1}\n```", "Here: {\"score\":1} - done."})
      CHECK(parser.parse(text, {}).value() == json::value(json::object{{"score", 1}}));
    CHECK(parser.parse(R"({"score":"x"})", {}).error().message().find("/score") != std::string::npos);
    CHECK(parser.parse("no json here", {}).has_error());
  }
}
