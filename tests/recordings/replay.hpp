#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/recordings/recording.hpp"

namespace lllm::test {

/// How a stream's bytes are handed over.
enum class Cut { whole, bytes, random };
std::string_view to_string(Cut cut);

/// Lengths of the pieces that `size` bytes are handed over in. The same seed gives the same pieces.
std::vector<std::size_t> pieces_of(std::size_t size, Cut cut, std::uint64_t seed);

/// Runs the recording's answer through framer and decoder: no sockets, no invoker.
Outcome decode_offline(const Recording& recording, Cut cut, std::uint64_t seed = 1);

struct Failure {
  std::string id;
  std::string mode;
  std::vector<std::string> differences;
};

/// All ways of handing the recording over: one for a whole answer, three for a stream. Also: a stream's raw
/// response, read as an unstreamed answer, gives the same message.
std::vector<Failure> check_offline(const Codec& codec, const Recording& recording);

}  // namespace lllm::test
