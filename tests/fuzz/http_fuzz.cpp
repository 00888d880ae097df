// However an answer, or a request, is cut, it reads the same; nothing is read beyond its end, and it is not
// taken for whole before it.
#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>

#include "lllm/formats/http_reader.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

/// Status, body, how much of the input was read in full, and how it ended. A head or a chunk that is refused
/// counts for nothing; the body that came before it does.
using Reading = std::tuple<int, std::string, std::size_t, std::string>;

lllm::HttpLimits small_limits() {
  lllm::HttpLimits limits;
  limits.head_bytes = 512;
  limits.chunk_line_bytes = 32;
  limits.informational = 2;
  return limits;
}

int status_of(lllm::HttpResponseReader& reader) {
  return reader.head().status;
}
int status_of(lllm::HttpRequestReader&) {
  return 1;
}
lllm::Result<void> end_of(lllm::HttpResponseReader& reader) {
  return reader.end_of_input();
}
lllm::Result<void> end_of(lllm::HttpRequestReader&) {
  return lllm::Error(lllm::ErrorKind::connection_lost, "cut");
}

template <class Reader>
Reading read(Reader reader, std::string_view input, std::size_t step) {
  std::string body;
  std::size_t at = 0;
  const auto ended = [&](std::size_t taken, std::string_view how) {
    return Reading(reader.head_complete() ? status_of(reader) : 0, body, taken, std::string(how));
  };
  while (at < input.size() && !reader.complete()) {
    std::string piece(input.substr(at, step));
    std::size_t used = 0;
    while (used < piece.size() && !reader.complete()) {
      if (!reader.head_complete()) {
        const auto taken = reader.read_head(std::string_view(piece).substr(used));
        if (!taken) return ended(0, lllm::to_string(taken.error().kind()));
        lllm::test::must(*taken > 0 && *taken <= piece.size() - used);
        used += *taken;
      } else {
        const auto part = reader.read_body(piece.data() + used, piece.size() - used);
        if (!part) return ended(0, lllm::to_string(part.error().kind()));
        lllm::test::must(part->consumed > 0 && part->consumed <= piece.size() - used);
        lllm::test::must(part->data.size() <= part->consumed);
        body += part->data;
        used += part->consumed;
      }
    }
    at += used;
  }
  if (reader.complete()) return ended(at, reader.keep_alive() ? "kept" : "closed");
  const auto end = end_of(reader);
  return ended(at, end ? "at the end" : lllm::to_string(end.error().kind()));
}

template <class Reader>
void check(const Reader& reader, std::string_view input) {
  const auto whole = read(reader, input, std::max<std::size_t>(input.size(), 1));
  lllm::test::must(read(reader, input, 1) == whole);
  if (!input.empty())
    lllm::test::must(read(reader, input, 2 + static_cast<unsigned char>(input[input.size() / 2]) % 29) ==
                     whole);
  const auto& [status, body, taken, how] = whole;
  if (how != "kept" && how != "closed") return;
  // A message that is whole is the same whatever comes behind it, and is cut short when any byte of it lacks.
  std::string longer(input.substr(0, taken));
  lllm::test::must(read(reader, longer + "HTTP/1.1 200 OK\r\n\r\n", 1 << 20) == whole);
  longer.pop_back();
  const auto cut = read(reader, longer, 1 << 20);
  lllm::test::must(std::get<3>(cut) == "connection_lost" || std::get<3>(cut) == "at the end");
  lllm::test::must(body.starts_with(std::get<1>(cut)));
}

}  // namespace

LLLM_FUZZ(http) {
  check(lllm::HttpResponseReader("POST", small_limits()), input);
  check(lllm::HttpResponseReader("HEAD", small_limits()), input);
  check(lllm::HttpRequestReader(small_limits()), input);
}
