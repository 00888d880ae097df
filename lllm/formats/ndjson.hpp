#pragma once

#include <cstddef>
#include <string_view>

#include "lllm/formats/framer.hpp"
#include "lllm/formats/line_reader.hpp"

namespace lllm {

/// One JSON value per line, as Ollama streams; empty lines and a leading BOM are skipped, and the
/// last line needs no end.
class NdjsonParser final : public Framer {
 public:
  explicit NdjsonParser(std::size_t limit = max_event_bytes) : limit_(limit) {}
  void feed(std::string_view bytes) override { lines_.feed(bytes); }
  void end() override { ended_ = true; }
  Result<bool> next(StreamEvent& event) override;

 private:
  std::size_t limit_;
  LineReader lines_;
  bool at_start_ = true;
  bool ended_ = false;
};

}  // namespace lllm
