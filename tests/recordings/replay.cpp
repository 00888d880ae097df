#include "tests/recordings/replay.hpp"

#include <algorithm>
#include <functional>
#include <random>

#include "lllm/formats/framer.hpp"
#include "lllm/wires/providers.hpp"
#include "tests/recordings/requests.hpp"

namespace lllm::test {
namespace {

Provider provider_of(const Recording& recording) {
  if (const Provider* known = find_provider(recording.provider);
      known != nullptr && known->wire == recording.wire)
    return *known;
  Provider provider;
  provider.name = recording.provider;
  provider.wire = recording.wire;
  return provider;
}

Outcome decode_whole(const Codec& codec, const Recording& recording) {
  Outcome outcome;
  auto result = codec.decode(provider_of(recording), recording.body);
  if (!result) {
    outcome.error = result.error();
    if (const auto partial = result.error().partial()) outcome.message = *partial;
    return outcome;
  }
  outcome.message = result->message;
  outcome.raw = result->raw_response();
  return outcome;
}

Outcome decode_stream(const Codec& codec, const Recording& recording, Cut cut, std::uint64_t seed) {
  Outcome outcome;
  const auto framer = make_framer(codec.framing());
  const auto decoder = codec.stream_decoder(provider_of(recording));
  std::vector<StreamChunk> chunks;
  StreamEvent event;
  const auto fail = [&](const Error& error) {
    outcome.error = error;
    outcome.message = decoder->partial();
  };
  // Every piece has memory of its own, so that a view that outlives it is seen by the address sanitizer.
  const auto drain = [&]() -> bool {
    for (;;) {
      const auto more = framer->next(event);
      if (!more) return fail(more.error()), false;
      if (!*more) return true;
      chunks.clear();
      const auto fed = decoder->feed(event, chunks);
      for (const auto& chunk : chunks)
        if (chunk.kind == ChunkKind::text && !chunk.content.empty()) ++outcome.text_chunks;
      if (!fed) return fail(fed.error()), false;
    }
  };
  std::size_t at = 0;
  for (const std::size_t length : pieces_of(recording.body.size(), cut, seed)) {
    const std::string piece = recording.body.substr(at, length);
    at += length;
    framer->feed(piece);
    if (!drain()) return outcome;
  }
  framer->end();
  if (!drain()) return outcome;
  auto result = decoder->finish();
  if (!result) return fail(result.error()), outcome;
  outcome.message = result->message;
  outcome.raw = result->raw_response();
  return outcome;
}

}  // namespace

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

Outcome decode_offline(const Codec& codec, const Recording& recording, Cut cut, std::uint64_t seed) {
  if (recording.status >= 400) {
    Outcome outcome;
    outcome.error = codec.decode_error(recording.status, recording.body);
    return outcome;
  }
  return recording.streaming ? decode_stream(codec, recording, cut, seed) : decode_whole(codec, recording);
}

std::vector<Failure> check_offline(const Codec& codec, const Recording& recording) {
  std::vector<Failure> failures;
  const auto check = [&](Cut cut, std::uint64_t seed, std::string mode) {
    const Outcome outcome = decode_offline(codec, recording, cut, seed);
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
  if (auto found = differences(reassembled, decode_whole(codec, reassembled)); !found.empty())
    failures.push_back({recording.id, "raw response of the stream, read again", std::move(found)});
  return failures;
}

}  // namespace lllm::test
