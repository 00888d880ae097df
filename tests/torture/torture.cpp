#include "tests/torture/torture.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <new>
#include <thread>

#include <doctest/doctest.h>

#include "lllm/base/log.hpp"

namespace lllm::test {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

bool Ledger::each_ended_once() const {
  return std::all_of(calls_.begin(), calls_.end(), [](const Entry& call) { return call.ends == 1; });
}

void Ledger::end(std::uint64_t id) {
  for (Entry& call : calls_)
    if (call.id == id) ++call.ends;
}

namespace {

std::size_t open_files() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

/// Goes with the completion handler: notes a work that is destroyed without having completed.
struct Ticket {
  std::shared_ptr<Ended> ended;
  bool used = false;
  explicit Ticket(std::shared_ptr<Ended> into) : ended(std::move(into)) {}
  ~Ticket() {
    if (!used) ++ended->gone;
  }
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
};

/// False when there are no n of them.
bool strike(Scene& scene, const Torture& how, long n) {
  CAPTURE(n);
  std::vector<std::shared_ptr<Ended>> all;
  std::vector<std::shared_ptr<Ticket>> tickets;
  for (int i = 0; i < scene.count(); ++i) {
    all.push_back(std::make_shared<Ended>());
    tickets.push_back(std::make_shared<Ticket>(all.back()));
  }
  bool escaped = false;
  const auto over = [&all] {
    return std::all_of(all.begin(), all.end(), [](const auto& e) { return e->completions + e->gone > 0; });
  };
  const auto run_to_the_end = [&] {
    const auto end = Clock::now() + 20s;
    while (!over() && Clock::now() < end) {
      try {
        if (scene.loop.run_one_until(end) == 0) return;
      } catch (const std::exception&) {
        escaped = true;  // whoever runs the loop is told
      }
    }
  };
  fail_after(how.what, n, how.where);
  for (auto& ticket : tickets) {
    try {
      asio::co_spawn(scene.loop, scene.work(), [held = std::move(ticket)](const std::exception_ptr& thrown) {
        held->used = true;
        ++held->ended->completions;
        held->ended->failure = thrown;
      });
    } catch (const std::exception&) {
      escaped = true;
    }
    ticket.reset();
  }
  run_to_the_end();
  const bool reached = stop_failing();
  run_to_the_end();
  for (const auto& each : all) {
    const Ended& ended = *each;
    CHECK(ended.completions + ended.gone == 1);
    if (!escaped) CHECK(ended.completions == 1);
    if (!ended.failure) continue;
    try {
      std::rethrow_exception(ended.failure);
    } catch (const Exception&) {       // a typed error; anything else fails the test
    } catch (const std::bad_alloc&) {  // at the outermost coroutine, where nobody can translate it any more
    }
  }
  if (how.what == Failing::system_call) CHECK_FALSE(escaped);
  if (over() && !escaped && !all.front()->failure) scene.check_success();
  scene.loop.restart();
  scene.check_after();
  return reached;
}

}  // namespace

void torture_all(const std::function<std::unique_ptr<Scene>()>& make, Torture how) {
  set_log_sink({});
  // Every one of them takes minutes with a sanitizer: a test run takes every so many.
  const long stride = std::getenv("LLLM_FULL") != nullptr ? 1 : how.stride;
  const auto one = [&](long n) {
    const auto scene = make();
    const auto ledger = scene->ledger;
    const bool reached = strike(*scene, how, n);
    CHECK(ledger->each_ended_once());
    return reached;
  };
  one(1'000'000);  // fills what is made once
  const auto files = open_files();
  long n = 0;
  while (n < 100'000 && one(n)) n += stride;
  CHECK(n > how.least);
  CHECK(n < 100'000);
  // A provider hears a moment later that its clients have gone, and a helper thread ends when it has rested.
  const auto end = Clock::now() + 10s;
  while (open_files() > files && Clock::now() < end) std::this_thread::sleep_for(1ms);
  CHECK(open_files() <= files);
  MESSAGE(n << " points");
}

}  // namespace lllm::test
