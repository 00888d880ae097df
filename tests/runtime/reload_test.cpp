#include <filesystem>
#include <fstream>

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

struct Demo {
  TempDir dir;
  Runtime runtime;
  Demo() {
    dir.write("lllm.toml",
              "[package]\nname='demo'\n[prompts]\n[configs]\n[dependencies]\npackages=['shared as s']\n");
    dir.write("prompts/one.md", "one");
    dir.write("prompts/two.md", "two");
    dir.write("configs/c.yaml", "a: 1\n");
    dir.write("shared/lllm.toml", "[package]\nname='shared'\n[prompts]\n");
    dir.write("shared/prompts/p.md", "p");
    load_runtime_blocking(runtime, only(dir.path()));
  }
  std::string text(const std::string& ref) { return runtime.get_prompt(ref).value()->prompt; }
};

/// Watches while a script of steps runs: each step changes files, then waits until its condition holds.
class WatchScript {
 public:
  explicit WatchScript(Demo& demo) : demo_(demo) {
    options_.debounce = std::chrono::milliseconds(20);
    options_.on_change = [this](const WatchEvent& event) {
      events.push_back(event);
      next();
    };
  }
  void step(std::function<void()> change, std::function<bool()> reached) {
    steps_.emplace_back(std::move(change), std::move(reached));
  }
  /// False when a step was not reached within half a minute.
  bool run() {
    asio::steady_timer give_up(context_, std::chrono::seconds(30));
    give_up.async_wait([this](boost::system::error_code ec) {
      if (!ec) stop_.emit(asio::cancellation_type::terminal);
    });
    asio::co_spawn(context_, demo_.runtime.watch(options_),
                   asio::bind_cancellation_slot(stop_.slot(), [&](std::exception_ptr e) {
                     ended_with = error_from(e).kind();
                     give_up.cancel();
                   }));
    context_.run();
    return at_ == steps_.size();
  }
  std::vector<WatchEvent> events;
  ErrorKind ended_with = ErrorKind::internal;

 private:
  void next() {
    if (at_ < steps_.size() && started_ && steps_[at_].second()) {
      ++at_;
      started_ = false;
    }
    if (at_ == steps_.size()) return stop_.emit(asio::cancellation_type::terminal);
    if (!started_) {
      started_ = true;
      steps_[at_].first();
    }
  }
  Demo& demo_;
  WatchOptions options_;
  asio::io_context context_{1};
  asio::cancellation_signal stop_;
  std::vector<std::pair<std::function<void()>, std::function<bool()>>> steps_;
  std::size_t at_ = 0;
  bool started_ = false;
};

}  // namespace

