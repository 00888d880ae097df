#include "lllm/runtime/sharing.hpp"

#include <filesystem>
#include <fstream>
#include <map>

#include <archive.h>
#include <archive_entry.h>
#include <doctest/doctest.h>

#include "lllm/runtime/load.hpp"
#include "tests/runtime/support.hpp"
#include "tests/support/skip.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

struct ZipEntry {
  std::string path;
  std::string bytes;
  std::string link = {};
  unsigned mode = 0644;
};

std::string make_zip(const TempDir& dir, const std::vector<ZipEntry>& entries) {
  const auto path = (dir.path() / "made.zip").string();
  archive* writer = archive_write_new();
  archive_write_set_format_zip(writer);
  REQUIRE(archive_write_open_filename(writer, path.c_str()) == ARCHIVE_OK);
  for (const auto& each : entries) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, each.path.c_str());
    archive_entry_set_perm(entry, each.mode);
    archive_entry_set_filetype(entry, each.link.empty() ? AE_IFREG : AE_IFLNK);
    if (!each.link.empty()) archive_entry_set_symlink(entry, each.link.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(each.link.empty() ? each.bytes.size() : 0));
    REQUIRE(archive_write_header(writer, entry) == ARCHIVE_OK);
    if (each.link.empty()) archive_write_data(writer, each.bytes.data(), each.bytes.size());
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  return path;
}

ShareOptions in(const TempDir& dir) {
  ShareOptions options;
  options.project = (dir.path() / "project").string();
  options.home = (dir.path() / "home").string();
  return options;
}

const ZipEntry manifest{"lllm.toml", "[package]\nname='shared'\nversion='2'\n[prompts]\n"};

/// Everything below a folder, files with what they hold.
std::map<std::string, std::string> tree_of(const std::filesystem::path& folder) {
  std::map<std::string, std::string> tree;
  if (!std::filesystem::exists(folder)) return tree;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    tree[entry.path().string()] =
        entry.is_regular_file() ? read_file_blocking(entry.path().string()).value().bytes : "";
  return tree;
}

/// The error for a zip, once it is sure that nothing was written: not where it says, and nowhere else, be it
/// new or in the place of an installed package.
Error refusal(const TempDir& dir, const std::string& zip, const ShareOptions& options) {
  const auto before = tree_of(dir.path());
  const auto installed = install_package(zip, options);
  REQUIRE(installed.has_error());
  CHECK(tree_of(dir.path()) == before);
  CHECK_FALSE(std::filesystem::exists("/tmp/lllm-evil"));
  CHECK_FALSE(std::filesystem::exists("..\\evil"));

  const TempDir other;
  auto replacing = options;
  replacing.project = (other.path() / "project").string();
  replacing.home = (other.path() / "home").string();
  REQUIRE(install_package(make_zip(other, {manifest, {"prompts/p.md", "installed"}}), in(other)).has_value());
  replacing.replace = true;
  const auto with_package = tree_of(other.path());
  CHECK(install_package(zip, replacing).has_error());
  CHECK(tree_of(other.path()) == with_package);
  return installed.error();
}

}  // namespace

