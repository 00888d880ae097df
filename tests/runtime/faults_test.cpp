// Faults 96 to 108 and 113 to 116, as a load of real files meets them.
#include <atomic>
#include <cerrno>
#include <semaphore>
#include <tuple>

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lllm/runtime/load.hpp"
#include "tests/runtime/support.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

/// A package "demo" with prompts, configs and assets from `files`.
LoadReport load_demo(const TempDir& dir, Runtime& runtime) {
  dir.write("lllm.toml", "[package]\nname='demo'\n[prompts]\n[configs]\n[assets]\n");
  return load_runtime_blocking(runtime, only(dir.path()));
}

std::string message_of(const std::vector<Error>& errors, std::size_t index) {
  return index < errors.size() ? errors[index].to_string() : std::string();
}

}  // namespace

TEST_SUITE("runtime/faults") {
  TEST_CASE("fault 96: a malformed file is an error with ref, file and line; everything else loads") {
    const TempDir dir;
    dir.write("prompts/bad.md", "---\ntools: [a\n---\nx");
    dir.write("prompts/wrong.md", "---\ndescription: d\nformat:\n  type: 3\ntools: 5\n---\nx");
    dir.write("prompts/good.md", "x");
    dir.write("configs/bad.yaml", "a: 1\n b: 2\n");
    dir.write("configs/bad2.toml", "a = \n");
    dir.write("configs/bad3.json", "{\n\"a\":}");
    Runtime runtime;
    const auto report = load_demo(dir, runtime);
    REQUIRE(report.errors.size() == 3);
    CHECK(contains(message_of(report.errors, 0), "prompts/bad.md:"));
    CHECK(contains(message_of(report.errors, 1), "prompts/wrong.md:"));
    CHECK(contains(message_of(report.errors, 2), "prompts/wrong.md:5:"));
    CHECK(runtime.get_prompt("good").has_value());
    const auto bad = runtime.get_prompt("bad").error();
    CHECK(bad.kind() == ErrorKind::bad_resource);
    CHECK(contains(bad.message(), "demo.prompts:bad"));
    CHECK(contains(bad.file(), "prompts/bad.md"));
    CHECK(bad.line() >= 2);
    for (const auto& [ref, file, line] :
         {std::tuple("bad", "bad.yaml", 2), std::tuple("bad2", "bad2.toml", 1),
          std::tuple("bad3", "bad3.json", 2)}) {
      CAPTURE(ref);
      const auto error = error_of([&, r = std::string(ref)] { run_to_end(load_config(r, runtime)); });
      CHECK(error.kind() == ErrorKind::bad_resource);
      CHECK(contains(error.message(), std::string("demo.configs:") + ref));
      CHECK(contains(error.file(), file));
      CHECK(error.line() == line);
    }
  }

  TEST_CASE("a lazy load that failed is tried again, and concurrent readers share one load") {
    const TempDir dir;
    dir.write("configs/c.yaml", "a: [\n");
    Runtime runtime;
    load_demo(dir, runtime);
    CHECK(error_of([&] { run_to_end(load_config("c", runtime)); }).kind() == ErrorKind::bad_resource);
    dir.write("configs/c.yaml", "a: 1\n");
    CHECK(run_to_end(load_config("c", runtime)).at("a") == 1);

    // A load ends when all who want it have asked.
    std::atomic<int> loads{0};
    std::atomic<bool> fail{true};
    std::binary_semaphore all_asked(0);
    ResourceNode::Parts parts;
    parts.ns = "demo.configs";
    parts.path = "slow";
    parts.type = "config";
    runtime.register_node(ResourceNode::lazy(parts, [&]() -> Result<ResourceValue> {
      ++loads;
      all_asked.acquire();
      if (fail) return Error(ErrorKind::io_failed, "not yet");
      return ResourceValue::of(json::value(7));
    }));
    const auto read_by_many = [&] {
      asio::io_context context(1);
      int good = 0, bad = 0;
      for (int i = 0; i < 50; ++i)
        asio::co_spawn(context, load_config("slow", runtime),
                       [&](std::exception_ptr e, json::value) { ++(e ? bad : good); });
      asio::post(context, [&] { all_asked.release(); });
      context.run();
      return std::pair(good, bad);
    };
    CHECK(read_by_many() == std::pair(0, 50));
    CHECK(loads == 1);
    fail = false;
    CHECK(read_by_many() == std::pair(50, 0));
    CHECK(loads == 2);
    CHECK(run_to_end(load_config("slow", runtime)) == 7);
    CHECK(loads == 2);
  }

  TEST_CASE("fault 97: duplicate keys are errors at their second place") {
    const TempDir dir;
    dir.write("prompts/dup.md", "---\na: 1\na: 2\n---\nx");
    Runtime runtime;
    const auto report = load_demo(dir, runtime);
    REQUIRE(report.errors.size() == 1);
    CHECK(contains(message_of(report.errors, 0), "prompts/dup.md:3:1: "));
  }

  TEST_CASE("fault 98: a package that depends on itself, and a long cycle, end and are reported") {
    const TempDir dir;
    dir.write("self/lllm.toml", "[package]\nname='self'\n[dependencies]\npackages=['.']\n");
    Runtime runtime;
    const auto report = load_runtime_blocking(runtime, only(dir.path() / "self"));
    CHECK(report.packages.size() == 1);
    REQUIRE(report.warnings.size() == 1);
    CHECK(report.warnings[0].message == "dependency cycle: self -> self");
    for (int i = 0; i < 300; ++i)
      dir.write("p" + std::to_string(i) + "/lllm.toml",
                "[dependencies]\npackages=['../p" + std::to_string((i + 1) % 300) + "']\n");
    Runtime other;
    const auto long_report = load_runtime_blocking(other, only(dir.path() / "p0"));
    CHECK(long_report.packages.size() == 300);
    REQUIRE(long_report.warnings.size() == 1);
    std::string path = "dependency cycle: ";
    for (int i = 0; i < 300; ++i) path += "p" + std::to_string(i) + " -> ";
    CHECK(long_report.warnings[0].message == path + "p0");
    CHECK(contains(long_report.warnings[0].to_string(), "/p299/lllm.toml:2:"));
  }

  TEST_CASE("fault 99: a diamond is loaded once, also when its sides name it by different paths") {
    const TempDir dir;
    dir.write("top/lllm.toml", "[package]\nname='top'\n[dependencies]\npackages=['../left','../right']\n");
    dir.write("left/lllm.toml", "[package]\nname='left'\n[dependencies]\npackages=['../bottom']\n");
    dir.write("right/lllm.toml",
              "[package]\nname='right'\n[dependencies]\npackages=['../link/./lllm.toml as b']\n");
    dir.write("bottom/lllm.toml", "[package]\nname='bottom'\n[prompts]\n");
    dir.write("bottom/prompts/p.md", "x");
    std::filesystem::create_directory_symlink(dir.path() / "bottom", dir.path() / "link");
    Runtime runtime;
    const auto report = load_runtime_blocking(runtime, only(dir.path() / "top"));
    CHECK(report.packages.size() == 4);
    CHECK(report.files_read == 1);
    CHECK(runtime.get_prompt("b:p").value() == runtime.get_prompt("bottom:p").value());
  }

  TEST_CASE("fault 101: a loop of symbolic links is an error that names the folder") {
    const TempDir dir;
    dir.write("prompts/sub/p.md", "x");
    std::filesystem::create_directory_symlink("..", dir.path() / "prompts/sub/up");
    std::filesystem::create_symlink("self.md", dir.path() / "prompts/self.md");
    Runtime runtime;
    const auto report = load_demo(dir, runtime);
    REQUIRE(report.errors.size() == 2);
    const auto all = message_of(report.errors, 0) + message_of(report.errors, 1);
    CHECK(contains(all, "sub/up"));
    CHECK(contains(all, "self.md"));
    CHECK(runtime.get_prompt("sub/p").has_value());
  }

  TEST_CASE("fault 104: a huge file, a FIFO and a device are errors that name them") {
    const TempDir dir;
    dir.write("prompts/huge.md", "");
    REQUIRE(::truncate((dir.path() / "prompts/huge.md").c_str(), std::int64_t{1} << 38) == 0);
    REQUIRE(::mkfifo((dir.path() / "prompts/fifo.md").c_str(), 0600) == 0);
    std::filesystem::create_symlink("/dev/zero", dir.path() / "prompts/zero.md");
    dir.write("prompts/good.md", "x");
    Runtime runtime;
    const auto report = load_demo(dir, runtime);
    REQUIRE(report.errors.size() == 3);
    CHECK(contains(message_of(report.errors, 0), "fifo.md"));
    CHECK(report.errors[1].kind() == ErrorKind::limit_exceeded);
    CHECK(contains(message_of(report.errors, 2), "zero.md"));
    CHECK(runtime.get_prompt("good").has_value());
  }

  TEST_CASE(
      "fault 105: a file that is not UTF-8 is an error with its line, a BOM is not part of the prompt") {
    const TempDir dir;
    dir.write("prompts/latin.md", "one\ncaf\xE9\n");
    dir.write("prompts/bom.md", "\xEF\xBB\xBFtext");
    dir.write("assets/raw.bin", std::string("\xFF\x00\xFE", 3));
    Runtime runtime;
    const auto report = load_demo(dir, runtime);
    REQUIRE(report.errors.size() == 1);
    CHECK(contains(message_of(report.errors, 0), "latin.md:2:1: "));
    CHECK(runtime.get_prompt("bom").value()->prompt == "text");
    CHECK(run_to_end(load_asset("raw.bin", runtime))->bytes.size() == 3);
  }

  TEST_CASE("fault 106: an unreadable file is an error that names it, the others load") {
    // The tests may run as root, who may read everything: the kernel's refusal is put in its place.
    class NoAccess : public FileSource {
     public:
      Result<FileContents> read(const std::string& path, std::int64_t limit) const override {
        if (!path.ends_with("secret.md")) return FileSource::read(path, limit);
        const boost::system::error_code denied(EACCES, boost::system::system_category());
        return Error(ErrorKind::io_failed, "cannot open '" + path + "': " + denied.message())
            .code(denied)
            .at(path);
      }
    };
    const TempDir dir;
    dir.write("prompts/secret.md", "x");
    dir.write("prompts/good.md", "x");
    std::filesystem::create_symlink("/nowhere/at/all", dir.path() / "prompts/dangling.md");
    Runtime runtime;
    dir.write("lllm.toml", "[package]\nname='demo'\n[prompts]\n");
    auto options = only(dir.path());
    options.files = std::make_shared<NoAccess>();
    const auto report = load_runtime_blocking(runtime, options);
    CHECK(runtime.get_prompt("good").has_value());
    for (const std::string name : {"dangling", "secret"}) {
      CAPTURE(name);
      const auto error = runtime.get_prompt(name).error();
      CHECK(error.kind() == ErrorKind::io_failed);
      CHECK(contains(error.to_string(), "prompts/" + name + ".md"));
    }
    CHECK(contains(runtime.get_prompt("secret").error().message(), "Permission denied"));
    CHECK(report.errors.size() == 2);
    auto strict = options;
    strict.strict = true;
    Runtime none;
    CHECK(error_of([&] { load_runtime_blocking(none, strict); }).kind() == ErrorKind::io_failed);
    CHECK(none.size() == 0);
  }

  TEST_CASE("fault 108: two files for one key, or keys that differ only in case, are errors naming both") {
    const TempDir dir;
    dir.write("prompts/a.md", "x");
    dir.write("prompts/a.txt", "y");
    dir.write("prompts/B.md", "x");
    dir.write("prompts/b.md", "y");
    dir.write("prompts/good.md", "x");
    Runtime runtime;
    const auto report = load_demo(dir, runtime);
    REQUIRE(report.errors.size() == 2);
    const auto all = message_of(report.errors, 0) + message_of(report.errors, 1);
    for (const auto* name : {"a.md", "a.txt", "B.md", "b.md"}) CHECK(contains(all, name));
    CHECK(runtime.get_prompt("a").error().kind() == ErrorKind::resource_conflict);
    CHECK(runtime.get_prompt("good").has_value());
  }

  TEST_CASE("fault 108: two packages of one name, and an alias that is a name, are errors naming both") {
    const TempDir dir;
    dir.write("root/lllm.toml", "[package]\nname='root'\n[dependencies]\npackages=['../x','../y']\n");
    dir.write("x/lllm.toml", "[package]\nname='same'\n");
    dir.write("y/lllm.toml", "[package]\nname='Same'\n");
    Runtime runtime;
    const auto error = error_of([&] { load_runtime_blocking(runtime, only(dir.path() / "root")); });
    CHECK(error.kind() == ErrorKind::resource_conflict);
    CHECK(contains(error.message(), "/x/lllm.toml"));
    CHECK(contains(error.message(), "/y/lllm.toml"));
    dir.write("y/lllm.toml", "[package]\nname='other'\n");
    dir.write("root/lllm.toml",
              "[package]\nname='root'\n[dependencies]\npackages=['../x as n','../y as n']\n");
    const auto alias = error_of([&] { load_runtime_blocking(runtime, only(dir.path() / "root")); });
    CHECK(alias.kind() == ErrorKind::resource_conflict);
    for (const auto* part : {"root/lllm.toml:4:", "'n'", "/x/lllm.toml", "/y/lllm.toml"})
      CHECK(contains(alias.to_string(), part));
    // An alias that is a package's own name, in other letters.
    dir.write("root/lllm.toml", "[package]\nname='root'\n[dependencies]\npackages=['../x','../y as SAME']\n");
    const auto name = error_of([&] { load_runtime_blocking(runtime, only(dir.path() / "root")); });
    CHECK(name.kind() == ErrorKind::resource_conflict);
    for (const auto* part : {"root/lllm.toml:4:", "'SAME'", "/x/lllm.toml", "/y/lllm.toml"})
      CHECK(contains(name.to_string(), part));
    CHECK(runtime.size() == 0);
  }

  TEST_CASE(
      "fault 108: two installed packages under one alias, or under another's name, are errors naming both") {
    const TempDir dir;
    dir.write("lllm.toml", "[package]\nname='root'\n");
    dir.write("lllm_packages/x/lllm.toml", "[package]\nname='x'\n");
    dir.write("lllm_packages/y/lllm.toml", "[package]\nname='y'\n");
    for (const auto& [of_x, of_y, taken] : {std::tuple("both", "Both", "'Both'"), std::tuple("y", "", "'y'"),
                                            std::tuple("", "Root", "'Root'")}) {
      CAPTURE(taken);
      dir.write("lllm_packages/x/.lllm-alias", of_x);
      dir.write("lllm_packages/y/.lllm-alias", of_y);
      auto options = only(dir.path());
      options.project_packages = true;
      Runtime runtime;
      const auto error = error_of([&] { load_runtime_blocking(runtime, options); });
      CHECK(error.kind() == ErrorKind::resource_conflict);
      CHECK(contains(error.message(), taken));
      CHECK(contains(error.message(), *of_y == '\0' ? "/x/lllm.toml" : "/y/lllm.toml"));
      CHECK(contains(error.message(), *of_y == 'R' ? dir.path().string() + "/lllm.toml" : "/lllm_packages/"));
      CHECK(runtime.size() == 0);
    }
  }

  TEST_CASE("fault 113: nothing in a package can switch TLS verification off") {
    // A package is data: what its files say lands in configs and metadata, which no transport reads.
    const TempDir dir;
    dir.write("prompts/p.md", "---\nverify: false\ninsecure: true\n---\nx");
    dir.write("configs/c.yaml", "tls: {verify: false}\n");
    Runtime runtime;
    load_demo(dir, runtime);
    const auto prompt = runtime.get_prompt("p").value();
    CHECK(prompt->metadata.size() == 2);
    CHECK(prompt->addon_args.empty());
    CHECK(prompt->mcp_servers.empty());
  }

  TEST_CASE("fault 114 and 115: an alias bomb and deep nesting in a package's files meet limits") {
    const TempDir dir;
    std::string bomb = "---\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 12; ++i) {
      bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
      for (int j = 0; j < 9; ++j) bomb += "*a" + std::to_string(i - 1) + ",";
      bomb += "x]\n";
    }
    dir.write("prompts/bomb.md", bomb + "---\nx");
    dir.write("configs/deep1.json", std::string(100'000, '['));
    dir.write("configs/deep2.yaml", std::string(100'000, '['));
    Runtime runtime;
    load_demo(dir, runtime);
    CHECK(runtime.get_prompt("bomb").error().kind() == ErrorKind::limit_exceeded);
    for (const auto* ref : {"deep1", "deep2"})
      CHECK(error_of([&] { run_to_end(load_config(ref, runtime)); }).kind() == ErrorKind::limit_exceeded);
  }

  TEST_CASE("fault 116: braces and format specifiers in values from a package's prompt are inert") {
    const TempDir dir;
    dir.write("prompts/p.md", "Say {what}.");
    Runtime runtime;
    load_demo(dir, runtime);
    CHECK(runtime.get_prompt("p").value()->render({{"what", "{{x}} %s {what}"}}).value() ==
          "Say {{x}} %s {what}.");
  }
}
