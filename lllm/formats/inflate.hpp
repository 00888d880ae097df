#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "lllm/base/error.hpp"

namespace lllm {

/// Unpacks a gzip or deflate body (RFC 9110 §8.4.1) piece by piece, up to a limit. Pure: bytes in, bytes out.
class Inflater {
 public:
  /// True for the codings it can undo: gzip, x-gzip, deflate.
  static bool knows(std::string_view coding);

  /// @param limit  How many bytes the whole may unpack to.
  explicit Inflater(std::size_t limit);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Unpacks from the front of `input`, which shrinks by what was used, into `out`; returns how many bytes
  /// that gave. 0: more input is needed. Errors: `bad_http` for what is not packed so, `limit_exceeded`.
  Result<std::size_t> read(std::string_view& input, char* out, std::size_t room);
  /// Whether the packed data ended where it says it ends (or none came at all).
  [[nodiscard]] bool complete() const;

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace lllm
