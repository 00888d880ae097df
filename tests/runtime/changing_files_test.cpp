// Fault 107: packages that change while they are loaded.
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include "lllm/runtime/load.hpp"
#include "lllm/runtime/watch.hpp"
#include "tests/runtime/support.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

namespace fs = std::filesystem;

void put(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

/// The file system, with somebody at work in it: `change` runs before a file of this name is read.
class Meddler : public FileSource {
 public:
  Meddler(std::string before, std::function<void()> change, int most_times = 1'000'000)
      : before_(std::move(before)), change_(std::move(change)), left_(most_times) {}
  Result<FileContents> read(const std::string& path, std::int64_t limit) const override {
    if (path.ends_with(before_) && left_-- > 0) change_();
    return FileSource::read(path, limit);
  }

 private:
  std::string before_;
  std::function<void()> change_;
  mutable std::atomic<int> left_;
};

/// A project of two versions: every file says `version`.
void write_version(const fs::path& folder, const std::string& version) {
  put(folder / "lllm.toml",
      "[package]\nname='demo'\nversion='" + version +
          "'\n[prompts]\n[configs]\n[dependencies]\npackages=['../current/x','../current/y']\n");
  put(folder / "prompts/a.md", version);
  put(folder / "prompts/z.md", version);
}

/// One reader at a time, so that what is read before and after a change is the same in every run.
LoadOptions one_at_a_time(const fs::path& folder) {
  auto options = only(folder / "demo");
  options.parallelism = 1;
  return options;
}

/// `demo` depends on two packages by a link to the folder of the version that is current.
struct Project {
  TempDir dir;
  Project() {
    write_version(path() / "demo", "old");
    for (const std::string version : {"old", "new"})
      for (const std::string name : {"x", "y"}) {
        put(path() / version / name / "lllm.toml", "[package]\nname='" + name + "'\n[prompts]\n");
        put(path() / version / name / "prompts/p.md", version);
      }
    fs::create_directory_symlink("old", path() / "current");
  }
  [[nodiscard]] const fs::path& path() const { return dir.path(); }
  void make_current(const std::string& version) const {
    fs::create_directory_symlink(version, path() / "next");
    fs::rename(path() / "next", path() / "current");
  }
};

}  // namespace

