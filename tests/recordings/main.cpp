// Replays recorded exchanges: test_recordings [--list-failures] [--offline] [WIRE | ID | part of a path]…
// Each goes through the decoders alone and, unless --offline is given, from a loopback server through the
// real invoker; streams in one piece, in random pieces and byte by byte.
// The folder is $LLLM_RECORDINGS, or ../shared/recordings beside the checkout.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/recordings/served.hpp"
#include "tests/support/skip.hpp"

namespace lllm::test {
namespace {

struct Counts {
  int passed = 0;
  int failed = 0;
  int deviating = 0;
  int without_codec = 0;
};

bool is_wanted(const std::filesystem::path& file, const std::vector<std::string>& names) {
  if (names.empty()) return true;
  for (const auto& name : names)
    if (file.string().find(name) != std::string::npos) return true;
  return false;
}

void print(const std::vector<Failure>& failures) {
  for (const auto& failure : failures) {
    std::printf("  %s (%s)\n", failure.id.c_str(), failure.mode.c_str());
    for (const auto& line : failure.differences) std::printf("    %s\n", line.c_str());
  }
}

int run(const std::filesystem::path& folder, const std::vector<std::string>& names, bool list, bool offline) {
  Served served;
  std::map<std::string, std::string> deviations;
  for (auto& [id, why] : load_deviations(source_root() / "tests/recordings/deviations.toml"))
    deviations[id] = why;
  std::map<std::string, Counts> wires;
  std::set<std::string> needless = {};
  for (const auto& file : recording_files(folder)) {
    if (!is_wanted(file, names)) continue;
    const Recording recording = load_recording(file);
    Counts& counts = wires[recording.wire];
    const Codec* codec = find_codec(recording.wire);
    if (codec == nullptr) {
      ++counts.without_codec;
      continue;
    }
    auto failures = check_offline(*codec, recording);
    if (!offline)
      for (auto& failure : served.check(recording)) failures.push_back(std::move(failure));
    if (failures.empty()) {
      ++counts.passed;
      if (deviations.contains(recording.id)) needless.insert(recording.id);
    } else if (const auto argued = deviations.find(recording.id); argued != deviations.end()) {
      ++counts.deviating;
      if (list) std::printf("  %s: deviation: %s\n", recording.id.c_str(), argued->second.c_str());
    } else {
      ++counts.failed;
      if (list) print(failures);
    }
  }

  Counts all;
  for (const auto& [wire, counts] : wires) {
    std::printf("%-20s %4d passed %4d failed", wire.c_str(), counts.passed, counts.failed);
    if (counts.deviating > 0) std::printf(" %4d argued deviations", counts.deviating);
    if (counts.without_codec > 0) std::printf(" %4d not run: no codec for this wire", counts.without_codec);
    std::printf("\n");
    all.passed += counts.passed + counts.deviating;
    all.failed += counts.failed;
  }
  for (const auto& id : needless) std::printf("deviations.toml names %s, which passes\n", id.c_str());
  std::printf("%d passed, %d failed\n", all.passed, all.failed);
  return all.failed == 0 && all.passed > 0 ? 0 : 1;
}

}  // namespace
}  // namespace lllm::test

int main(int argc, char** argv) {
  try {
    std::vector<std::string> names;
    bool list = false;
    bool offline = false;
    for (int i = 1; i < argc; ++i) {
      const std::string argument = argv[i];
      if (argument == "--list-failures")
        list = true;
      else if (argument == "--offline")
        offline = true;
      else if (argument.starts_with("-"))
        std::fprintf(stderr, "test_recordings: unknown option '%s' is ignored\n", argument.c_str());
      else
        names.push_back(argument);
    }
    const char* named = std::getenv("LLLM_RECORDINGS");
    std::filesystem::path folder = named != nullptr ? named : "";
    if (folder.empty() && !lllm::test::shared_dir().empty()) folder = lllm::test::shared_dir() / "recordings";
    if (folder.empty() || !std::filesystem::is_directory(folder)) {
      std::fprintf(stderr, "test_recordings: no recordings: '%s' is no folder (set LLLM_RECORDINGS)\n",
                   folder.c_str());
      return 2;
    }
    return lllm::test::run(folder, names, list, offline);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "test_recordings: %s\n", failure.what());
    return 2;
  }
}