TEST_SUITE("runtime/sharing") {
  TEST_CASE("a package is exported, installed, listed, loaded under its alias and removed") {
    const TempDir dir;
    dir.write(
        "src/lllm.toml",
        "[package]\nname='shared'\nversion='2'\n[prompts]\n[dependencies]\npackages=['../base as b']\n");
    dir.write("src/prompts/p.md", "text");
    dir.write("src/.secret", "no");
    dir.write("base/lllm.toml", "[package]\nname='base'\n[prompts]\n");
    dir.write("base/prompts/q.md", "base");
    const auto zip = (dir.path() / "out.zip").string();
    const auto entries = export_package((dir.path() / "src").string(), zip);
    REQUIRE(entries.has_value());
    CHECK(*entries == std::vector<std::string>{"bundled/base/lllm.toml", "bundled/base/prompts/q.md",
                                               "lllm.toml", "prompts/p.md"});
    auto options = in(dir);
    options.alias = "mine";
    const auto installed = install_package(zip, options);
    REQUIRE(installed.has_value());
    CHECK(installed->name == "shared");
    CHECK(installed->alias == "mine");
    CHECK(install_package(zip, options).error().kind() == ErrorKind::resource_conflict);
    options.replace = true;
    CHECK(install_package(zip, options).has_value());
    REQUIRE(list_packages(options).value().size() == 1);

    dir.write("project/lllm.toml", "[package]\nname='app'\n");
    auto load = only(dir.path() / "project");
    load.project_packages = true;
    Runtime runtime;
    load_runtime_blocking(runtime, load);
    CHECK(runtime.get_prompt("shared:p").value()->prompt == "text");
    CHECK(runtime.get_prompt("mine:p").value()->prompt == "text");
    CHECK(runtime.get_prompt("b:q").value()->prompt == "base");

    CHECK(remove_package("shared", options).has_value());
    CHECK(remove_package("shared", options).error().kind() == ErrorKind::resource_not_found);
    CHECK(list_packages(options).value().empty());
  }

  TEST_CASE("the newsroom survives the journey through a zip") {
    const TempDir dir;
    const auto zip = (dir.path() / "n.zip").string();
    REQUIRE(export_package((source_root() / "examples/packages/newsroom").string(), zip).has_value());
    auto options = in(dir);
    options.scope = ShareScope::user;
    const auto installed = install_package(zip, options);
    REQUIRE(installed.has_value());
    Runtime runtime;
    CHECK(load_runtime_blocking(runtime, only(installed->folder)).packages.size() == 4);
  }

  TEST_CASE("fault 103: zip-slip in every spelling is refused, and nothing is written") {
    for (const std::string path :
         {"../evil", "a/../../evil", "/tmp/lllm-evil", "..\\evil", "C:\\evil", "a//b", "./x"}) {
      CAPTURE(path);
      const TempDir dir;
      CHECK(refusal(dir, make_zip(dir, {manifest, {path, "x"}}), in(dir)).kind() == ErrorKind::bad_resource);
    }
  }

  TEST_CASE("fault 103: a symbolic link in a zip is refused") {
    const TempDir dir;
    CHECK(contains(refusal(dir, make_zip(dir, {manifest, {"prompts", "", "/etc"}}), in(dir)).message(),
                   "link"));
  }

  TEST_CASE("fault 103: a zip bomb meets the limits") {
    const TempDir dir;
    auto options = in(dir);
    options.most_bytes = 1 << 20;
    const auto bomb = make_zip(dir, {manifest, {"assets/zeros", std::string(8 << 20, '\0')}});
    CHECK(refusal(dir, bomb, options).kind() == ErrorKind::limit_exceeded);
    std::vector<ZipEntry> many{manifest};
    for (int i = 0; i < 50; ++i) many.push_back({"prompts/" + std::to_string(i) + ".md", "x"});
    options.most_files = 20;
    CHECK(refusal(dir, make_zip(dir, many), options).kind() == ErrorKind::limit_exceeded);
  }

  TEST_CASE("fault 103: duplicate entries are refused, also when only their case differs") {
    const TempDir dir;
    CHECK(contains(refusal(dir, make_zip(dir, {manifest, {"a", "1"}, {"a", "2"}}), in(dir)).message(),
                   "twice"));
    CHECK(contains(refusal(dir, make_zip(dir, {manifest, {"a", "1"}, {"A", "2"}}), in(dir)).message(),
                   "twice"));
  }

  TEST_CASE(
      "fault 103: what replaces an installed package is there whole, and the old one is whole until then") {
    const TempDir dir;
    auto options = in(dir);
    const auto target = dir.path() / "project/lllm_packages/shared";
    REQUIRE(install_package(make_zip(dir, {manifest, {"prompts/old.md", "old"}}), options).has_value());
    options.replace = true;
    REQUIRE(install_package(make_zip(dir, {manifest, {"prompts/new.md", "new"}}), options).has_value());
    CHECK_FALSE(std::filesystem::exists(target / "prompts/old.md"));
    CHECK(read_file_blocking((target / "prompts/new.md").string()).value().bytes == "new");
    // Neither the staging folder nor the old package is left beside it.
    CHECK(std::distance(std::filesystem::directory_iterator(target.parent_path()), {}) == 1);
  }

  TEST_CASE("a damaged zip, one without a manifest and one with a bad manifest are refused") {
    const TempDir dir;
    CHECK(refusal(dir, dir.write("no.zip", "this is no zip").string(), in(dir)).kind() !=
          ErrorKind::internal);
    CHECK(contains(refusal(dir, make_zip(dir, {{"a/b", "x"}}), in(dir)).message(), "lllm.toml"));
    CHECK(refusal(dir, make_zip(dir, {{"lllm.toml", "[package\n"}}), in(dir)).line() == 1);
    CHECK(refusal(dir, make_zip(dir, {{"lllm.toml", "[package]\nname='../x'\n"}}), in(dir)).kind() ==
          ErrorKind::bad_resource);
    const auto whole = make_zip(dir, {manifest, {"assets/a", std::string(100'000, 'x') + "y"}});
    std::filesystem::resize_file(whole, std::filesystem::file_size(whole) / 2);
    refusal(dir, whole, in(dir));
  }

  TEST_CASE("fault 120: installing executes nothing and leaves nothing executable") {
    const TempDir dir;
    const auto witness = dir.path() / "evil";
    const std::string script = "#!/bin/sh\ntouch " + witness.string() + "\n";
    const auto zip = make_zip(dir, {manifest,
                                    {"install.sh", script, {}, 0755},
                                    {"setup.py", script, {}, 0755},
                                    {"tools/t.py", script, {}, 0755},
                                    {"prompts/p.md", "x"}});
    const auto installed = install_package(zip, in(dir));
    REQUIRE(installed.has_value());
    CHECK_FALSE(std::filesystem::exists(witness));
    for (const auto& entry : std::filesystem::recursive_directory_iterator(installed->folder))
      if (entry.is_regular_file())
        CHECK((entry.status().permissions() & std::filesystem::perms(0111)) == std::filesystem::perms::none);
  }
}
