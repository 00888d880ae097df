#include <doctest/doctest.h>

#include "lllm/runtime/load.hpp"
#include "tests/invokers/fake_world.hpp"
#include "tests/runtime/support.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

/// Reloads the packages at the first chunk: while the call is in flight.
class Reloading final : public BaseStreamHandler {
 public:
  explicit Reloading(Runtime& runtime) : runtime_(runtime) {}
  asio::awaitable<void> handle_chunk(std::string_view, const StreamChunk&) override {
    if (changed != 0) co_return;
    auto reloading = runtime_.reload();
    const auto report = co_await std::move(reloading);
    changed = report.changed.size();
  }
  std::size_t changed = 0;

 private:
  Runtime& runtime_;
};

}  // namespace

TEST_SUITE("agent/prompt_version") {
  TEST_CASE("a result names its prompt and the version: a reload during the call is for the next one") {
    const TempDir dir;
    dir.write("lllm.toml", "[package]\nname = 'demo'\n[prompts]\n");
    dir.write("prompts/greet.md", "Greet {name}.");
    Runtime runtime;
    load_runtime_blocking(runtime, only(dir.path()));
    const auto greet = [&] {
      Dialog dialog;
      dialog.put_prompt(runtime.get_prompt("greet").value(), {{"name", "Ada"}});
      return dialog;
    };
    const auto before = runtime.get_prompt("greet").value()->content_hash();
    dir.write("prompts/greet.md", "Welcome {name}.");

    FakeWorld f;
    Reloading reloading(runtime);
    const auto first = run_on(
        f.loop, f.invoker.call(greet(), "openai/gpt-4o-mini", CallOptions().stream_handler(&reloading)));
    CHECK(reloading.changed == 1);
    CHECK(first.prompt_ref == "demo.prompts:greet");
    CHECK(first.prompt_hash == before);

    const auto second = run_on(f.loop, f.invoker.call(greet(), "openai/gpt-4o-mini"));
    CHECK(second.prompt_ref == "demo.prompts:greet");
    CHECK(second.prompt_hash == runtime.get_prompt("greet").value()->content_hash());
    CHECK(second.prompt_hash != before);

    Dialog plain;
    plain.put_text("Hello");
    CHECK(run_on(f.loop, f.invoker.call(plain, "openai/gpt-4o-mini")).prompt_ref.empty());
  }
}
