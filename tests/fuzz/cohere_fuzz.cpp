// Whatever comes as an answer of this wire: a message or an error, and streams equal what they stand for.
#include "lllm/wires/cohere.hpp"
#include "tests/fuzz/decoder.hpp"

LLLM_FUZZ(cohere) {
  lllm::test::fuzz_decoder(lllm::cohere_codec(), input);
}
