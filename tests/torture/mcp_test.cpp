// Fault 89 for the MCP client: its session begins and a call is made while memory, or a system call, fails.
#include <atomic>
#include <thread>

#include "tests/mcp/http_world.hpp"
#include "tests/support/sanitizer.hpp"
#include "tests/torture/torture.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

/// A first call, with all that begins a session, and one beside it.
class McpScene final : public Scene {
 public:
  explicit McpScene(McpClientOptions options) : client_(loop.get_executor(), std::move(options)) {}
  asio::awaitable<void> work() override {
    auto call = client_.call_tool("echo", words("hello"));
    const ToolResult result = co_await std::move(call);
    text_ = result.text;
  }
  [[nodiscard]] int count() const override { return 2; }
  void check_success() override { CHECK(text_ == "hello"); }
  void check_after() override { CHECK(said(loop, client_, "echo", words("after")) == "after"); }

 private:
  std::string text_;
  McpClient client_;
};

/// A server on a thread of its own, whose memory and calls do not fail.
class McpInThread {
 public:
  McpInThread() : world_(loop_), thread_([this] { loop_.run(); }) {}
  ~McpInThread() {
    loop_.stop();
    thread_.join();
  }
  McpInThread(const McpInThread&) = delete;
  McpInThread& operator=(const McpInThread&) = delete;
  [[nodiscard]] McpClientOptions options() const { return world_.options(); }

 private:
  asio::io_context loop_{1};
  McpOverHttp world_;
  std::thread thread_;
};

void torture_child(Torture how) {
  torture_all([&] { return std::make_unique<McpScene>(scripted()); }, how);
}

void torture_http(Torture how) {
  const McpInThread server;
  torture_all([&] { return std::make_unique<McpScene>(server.options()); }, how);
}

Torture allocations(long stride) {
  Torture how;
  how.stride = stride;
  how.least = 50;
  return how;
}

}  // namespace

TEST_SUITE("torture") {
  TEST_CASE("fault 89: every allocation of an MCP call fails once, with a child") {
    if (under_thread_sanitizer) LLLM_SKIP("ThreadSanitizer brings its own allocator");
    torture_child(allocations(7));
  }
  TEST_CASE("fault 89: every allocation of an MCP call fails once, over HTTP") {
    if (under_thread_sanitizer) LLLM_SKIP("ThreadSanitizer brings its own allocator");
    torture_http(allocations(7));
  }
  TEST_CASE("every system call of an MCP call fails once, with a child and over HTTP") {
    Torture how;
    how.what = Failing::system_call;
    torture_child(how);
    torture_http(how);
  }
}
