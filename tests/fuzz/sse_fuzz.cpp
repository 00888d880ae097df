// However an event stream is cut, it gives the same events: those that the standard's own words give.
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

/// The standard's own words, with no thought of speed: what the parser is compared with.
Events by_the_book(std::string_view input) {
  if (input.starts_with("\xEF\xBB\xBF")) input.remove_prefix(3);
  Events events;
  std::string data;
  std::string type;
  bool has_data = false;
  while (true) {
    const auto end = input.find_first_of("\r\n");
    if (end == std::string_view::npos) return events;  // a line that does not end is none
    const std::string_view line = input.substr(0, end);
    input.remove_prefix(end + (input.substr(end).starts_with("\r\n") ? 2 : 1));
    if (line.empty()) {
      if (has_data) events.emplace_back(type, data);
      data.clear();
      type.clear();
      has_data = false;
      continue;
    }
    const auto colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (name == "event") type = value;
    if (name == "data") {
      if (has_data) data += '\n';
      data += value;
      has_data = true;
    }
  }
}

}  // namespace

LLLM_FUZZ(sse) {
  const auto whole = events_of(input, std::max<std::size_t>(input.size(), 1));
  lllm::test::must(events_of(input, 1) == whole);
  if (!input.empty())
    lllm::test::must(events_of(input, 1 + static_cast<unsigned char>(input[0]) % 13) == whole);
  if (whole.second) lllm::test::must(whole.first == by_the_book(input));
}
