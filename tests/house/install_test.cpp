// A stranger's first contact: installs what was built, and builds a ten-line program against it by
// pkg-config, by CMake and as a Meson subproject.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/shell.hpp"
#include "tests/support/skip.hpp"
#include "tests/support/temp_dir.hpp"

namespace {

namespace fs = std::filesystem;
using lllm::test::build_root;
using lllm::test::find_program;
using lllm::test::quoted;
using lllm::test::shell;
using lllm::test::source_root;

fs::path consumer() {
  return source_root() / "tests/house/consumer";
}

// Runs the lines as one script that stops at the first failure, and shows all it said if it failed.
std::string must(const std::string& script) {
  const auto result = shell("set -e\n" + script);
  CHECK_MESSAGE(result.status == 0, script << '\n' << result.output);
  return result.output;
}

// The library, the headers and their descriptions under `root`; returns the prefix. Nothing is rebuilt.
fs::path install_into(const fs::path& root) {
  must("DESTDIR=" + quoted(root) + " meson install -C " + quoted(build_root()) + " --no-rebuild --quiet");
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (entry.path().filename() == "include") return entry.path().parent_path();
  FAIL("no include folder was installed");
  return {};
}

fs::path folder_of(const fs::path& prefix, const char* file) {
  for (const auto& entry : fs::recursive_directory_iterator(prefix))
    if (entry.path().filename() == file) return entry.path().parent_path();
  FAIL(file << " was not installed");
  return {};
}

void check_greeting(const std::string& output) {
  CHECK_MESSAGE(output.find("consumer of lllm") != output.npos, output);
}

}  // namespace

TEST_SUITE("house/install") {
  TEST_CASE("an installed lllm serves a program built through pkg-config") {
    if (find_program("meson").empty() || find_program("pkg-config").empty())
      LLLM_SKIP("there is no meson or no pkg-config on PATH");
    const lllm::test::TempDir dir;
    const auto prefix = install_into(dir.path() / "root");
    const auto output =
        must("export PKG_CONFIG_PATH=" + quoted(folder_of(prefix, "lllm.pc")) + "\ncd " + quoted(dir.path()) +
             "\nflags=$(pkg-config --define-variable=prefix=" + quoted(prefix) + " --cflags --libs lllm)\n" +
             "c++ -std=c++20 " + quoted(consumer() / "main.cpp") + " $flags -o consumer\n./consumer");
    check_greeting(output);
  }

  TEST_CASE("an installed lllm serves a program built through CMake") {
    if (find_program("meson").empty() || find_program("cmake").empty())
      LLLM_SKIP("there is no meson or no cmake on PATH");
    const lllm::test::TempDir dir;
    const auto prefix = install_into(dir.path() / "root");
    const auto output =
        must("cd " + quoted(dir.path()) + "\ncmake -G Ninja -S " + quoted(consumer()) +
             " -B build -DCMAKE_PREFIX_PATH=" + quoted(prefix) + "\ncmake --build build\n./build/consumer");
    check_greeting(output);
  }

  // The subproject is configured whole; of its targets only the consumer is compiled. For the library stands
  // the archive that this build has made of the same sources, which would take minutes to compile once more.
  TEST_CASE("lllm serves as a Meson subproject") {
    if (find_program("meson").empty()) LLLM_SKIP("there is no meson on PATH");
    const lllm::test::TempDir dir;
    const auto project = dir.path() / "project";
    fs::create_directories(project / "subprojects");
    for (const auto* file : {"meson.build", "main.cpp"}) fs::copy(consumer() / file, project / file);
    fs::create_directory_symlink(source_root(), project / "subprojects/lllm");
    must("cd " + quoted(project) + "\nmeson setup build --wrap-mode=nodownload -Ddefault_library=static");
    fs::copy(build_root() / "lllm/liblllm.a", project / "build/subprojects/lllm/lllm/liblllm.a",
             fs::copy_options::overwrite_existing);
    const auto output = must("cd " + quoted(project) +
                             "/build\nninja -t commands consumer | grep -E 'consumer(\\.p/|$| )' | " +
                             "grep -v 'subprojects/lllm/lllm/liblllm.a.p' >steps\nsh -e steps\n./consumer");
    check_greeting(output);
  }
}
