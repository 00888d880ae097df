// Whatever comes as an answer of this wire: a message or an error, and streams equal what they stand for.
#include "lllm/wires/bedrock.hpp"
#include "tests/fuzz/decoder.hpp"

LLLM_FUZZ(bedrock) {
  lllm::test::fuzz_decoder(lllm::bedrock_codec(), input);
}