TEST_SUITE("runtime/changing files") {
  TEST_CASE("fault 107: files that are swapped during a load are loaded again, all of one version") {
    const Project project;
    auto options = one_at_a_time(project.path());
    // prompts/a.md has been read when z.md's turn comes.
    options.files = std::make_shared<Meddler>(
        "demo/prompts/z.md", [&] { write_version(project.path() / "demo", "new"); }, 1);
    Runtime runtime;
    const auto report = load_runtime_blocking(runtime, options);
    CHECK(report.packages.front().version == "new");
    CHECK(runtime.get_prompt("demo:a").value()->prompt == "new");
    CHECK(runtime.get_prompt("demo:z").value()->prompt == "new");
  }

  TEST_CASE("fault 107: a link that leads elsewhere in the middle of a load gives no mix of both places") {
    const Project project;
    auto options = one_at_a_time(project.path());
    options.files = std::make_shared<Meddler>("old/x/lllm.toml", [&] { project.make_current("new"); }, 1);
    Runtime runtime;
    load_runtime_blocking(runtime, options);
    CHECK(runtime.get_prompt("x:p").value()->prompt == "new");
    CHECK(runtime.get_prompt("y:p").value()->prompt == "new");
  }

  TEST_CASE("fault 107: what never comes to rest is an error that names it, and the old version stays") {
    struct Case {
      const char* changed;  // what the error names
      const char* before;   // the file whose turn it is
      std::function<void(const fs::path&, int)> change;
    };
    const auto numbered = [](int n) { return std::to_string(n); };
    const Case cases[] = {
        {"prompts/a.md", "demo/prompts/z.md",
         [&](const fs::path& root, int n) { put(root / "demo/prompts/a.md", numbered(n)); }},
        {"demo/lllm.toml", "demo/prompts/z.md",
         [&](const fs::path& root, int n) { write_version(root / "demo", numbered(n)); }},
        {"demo/prompts", "demo/prompts/z.md",
         [&](const fs::path& root, int n) { put(root / ("demo/prompts/n" + numbered(n) + ".md"), "n"); }},
        {"demo/prompts", "demo/prompts/a.md",
         [&](const fs::path& root, int n) {
           fs::rename(root / ("demo/prompts/b" + numbered(n - 1) + ".md"),
                      root / ("demo/prompts/b" + numbered(n) + ".md"));
         }},
        {"current/", "demo/prompts/z.md",
         [&](const fs::path& root, int n) {
           const auto next = "version" + numbered(n);
           fs::copy(root / "old", root / next, fs::copy_options::recursive);
           fs::create_directory_symlink(next, root / "next");
           fs::rename(root / "next", root / "current");
         }},
        {"demo", "demo/prompts/z.md",
         [&](const fs::path& root, int n) {
           put(root / ("demo/lllm_packages/s" + numbered(n) + "/lllm.toml"),
               "[package]\nname='s" + numbered(n) + "'\n");
         }},
    };
    for (const auto& each : cases) {
      CAPTURE(each.changed);
      CAPTURE(each.before);
      const Project project;
      put(project.path() / "demo/prompts/b0.md", "b");
      auto options = one_at_a_time(project.path());
      options.project_packages = true;
      std::atomic<int> turn = -1;  // not yet
      options.files = std::make_shared<Meddler>(each.before, [&] {
        if (turn >= 0) each.change(project.path(), ++turn);
      });
      Runtime runtime;
      load_runtime_blocking(runtime, options);
      REQUIRE(runtime.get_prompt("demo:a").value()->prompt == "old");

      turn = 0;
      Runtime fresh;
      const auto failed = error_of([&] { load_runtime_blocking(fresh, options); });
      CHECK(failed.kind() == ErrorKind::io_failed);
      CHECK(contains(failed.message(), each.changed));
      CHECK(contains(failed.message(), "changed while the packages were loaded"));
      CHECK(fresh.size() == 0);
      CHECK(turn.load() > 1);
    }
  }

  TEST_CASE("fault 107: a folder that appears after it was looked for is loaded with the rest") {
    const Project project;
    auto options = one_at_a_time(project.path());
    options.files = std::make_shared<Meddler>(
        "demo/prompts/z.md", [&] { put(project.path() / "demo/configs/c.toml", "a = 1"); }, 1);
    Runtime runtime;
    load_runtime_blocking(runtime, options);
    CHECK(runtime.has("demo.configs:c"));
  }

  TEST_CASE("fault 107: a reload amid changes publishes nothing; the next one has all of them") {
    const Project project;
    std::atomic<int> turn = -1;
    auto options = one_at_a_time(project.path());
    options.files = std::make_shared<Meddler>("demo/prompts/z.md", [&] {
      if (turn >= 0) write_version(project.path() / "demo", "version " + std::to_string(++turn));
    });
    Runtime runtime;
    load_runtime_blocking(runtime, options);
    turn = 0;
    write_version(project.path() / "demo", "version 0");
    const auto failed = error_of([&] { run_to_end(runtime.reload()); });
    CHECK(contains(failed.message(), "changed while the packages were loaded"));
    CHECK(runtime.get_prompt("demo:a").value()->prompt == "old");
    CHECK(runtime.get_prompt("demo:z").value()->prompt == "old");
    const auto last = "version " + std::to_string(turn);
    turn = -1;
    CHECK(run_to_end(runtime.reload()).published);
    CHECK(runtime.get_prompt("demo:a").value()->prompt == last);
    CHECK(runtime.get_prompt("demo:z").value()->prompt == last);
  }

  TEST_CASE("fault 107: a file removed during a load is gone from it, and is no error") {
    const Project project;
    auto options = one_at_a_time(project.path());
    options.files = std::make_shared<Meddler>(
        "demo/prompts/z.md",
        [&] {
          fs::remove(project.path() / "demo/prompts/a.md");
          fs::remove(project.path() / "demo/prompts/z.md");
        },
        1);
    Runtime runtime;
    CHECK(load_runtime_blocking(runtime, options).errors.empty());
    CHECK(runtime.keys() == std::vector<std::string>{"x.prompts:p", "y.prompts:p"});
  }

  TEST_CASE("fault 107: a watch that found files in motion looks again when they are at rest") {
    const Project project;
    auto options = one_at_a_time(project.path());
    // As often as one reload tries: no event comes from the new folder, which it does not watch yet.
    std::atomic<int> turn = 0;
    options.files = std::make_shared<Meddler>(
        "deep/z.md",
        [&] { put(project.path() / "demo/prompts/deep/a.md", "version " + std::to_string(++turn)); }, 3);
    Runtime runtime;
    load_runtime_blocking(runtime, options);

    asio::io_context loop;
    asio::cancellation_signal stop;
    asio::steady_timer give_up(loop, std::chrono::seconds(30));
    give_up.async_wait([&](boost::system::error_code) { stop.emit(asio::cancellation_type::terminal); });
    std::vector<std::string> failures;
    WatchOptions watching;
    watching.debounce = std::chrono::milliseconds(20);
    watching.on_change = [&](const WatchEvent& event) {
      if (event.failure) failures.push_back(event.failure->message());
      if (event.report.published) {
        give_up.cancel();
      } else if (!event.failure) {
        // Made elsewhere: the new folder comes with both files, and in one event.
        put(project.path() / "made/a.md", "version 0");
        put(project.path() / "made/z.md", "z");
        fs::rename(project.path() / "made", project.path() / "demo/prompts/deep");
      }
    };
    asio::co_spawn(loop, runtime.watch(watching),
                   asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
    loop.run();
    REQUIRE(failures.size() == 1);
    CHECK(contains(failures.front(), "deep/a.md' changed while the packages were loaded"));
    REQUIRE(runtime.has("demo.prompts:deep/a"));
    CHECK(runtime.get_prompt("demo:deep/a").value()->prompt == "version 3");
  }

  TEST_CASE("an editor's swap file and a config that nobody has read do not disturb a load") {
    const Project project;
    put(project.path() / "demo/lllm.toml", "[package]\nname='demo'\n[prompts]\n[configs]\n");
    put(project.path() / "demo/configs/c.toml", "a = 1");
    std::atomic<int> turn = 0;
    auto options = one_at_a_time(project.path());
    options.files = std::make_shared<Meddler>("demo/prompts/z.md", [&] {
      ++turn;
      put(project.path() / "demo/prompts/.a.md.swp", "");
      put(project.path() / "demo/configs/c.toml", "a = " + std::to_string(turn + 1));
    });
    Runtime runtime;
    load_runtime_blocking(runtime, options);
    CHECK(turn.load() == 1);
    CHECK(run_to_end(load_config("c", runtime)) == json::value(json::object{{"a", 2}}));
  }
}
