#include "benchmarks/raw_stream.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "benchmarks/bench.hpp"
#include "benchmarks/calls.hpp"

namespace bench {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

asio::awaitable<void> read_one(std::uint16_t port, double& events) {
  asio::ip::tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect({asio::ip::address_v4::loopback(), port}, asio::use_awaitable);
  const std::string request = raw_request(port);
  co_await socket.async_write_some(asio::buffer(request), asio::use_awaitable);
  // What is not the end of an event yet stays in front.
  std::string buffer(16 * 1024, '\0');
  std::size_t kept = 0;
  for (;;) {
    const auto got = co_await socket.async_read_some(asio::buffer(buffer.data() + kept, buffer.size() - kept),
                                                     asio::use_awaitable);
    std::string_view in(buffer.data(), kept + got);
    for (std::size_t end; (end = in.find("\n\n")) != std::string_view::npos; in.remove_prefix(end + 2))
      ++events;
    if (in.ends_with("0\r\n\r\n")) co_return;
    kept = in.size();
    std::memmove(buffer.data(), in.data(), kept);
  }
}

}  // namespace

Load read_raw_streams(std::uint16_t port, int in_flight) {
  asio::io_context context(1);
  double events = 0;
  std::exception_ptr failure;
  const double cpu = cpu_seconds();
  const auto start = Clock::now();
  for (int i = 0; i < in_flight; ++i)
    asio::co_spawn(context, read_one(port, events), [&](const std::exception_ptr& e) {
      if (e && !failure) failure = e;
    });
  context.run();
  if (failure) std::rethrow_exception(failure);
  return {static_cast<double>(in_flight), cpu_seconds() - cpu,
          std::chrono::duration<double>(Clock::now() - start).count(), events};
}

}  // namespace bench
