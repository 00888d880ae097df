#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "tests/recordings/replay.hpp"

/// What every wire's codec must do, whatever it speaks. A wire's test file calls codec_contract() with
/// samples of its own; the recordings need not be there.
namespace lllm::test {

struct ContractSample {
  std::string_view stream;            ///< a whole stream, with its end mark
  std::string_view text;              ///< the words of the answer in it
  std::string_view whole;             ///< the same answer unstreamed
  std::string_view without_end_mark;  ///< the stream, cut off before its end mark
};

inline Recording made_recording(std::string wire, bool streaming, std::string_view body, int status = 200) {
  Recording recording;
  recording.id = "made";
  recording.wire = std::move(wire);
  recording.provider = "made";
  recording.streaming = streaming;
  recording.status = status;
  recording.body = body;
  return recording;
}

inline Outcome decode(std::string wire, bool streaming, std::string_view body, Cut cut = Cut::whole,
                      std::uint64_t seed = 1) {
  REQUIRE(find_codec(wire) != nullptr);
  return decode_offline(made_recording(std::move(wire), streaming, body), cut, seed);
}

inline void codec_contract(const std::string& wire, const ContractSample& sample) {
  const Outcome expected = decode(wire, true, sample.stream);
  REQUIRE_MESSAGE(!expected.error, (expected.error ? expected.error->to_string() : ""));
  CHECK(expected.message.text() == sample.text);
  const json::value message = to_json_value(expected.message);

  // Cut anywhere.
  const Outcome bytewise = decode(wire, true, sample.stream, Cut::bytes);
  REQUIRE(!bytewise.error);
  CHECK(to_json_value(bytewise.message) == message);
  CHECK(bytewise.text_chunks == expected.text_chunks);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Outcome again = decode(wire, true, sample.stream, Cut::random, seed);
    REQUIRE(!again.error);
    CHECK(to_json_value(again.message) == message);
  }

  // A streamed and an unstreamed reply are equal.
  const Outcome whole = decode(wire, false, sample.whole);
  REQUIRE_MESSAGE(!whole.error, (whole.error ? whole.error->to_string() : ""));
  CHECK(to_json_value(whole.message) == message);

  // Early end.
  const Outcome early = decode(wire, true, sample.without_end_mark);
  REQUIRE(early.error);
  CHECK(early.error->kind() == ErrorKind::incomplete_reply);
  CHECK(early.message.text() == sample.text);

  // Cut off at any byte: one outcome, never a crash, and nothing that is not in the answer.
  for (std::size_t length = 0; length < sample.stream.size(); length += 3) {
    const Outcome part = decode(wire, true, sample.stream.substr(0, length));
    CHECK(sample.text.starts_with(part.message.text()));
  }

  // Error bodies of any shape.
  const Codec* codec = find_codec(wire);
  const Error refused = codec->decode_error(401, R"({"error":{"message":"Bad key.","type":"t"}})");
  CHECK(refused.kind() == ErrorKind::authentication);
  CHECK(refused.status() == 401);
  for (const std::string_view body :
       {"", "<html>no</html>", "{", "null", "[]", "\xFF\xFE", "{\"error\":null}"}) {
    CAPTURE(body);
    CHECK(codec->decode_error(500, body).kind() == ErrorKind::provider_error);
  }
  const std::string huge(std::size_t{10} << 20, 'x');
  CHECK(codec->decode_error(400, huge).provider_text().size() < 10'000);
}

}  // namespace lllm::test
