#include "lllm/formats/framer.hpp"

#include "lllm/formats/aws_frames.hpp"
#include "lllm/formats/ndjson.hpp"
#include "lllm/formats/sse.hpp"

namespace lllm {

std::unique_ptr<Framer> make_framer(Framing framing, std::size_t limit) {
  switch (framing) {
    case Framing::sse:
      return std::make_unique<SseParser>(limit);
    case Framing::ndjson:
      return std::make_unique<NdjsonParser>(limit);
    case Framing::aws_frames:
      return std::make_unique<AwsFrameParser>(limit);
  }
  return nullptr;
}

}  // namespace lllm
