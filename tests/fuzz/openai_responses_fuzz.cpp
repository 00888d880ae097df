// Whatever comes as an answer of this wire: a message or an error, and streams equal what they stand for.
#include "lllm/wires/openai_responses.hpp"
#include "tests/fuzz/decoder.hpp"

LLLM_FUZZ(openai_responses) {
  lllm::test::fuzz_decoder(lllm::openai_responses_codec(), input);
}
