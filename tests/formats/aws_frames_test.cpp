#include "lllm/formats/aws_frames.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

using namespace lllm;

namespace {

using Events = std::vector<std::pair<std::string, std::string>>;

// All events of a body that comes in `pieces`; the last entry's type is "!" when it ends in an error.
Events events_of(const std::vector<std::string_view>& pieces, std::size_t limit = max_event_bytes) {
  AwsFrameParser parser(limit);
  Events events;
  const auto drain = [&] {
    for (;;) {
      StreamEvent event;
      const auto got = parser.next(event);
      if (!got) {
        events.emplace_back("!", to_string(got.error().kind()));
        return false;
      }
      if (!*got) return true;
      events.emplace_back(event.type, event.data);
    }
  };
  for (const auto piece : pieces) {
    // A copy of exactly this size, so that a sanitizer sees a read outside it.
    const std::vector<char> bytes(piece.begin(), piece.end());
    parser.feed({bytes.data(), bytes.size()});
    if (!drain()) return events;
  }
  parser.end();
  drain();
  return events;
}

std::string sample() {
  std::string body;
  append_aws_event(body, "messageStart", R"({"role":"assistant"})");
  append_aws_event(body, "contentBlockDelta", R"({"delta":{"text":"Grüße"}})");
  append_aws_exception(body, "throttlingException", R"({"message":"slow down"})");
  return body;
}

const Events sample_events = {{"messageStart", R"({"role":"assistant"})"},
                              {"contentBlockDelta", R"({"delta":{"text":"Grüße"}})"},
                              {"throttlingException", R"({"message":"slow down"})"}};

}  // namespace

TEST_SUITE("formats/aws_frames") {
  TEST_CASE("fault 42: a stream cut anywhere, and byte by byte, gives the same events") {
    const std::string body = sample();
    const std::string_view view = body;
    for (std::size_t cut = 0; cut <= body.size(); ++cut) {
      CAPTURE(cut);
      CHECK(events_of({view.substr(0, cut), view.substr(cut)}) == sample_events);
    }
    std::vector<std::string_view> bytes;
    for (std::size_t i = 0; i < body.size(); ++i) bytes.push_back(view.substr(i, 1));
    CHECK(events_of(bytes) == sample_events);
  }

  // From the test vectors of AWS's own SDKs (awslabs/aws-c-event-stream, "all_headers" and "payload").
  TEST_CASE("frames as AWS itself encodes them are read") {
    const std::string empty("\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2\x48\xeb\x7d\x98\xc8\xff", 16);
    CHECK(events_of({empty}) == Events{{"", ""}});
    const std::string payload("\x00\x00\x00\x1d\x00\x00\x00\x00\xfd\x52\x8c\x5a{'foo':'bar'}\xc3\x65\x39\x36",
                              29);
    CHECK(events_of({payload}) == Events{{"", "{'foo':'bar'}"}});
  }

  TEST_CASE("a flipped bit anywhere is an error, never another event") {
    const std::string body = sample();
    for (std::size_t i = 0; i < body.size(); ++i) {
      std::string flipped = body;
      flipped[i] = static_cast<char>(flipped[i] ^ 0x10);
      const auto events = events_of({flipped});
      CAPTURE(i);
      REQUIRE(!events.empty());
      CHECK(events.back().first == "!");
    }
  }

  TEST_CASE("fault 50: a body that ends inside a frame is incomplete") {
    const std::string body = sample();
    for (std::size_t size = 1; size < 90; ++size) {
      CAPTURE(size);
      const auto events = events_of({std::string_view(body).substr(0, size)});
      std::string whole;
      append_aws_event(whole, "messageStart", R"({"role":"assistant"})");
      if (size == whole.size()) continue;
      CHECK(events.back() == std::pair<std::string, std::string>("!", "incomplete_reply"));
    }
  }

  TEST_CASE("fault 55: a frame past the limit is refused by its length, before its bytes come") {
    std::string body;
    append_aws_event(body, "contentBlockDelta", std::string(5000, 'x'));
    CHECK(events_of({std::string_view(body).substr(0, 12)}, 4096) == Events{{"!", "limit_exceeded"}});
  }

  TEST_CASE("lengths that contradict each other are an error") {
    // Total length 12, headers 0, with a right checksum of the prelude.
    const std::string body("\x00\x00\x00\x0c\x00\x00\x00\x00\xa0\xd2\x32\x68", 12);
    CHECK(events_of({body}).back().first == "!");
  }
}
