#pragma once

#include <optional>
#include <string>

#include "tests/recordings/recording.hpp"

namespace lllm::test {

/// openai-chat with a recorded request: its body → Dialog and arguments → encode gives an equivalent body.
/// @returns  what differs, or nothing.
std::optional<std::string> check_request_round_trip(const Codec& codec, const Recording& recording);

/// The reply is appended to a dialog, its tool calls are answered, and the next turn is encoded: every opaque
/// value of the reply is in the request unchanged, and every call in it is answered under its id.
std::optional<std::string> check_next_turn(const Codec& codec, const Recording& recording,
                                           const Outcome& outcome);

}  // namespace lllm::test
