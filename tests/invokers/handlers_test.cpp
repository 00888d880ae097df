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

  TEST_CASE("a relay whose reader has left lets go of the provider, whatever it waits for") {
    struct Relay {
      FakeWorld& f;
      asio::awaitable<void> serve(HttpResponder& responder) const {
        co_await responder.start(200, of_type("text/event-stream"));
        SseRelayHandler sink([&responder](std::string_view bytes) { return responder.write(bytes); });
        co_await f.invoker.call(question(), "openai/gpt-4o-mini", CallOptions().stream_handler(&sink));
      }
    };
    FakeWorld f;
    const Relay relay{f};
    HttpServer server(f.loop.get_executor(), [&relay](const HttpServerRequest&, HttpResponder& responder) {
      return relay.serve(responder);
    });
    HttpClient reader(f.loop.get_executor());
    FakeReply thinks("late");
    thinks.time_to_first_token = std::chrono::hours(1);
    f.provider.script(thinks);
    {
      const auto begun =
          run_on(f.loop, reader.send(HttpRequest("GET", {"http", "127.0.0.1", server.port()}, "/")));
      CHECK(begun.head().status == 200);
      while (f.provider.stats().in_flight == 0) f.loop.run_one_for(std::chrono::milliseconds(10));
    }  // and hangs up
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    f.loop.restart();
    while (f.provider.stats().connections > 0 && std::chrono::steady_clock::now() < end)
      f.loop.run_one_for(std::chrono::milliseconds(10));
    CHECK(f.provider.stats().in_flight == 0);
    CHECK(f.provider.stats().connections == 0);
    CHECK(f.invoker.stats().open == 0);
    CHECK(server.connections() == 0);
  }
}
