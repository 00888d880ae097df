// What a user writes first: one include, one coroutine, one Asio context.
#include <cstdio>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <lllm/lllm.hpp>

int main() {
  boost::asio::io_context context;
  const auto hello = []() -> boost::asio::awaitable<void> {
    const lllm::Error error(lllm::ErrorKind::rate_limited, "consumer of lllm " LLLM_VERSION);
    std::puts(error.to_string().c_str());
    co_return;
  };
  co_spawn(context, hello, boost::asio::detached);
  context.run();
}
