#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "lllm/base/error.hpp"

namespace lllm {

/// How a streamed body is cut into events.
enum class Framing { sse, aws_frames, ndjson };

/// One event of a streamed body. Its views are valid until the framer is asked for the next one.
struct StreamEvent {
  std::string_view type;  ///< SSE `event:`, AWS `:event-type`; empty when there is none
  std::string_view data;
};

/// Largest event accepted from a provider, in bytes. Images arrive inside events, so it is generous.
inline constexpr std::size_t max_event_bytes = std::size_t{32} << 20;

/// Cuts a body that arrives in pieces into events. A pull interface, so that whoever reads may await between
/// two events:
///
///     framer.feed(bytes);
///     while (framer.next(event).value()) co_await handle(event);
///
/// An event that lies whole in the bytes that were fed is not copied; only what is left over at the end of
/// them is. Pure: no I/O, no clock. Not thread-safe.
class Framer {
 public:
  virtual ~Framer() = default;
  /// More of the body. `bytes` must stay as they are until next() has returned false.
  virtual void feed(std::string_view bytes) = 0;
  /// The body has ended: next() gives what is whole without further bytes, or the Error that an unfinished
  /// event is on this framing.
  virtual void end() = 0;
  /// True and the next event; false when there is none before more bytes are fed. An Error
  /// (`limit_exceeded`, `bad_reply`) is final.
  virtual Result<bool> next(StreamEvent& event) = 0;
};

/// @param limit  bytes of the largest event.
std::unique_ptr<Framer> make_framer(Framing framing, std::size_t limit = max_event_bytes);

}  // namespace lllm
