// However an answer is cut, it reads the same; and nothing is read beyond its end.
#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>

#include "lllm/formats/http_reader.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

/// Status, body, how much of the input the answer took, and how it ended.
using Reading = std::tuple<int, std::string, std::size_t, std::string>;

Reading read(std::string_view input, std::size_t step) {
  lllm::HttpLimits limits;
  limits.head_bytes = 512;
  limits.chunk_line_bytes = 32;
  limits.informational = 2;
  lllm::HttpResponseReader reader("GET", limits);
  std::string body;
  std::size_t at = 0;
  const auto ended = [&](const std::string& how) {
    return Reading(reader.head_complete() ? reader.head().status : 0, body, at, how);
  };
  while (at < input.size() && !reader.complete()) {
    std::string piece(input.substr(at, step));
    std::size_t used = 0;
    while (used < piece.size() && !reader.complete()) {
      if (!reader.head_complete()) {
        const auto taken = reader.read_head(std::string_view(piece).substr(used));
        if (!taken) return Reading(0, "", 0, std::string(lllm::to_string(taken.error().kind())));
        lllm::test::must(*taken > 0);
        used += *taken;
      } else {
        const auto part = reader.read_body(piece.data() + used, piece.size() - used);
        if (!part)
          return Reading(reader.head().status, "", 0, std::string(lllm::to_string(part.error().kind())));
        lllm::test::must(part->consumed <= piece.size() - used && part->data.size() <= part->consumed);
        body += part->data;
        used += part->consumed;
      }
    }
    at += used;
  }
  if (reader.complete()) return ended(reader.keep_alive() ? "kept" : "closed");
  const auto end = reader.end_of_input();
  return ended(end ? "at the end" : std::string(lllm::to_string(end.error().kind())));
}

}  // namespace

LLLM_FUZZ(http) {
  const auto whole = read(input, std::max<std::size_t>(input.size(), 1));
  lllm::test::must(read(input, 1) == whole);
  lllm::test::must(read(input, 7) == whole);
}
