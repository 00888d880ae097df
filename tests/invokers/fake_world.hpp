#pragma once

#include <string>
#include <utility>

#include "lllm/testing/fake_provider.hpp"
#include "tests/invokers/world.hpp"

namespace lllm::test {

/// Collects and counts all that a handler is given.
struct Recorder final : BaseStreamHandler {
  std::string text, reasoning, arguments;
  int chunks = 0, starts = 0, finishes = 0;
  asio::awaitable<void> handle_chunk(std::string_view content, const StreamChunk&) override {
    text += content;
    ++chunks;
    return {};
  }
  asio::awaitable<void> handle_reasoning(std::string_view content, const StreamChunk&) override {
    reasoning += content;
    return {};
  }
  asio::awaitable<void> handle_tool_call(const StreamChunk& chunk) override {
    arguments += chunk.content;
    return {};
  }
  asio::awaitable<void> on_start() override {
    ++starts;
    return {};
  }
  asio::awaitable<void> on_finish(const InvokeResult&) override {
    ++finishes;
    return {};
  }
};

/// A fake provider and an invoker that calls it, on one loop.
struct FakeWorld {
  asio::io_context loop{1};
  FakeProvider provider{loop.get_executor()};
  LiteLLMInvoker invoker{loop.get_executor(), towards(provider.base_url())};

  InvokeResult call(CallOptions options = {}, const std::string& model = "openai/gpt-4o-mini") {
    return run_on(loop, invoker.call(question(), model, std::move(options)));
  }
  Error failure(CallOptions options = {}, const std::string& model = "openai/gpt-4o-mini") {
    return error_on(loop, invoker.call(question(), model, std::move(options)));
  }
};

}  // namespace lllm::test
