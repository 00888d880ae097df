// What does JSON cost on the way to a provider and back? Escaping a prompt, beside copying it; reading one
// streamed chunk as the wires do, beside building it whole.
#include <cstddef>
#include <string>
#include <string_view>

#include "benchmarks/bench.hpp"
#include "lllm/base/json.hpp"
#include "lllm/base/json_reader.hpp"

namespace {

constexpr std::string_view chunk =
    R"({"id":"chatcmpl-B1x","object":"chat.completion.chunk","created":1740000000,"model":"gpt-4o-mini-2024-07-18",)"
    R"("service_tier":"default","system_fingerprint":"fp_0705bf87c0","choices":[{"index":0,"delta":{"content":" sky"},)"
    R"("logprobs":null,"finish_reason":null}],"usage":null})";

std::size_t read_selectively(lllm::TextArena& arena) {
  std::size_t found = 0;
  lllm::JsonReader in(chunk, arena);
  in.object([&](std::string_view key) {
    if (key != "choices") return;
    in.array([&] {
      in.object([&](std::string_view member) {
        if (member != "delta") return;
        in.object([&](std::string_view part) {
          if (part == "content") found += in.text().size();
        });
      });
    });
  });
  const bool whole = in.finish().has_value();
  arena.reset();
  return found + (whole ? 1 : 0);
}

}  // namespace

int main(int argc, char** argv) {
  bench::Report report("json", argc, argv);

  std::string prompt;
  while (prompt.size() < 4096) prompt += "Answer briefly, and name the \"source\" of each figure.\n";
  std::string out;
  const auto escape = [&] {
    out.clear();
    lllm::append_json_string(out, prompt);
    return out.size();
  };
  const auto copy = [&] {
    out.clear();
    out += prompt;
    return out.size() + static_cast<unsigned char>(out[prompt.size() / 2]);
  };
  report.rate("escape a 4 KiB prompt (limit: copy it)", "MB/CPU-s", static_cast<double>(prompt.size()) * 1e-6,
              escape, copy);

  lllm::TextArena arena;
  report.rate("read a streamed chunk, what is needed", "chunks/CPU-s", 1,
              [&] { return read_selectively(arena); });
  report.rate("read a streamed chunk, built whole", "chunks/CPU-s", 1, [&] {
    const auto value = lllm::parse_json(chunk);
    return value ? value->as_object().size() : 0;
  });
  return report.finish();
}