TEST_SUITE("runtime/reload") {
  TEST_CASE("a reload reads what changed, publishes it at once, and who holds the old version keeps it") {
    Demo demo;
    const auto held = demo.runtime.get_prompt("one").value();
    const auto untouched = demo.runtime.get_prompt("two").value();
    demo.dir.write("prompts/one.md", "one, again");
    demo.dir.write("prompts/three.md", "three");
    std::filesystem::remove(demo.dir.path() / "shared/prompts/p.md");
    const auto report = run_to_end(demo.runtime.reload());
    CHECK(report.published);
    CHECK(report.files_read == 2);
    CHECK(report.changed == std::vector<std::string>{"demo.prompts:one", "demo.prompts:three", "s.prompts:p",
                                                     "shared.prompts:p"});
    CHECK(held->prompt == "one");
    CHECK(demo.text("one") == "one, again");
    CHECK(held->content_hash() != demo.runtime.get_prompt("one").value()->content_hash());
    CHECK(demo.runtime.get_prompt("two").value() == untouched);
    CHECK_FALSE(demo.runtime.has("shared.prompts:p"));
  }

  TEST_CASE("a reload with nothing new publishes nothing") {
    Demo demo;
    const auto report = run_to_end(demo.runtime.reload());
    CHECK_FALSE(report.published);
    CHECK(report.files_read == 0);
    CHECK(report.changed.empty());
  }

  TEST_CASE("fault 107: a reload with a bad file publishes nothing and says why; mended, it goes on") {
    Demo demo;
    demo.dir.write("prompts/one.md", "changed");
    demo.dir.write("prompts/two.md", "---\na: [\n---\n");
    const auto error = error_of([&] { run_to_end(demo.runtime.reload()); });
    CHECK(error.kind() == ErrorKind::bad_resource);
    CHECK(contains(error.to_string(), "two.md:"));
    CHECK(demo.text("one") == "one");  // all or nothing
    CHECK(demo.text("two") == "two");
    demo.dir.write("lllm.toml", "[package\n");
    CHECK(contains(error_of([&] { run_to_end(demo.runtime.reload()); }).file(), "lllm.toml"));
    CHECK(demo.text("one") == "one");
    demo.dir.write("lllm.toml", "[package]\nname='demo'\n[prompts]\n");
    demo.dir.write("prompts/two.md", "two, mended");
    run_to_end(demo.runtime.reload());
    CHECK(demo.text("one") == "changed");
    CHECK(demo.text("two") == "two, mended");
    CHECK_FALSE(demo.runtime.has("shared.prompts:p"));  // no longer a dependency
  }

  TEST_CASE("a config that was in use is read by the reload, one that was not stays lazy") {
    Demo demo;
    CHECK(run_to_end(load_config("c", demo.runtime)).at("a") == 1);
    demo.dir.write("configs/c.yaml", "a: [half writt");
    CHECK(error_of([&] { run_to_end(demo.runtime.reload()); }).kind() == ErrorKind::bad_resource);
    CHECK(demo.runtime.get_config("c").value().at("a") == 1);
    demo.dir.write("configs/c.yaml", "a: 22\n");
    run_to_end(demo.runtime.reload());
    CHECK(demo.runtime.get_config("c").value().at("a") == 22);
  }

  TEST_CASE("a broken file that was known does not stop later reloads") {
    Demo demo;
    demo.dir.write("bad/lllm.toml", "[package]\nname='bad'\n[prompts]\n");
    demo.dir.write("bad/prompts/broken.md", "---\na: [\n---\n");
    demo.dir.write("bad/prompts/good.md", "good");
    Runtime runtime;
    CHECK(load_runtime_blocking(runtime, only(demo.dir.path() / "bad")).errors.size() == 1);
    demo.dir.write("bad/prompts/good.md", "better");
    CHECK(run_to_end(runtime.reload()).published);
    CHECK(runtime.get_prompt("good").value()->prompt == "better");
  }

  TEST_CASE("what C++ code registered stays through a reload") {
    Demo demo;
    demo.runtime.register_prompt(Prompt("mine", "x"), "demo.prompts");
    demo.dir.write("prompts/one.md", "changed");
    run_to_end(demo.runtime.reload());
    CHECK(demo.text("mine") == "x");
  }
}

TEST_SUITE("runtime/watch") {
  TEST_CASE("changes are seen: a write, a rename over, a half-written file, a deleted folder, a new one") {
    Demo demo;
    WatchScript script(demo);
    const auto prompts = demo.dir.path() / "prompts";
    script.step([&] { demo.dir.write("prompts/one.md", "written"); },
                [&] { return demo.text("one") == "written"; });
    script.step(
        [&] {
          demo.dir.write("prompts/.one.md.swp", "renamed over");
          std::filesystem::rename(prompts / ".one.md.swp", prompts / "one.md");
        },
        [&] { return demo.text("one") == "renamed over"; });
    script.step([&] { demo.dir.write("prompts/one.md", "---\ntools: [half"); },
                [&] { return script.events.back().failure && demo.text("one") == "renamed over"; });
    script.step([&] { demo.dir.write("prompts/one.md", "whole"); },
                [&] { return demo.text("one") == "whole"; });
    script.step([&] { std::filesystem::remove_all(demo.dir.path() / "prompts"); },
                [&] {
                  return script.events.back().failure &&
                         contains(script.events.back().failure->message(), "gone") &&
                         demo.text("one") == "whole";
                });
    script.step(
        [&] {
          demo.dir.write("prompts/one.md", "back");
          demo.dir.write("prompts/deep/er/new.md", "new");
        },
        [&] { return demo.text("one") == "back" && demo.runtime.has("demo.prompts:deep/er/new"); });
    script.step([&] { demo.dir.write("prompts/deep/er/new.md", "newer"); },
                [&] { return demo.text("deep/er/new") == "newer"; });
    CHECK(script.run());
    CHECK(script.ended_with == ErrorKind::cancelled);
  }
}
