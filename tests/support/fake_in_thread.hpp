#pragma once

#include <memory>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "lllm/testing/fake_provider.hpp"

namespace lllm::test {

/// A FakeProvider on a thread of its own, for tests that wait for other processes. Scripts go in before the
/// first request; stats() may be read at any time.
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

  FakeProvider* operator->() { return &provider_; }

 private:
  boost::asio::io_context loop_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> busy_{loop_.get_executor()};
  FakeProvider provider_;
  std::thread thread_;
};

}  // namespace lllm::test
