// However an event stream is cut, it gives the same events.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lllm/formats/sse.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using Events = std::vector<std::pair<std::string, std::string>>;

// The events of `input` fed in pieces of at most `step` bytes, and whether it was taken to the end.
std::pair<Events, bool> events_of(std::string_view input, std::size_t step) {
  lllm::SseParser parser(1 << 16);
  Events events;
  const auto drain = [&] {
    lllm::StreamEvent event;
    while (true) {
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

}  // namespace

LLLM_FUZZ(sse) {
  const auto whole = events_of(input, std::max<std::size_t>(input.size(), 1));
  lllm::test::must(events_of(input, 1) == whole);
  if (!input.empty())
    lllm::test::must(events_of(input, 1 + static_cast<unsigned char>(input[0]) % 13) == whole);
}
