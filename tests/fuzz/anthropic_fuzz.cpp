// Whatever comes as an answer of this wire: a message or an error, and streams equal what they stand for.
#include "lllm/wires/anthropic.hpp"
#include "tests/fuzz/decoder.hpp"

LLLM_FUZZ(anthropic) {
  lllm::test::fuzz_decoder(lllm::anthropic_codec(), input);
}
