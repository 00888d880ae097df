// The two JSON readers: what the strict one takes survives a round trip, and the skipping one takes it too.
#include <string>
#include <string_view>

#include "lllm/base/json.hpp"
#include "lllm/base/json_reader.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

// Asks every value for what it is, so that each of the reader's branches runs.
void read_all(lllm::JsonReader& in) {
  switch (in.kind()) {
    case lllm::JsonReader::Kind::object:
      in.object([&](std::string_view) { read_all(in); });
      break;
    case lllm::JsonReader::Kind::array:
      in.array([&] { read_all(in); });
      break;
    case lllm::JsonReader::Kind::string:
      in.text();
      break;
    case lllm::JsonReader::Kind::number:
      in.integer();
      break;
    case lllm::JsonReader::Kind::boolean:
      in.boolean();
      break;
    default:
      in.skip();
  }
}

}  // namespace

LLLM_FUZZ(json) {
  lllm::TextArena arena;
  lllm::JsonReader skipping(input, arena);
  skipping.skip();
  const bool skipped = skipping.finish().has_value();
  lllm::JsonReader asking(input, arena);
  read_all(asking);
  const bool asked = asking.finish().has_value();

  const auto value = lllm::parse_json(input);
  if (!value) return;
  // The reader is more tolerant (bytes that are no UTF-8), never less.
  lllm::test::must(skipped && asked);
  const auto again = lllm::parse_json(lllm::to_json(*value));
  lllm::test::must(again.has_value());
}
