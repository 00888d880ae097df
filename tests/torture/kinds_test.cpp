// Fault 89 for what is more than a call, or none: a turn of an agent, declared tools, the load of a package.
#include <thread>

#include <doctest/doctest.h>

#include "lllm/agent/agent.hpp"
#include "tests/invokers/world.hpp"
#include "tests/support/fake_in_thread.hpp"
#include "tests/support/sanitizer.hpp"
#include "tests/support/skip.hpp"
#include "tests/tools/support.hpp"
#include "tests/torture/torture.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

struct Query {
  std::string q;
};
BOOST_DESCRIBE_STRUCT(Query, (), (q))

/// A streamed turn with two tools side by side, one of which makes a call of its own.
class TurnScene final : public Scene {
 public:
  explicit TurnScene(FakeInThread& provider)
      : invoker_(loop.get_executor(), towards(provider->base_url()).max_retries(0).observe(ledger)) {
    agent_.stream_handler = &sink_;
    agent_.options.deadline(60s);
    agent_.tools = {Tool::from<Query>("plain", "", [](const Query& query) { return "found " + query.q; }),
                    Tool::from<Query>("ask", "", [this](Query) -> asio::awaitable<std::string> {
                      Dialog dialog;
                      dialog.put_text("inner");
                      auto call = invoker_.call(std::move(dialog), World::model);
                      const InvokeResult result = co_await std::move(call);
                      co_return result.message.text();
                    })};
    // valijson does not look whether it got memory: see ARCHITECTURE.md.
    for (const Tool& tool : agent_.tools) CHECK(tool.parameters().validate({{"q", "a"}}).has_value());
    agent_.receive("go");
  }
  /// What the model says.
  static FakeReply answer(const FakeRequest& request) {
    if (request.last_user_text == "inner") return FakeReply("inner words");
    if (request.tool_results > 0) return FakeReply("all told");
    FakeReply reply = FakeReply::call("plain", {{"q", "a"}});
    reply.tool_calls.emplace_back("c2", "ask", R"({"q":"b"})");
    return reply;
  }
  asio::awaitable<void> work() override {
    auto turn = agent_.respond();
    const Message answer = co_await std::move(turn);
    text_ = answer.text();
  }
  // A tool that fails for lack of memory is the model's to hear of: the turn may go on.
  void check_success() override { CHECK(text_ == "all told"); }
  void check_after() override {
    // As before the turn, or with its answer.
    if (agent_.dialog().tail().role == Role::assistant) agent_.receive("again");
    CHECK(agent_.dialog().tail().role == Role::user);
    CHECK(run_on(loop, agent_.respond()).text() == "all told");
  }

 private:
  Collector sink_;
  std::string text_;
  LiteLLMInvoker invoker_;
  Agent agent_{"a", invoker_, World::model};
};

/// A tool of a package, called once; a failure may also be told to the model.
class ToolScene : public Scene {
 public:
  ToolScene(Tool tool, std::string wanted) : tool_(std::move(tool)), wanted_(std::move(wanted)) {}
  asio::awaitable<void> work() override {
    auto call = tool_.call({{"text", "hello"}});
    result_ = co_await std::move(call);
  }
  void check_success() override {
    if (!result_.is_error) CHECK(result_.text == wanted_);
    if (result_.is_error) CHECK_FALSE(result_.text.empty());
  }
  void check_after() override { CHECK(run_on(loop, tool_.call({{"text", "hello"}})).text == wanted_); }

 private:
  Tool tool_;
  std::string wanted_;
  ToolResult result_;
};

/// Loads a package of several sections; what its helper threads do may fail as well.
class LoadScene final : public Scene {
 public:
  explicit LoadScene(const std::filesystem::path& folder) : folder_(folder) {}
  asio::awaitable<void> work() override {
    auto loading = load_runtime(runtime_, only(folder_));
    report_ = co_await std::move(loading);
  }
  // Whole, or with an error that says what is missing.
  void check_success() override {
    if (report_.errors.empty()) check_whole();
  }
  void check_after() override {
    report_ = run_on(loop, load_runtime(runtime_, only(folder_)));
    CHECK(report_.errors.empty());
    check_whole();
  }

