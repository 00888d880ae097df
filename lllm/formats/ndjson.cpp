#include "lllm/formats/ndjson.hpp"

#include <utility>

#include "lllm/base/text.hpp"
#include "lllm/formats/bom.hpp"

namespace lllm {
namespace {

Error too_large(std::size_t limit) {
  return Error(ErrorKind::limit_exceeded,
               "a line of the stream is larger than " + std::to_string(limit) + " bytes");
}

}  // namespace

Result<bool> NdjsonParser::next(StreamEvent& event) {
  std::string_view line;
  while (lines_.next(line)) {
    line = trim(std::exchange(at_start_, false) ? without_bom(line) : line);
    if (line.empty()) continue;
    if (line.size() > limit_) return too_large(limit_);
    event = {{}, line};
    return true;
  }
  if (lines_.rest().size() > limit_) return too_large(limit_);
  if (!ended_) return false;
  ended_ = false;
  const auto rest = trim(at_start_ ? without_bom(lines_.rest()) : lines_.rest());
  if (rest.empty()) return false;
  event = {{}, rest};
  return true;
}

}  // namespace lllm
