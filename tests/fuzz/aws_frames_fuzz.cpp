// However a body of AWS frames is cut, it gives the same events; with right checksums around them, any bytes
// do.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lllm/formats/aws_frames.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using Events = std::vector<std::pair<std::string, std::string>>;

// The events of `input` fed in pieces of at most `step` bytes, and whether it was taken to the end.
std::pair<Events, bool> events_of(std::string_view input, std::size_t step) {
  lllm::AwsFrameParser parser(1 << 16);
  Events events;
  const auto drain = [&] {
    for (lllm::StreamEvent event;;) {
      const auto more = parser.next(event);
      if (!more) return false;
      if (!*more) return true;
      events.emplace_back(event.type, event.data);
    }
  };
  for (std::size_t at = 0; at < input.size(); at += step) {
    parser.feed(input.substr(at, step));
    if (!drain()) return {std::move(events), false};
  }
  parser.end();
  const bool whole = drain();
  return {std::move(events), whole};
}

void check(std::string_view body) {
  const auto whole = events_of(body, std::max<std::size_t>(body.size(), 1));
  lllm::test::must(events_of(body, 1) == whole);
  lllm::test::must(events_of(body, 7) == whole);
}

}  // namespace

LLLM_FUZZ(aws_frames) {
  check(input);
  const auto cut = std::min<std::size_t>(input.size(), 40);
  std::string body;
  lllm::append_aws_event(body, input.substr(0, cut), input.substr(cut));
  lllm::append_aws_exception(body, "x", input);
  check(body);
  const auto events = events_of(body, body.size());
  lllm::test::must(events.second && events.first.size() == 2 && events.first[1].second == input);
}
