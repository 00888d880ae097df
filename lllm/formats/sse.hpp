#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "lllm/formats/framer.hpp"
#include "lllm/formats/line_reader.hpp"

namespace lllm {

/// Server-sent events (WHATWG HTML, "Interpreting an event stream"). Lines end in LF, CR LF or CR, mixed as
/// they like; a leading BOM is dropped once; comments, `id:` and `retry:` are ignored; several `data:` lines
/// are joined with LF; NUL and bytes that are no UTF-8 pass through; an event without its closing empty line
/// is not dispatched.
class SseParser final : public Framer {
 public:
  explicit SseParser(std::size_t limit = max_event_bytes) : limit_(limit) {}
  void feed(std::string_view bytes) override;
  void end() override { lines_.drop_rest(); }
  Result<bool> next(StreamEvent& event) override;

 private:
  void take_field(std::string_view line);
  void own_views();
  void reset_event();
  [[nodiscard]] Error too_large() const;

  std::size_t limit_;
  LineReader lines_;
  bool at_start_ = true;
  bool dispatched_ = false;  // the views of the last event are still out

  // The event that is being read: views into the fed bytes while they last, copies after that.
  bool has_data_ = false;
  std::string_view data_, type_;
  std::string data_copy_, type_copy_;
};

}  // namespace lllm
