// Every kept input, and a thousand small changes of the kept inputs, through every fuzz target.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.hpp"
#include "tests/support/skip.hpp"

namespace {

namespace fs = std::filesystem;

std::vector<std::string> corpus_of(std::string_view target) {
  std::vector<fs::path> files;
  const auto folder = lllm::test::source_root() / "tests/fuzz/corpus" / target;
  if (fs::is_directory(folder))
    for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> inputs;
  for (const auto& path : files) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    inputs.push_back(std::move(bytes).str());
  }
  return inputs;
}

// A few bytes changed, dropped, doubled or taken from elsewhere in the input.
std::string mutated(std::string input, std::mt19937& random) {
  const auto below = [&](std::size_t limit) { return limit == 0 ? 0 : random() % limit; };
  for (auto changes = 1 + below(4); changes > 0 && !input.empty(); --changes) {
    const auto at = below(input.size());
    const auto length = 1 + below(std::min<std::size_t>(input.size() - at, 16));
    switch (below(4)) {
      case 0:
        input[at] = static_cast<char>(below(256));
        break;
      case 1:
        input.erase(at, length);
        break;
      case 2:
        input.insert(at, std::string(input, at, length));
        break;
      default:
        input.insert(below(input.size()), std::string(input, at, length));
    }
  }
  return input;
}

}  // namespace

TEST_SUITE("fuzz") {
  TEST_CASE("every fuzz target takes its kept inputs, whole and damaged") {
    REQUIRE(!lllm::test::fuzz_targets().empty());
    for (const auto& target : lllm::test::fuzz_targets()) {
      const std::string name(target.name);
      CAPTURE(name);
      const auto corpus = corpus_of(target.name);
      CHECK_MESSAGE(!corpus.empty(), "tests/fuzz/corpus/" << name << " has no seed");
      std::mt19937 random(1);  // the same changes each time
      for (const auto& input : corpus) {
        target.run(input);
        for (std::size_t i = 0; i < 1000 / corpus.size(); ++i) target.run(mutated(input, random));
      }
      target.run("");
    }
  }
}
