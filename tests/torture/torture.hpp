#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "lllm/invokers/observer.hpp"
#include "tests/torture/interpose.hpp"

namespace lllm::test {

namespace asio = boost::asio;

/// How often each of the calls ended that an observer was told of. Its memory is there from the beginning.
class Ledger final : public CallObserver {
 public:
  Ledger() { calls_.reserve(64); }
  void call_started(const ObservedCall& call) override { calls_.push_back({call.id, 0}); }
  void call_succeeded(const ObservedCall& call, const InvokeResult&) override { end(call.id); }
  void call_failed(const ObservedCall& call, const Error&) override { end(call.id); }
  [[nodiscard]] bool each_ended_once() const;

 private:
  struct Entry {
    std::uint64_t id;
    int ends;
  };
  void end(std::uint64_t id);
  std::vector<Entry> calls_;
};

/// How a piece of work ended: completed, or gone without a completion, which only a loop may do that could
/// not start one of its operations for lack of memory.
struct Ended {
  int completions = 0;
  int gone = 0;
  std::exception_ptr failure;
};

/// What is tortured: made anew for each failure, on a loop of its own.
class Scene {
 public:
  Scene() = default;
  virtual ~Scene() = default;
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  /// One of the pieces of work that run side by side; what it throws is its failure.
  virtual asio::awaitable<void> work() = 0;
  /// How many of them.
  [[nodiscard]] virtual int count() const { return 1; }
  /// After the failure, whatever it did: the same objects do their work.
  virtual void check_after() = 0;
  /// The work failed, or passed over the failure: checks what a success must have brought.
  virtual void check_success() {}

  asio::io_context loop{1};
  std::shared_ptr<Ledger> ledger = std::make_shared<Ledger>();
};

struct Torture {
  Failing what = Failing::allocation;
  Where where = Where::here;
  long stride = 1;  ///< Of the points, in a run that is not LLLM_FULL.
  long least = 5;   ///< Fewer points are a mistake.
};

/// Lets each allocation, or each system call, of the work fail once: every time each piece of work ends
/// exactly once, with its result or a typed error, nothing stays open, and the next work succeeds.
void torture_all(const std::function<std::unique_ptr<Scene>()>& make, Torture how);

}  // namespace lllm::test
