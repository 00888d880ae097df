#include "tests/recordings/replay.hpp"

#include <algorithm>
#include <functional>
#include <random>

#include "tests/recordings/requests.hpp"

namespace lllm::test {
std::string_view to_string(Cut cut) {
  switch (cut) {
    case Cut::whole:
      return "in one piece";
    case Cut::bytes:
      return "byte by byte";
    case Cut::random:
      return "in random pieces";
  }
  return {};
}

std::vector<std::size_t> pieces_of(std::size_t size, Cut cut, std::uint64_t seed) {
  if (cut == Cut::whole) return {size};
  if (cut == Cut::bytes) return std::vector<std::size_t>(size, 1);
  std::mt19937_64 random(seed);
  std::vector<std::size_t> pieces;
  for (std::size_t left = size; left > 0;) {
    // Mostly short ones: that is where events are cut in odd places.
    const std::size_t most = random() % 4 == 0 ? 4000 : 60;
    const std::size_t length = std::min<std::size_t>(left, 1 + random() % most);
    pieces.push_back(length);
    left -= length;
  }
  return pieces;
}

Outcome decode_offline(const Recording& recording, Cut cut, std::uint64_t seed) {
  return replay(recording, pieces_of(recording.body.size(), cut, seed)).value();
}

std::vector<Failure> check_offline(const Codec& codec, const Recording& recording) {
  std::vector<Failure> failures;
  const auto check = [&](Cut cut, std::uint64_t seed, std::string mode) {
    const Outcome outcome = decode_offline(recording, cut, seed);
    if (auto found = differences(recording, outcome); !found.empty())
      failures.push_back({recording.id, std::move(mode), std::move(found)});
    return outcome;
  };
  const bool streamed = recording.streaming && recording.status < 400;
  const Outcome outcome = check(Cut::whole, 0, streamed ? std::string(to_string(Cut::whole)) : "whole");
  if (auto found = check_request_round_trip(codec, recording))
    failures.push_back({recording.id, "request, read and written again", {*found}});
  if (!outcome.error)
    if (auto found = check_next_turn(codec, recording, outcome))
      failures.push_back({recording.id, "next turn", {*found}});
  if (!streamed) return failures;
  check(Cut::bytes, 0, std::string(to_string(Cut::bytes)));
  for (std::uint64_t seed = 1; seed <= 3; ++seed)
    check(Cut::random, std::hash<std::string>{}(recording.id) + seed, std::string(to_string(Cut::random)));
  if (outcome.error) return failures;

  Recording reassembled = recording;
  reassembled.streaming = false;
  reassembled.body = to_json(outcome.raw);
  if (reassembled.expect.is_object()) reassembled.expect.as_object().erase("chunks");
  if (auto found = differences(reassembled, decode_offline(reassembled, Cut::whole)); !found.empty())
    failures.push_back({recording.id, "raw response of the stream, read again", std::move(found)});
  return failures;
}

}  // namespace lllm::test
