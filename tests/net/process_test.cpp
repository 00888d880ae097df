#include "lllm/net/process.hpp"

#include <signal.h>
#include <unistd.h>

#include <chrono>

#include <doctest/doctest.h>

#include "tests/support/loop.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

ProcessOptions command(std::vector<std::string> argv) {
  ProcessOptions options;
  options.argv = std::move(argv);
  return options;
}

ProcessResult run(std::vector<std::string> argv, const std::string& input = {}, std::size_t limit = 1 << 20) {
  asio::io_context loop;
  return run_on(loop, run_process(command(std::move(argv)), input, limit, 10s));
}

bool is_alive(int pid) {
  return ::kill(pid, 0) == 0;
}

}  // namespace

TEST_SUITE("net/process") {
  TEST_CASE("a program gets its input and gives its output, error and exit code") {
    const std::string big(1'000'000, 'x');
    const auto echoed = run({"cat"}, big);
    CHECK(echoed.output == big);
    CHECK(echoed.exit.good());
    const auto failed = run({"sh", "-c", "echo out; echo err >&2; exit 3"});
    CHECK(failed.output == "out\n");
    CHECK(failed.error == "err\n");
    CHECK(failed.exit.code == 3);
  }

  TEST_CASE("fault 118: arguments are no shell's, the environment is clean, no descriptor is inherited") {
    CHECK(run({"echo", "$HOME; rm -rf /tmp/x && `id`"}).output == "$HOME; rm -rf /tmp/x && `id`\n");
    ::setenv("LLLM_TEST_SECRET", "hunter2", 1);
    CHECK(run({"env"}).output == std::string("PATH=") + ::getenv("PATH") + '\n');
    ::unsetenv("LLLM_TEST_SECRET");
    auto given = command({"env"});
    given.environment = {{"A", "1"}, {"PATH", "/usr/bin:/bin"}};
    asio::io_context other;
    CHECK(run_on(other, run_process(given, {}, 1000, 10s)).output == "A=1\nPATH=/usr/bin:/bin\n");
    asio::io_context loop;                                         // its epoll, and the pipes
    CHECK(run({"ls", "/proc/self/fd"}).output == "0\n1\n2\n3\n");  // 3 is the folder that ls reads
  }

  TEST_CASE("fault 118: the whole process group ends when the time is up") {
    asio::io_context loop;
    const auto start = std::chrono::steady_clock::now();
    const auto slow = command({"sh", "-c", "sleep 60 & echo $!; sleep 60"});
    CHECK(error_on(loop, run_process(slow, {}, 100, 200ms)).kind() == ErrorKind::deadline_exceeded);
    CHECK(std::chrono::steady_clock::now() - start < 2s);

    int grandchild = 0;
    {
      Process process(loop.get_executor(), slow);
      grandchild = std::stoi(run_on(loop, process.read_output()));
      CHECK(is_alive(grandchild));
    }
    // The kernel reports it gone as soon as its new parent has reaped it.
    const auto end = std::chrono::steady_clock::now() + 5s;
    const auto state = [&] {
      return run({"sh", "-c", "cut -d' ' -f3 /proc/" + std::to_string(grandchild) + "/stat"}).output;
    };
    while (is_alive(grandchild) && state() != "Z\n" && std::chrono::steady_clock::now() < end) {
    }
    const bool gone = !is_alive(grandchild) || state() == "Z\n";
    CHECK(gone);
  }

  TEST_CASE("fault 118: limits hold") {
    asio::io_context loop;
    auto greedy = command({"sh", "-c", "head -c 100000 /dev/zero > /tmp/lllm-process-test"});
    greedy.max_file_size = 1000;
    CHECK_FALSE(run_on(loop, run_process(greedy, {}, 1000, 10s)).exit.good());
    ::unlink("/tmp/lllm-process-test");
    // A shell that holds 50 MB in a variable.
    auto large = command({"sh", "-c", "x=$(head -c 50000000 /dev/zero | tr '\\0' x); echo ${#x}"});
    CHECK(run_on(loop, run_process(large, {}, 1000, 30s)).output == "50000000\n");
    large.max_memory = 40 << 20;
    const auto starved = run_on(loop, run_process(large, {}, 1000, 30s));
    CHECK_FALSE(starved.exit.good());
    CHECK(starved.output.empty());
    auto busy = command({"sh", "-c", "while :; do :; done"});
    busy.max_cpu = 1s;
    CHECK(run_on(loop, run_process(busy, {}, 1000, 20s)).exit.signal != 0);
  }

  TEST_CASE("fault 94: a child that floods, dies or does not read is no danger to us") {
    const auto flood =
        run({"sh", "-c", "head -c 5000000 /dev/zero >&2; head -c 5000000 /dev/zero"}, {}, 1000);
    CHECK(flood.output.size() == 1000);
    CHECK(flood.error.size() == 1000);
    CHECK(flood.truncated);
    CHECK(run({"true"}, std::string(1'000'000, 'x')).exit.good());  // no SIGPIPE
    CHECK(run({"sh", "-c", "kill -9 $$"}).exit.signal == SIGKILL);
  }

  TEST_CASE("a program that is not there is an error that names it") {
    asio::io_context loop;
    const auto error = error_on(loop, run_process(command({"no-such-program-here"}), {}, 100, 1s));
    CHECK(error.kind() == ErrorKind::io_failed);
    CHECK(error.message().find("no-such-program-here") != std::string::npos);
    CHECK(error_on(loop, run_process(command({}), {}, 100, 1s)).kind() == ErrorKind::invalid_argument);
  }
}