 private:
  void check_whole() const {
    CHECK(report_.resources == std::map<std::string, std::size_t>{{"config", 1}, {"prompt", 2}});
    CHECK(runtime_.get_prompt("one").has_value());
    CHECK(runtime_.get_prompt("two").has_value());
  }
  const std::filesystem::path& folder_;
  Runtime runtime_;
  LoadReport report_;
};

/// A tool over HTTP whose client is there, for Asio's strands do not survive that their making fails: another
/// tool's call, which reaches nobody, makes it.
class HttpToolScene final : public ToolScene {
 public:
  HttpToolScene(const Tool& nowhere, const Tool& tool, const std::string& wanted) : ToolScene(tool, wanted) {
    CHECK(run_on(loop, nowhere.call({{"text", "hello"}})).is_error);
    loop.restart();
  }
};

const std::string declared =
    "description = 'A tool.'\n[parameters]\nrequired = ['text']\n[parameters.properties.text]\ntype = "
    "'string'\n";

Tool tool_of(DemoPackage& package) {
  const auto report = package.load();
  REQUIRE_MESSAGE(report.errors.empty(), (report.errors.empty() ? "" : report.errors.front().to_string()));
  return package.runtime.get_tool("tool").value();
}

void torture_turn(Torture how) {
  FakeInThread provider;
  provider.respond_with(TurnScene::answer);
  torture_all([&] { return std::make_unique<TurnScene>(provider); }, how);
}

void torture_program(Torture how) {
  DemoPackage package("tools/tool.toml", declared + "[exec]\nargv = ['cat']\n");
  const Tool tool = tool_of(package);
  torture_all([&] { return std::make_unique<ToolScene>(tool, R"({"text":"hello"})"); }, how);
}

void torture_request(Torture how) {
  asio::io_context loop(1);
  HttpServer server(loop.get_executor(), echo_request);
  std::thread serving([&loop] { loop.run(); });
  {
    const auto tool_at = [](const std::string& url) {
      DemoPackage package("tools/tool.toml", declared + "[http]\nmethod = 'POST'\nurl = '" + url +
                                                 "/items'\nprivate_addresses = true\nresult = '/body'\n");
      return tool_of(package);
    };
    const Tool nowhere = tool_at("http://127.0.0.1:1");
    const Tool tool = tool_at(server.url());
    torture_all([&] { return std::make_unique<HttpToolScene>(nowhere, tool, R"({"text":"hello"})"); }, how);
  }
  loop.stop();
  serving.join();
}

void torture_load(Torture how) {
  const TempDir dir;
  // Without a tool: valijson, which compiles their schemas, does not look whether it got memory.
  dir.write("lllm.toml", "[package]\nname = 'demo'\n[prompts]\n[configs]\n");
  dir.write("prompts/one.md", "One.");
  dir.write("prompts/two.md", "Two {{x}}.");
  dir.write("configs/agent.yaml", "model: openai/gpt-4o-mini\n");
  const std::filesystem::path folder = dir.path();
  how.where = Where::everywhere;
  torture_all([&] { return std::make_unique<LoadScene>(folder); }, how);
}

Torture allocations(long stride) {
  Torture how;
  how.stride = stride;
  how.least = 50;
  return how;
}

Torture calls() {
  Torture how;
  how.what = Failing::system_call;
  return how;
}

}  // namespace

TEST_SUITE("torture") {
  TEST_CASE("fault 89: every allocation of a turn with tools fails once") {
    if (under_thread_sanitizer) LLLM_SKIP("ThreadSanitizer brings its own allocator");
    torture_turn(allocations(7));
  }
  TEST_CASE("fault 89: every allocation of a tool that runs a program fails once") {
    if (under_thread_sanitizer) LLLM_SKIP("ThreadSanitizer brings its own allocator");
    torture_program(allocations(3));
  }
  TEST_CASE("fault 89: every allocation of a tool that calls over HTTP fails once") {
    if (under_thread_sanitizer) LLLM_SKIP("ThreadSanitizer brings its own allocator");
    torture_request(allocations(3));
  }
  TEST_CASE("fault 89: every allocation of a load fails once, on whichever thread") {
    if (under_thread_sanitizer) LLLM_SKIP("ThreadSanitizer brings its own allocator");
    torture_load(allocations(17));
  }
  TEST_CASE("every system call of a turn, of a tool of each kind and of a load fails once") {
    torture_turn(calls());
    torture_program(calls());
    torture_request(calls());
    torture_load(calls());
  }
}
