#include "lllm/invokers/handlers.hpp"

#include <doctest/doctest.h>

#include "tests/invokers/fake_world.hpp"

using namespace lllm;
using namespace lllm::test;

TEST_SUITE("invokers/handlers") {
  TEST_CASE("a channel is read pull-style, is bounded, and ends with the stream") {
    FakeWorld f;
    f.provider.script(FakeReply("one two three four five six"));
    auto channel = std::make_shared<ChannelHandler>(f.loop.get_executor(), 2);
    std::optional<InvokeResult> result;
    asio::co_spawn(f.loop,
                   f.invoker.call(question(), "openai/gpt-4o-mini", CallOptions().stream_handler(channel)),
                   [&](const std::exception_ptr&, InvokeResult value) { result = std::move(value); });
    std::string text;
    for (;;) {
      const auto chunk = run_on(f.loop, channel->async_receive());
      if (!chunk) break;
      text += chunk->content;
    }
    CHECK(text == "one two three four five six");
    while (!result) f.loop.run_one();
    CHECK(result->message.text() == text);
  }

  TEST_CASE("a channel whose reader has gone ends the call") {
    FakeWorld f;
    auto channel = std::make_shared<ChannelHandler>(f.loop.get_executor(), 1);
    channel->close();
    CHECK(f.failure(CallOptions().stream_handler(channel)).kind() == ErrorKind::cancelled);
  }

  TEST_CASE("a relay writes server-sent events, and a tee gives to several") {
    FakeWorld f;
    f.provider.script(FakeReply("one two"));
    std::string relayed;
    auto relay =
        std::make_shared<SseRelayHandler>([&relayed](std::string_view bytes) -> asio::awaitable<void> {
          relayed += bytes;
          return {};
        });
    Recorder recorder;
    auto tee = std::make_shared<TeeHandler>(std::vector<StreamHandlerPtr>{relay, &recorder});
    f.call(CallOptions().stream_handler(tee));
    CHECK(recorder.text == "one two");
    CHECK(relayed.starts_with(
        "data: {\"delta\":\"one\"}\n\ndata: {\"delta\":\" two\"}\n\nevent: done\ndata: {"));
  }
}
