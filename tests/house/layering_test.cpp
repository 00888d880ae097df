// A file includes downwards only: the arrows of the design, checked on every #include line under lllm/.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/skip.hpp"

namespace {

namespace fs = std::filesystem;

// What each layer may include directly; what those may include comes with them. `cli` sees everything.
const std::map<std::string, std::vector<std::string>> arrows = {
    {"base", {}},
    {"formats", {"base"}},
    {"core", {"base"}},
    {"wires", {"formats", "core"}},
    {"async", {"base"}},
    {"runtime", {"formats", "core", "async"}},
    {"net", {"formats", "async"}},
    {"invokers", {"wires", "net"}},
    {"tools", {"net", "runtime"}},
    {"mcp", {"net", "runtime"}},
    {"agent", {"invokers", "tools", "mcp"}},
    {"testing", {"net", "wires"}},
    {"cli", {"agent", "testing"}},
};

// Layers that do no I/O, and what would be I/O. `core` names awaitable, for a tool's function and for sinks.
const std::set<std::string> pure_layers = {"base", "formats", "core", "wires"};
const std::vector<std::string> io_headers = {"boost/asio/",  "boost/beast/", "fstream", "filesystem",
                                             "sys/socket.h", "netdb.h",      "fcntl.h", "thread"};
const std::set<std::string> pure_asio = {"boost/asio/awaitable.hpp", "boost/asio/error.hpp"};

struct Include {
  std::string file;  // "lllm/core/tool.hpp"
  int line = 0;
  std::string target;  // what stands between the quotes or brackets

  [[nodiscard]] std::string where() const {
    return file + ':' + std::to_string(line) + ": includes " + target;
  }
};

bool starts_with_any(const std::string& text, const std::vector<std::string>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const std::string& prefix) { return text.starts_with(prefix); });
}

// "core" of "lllm/core/tool.hpp"; empty for what lies directly in lllm/ or elsewhere.
std::string layer_of(const std::string& path) {
  if (!path.starts_with("lllm/")) return {};
  const auto slash = path.find('/', 5);
  return slash == path.npos ? std::string() : path.substr(5, slash - 5);
}

std::vector<Include> includes_of(const fs::path& root, const fs::path& source) {
  std::vector<Include> found;
  std::ifstream file(source);
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    const auto hash = line.find_first_not_of(" \t");
    if (hash == line.npos || line[hash] != '#') continue;
    const auto word = line.find_first_not_of(" \t", hash + 1);
    if (word == line.npos || line.compare(word, 7, "include") != 0) continue;
    const auto open = line.find_first_of("\"<", word);
    const auto close = open == line.npos ? open : line.find_first_of("\">", open + 1);
    if (close == line.npos) continue;
    found.push_back({fs::relative(source, root).string(), number, line.substr(open + 1, close - open - 1)});
  }
  return found;
}

// Every #include line under lllm/, by file.
std::map<std::string, std::vector<Include>> all_includes() {
  const auto root = lllm::test::source_root();
  std::map<std::string, std::vector<Include>> all;
  for (const auto& entry : fs::recursive_directory_iterator(root / "lllm")) {
    const auto& path = entry.path();
    if (path.extension() == ".hpp" || path.extension() == ".cpp")
      all[fs::relative(path, root).string()] = includes_of(root, path);
  }
  return all;
}

// `layer` and all that its arrows lead to.
std::set<std::string> reachable_from(const std::string& layer) {
  std::set<std::string> reached = {layer};
  for (const auto& next : arrows.at(layer)) reached.merge(reachable_from(next));
  return reached;
}

}  // namespace

TEST_SUITE("house/layering") {
  TEST_CASE("every file under lllm/ includes downwards only") {
    const auto all = all_includes();
    REQUIRE(all.size() > 10);
    for (const auto& [file, includes] : all) {
      const auto layer = layer_of(file);
      if (layer.empty() || layer == "pch") continue;
      if (!arrows.contains(layer)) {
        FAIL_CHECK(file << ": '" << layer << "' is no layer of the design");
        continue;
      }
      const auto allowed = reachable_from(layer);
      for (const auto& include : includes) {
        const auto target = layer_of(include.target);
        if (include.target.starts_with("lllm/pch/")) FAIL_CHECK(include.where() << " (the build does that)");
        if (include.target == "lllm/lllm.hpp") {
          if (layer != "cli") FAIL_CHECK(include.where() << " (that is for users: it includes every layer)");
        } else if (!target.empty() && target != "pch" && !allowed.contains(target)) {
          FAIL_CHECK(include.where() << ": no arrow leads from " << layer << " to " << target);
        }
      }
    }
  }

  TEST_CASE("base, formats, core and wires include nothing that does I/O") {
    for (const auto& [file, includes] : all_includes()) {
      if (!pure_layers.contains(layer_of(file))) continue;
      for (const auto& include : includes)
        if (starts_with_any(include.target, io_headers) && !pure_asio.contains(include.target))
          FAIL_CHECK(include.where() << ": bytes in, bytes out is the rule there");
    }
  }

  TEST_CASE("no header of ours leads to Beast, and every include names an existing file") {
    const auto all = all_includes();
    for (const auto& [file, includes] : all) {
      for (const auto& include : includes)
        if (include.target.starts_with("lllm/") && !fs::exists(lllm::test::source_root() / include.target))
          FAIL_CHECK(include.where() << ", which does not exist");
      if (!file.ends_with(".hpp")) continue;
      // Follow the includes from this header; report the line that leaves for Beast.
      std::set<std::string> seen = {file};
      std::vector<std::string> open = {file};
      while (!open.empty()) {
        const auto current = open.back();
        open.pop_back();
        const auto lines = all.find(current);
        if (lines == all.end()) continue;
        for (const auto& include : lines->second) {
          if (include.target.starts_with("boost/beast"))
            FAIL_CHECK(include.where() << ", seen from " << file);
          if (seen.insert(include.target).second) open.push_back(include.target);
        }
      }
    }
  }
}
