#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lllm {

/// Cuts bytes that arrive in pieces into lines that end in LF, CR LF or CR. A line that lies whole in the fed
/// bytes is a view into them; only an unfinished one is copied.
class LineReader {
 public:
  void feed(std::string_view bytes);
  /// True and the next line, without its end; the view is valid until the next call. False: the rest of the
  /// bytes has been taken over.
  bool next(std::string_view& line);
  /// The line handed out last was put together from pieces: it is no view into the fed bytes.
  [[nodiscard]] bool line_is_copy() const { return line_in_carried_; }
  /// The unfinished line.
  [[nodiscard]] std::string_view rest() const { return carried_; }
  void drop_rest() { carried_.clear(); }

 private:
  std::string_view bytes_;
  std::size_t next_lf_ = 0;  // of the LF at or after the current position; bytes_.size() when there is none
  std::string carried_;
  bool line_in_carried_ = false;  // the line handed out last lives in carried_
  bool after_cr_ = false;         // an LF that comes next belongs to that CR
};

}  // namespace lllm
