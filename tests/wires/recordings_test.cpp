// Every recorded exchange through framer and decoder, offline. `./dev test recordings` does the same one by
// one and shows what differs.
#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>

#include "tests/recordings/replay.hpp"
#include "tests/support/skip.hpp"

using namespace lllm;
using namespace lllm::test;

// Wires that must pass; the program reports the others.
static const std::set<std::string> held_wires{"anthropic-messages", "bedrock-converse", "cohere-chat",
                                              "gemini-generate",    "openai-chat",      "openai-responses"};

TEST_SUITE("wires/recordings") {
  TEST_CASE("every recorded answer decodes to what is expected of it, however a stream is cut") {
    LLLM_NEEDS_SHARED();
    std::map<std::string, std::string> deviations;
    for (auto& [id, why] : load_deviations(source_root() / "tests/recordings/deviations.toml"))
      deviations[id] = why;
    std::size_t count = 0;
    for (const auto& file : recording_files(shared_dir() / "recordings")) {
      const Recording recording = load_recording(file);
      const Codec* codec = find_codec(recording.wire);
      if (codec == nullptr || !held_wires.contains(recording.wire)) continue;
      ++count;
      if (deviations.contains(recording.id)) continue;
      for (const auto& failure : check_offline(*codec, recording)) {
        std::string what = failure.id + " (" + failure.mode + ")";
        for (const auto& line : failure.differences) what += "\n  " + line;
        FAIL_CHECK(what);
      }
    }
    CHECK(count > 0);
    CHECK(deviations.size() * 100 <= count);
  }
}
