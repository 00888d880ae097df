#include "lllm/base/text.hpp"

#include <doctest/doctest.h>

using namespace lllm;

TEST_SUITE("base/text") {
  TEST_CASE("near matches find the slip of a finger and the end of a path, not other words") {
    const std::vector<std::string_view> known{"writer/system", "writer/user", "search", "zebra"};
    CHECK(near_matches("writer/sytem", known) == std::vector<std::string>{"writer/system"});
    CHECK(near_matches("system", known) == std::vector<std::string>{"writer/system"});
    CHECK(near_matches("quantum", known).empty());
  }

  TEST_CASE("an excerpt never cuts a UTF-8 character") {
    CHECK(excerpt("Grüße", 3) == "Gr…");
    CHECK(excerpt("Grüße", 4) == "Grü…");
    CHECK(excerpt("ab", 2) == "ab");
  }

  TEST_CASE("UTF-8 is checked as RFC 3629 has it") {
    CHECK(is_utf8("Grüße 👋"));
    CHECK_FALSE(is_utf8("\xC0\x80"));          // overlong
    CHECK_FALSE(is_utf8("\xED\xA0\x80"));      // a surrogate
    CHECK_FALSE(is_utf8("\xF4\x90\x80\x80"));  // above U+10FFFF
    CHECK_FALSE(is_utf8("\xE2\x82"));          // cut short
    CHECK(to_valid_utf8("a\xE2\x82z") == "a\xEF\xBF\xBD\xEF\xBF\xBDz");
  }

  TEST_CASE("fault 119: escapes that would drive a terminal are stripped, text stays") {
    CHECK(strip_terminal_escapes("\x1b[31mred\x1b[0m") == "red");
    CHECK(strip_terminal_escapes("a\x1b]0;title\x07z") == "az");
    CHECK(strip_terminal_escapes("a\x1b]8;;http://x\x1b\\link") == "alink");
    CHECK(strip_terminal_escapes("a\xC2\x9B"
                                 "31mz") == "a31mz");
    CHECK(strip_terminal_escapes("Grüße\n\tok\r\x08") == "Grüße\n\tok");
    CHECK(strip_terminal_escapes("cut\x1b[3").find('\x1b') == std::string::npos);
    CHECK(strip_terminal_escapes("\x1b(Bplain\x1b%Gagain") == "plainagain");
  }

  TEST_CASE("an escape that breaks off takes no part of the text behind it") {
    CHECK(strip_terminal_escapes("\x1bäöü") == "äöü");
    CHECK(strip_terminal_escapes("\x1b[31äöü") == "äöü");
    CHECK(strip_terminal_escapes("\x1b]0;title\x1bäöü") == "äöü");
    CHECK(strip_terminal_escapes("\x1b]0;title\x1b[1mbold") == "bold");
    CHECK(strip_terminal_escapes("\x1b(äöü") == "äöü");
    CHECK(strip_terminal_escapes("\x1b\x1b\x1bx") == "");
    CHECK(strip_terminal_escapes("\x1b") == "");
  }
}
