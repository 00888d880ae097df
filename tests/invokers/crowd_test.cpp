// Faults 87 and 90 for whole calls: ten thousand at once, and answers that come in another order.
#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/invokers/world.hpp"
#include "tests/support/gate.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/skip.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

/// What the caller wrote: "number 7."
std::string number_in(const std::string& body) {
  const auto from = body.rfind("number ");
  return body.substr(from, body.find('.', from) - from);
}

/// Says the caller's number back: a stream whose end is behind the gate.
asio::awaitable<void> say_back(Gate& gate, const HttpServerRequest& request, HttpResponder& responder) {
  const std::string number = number_in(request.body);
  co_await responder.start(200, of_type("text/event-stream"));
  const std::string first = chat_delta("my ");
  co_await responder.write(first);
  co_await gate.pass();
  const std::string last = chat_delta(number) + chat_end;
  co_await responder.write(last);
}

}  // namespace

TEST_SUITE("invokers/crowd") {
  TEST_CASE("fault 87: ten thousand streamed calls in flight at once on one thread all finish") {
    constexpr int calls = 10'000;
    const ManyDescriptors descriptors(calls + 200);
    if (!descriptors.enough()) LLLM_SKIP("fewer than 10,200 file descriptors are allowed here");
    const ServerProcess server(say_back, calls);  // no stream ends before the last one has begun
    asio::io_context loop(1);
    InvokerOptions options = towards("http://127.0.0.1:" + std::to_string(server.port()) + "/v1");
    HttpTimeouts patient;
    patient.connect = 60s;
    LiteLLMInvoker invoker(loop.get_executor(), options.timeouts(patient).max_retries(0));
    std::vector<Collector> sinks(calls);
    std::vector<int> completions(calls, 0);
    int finished = 0;
    int good = 0;
    std::size_t most = 0;
    for (int i = 0; i < calls; ++i) {
      const auto at = static_cast<std::size_t>(i);
      asio::co_spawn(loop,
                     invoker.call(question("number " + std::to_string(i) + "."), World::model,
                                  CallOptions().stream_handler(&sinks[at])),
                     [&, at](const std::exception_ptr& failure, const InvokeResult& result) {
                       most = std::max(most, invoker.stats().open);
                       ++finished;
                       ++completions[at];
                       const std::string wanted = "my number " + std::to_string(at);
                       good +=
                           !failure && result.message.text() == wanted && sinks[at].text == wanted ? 1 : 0;
                     });
    }
    CHECK(run_until(loop, [&] { return finished == calls; }, 180s));
    CHECK(good == calls);
    CHECK(std::count(completions.begin(), completions.end(), 1) == calls);
    CHECK(most >= calls - 1);  // when the first ends, all are there but those that ended with it
    const auto stats = invoker.stats();
    CHECK(stats.connects == calls);
    CHECK(stats.open == stats.idle);
    CHECK(stats.idle <= 256);
  }

  TEST_CASE("fault 90: calls whose answers come in another order each get their own, once") {
    constexpr int calls = 40;
    struct Gates : World {  // they go before the loop does
      Gates()
          : World([this](const HttpServerRequest& request, HttpResponder& responder) {
              const auto number = static_cast<std::size_t>(std::stoi(number_in(request.body).substr(7)));
              return say_back(*gates.at(number), request, responder);
            }) {
        for (int i = 0; i < calls; ++i) gates.push_back(std::make_unique<Gate>(loop.get_executor()));
      }
      std::vector<std::unique_ptr<Gate>> gates;
    } world;
    const auto& gates = world.gates;
    std::vector<Collector> sinks(calls);
    std::vector<std::pair<int, std::string>> ended;
    for (int i = 0; i < calls; ++i) {
      auto& sink = sinks[static_cast<std::size_t>(i)];
      asio::co_spawn(world.loop,
                     world.invoker->call(question("number " + std::to_string(i) + "."), World::model,
                                         CallOptions().stream_handler(&sink)),
                     [&ended, i](const std::exception_ptr& failure, const InvokeResult& result) {
                       ended.emplace_back(i, failure ? "failed" : result.message.text());
                     });
    }
    CHECK(run_until(
        world.loop,
        [&] {
          return std::all_of(sinks.begin(), sinks.end(),
                             [](const Collector& sink) { return sink.text == "my "; });
        },
        180s));
    CHECK(ended.empty());
    for (int i = 0; i < calls; ++i) {
      const int next = (i * 27 + 13) % calls;
      gates[static_cast<std::size_t>(next)]->open();
      REQUIRE(run_until(world.loop, [&] { return ended.size() > static_cast<std::size_t>(i); }, 180s));
      CHECK(ended.size() == static_cast<std::size_t>(i + 1));
      CHECK(ended.back() == std::pair(next, "my number " + std::to_string(next)));
      CHECK(sinks[static_cast<std::size_t>(next)].text == ended.back().second);
    }
  }
}
