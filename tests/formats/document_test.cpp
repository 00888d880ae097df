#include "lllm/formats/document.hpp"

#include <doctest/doctest.h>

#include "lllm/formats/front_matter.hpp"

using namespace lllm;

namespace {

json::value yaml(std::string_view text) {
  return parse_document(Syntax::yaml, text).value();
}

/// "kind line:column message" of a document that must not be read.
std::string refusal(Syntax syntax, std::string_view text) {
  const auto value = parse_document(syntax, text);
  if (value) return "it was read";
  const auto& error = value.error();
  return std::string(to_string(error.kind())) + " " + std::to_string(error.line()) + ":" +
         std::to_string(error.column()) + " " + error.message();
}

bool starts(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

}  // namespace

TEST_SUITE("formats/document") {
  TEST_CASE("YAML reads as PyYAML does") {
    CHECK(yaml("a: 1\nb: [x, 'y', \"z\"]\nc:\n  - d: 1.5\n") ==
          json::value(
              json::object{{"a", 1}, {"b", {"x", "y", "z"}}, {"c", json::array{json::object{{"d", 1.5}}}}}));
    CHECK(yaml("[yes, No, ON, true, 'yes', off]") ==
          json::value(json::array{true, false, true, true, "yes", false}));
    CHECK(yaml("[0x1F, 0o17, 017, 0b11, 1_000, -7, +3]") ==
          json::value(json::array{31, 15, 15, 3, 1000, -7, 3}));
    CHECK(yaml("[1.5, .5, 1e3, -2.0, 1.2.3, 2024-01-02]") ==
          json::value(json::array{1.5, 0.5, 1000.0, -2.0, "1.2.3", "2024-01-02"}));
    CHECK(yaml("[~, null, '', \"\"]") == json::value(json::array{nullptr, nullptr, "", ""}));
    CHECK(yaml("!!str 12") == json::value("12"));
    CHECK(yaml("") == json::value(nullptr));
    CHECK(yaml("18446744073709551615") == json::value(std::uint64_t{18446744073709551615U}));
    CHECK(yaml("text: |\n  one\n  two\n").at("text") == "one\ntwo\n");
  }

  TEST_CASE("YAML anchors, aliases and merge keys work, the nearest wins") {
    CHECK(yaml("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\n").at("use") ==
          json::value(json::object{{"y", 3}, {"x", 1}}));
    CHECK(yaml("a: &a {x: 1}\nb: &b {x: 2, z: 3}\nuse:\n  <<: [*a, *b]\n").at("use") ==
          json::value(json::object{{"x", 1}, {"z", 3}}));
  }

  TEST_CASE("TOML dates become text") {
    const auto value = parse_document(Syntax::toml, "d = 2026-11-22\nt = [1, 2.5, true, \"s\"]\n").value();
    CHECK(value.at("d") == "2026-11-22");
    CHECK(value.at("t") == json::value(json::array{1, 2.5, true, "s"}));
  }

  TEST_CASE("fault 96: malformed TOML, YAML and JSON name line and column") {
    CHECK(starts(refusal(Syntax::toml, "a = 1\nb = = 2\n"), "parse_failed 2:5 not TOML: "));
    CHECK(starts(refusal(Syntax::yaml, "a: 1\nb: [1, 2\nc: 3\n"), "parse_failed 3:"));
    CHECK(starts(refusal(Syntax::json, "{\n  \"a\": 1,\n  \"b\": x\n}"), "parse_failed 3:8 not JSON: "));
    CHECK(starts(refusal(Syntax::json, "{} {}"), "parse_failed 1:"));
    CHECK(starts(refusal(Syntax::json, ""), "parse_failed 1:1 not JSON"));
    CHECK(starts(refusal(Syntax::yaml, "a: 1\n---\nb: 2\n"), "parse_failed 3:1 more than one YAML document"));
    // Found by fuzzing: endless documents to yaml-cpp.
    for (const auto* stray : {",]a [", ",", "]", "a: 1\n]", "}"}) {
      CAPTURE(stray);
      CHECK(starts(refusal(Syntax::yaml, stray), "parse_failed "));
    }
    CHECK(starts(refusal(Syntax::yaml, "a: !python/object:os.system x\n"), "parse_failed 1:4 the YAML tag"));
  }

  TEST_CASE("fault 97: a key that is there twice is an error at its second place") {
    CHECK(starts(refusal(Syntax::toml, "a = 1\na = 2\n"), "parse_failed 2:"));
    CHECK(refusal(Syntax::yaml, "a: 1\nb: 2\na: 3\n") == "parse_failed 3:1 the key 'a' is there twice");
    CHECK(refusal(Syntax::json, "{\"a\": 1,\n \"b\": {\"c\": 1, \"c\": 2}}") ==
          "parse_failed 2:16 the key 'c' is there twice");
    CHECK(refusal(Syntax::json, "{\"a\": 1, \"\\u0061\": 2}") ==
          "parse_failed 1:10 the key 'a' is there twice");
  }

  TEST_CASE("fault 105: other encodings are refused with the line, a BOM is skipped") {
    CHECK(refusal(Syntax::toml, "a = 'x'\nb = '\xE9'\n") == "parse_failed 2:1 the text is not UTF-8");
    CHECK(refusal(Syntax::yaml,
                  "\xFF\xFE"
                  "a") == "parse_failed 1:1 the text is not UTF-8");
    CHECK(parse_document(Syntax::json, "\xEF\xBB\xBF{\"a\":1}").value().at("a") == 1);
    CHECK(parse_document(Syntax::toml,
                         "\xEF\xBB\xBF"
                         "a = 1")
              .value()
              .at("a") == 1);
    CHECK(parse_document(Syntax::yaml,
                         "\xEF\xBB\xBF"
                         "a: 1")
              .value()
              .at("a") == 1);
  }

  TEST_CASE("fault 114: a YAML alias bomb meets a limit, quickly") {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 20; ++i) {
      const auto n = std::to_string(i);
      const auto p = "*a" + std::to_string(i - 1);
      bomb +=
          "a" + n + ": &a" + n + " [" + p + "," + p + "," + p + "," + p + "," + p + "," + p + "," + p + "]\n";
    }
    CHECK(starts(refusal(Syntax::yaml, bomb), "limit_exceeded "));
    CHECK(starts(refusal(Syntax::yaml, "&a [*a]"), "limit_exceeded "));
    std::string merges = "a0: &a0 {x: 1}\n";
    for (int i = 1; i < 30; ++i) {
      const auto p = "*a" + std::to_string(i - 1);
      merges += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " {<<: [" + p + ", " + p + "], y" +
                std::to_string(i) + ": " + p + "}\n";
    }
    CHECK(starts(refusal(Syntax::yaml, merges), "limit_exceeded "));
  }

