// Whatever comes as an answer of this wire: a message or an error, and streams equal what they stand for.
#include "lllm/wires/ollama.hpp"
#include "tests/fuzz/decoder.hpp"

LLLM_FUZZ(ollama) {
  lllm::test::fuzz_decoder(lllm::ollama_codec(), input);
}
