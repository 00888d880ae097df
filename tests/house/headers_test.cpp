// Each header compiles alone: whoever includes it first must not have to guess what it needs. So does the
// program in the README.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "lllm/base/json.hpp"
#include "tests/support/shell.hpp"
#include "tests/support/skip.hpp"

namespace {

namespace fs = std::filesystem;
using lllm::test::build_root;
using lllm::test::source_root;

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The headers that `meson install` would install, relative to the checkout.
std::vector<std::string> installed_headers() {
  const auto plan = lllm::parse_json(read(build_root() / "meson-info/intro-installed.json")).value();
  std::vector<std::string> headers;
  for (const auto& [source, target] : plan.as_object())
    if (source.ends_with(".hpp"))
      headers.push_back(fs::relative(std::string(source), source_root()).string());
  return headers;
}

std::vector<std::string> headers_under(const char* folder) {
  std::vector<std::string> headers;
  for (const auto& entry : fs::recursive_directory_iterator(source_root() / folder))
    if (entry.path().extension() == ".hpp")
      headers.push_back(fs::relative(entry.path(), source_root()).string());
  return headers;
}

// The flags that lllm.pc gives a user, with the checkout in place of the installed headers.
std::string user_flags() {
  std::istringstream lines(read(build_root() / "meson-private/lllm.pc"));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("Cflags:"))
      return "-I" + source_root().string() + line.substr(line.find("-I${includedir}") + 15);
  return {};
}

// The first C++ block of the README: what newcomers paste must compile.
std::string readme_program() {
  const auto text = read(source_root() / "README.md");
  const auto begin = text.find("```cpp\n");
  const auto end = text.find("\n```", begin);
  REQUIRE(end != text.npos);
  return text.substr(begin + 7, end - begin - 6);
}

// ninja compares dates, so what stays the same must not be touched.
void write_if_changed(const fs::path& path, const std::string& text) {
  if (read(path) != text) std::ofstream(path) << text;
}

// One edge per header; ninja runs them side by side, and again only when the header or what it includes
// changed.
std::string ninja_file(const std::vector<std::string>& headers) {
  std::string text =
      "rule alone\n  command = c++ -std=c++20 " + user_flags() +
      " -fsyntax-only -MD -MF $out.d -MT $out -include $header -x c++ /dev/null && touch $out\n"
      "  depfile = $out.d\n  deps = gcc\n";
  for (const auto& header : headers) {
    const auto out = header.starts_with('/') ? fs::path(header).filename().string() : header;
    text += "build " + out + ".ok: alone\n  header = " + header + '\n';
  }
  return text;
}

}  // namespace

TEST_SUITE("house/headers") {
  TEST_CASE("every installed header and the README's program compile with the flags that lllm.pc gives") {
    if (lllm::test::find_program("ninja").empty() || lllm::test::find_program("c++").empty())
      LLLM_SKIP("there is no ninja or no c++ on PATH");
    auto headers = installed_headers();
    REQUIRE(headers.size() > 5);
    // ./dev lint asks for the others too.
    if (std::getenv("LLLM_FULL") != nullptr)
      for (const auto* folder : {"lllm", "tests"})
        for (auto& header : headers_under(folder)) headers.push_back(std::move(header));
    std::erase_if(headers, [](const std::string& h) { return h.find("/pch/") != h.npos; });
    std::sort(headers.begin(), headers.end());
    headers.erase(std::unique(headers.begin(), headers.end()), headers.end());

    const auto folder = build_root() / "house-headers";
    fs::create_directories(folder);
    write_if_changed(folder / "readme.cpp", readme_program());
    headers.push_back((folder / "readme.cpp").string());
    write_if_changed(folder / "build.ninja", ninja_file(headers));
    const auto result = lllm::test::shell("cd " + lllm::test::quoted(folder) + " && ninja -k 0 --quiet -j 2");
    CHECK_MESSAGE(result.status == 0, result.output);
  }
}
