#pragma once

#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "lllm/testing/fake_provider.hpp"

namespace lllm::test {

/// A FakeProvider on a thread of its own, for tests that wait for other processes. What else it offers is
/// reached by `->` where it is constant or safe to use from any thread.
class FakeInThread {
 public:
  explicit FakeInThread(FakeOptions options = {})
      : provider_(loop_.get_executor(), std::move(options)), thread_([this] { loop_.run(); }) {}
  ~FakeInThread() {
    loop_.stop();
    thread_.join();
  }
  FakeInThread(const FakeInThread&) = delete;
  FakeInThread& operator=(const FakeInThread&) = delete;

  /// The same as the provider's, on its thread.
  void script(FakeReply reply) {
    run_there([this, &reply] { provider_.script(std::move(reply)); });
  }
  void respond_with(std::function<FakeReply(const FakeRequest&)> model) {
    run_there([this, &model] { provider_.respond_with(std::move(model)); });
  }
  FakeRequest last_request() {
    FakeRequest last;
    run_there([this, &last] { last = provider_.requests().back(); });
    return last;
  }

  FakeProvider* operator->() { return &provider_; }

 private:
  void run_there(std::function<void()> work) {
    std::packaged_task<void()> task(std::move(work));
    auto done = task.get_future();
    boost::asio::post(loop_, [&task] { task(); });
    done.get();
  }

  boost::asio::io_context loop_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> busy_{loop_.get_executor()};
  FakeProvider provider_;
  std::thread thread_;
};

}  // namespace lllm::test
