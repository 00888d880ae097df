#include "lllm/base/text.hpp"

#include <doctest/doctest.h>

#include "lllm/base/escape_stripper.hpp"

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
                                 "31mz") == "az");
    CHECK(strip_terminal_escapes("a\xC2\x9D"
                                 "0;title\xC2\x9Cz\xC2\x85") == "az");
    CHECK(strip_terminal_escapes("a\xC2\xA0z\xC2") == "a\xC2\xA0z");
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
    // A title without an end does not swallow the rest of the answer.
    CHECK(strip_terminal_escapes("\x1b]0;title\nmore") == "\nmore");
    CHECK(strip_terminal_escapes("\xC2\x90q\xC3\xA4\nmore") == "\nmore");
  }

  TEST_CASE(
      "fault 119: an escape that is split over the pieces of a stream is stripped whole, wherever the cut") {
    for (const std::string_view text :
         {"a\x1b[31;1mred\x1b[0m z", "a\x1b]0;title\x07z", "a\x1b]8;;http://x\x1b\\link", "a\x1bP1$r\x1b\\z",
          "a\xC2\x9B\x33\x31mz", "a\xC2\x9D\x30;t\xC2\x9Cz", "Gr\xC3\xBC\xC3\x9F\x65\xC2\xA0\xC2\xA9\n\tok",
          "\x1b(Bplain\x1b%Gagain", "\x1b[31\xC3\xA4", "\x1b]0;ti\ntle"}) {
      CAPTURE(text);
      const std::string whole = strip_terminal_escapes(text);
      CHECK(whole.find('\x1b') == std::string::npos);
      for (std::size_t a = 0; a <= text.size(); ++a)
        for (std::size_t b = a; b <= text.size(); ++b) {
          EscapeStripper stripper;
          std::string pieces = stripper.take(text.substr(0, a));
          pieces += stripper.take(text.substr(a, b - a));
          pieces += stripper.take(text.substr(b));
          REQUIRE(pieces == whole);
        }
    }
    EscapeStripper stripper;
    CHECK(stripper.take("one\x1b]0;open") == "one");
    stripper.reset();
    CHECK(stripper.take("two") == "two");
  }
}
