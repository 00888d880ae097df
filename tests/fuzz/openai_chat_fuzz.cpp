// Whatever comes as an answer of this wire: a message or an error, and streams say what they stand for.
#include "lllm/wires/openai_chat.hpp"
#include "tests/fuzz/decoder.hpp"

LLLM_FUZZ(openai_chat) {
  lllm::test::fuzz_decoder(lllm::openai_chat_codec(), input, false);
}
