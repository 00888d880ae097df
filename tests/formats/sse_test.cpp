#include "lllm/formats/sse.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "lllm/formats/ndjson.hpp"

using namespace lllm;

namespace {

using Events = std::vector<std::pair<std::string, std::string>>;  // type, data

void drain(Framer& framer, Events& events) {
  StreamEvent event;
  while (framer.next(event).value()) events.emplace_back(event.type, event.data);
}

Events events_of(Framer& framer, const std::vector<std::string>& pieces) {
  Events events;
  for (const auto& piece : pieces) {
    framer.feed(piece);
    drain(framer, events);
  }
  framer.end();
  drain(framer, events);
  return events;
}

Events sse(const std::vector<std::string>& pieces) {
  SseParser parser;
  return events_of(parser, pieces);
}

std::vector<std::string> bytewise(std::string_view text) {
  std::vector<std::string> pieces;
  for (const char c : text) pieces.emplace_back(1, c);
  return pieces;
}

constexpr std::string_view mixed =
    "\xEF\xBB\xBF: hello\r\n"
    "event: delta\r"
    "data: {\"a\":\"Gr\xC3\xBC\xC3\x9F\x65\"}\n"
    "id: 7\r\n"
    "retry: soon\r\n"
    "\r\n"
    "data\n"
    "data: two\r"
    "data:  three\r\n"
    "\r"
    ": ping\n\n"
    "event: lonely\n\n"
    "data: last\n\n";
const Events mixed_events{{"delta", "{\"a\":\"Grüße\"}"}, {"", "\ntwo\n three"}, {"", "last"}};

}  // namespace

TEST_SUITE("formats/sse") {
  TEST_CASE("fault 42, 43, 44, 45, 47: events are the same however the bytes are cut") {
    CHECK(sse({std::string(mixed)}) == mixed_events);
    CHECK(sse(bytewise(mixed)) == mixed_events);
    for (std::size_t cut = 0; cut <= mixed.size(); ++cut) {
      CAPTURE(cut);
      CHECK(sse({std::string(mixed.substr(0, cut)), std::string(mixed.substr(cut))}) == mixed_events);
    }
    for (std::size_t a = 0; a <= mixed.size(); a += 3)
      for (std::size_t b = a; b <= mixed.size(); b += 2)
        CHECK(sse({std::string(mixed.substr(0, a)), std::string(mixed.substr(a, b - a)),
                   std::string(mixed.substr(b))}) == mixed_events);
  }

  TEST_CASE("fault 43: CR, LF and CRLF end lines alike") {
    for (const std::string end : {"\n", "\r", "\r\n"}) {
      const std::string stream = "data: a" + end + "data: b" + end + end + "data: c" + end + end;
      CHECK(sse({stream}) == Events{{"", "a\nb"}, {"", "c"}});
      CHECK(sse(bytewise(stream)) == Events{{"", "a\nb"}, {"", "c"}});
    }
  }

  TEST_CASE("fault 44: only a BOM at the very start is dropped") {
    CHECK(sse({"\xEF\xBB\xBF"
               "data: a\n\ndata: \xEF\xBB\xBF"
               "b\n\n"}) == Events{{"", "a"},
                                   {"",
                                    "\xEF\xBB\xBF"
                                    "b"}});
    CHECK(sse({"data: a\n\n\xEF\xBB\xBF"
               "data: b\n\n"}) == Events{{"", "a"}});
  }

  TEST_CASE("fault 48, 49: NUL and bytes that are no UTF-8 pass through") {
    const std::string odd("data: a\0b\xFF\n\n", 12);
    CHECK(sse({odd}) == Events{{"", std::string("a\0b\xFF", 4)}});
  }

  TEST_CASE("fault 50: an event without its empty line is not dispatched") {
    CHECK(sse({"data: whole\n\ndata: half\n"}) == Events{{"", "whole"}});
    CHECK(sse({"data: whole\n\ndata: half"}) == Events{{"", "whole"}});
  }

  TEST_CASE("fault 55: an endless line and a huge event are limit errors") {
    const auto kind_of = [](std::string_view stream, std::size_t step) {
      SseParser parser(64);
      StreamEvent event;
      for (std::size_t at = 0; at < stream.size(); at += step) {
        parser.feed(stream.substr(at, step));
        for (;;) {
          const auto more = parser.next(event);
          if (!more) return more.error().kind();
          if (!*more) break;
        }
      }
      return ErrorKind::internal;
    };
    const std::string endless(1000, 'x');
    std::string many_lines;
    for (int i = 0; i < 50; ++i) many_lines += "data: xxxxx\n";
    for (const std::size_t step : {1U, 7U, 1000U}) {
      CHECK(kind_of(endless, step) == ErrorKind::limit_exceeded);
      CHECK(kind_of("data: " + endless + "\n\n", step) == ErrorKind::limit_exceeded);
      CHECK(kind_of(many_lines, step) == ErrorKind::limit_exceeded);
      CHECK(kind_of("data: " + std::string(58, 'y') + "\n\n", step) == ErrorKind::internal);
    }
  }

  TEST_CASE("fault 58: bogus id and retry lines are ignored") {
    CHECK(sse({"id: \xFF\nretry: -1\nretry: 1e99\ndata: a\n\n"}) == Events{{"", "a"}});
    CHECK(sse({"id: 1\n\n"}).empty());
  }

  TEST_CASE("an event that lies whole in the fed bytes is not copied") {
    const std::string stream = "event: e\ndata: payload\n\n";
    SseParser parser;
    parser.feed(stream);
    StreamEvent event;
    REQUIRE(parser.next(event).value());
    CHECK(event.data.data() == stream.data() + stream.find("payload"));
    CHECK(event.type.data() == stream.data() + 7);
  }

  TEST_CASE("a field name must match whole") {
    CHECK(sse({"dataset: no\ndata: yes\nDATA: no\n data: no\n\n"}) == Events{{"", "yes"}});
  }
}

TEST_SUITE("formats/ndjson") {
  TEST_CASE("each line is an event, the last one also without its end") {
    const std::string stream = "{\"a\":1}\n\n  {\"b\":2}\r\n{\"c\":3}";
    const Events expected{{"", "{\"a\":1}"}, {"", "{\"b\":2}"}, {"", "{\"c\":3}"}};
    NdjsonParser whole;
    CHECK(events_of(whole, {stream}) == expected);
    NdjsonParser slow;
    CHECK(events_of(slow, bytewise(stream)) == expected);
  }
  TEST_CASE("fault 55: an endless line is a limit error") {
    NdjsonParser parser(16);
    parser.feed("{\"a\":\"0123456789abcdef");
    StreamEvent event;
    const auto failed = parser.next(event);
    REQUIRE(failed.has_error());
    CHECK(failed.error().kind() == ErrorKind::limit_exceeded);
  }
}
