#pragma once

#include <cstdint>

namespace lllm {

/// What a McpClient has seen so far.
struct McpClientStats {
  std::uint64_t sessions = 0;         ///< Begun: children started, sessions of a server over HTTP.
  std::uint64_t sessions_lost = 0;    ///< Children that died, sessions that their server had forgotten.
  std::uint64_t requests = 0;         ///< Made, beside those that begin a session.
  std::uint64_t resent = 0;           ///< … again, since the server had forgotten the session (HTTP 404).
  std::uint64_t unasked_answers = 0;  ///< Ignored: with an unknown id, or answered already.
  std::uint64_t junk_lines = 0;       ///< Ignored: on the standard output of a child, and no messages.

  McpClientStats() = default;
};

}  // namespace lllm
