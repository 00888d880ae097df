#include "lllm/async/file_io.hpp"

#include <atomic>
#include <chrono>
#include <fstream>
#include <optional>
#include <thread>

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "lllm/async/event.hpp"
#include "lllm/async/worker_pool.hpp"
#include "tests/support/temp_dir.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

asio::awaitable<void> wait_and_count(std::shared_ptr<Event> event, std::atomic<int>& count) {
  co_await event->wait();
  ++count;
}

asio::awaitable<std::size_t> size_of(std::string path) {
  auto pending = read_file(std::move(path));
  const auto contents = co_await std::move(pending);
  co_return contents.bytes.size();
}

}  // namespace

TEST_SUITE("async/file_io") {
  TEST_CASE("a file is read off the loop") {
    const TempDir dir;
    const auto path = dir.write("a.txt", std::string(300'000, 'x'));
    asio::io_context context(1);
    std::size_t size = 0;
    asio::co_spawn(context, size_of(path.string()), [&](std::exception_ptr e, std::size_t s) {
      CHECK(e == nullptr);
      size = s;
    });
    context.run();
    CHECK(size == 300'000);
    CHECK(read_file_blocking("/proc/self/status").value().bytes.size() > 100);  // says it has 0 bytes
  }

  TEST_CASE("fault 104: a huge file, a FIFO, a device and a folder meet a limit or are refused, at once") {
    const TempDir dir;
    const auto fifo = (dir.path() / "fifo").string();
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    CHECK(read_file_blocking(fifo).error().message() == "'" + fifo + "' is not a regular file");
    CHECK(read_file_blocking("/dev/zero").error().kind() == ErrorKind::io_failed);
    CHECK(read_file_blocking(dir.path().string()).error().kind() == ErrorKind::io_failed);
    const auto huge = dir.write("huge", "").string();
    REQUIRE(::truncate(huge.c_str(), std::int64_t{1} << 40) == 0);  // sparse
    CHECK(read_file_blocking(huge).error().kind() == ErrorKind::limit_exceeded);
    CHECK(read_file_blocking(dir.write("b", "12345").string(), 4).error().kind() ==
          ErrorKind::limit_exceeded);
    CHECK(read_file_blocking(dir.write("c", "1234").string(), 4).value().bytes == "1234");
  }

  TEST_CASE("a missing file is named") {
    const auto error = read_file_blocking("/nowhere/file").error();
    CHECK(error.kind() == ErrorKind::io_failed);
    CHECK(error.message() == "cannot open '/nowhere/file': No such file or directory");
    CHECK(error.file() == "/nowhere/file");
  }

  TEST_CASE("fault 107: a file that grows while it is read is an error, never half of it") {
    const TempDir dir;
    const auto path = dir.write("log", std::string(16 << 20, 'x')).string();
    std::atomic<bool> done = false;
    std::thread writer([&] {
      std::ofstream log(path, std::ios::binary | std::ios::app);
      while (!done) log << 'y' << std::flush;
    });
    // A read of 16 MiB takes milliseconds, in which the writer gets its turn sooner or later.
    std::optional<Error> seen;
    for (int i = 0; i < 100 && !seen; ++i) {
      const auto contents = read_file_blocking(path, 1 << 30);
      if (!contents) seen = contents.error();
    }
    done = true;
    writer.join();
    REQUIRE(seen);
    CHECK(seen->kind() == ErrorKind::io_failed);
    CHECK(seen->message() == "'" + path + "' changed while it was read");
  }
}

TEST_SUITE("async/event") {
  TEST_CASE("everyone before the door is let through, from any thread, on its own loop") {
    for (int round = 0; round < 200; ++round) {
      const auto event = std::make_shared<Event>();
      std::atomic<int> count{0};
      asio::io_context first(1), second(1);
      for (int i = 0; i < 3; ++i) {
        asio::co_spawn(first, wait_and_count(event, count), asio::detached);
        asio::co_spawn(second, wait_and_count(event, count), asio::detached);
      }
      std::thread opener([&] { event->open(); });
      std::thread other([&] { second.run(); });
      first.run();
      other.join();
      opener.join();
      REQUIRE(count == 6);
    }
  }

  TEST_CASE("a waiter that is cancelled leaves, the others keep waiting") {
    const auto event = std::make_shared<Event>();
    std::atomic<int> count{0};
    asio::io_context context(1);
    asio::cancellation_signal signal;
    bool cancelled = false;
    asio::co_spawn(context, wait_and_count(event, count),
                   asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) {
                     cancelled = error_from(e).kind() == ErrorKind::cancelled;
                     event->open();
                   }));
    asio::co_spawn(context, wait_and_count(event, count), asio::detached);
    asio::post(context, [&] { signal.emit(asio::cancellation_type::terminal); });
    context.run();
    CHECK(cancelled);
    CHECK(count == 1);
  }

  TEST_CASE("a loop may be destroyed under its waiters before the door opens") {
    const auto event = std::make_shared<Event>();
    std::atomic<int> count{0};
    {
      asio::io_context context(1);
      asio::co_spawn(context, wait_and_count(event, count), asio::detached);
      context.poll();
    }
    event->open();
    CHECK(count == 0);
  }
}

TEST_SUITE("async/worker_pool") {
  TEST_CASE("what a job throws reaches its caller") {
    asio::io_context context(1);
    std::string what;
    auto job = []() -> int { throw std::runtime_error("broken"); };
    asio::co_spawn(context, WorkerPool::shared().run(job),
                   [&](std::exception_ptr e, int) { what = error_from(e).message(); });
    context.run();
    CHECK(what.find("broken") != std::string::npos);
  }

  TEST_CASE("a pool that is destroyed finishes what was posted") {
    std::atomic<int> count{0};
    {
      WorkerPool pool(2);
      for (int i = 0; i < 100; ++i) pool.post([&] { ++count; });
    }
    CHECK(count == 100);
  }
}
