// Faults 80 to 83 for whole calls: after the n-th step of the loop, for every n, a call is cancelled, its
// invoker destroyed, its context stopped or destroyed.
#include <doctest/doctest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "lllm/net/certificates.hpp"
#include "tests/invokers/world.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

enum class Kind { streamed_tls, retried, pool_wait };
enum class Blow { cancel, destroy_invoker, stop_loop, destroy_loop };

const Certificate& certificate() {
  static const Certificate made = CertificateAuthority().issue();
  return made;
}

asio::awaitable<void> pause(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  auto wait = timer.async_wait(asio::as_tuple(asio::deferred));
  co_await std::move(wait);
}

asio::awaitable<void> stream_words(HttpResponder& responder) {
  co_await responder.start(200, of_type("text/event-stream"));
  for (const char* word : {"one", " two", " three"}) {
    const std::string event = chat_delta(word);
    co_await responder.write(event);
    co_await pause(1ms);
  }
  co_await responder.write(chat_end);
}

asio::awaitable<void> refuse_twice(int& requests, HttpResponder& responder) {
  HttpHeaders headers = of_type("application/json");
  if (++requests % 3 != 0) {
    headers.add("retry-after-ms", "1");
    return responder.send(503, std::move(headers), R"({"error":{"message":"busy"}})");
  }
  return responder.send(200, std::move(headers), chat_whole);
}

asio::awaitable<void> answer_late(HttpResponder& responder) {
  co_await pause(2ms);
  co_await responder.send(200, of_type("application/json"), chat_whole);
}

/// A sink that waits, so that there are steps inside it too.
struct Waiting final : BaseStreamHandler {
  asio::awaitable<void> handle_chunk(std::string_view, const StreamChunk&) override { return pause(1ms); }
};

struct Ended {
  int completions = 0;
  std::exception_ptr failure;
};

/// A world for one kind of call, and the calls that belong to it.
struct Scene {
  int requests = 0;
  Waiting sink;
  asio::cancellation_signal signal;
  Ended ended;    // of the call that is struck
  Ended another;  // of the one that holds the only connection
  std::unique_ptr<World> world;

  explicit Scene(Kind kind) {
    HttpServerOptions server;
    server.tls = kind == Kind::streamed_tls;
    if (server.tls) {
      server.certificate_pem = certificate().certificate_pem;
      server.private_key_pem = certificate().private_key_pem;
    }
    const auto answer = [this, kind](const HttpServerRequest&, HttpResponder& responder) {
      if (kind == Kind::streamed_tls) return stream_words(responder);
      if (kind == Kind::retried) return refuse_twice(requests, responder);
      return answer_late(responder);
    };
    world = std::make_unique<World>(
        answer,
        [kind](InvokerOptions& options) {
          HttpClientOptions http;
          http.proxies = ProxyRules();
          http.tls.ca_pem = certificate().ca_pem;
          if (kind == Kind::pool_wait) http.max_connections_per_origin = 1;
          options.http(http);
        },
        server);
    CallOptions options;
    options.deadline(60s);
    if (kind == Kind::streamed_tls) options.stream_handler(&sink);
    if (kind == Kind::pool_wait) start(another, options, nullptr);
    start(ended, options, &signal);
  }

  void start(Ended& into, const CallOptions& options, asio::cancellation_signal* cancel) {
    auto on_done = [&into](const std::exception_ptr& thrown, const InvokeResult&) {
      ++into.completions;
      into.failure = thrown;
    };
    auto call = world->invoker->call(question(), World::model, options);
    if (cancel == nullptr)
      asio::co_spawn(world->loop, std::move(call), std::move(on_done));
    else
      asio::co_spawn(world->loop, std::move(call),
                     asio::bind_cancellation_slot(cancel->slot(), std::move(on_done)));
  }
};

/// True when the call was over before the blow fell.
bool strike(Kind kind, Blow blow, int steps) {
  CAPTURE(steps);
  Scene scene(kind);
  for (int i = 0; i < steps && scene.ended.completions == 0; ++i) scene.world->loop.run_one_for(1s);
  const bool over = scene.ended.completions == 1;
  switch (blow) {
    case Blow::cancel:
      if (!over) asio::post(scene.world->loop, [&] { scene.signal.emit(asio::cancellation_type::terminal); });
      break;
    case Blow::destroy_invoker:
      scene.world->invoker.reset();
      break;
    case Blow::stop_loop:
      scene.world->loop.stop();
      break;
    case Blow::destroy_loop:
      scene.world.reset();
      CHECK(scene.ended.completions <= 1);
      return over;
  }
  CHECK(run_until(scene.world->loop, [&] { return scene.ended.completions == 1; }));
  const bool has_other = kind == Kind::pool_wait;
  CHECK(run_until(scene.world->loop, [&] { return scene.another.completions == (has_other ? 1 : 0); }));
  CHECK(scene.ended.completions == 1);
  if (blow == Blow::stop_loop) {  // stopping alone ends nothing: the calls go on when the loop does
    CHECK(!scene.ended.failure);
  } else if (scene.ended.failure) {
    bool ours = false;
    try {
      std::rethrow_exception(scene.ended.failure);
    } catch (const Exception& e) {
      ours = e.kind() == ErrorKind::cancelled;
      CHECK_MESSAGE(ours, e.what());
      CHECK(e.error().model() == World::model);
    } catch (const std::exception& e) {
      CHECK_MESSAGE(ours, e.what());
    }
  }
  if (blow == Blow::cancel) {
    // Nothing is left behind: what is open is idle, and fit for the next call.
    CHECK(run_until(scene.world->loop, [&] {
      const auto stats = scene.world->invoker->stats();
      return stats.open == stats.idle && stats.waiting == 0;
    }));
    CallOptions again;
    if (kind == Kind::streamed_tls) again.stream_handler(&scene.sink);
    CHECK(scene.world->call(again).message.text().starts_with("one"));
  }
  return over;
}

void sweep(Kind kind) {
  for (const Blow blow : {Blow::cancel, Blow::destroy_invoker, Blow::stop_loop, Blow::destroy_loop}) {
    CAPTURE(static_cast<int>(blow));
    int steps = 0;
    while (steps < 1000 && !strike(kind, blow, steps)) ++steps;
    CHECK(steps > 5);
    CHECK(steps < 1000);
  }
}

}  // namespace

TEST_SUITE("invokers/sweep") {
  TEST_CASE("faults 80 to 83: a streamed TLS call, struck after every one of its steps") {
    sweep(Kind::streamed_tls);
  }
  TEST_CASE("faults 80 to 83: a retried call, struck after every one of its steps") {
    sweep(Kind::retried);
  }
  TEST_CASE("faults 80 to 83: a call that waits for a connection, struck after every one of its steps") {
    sweep(Kind::pool_wait);
  }
}