  TEST_CASE("fault 115: nesting 100,000 deep meets a limit in every syntax") {
    const std::string deep(100'000, '[');
    CHECK(starts(refusal(Syntax::json, deep), "limit_exceeded"));
    CHECK(starts(refusal(Syntax::yaml, deep), "limit_exceeded"));
    CHECK(starts(refusal(Syntax::toml, "a = " + deep), "limit_exceeded"));
    std::string maps;
    for (int i = 0; i < 20'000; ++i) maps += "{a: ";
    CHECK_FALSE(starts(refusal(Syntax::yaml, maps), "it was read"));
  }

  TEST_CASE("a value is found in the text by its pointer") {
    const std::string_view toml = "[a]\nb = 1\n[[c]]\nd = 1\n[[c]]\nd = 2\n";
    CHECK(locate(Syntax::toml, toml, "/a/b") == TextPosition{2, 1});
    CHECK(locate(Syntax::toml, toml, "/c/1/d") == TextPosition{6, 1});
    CHECK(locate(Syntax::yaml, "a: 1\nb:\n  c: [1, 2]\n", "/b/c/1").line == 3);
    CHECK(locate(Syntax::yaml, "a: 1\nb:\n  c: [1, 2]\n", "/b/gone").line == 2);
    CHECK(locate(Syntax::json, "{\"a\":\n [1,\n  {\"b~/\": 2}]}", "/a/1/b~0~1") == TextPosition{3, 11});
  }
}

TEST_SUITE("formats/front_matter") {
  TEST_CASE("front matter is split off, YAML or TOML, and the body is left as it is") {
    const auto yaml_parts = split_front_matter("---\na: 1\n---\n\nHello\n---\nrest\n").value();
    CHECK(yaml_parts.data.at("a") == 1);
    CHECK(yaml_parts.body == "Hello\n---\nrest\n");
    const auto toml_parts = split_front_matter("+++\r\na = 1\r\n+++\r\nHello").value();
    CHECK(toml_parts.data.at("a") == 1);
    CHECK(toml_parts.body == "Hello");
    CHECK(split_front_matter("---\n---\nbody").value().body == "body");
    CHECK(split_front_matter("no front matter\n---\n").value().body == "no front matter\n---\n");
    CHECK(split_front_matter("----\nx").value().body == "----\nx");
    CHECK(split_front_matter("").value().body.empty());
    CHECK(split_front_matter("\xEF\xBB\xBF---\na: 1\n---\nx").value().body == "x");
  }

  TEST_CASE("fault 96: an error in front matter names the line of the whole file") {
    const auto error = split_front_matter("---\na: 1\nb: [1\n---\nbody").error();
    CHECK(error.kind() == ErrorKind::parse_failed);
    CHECK(error.line() >= 3);
    CHECK(split_front_matter("+++\na = 1\na = 2\n+++\n").error().line() == 3);
    CHECK(split_front_matter("---\na: 1\nbody").error().message() ==
          "the front matter is not closed with '---'");
    CHECK(split_front_matter("---\n- a\n---\n").error().line() == 2);
  }
}
