#include "lllm/net/readiness.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

using namespace lllm;
using boost::system::error_code;

namespace {

/// A socket that is watched, and its peer.
struct Pair {
  explicit Pair(const std::shared_ptr<Readiness>& readiness) : watch(readiness) {
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    REQUIRE(!watch.start(ends[0]));
  }
  ~Pair() {
    watch.stop();
    ::close(ends[0]);
    hang_up();
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  void say(std::string_view text) const {
    REQUIRE(::send(ends[1], text.data(), text.size(), 0) == static_cast<long>(text.size()));
  }
  void hang_up() {
    if (ends[1] >= 0) ::close(std::exchange(ends[1], -1));
  }
  std::size_t read() {
    std::array<char, 64> into{};
    const auto size = ::recv(ends[0], into.data(), into.size(), 0);
    watch.nothing_left();
    return size < 0 ? 0 : static_cast<std::size_t>(size);
  }

  std::array<int, 2> ends{-1, -1};
  SocketWatch watch;
};

struct World {
  asio::io_context loop;
  std::shared_ptr<Readiness> readiness = std::make_shared<Readiness>(loop.get_executor());
};

auto into(std::vector<error_code>& outcomes) {
  return [&outcomes](error_code outcome) { outcomes.push_back(outcome); };
}

}  // namespace

TEST_SUITE("net/readiness") {
  TEST_CASE("what the kernel will not watch is refused with its reason") {
    World world;
    const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    {
      SocketWatch watch(world.readiness);
      CHECK(watch.start(file) == boost::system::errc::operation_not_permitted);
    }
    ::close(file);
  }

  TEST_CASE("who waits is told when bytes come, and the watch knows until they are read") {
    World world;
    Pair pair(world.readiness);
    std::vector<error_code> outcomes;
    pair.watch.wait(SocketEvent::input, into(outcomes));
    world.loop.poll();
    CHECK(outcomes.empty());
    CHECK_FALSE(pair.watch.may_read());
    pair.say("hello");
    world.loop.run();
    CHECK(outcomes == std::vector<error_code>{error_code()});
    CHECK(pair.watch.may_read());
    CHECK(pair.read() == 5);
    CHECK_FALSE(pair.watch.may_read());
  }

  TEST_CASE("a peer that hung up leaves something to read: the end, behind all bytes") {
    World world;
    Pair pair(world.readiness);
    std::vector<error_code> outcomes;
    pair.watch.wait(SocketEvent::input, into(outcomes));
    pair.say("bye");
    pair.hang_up();
    world.loop.run();
    CHECK(pair.read() == 3);
    CHECK(pair.watch.may_read());
    CHECK(pair.read() == 0);
    CHECK(outcomes.size() == 1);
  }

  TEST_CASE("nobody waits: the context's run() returns, and what came meanwhile is told with the next wait") {
    World world;
    Pair quiet(world.readiness);
    Pair other(world.readiness);
    quiet.say("early");
    world.loop.run();  // must not hang
    CHECK_FALSE(quiet.watch.may_read());
    world.loop.restart();
    std::vector<error_code> outcomes;
    other.watch.wait(SocketEvent::input, into(outcomes));
    other.say("x");
    world.loop.run();
    CHECK(outcomes.size() == 1);
    CHECK(quiet.watch.may_read());
  }

  TEST_CASE("output is waited for until the peer has read") {
    World world;
    Pair pair(world.readiness);
    const std::vector<char> block(64 * 1024);
    while (::send(pair.ends[0], block.data(), block.size(), 0) > 0) {
    }
    std::vector<error_code> outcomes;
    pair.watch.wait(SocketEvent::output, into(outcomes));
    world.loop.poll();
    CHECK(outcomes.empty());
    std::vector<char> taken(block.size());
    while (::recv(pair.ends[1], taken.data(), taken.size(), 0) > 0) {
    }
    world.loop.run();
    CHECK(outcomes == std::vector<error_code>{error_code()});
  }

  TEST_CASE("who waits for either is told of input while output is refused") {
    World world;
    Pair pair(world.readiness);
    const std::vector<char> block(64 * 1024);
    while (::send(pair.ends[0], block.data(), block.size(), 0) > 0) {
    }
    std::vector<error_code> outcomes;
    pair.watch.wait(SocketEvent::either, into(outcomes));
    pair.say("413");
    world.loop.run();
    CHECK(outcomes.size() == 1);
    CHECK(pair.watch.may_read());
  }

  TEST_CASE("a watch that stops tells its waiter so, in a later turn") {
    World world;
    Pair pair(world.readiness);
    std::vector<error_code> outcomes;
    pair.watch.wait(SocketEvent::input, into(outcomes));
    pair.watch.stop();
    CHECK(outcomes.empty());
    world.loop.run();
    CHECK(outcomes == std::vector<error_code>{asio::error::operation_aborted});
  }

  TEST_CASE("a wait is cancelled by its slot, and the next one is not") {
    World world;
    Pair pair(world.readiness);
    asio::cancellation_signal signal;
    std::vector<error_code> outcomes;
    pair.watch.wait(SocketEvent::input, asio::bind_cancellation_slot(signal.slot(), into(outcomes)));
    signal.emit(asio::cancellation_type::terminal);
    world.loop.run();
    CHECK(outcomes == std::vector<error_code>{asio::error::operation_aborted});
    world.loop.restart();
    pair.watch.wait(SocketEvent::input, into(outcomes));
    pair.say("x");
    world.loop.run();
    CHECK(outcomes.back() == error_code());
  }

  TEST_CASE("of two that are ready in one turn the first may destroy the second") {
    World world;
    auto first = std::make_unique<Pair>(world.readiness);
    auto second = std::make_unique<Pair>(world.readiness);
    std::vector<error_code> outcomes;
    const auto kill_the_other = [&](error_code outcome) {
      outcomes.push_back(outcome);
      (first ? second : first).reset();
    };
    first->watch.wait(SocketEvent::input, kill_the_other);
    second->watch.wait(SocketEvent::input, [&](error_code outcome) { outcomes.push_back(outcome); });
    first->say("a");
    second->say("b");
    world.loop.run();
    CHECK(outcomes == std::vector<error_code>{error_code(), asio::error::operation_aborted});
  }

  TEST_CASE("who waits for the end of a turn goes behind all that are told in it") {
    World world;
    Pair first(world.readiness);
    Pair second(world.readiness);
    std::vector<int> order;
    first.watch.wait(SocketEvent::input, [&](error_code) {
      order.push_back(1);
      CHECK(world.readiness->in_turn());
      world.readiness->end_of_turn([&](error_code) {
        order.push_back(3);
        CHECK_FALSE(world.readiness->in_turn());
      });
    });
    second.watch.wait(SocketEvent::input, [&](error_code) { order.push_back(2); });
    first.say("a");
    second.say("b");
    world.loop.run();
    CHECK(order == std::vector<int>{1, 2, 3});
    CHECK_FALSE(world.readiness->in_turn());
  }

  TEST_CASE("a handler that throws costs the others nothing") {
    World world;
    Pair first(world.readiness);
    Pair second(world.readiness);
    std::vector<error_code> outcomes;
    first.watch.wait(SocketEvent::input, [](error_code) { throw std::bad_alloc(); });
    second.watch.wait(SocketEvent::input, into(outcomes));
    first.say("a");
    second.say("b");
    CHECK_THROWS_AS(world.loop.run(), std::bad_alloc);
    CHECK(outcomes.size() == 1);
    world.loop.restart();
    second.read();
    second.watch.wait(SocketEvent::input, into(outcomes));
    second.say("c");
    world.loop.run();
    CHECK(outcomes.size() == 2);
  }

  TEST_CASE("a context that is destroyed takes its waiters with it") {
    const auto held = std::make_shared<int>(1);
    std::vector<error_code> outcomes;
    auto loop = std::make_unique<asio::io_context>();
    auto readiness = std::make_shared<Readiness>(loop->get_executor());
    auto pair = std::make_shared<Pair>(readiness);
    // As a coroutine does: the waiter owns the socket that it waits for.
    pair->watch.wait(SocketEvent::input,
                     [held, pair, &outcomes](error_code outcome) { outcomes.push_back(outcome); });
    pair.reset();
    readiness.reset();
    loop->poll();
    CHECK(held.use_count() == 2);
    loop.reset();
    CHECK(held.use_count() == 1);
    CHECK(outcomes.empty());
  }
}
