#include "lllm/formats/line_reader.hpp"

#include <algorithm>

namespace lllm {

void LineReader::feed(std::string_view bytes) {
  bytes_ = bytes;
  next_lf_ = std::min(bytes_.find('\n'), bytes_.size());
}

bool LineReader::next(std::string_view& line) {
  if (line_in_carried_) {
    carried_.clear();
    line_in_carried_ = false;
  }
  if (bytes_.empty()) return false;
  if (after_cr_) {
    after_cr_ = false;
    if (bytes_.front() == '\n') {
      feed(bytes_.substr(1));
      if (bytes_.empty()) return false;
    }
  }

  // The LF is remembered across calls: a body whose lines end in bare CRs must not be searched to its end for
  // every line of it.
  const std::size_t end = std::min(bytes_.substr(0, next_lf_).find('\r'), next_lf_);
  if (end == bytes_.size()) {
    carried_ += bytes_;
    bytes_ = {};
    return false;
  }
  if (carried_.empty()) {
    line = bytes_.substr(0, end);
  } else {
    carried_.append(bytes_, 0, end);
    line_in_carried_ = true;
    line = carried_;
  }
  std::size_t taken = end + 1;
  if (bytes_[end] == '\r') {
    if (taken == bytes_.size())
      after_cr_ = true;
    else if (bytes_[taken] == '\n')
      ++taken;
  }
  bytes_.remove_prefix(taken);
  if (next_lf_ >= taken)
    next_lf_ -= taken;
  else
    next_lf_ = std::min(bytes_.find('\n'), bytes_.size());
  return true;
}

}  // namespace lllm
