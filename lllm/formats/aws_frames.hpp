#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "lllm/base/error.hpp"
#include "lllm/formats/framer.hpp"

namespace lllm {

/// Cuts a body of `application/vnd.amazon.eventstream` into events. The type of an event is its
/// `:event-type` ("contentBlockDelta"); an exception comes as an event whose type is its `:exception-type`
/// ("throttlingException"), an error frame as type "error" with the data {"code": …, "message": …}.
///
/// Both checksums of every frame are checked: a broken frame is `bad_reply`, and final. A body that ends
/// inside a frame is `incomplete_reply`.
/// Spec: AWS "Event stream encoding" (total length, headers length, prelude CRC, headers, payload, message
/// CRC; big-endian; CRC-32 as in zlib).
class AwsFrameParser final : public Framer {
 public:
  explicit AwsFrameParser(std::size_t limit = max_event_bytes) : limit_(limit) {}
  void feed(std::string_view bytes) override { input_ = bytes; }
  void end() override { ended_ = true; }
  Result<bool> next(StreamEvent& event) override;

 private:
  Result<> read(std::string_view frame, StreamEvent& event);
  bool fill(std::size_t size);
  Error broken(const char* why);

  std::size_t limit_;
  std::string_view input_;
  std::string pending_;       ///< the start of a frame that came in pieces
  std::string last_headers_;  ///< of an event or exception, and what type they gave it
  std::string last_type_;
  std::string error_data_;
  bool handed_out_ = false;  ///< pending_ holds the frame that was returned last
  bool broken_ = false;
  bool ended_ = false;
};

/// Appends one event frame with a JSON payload, as Bedrock sends them.
void append_aws_event(std::string& out, std::string_view event_type, std::string_view json_payload);
/// Appends one exception frame.
void append_aws_exception(std::string& out, std::string_view exception_type, std::string_view json_payload);

}  // namespace lllm
