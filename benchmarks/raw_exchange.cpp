#include "benchmarks/raw_exchange.hpp"

#include <exception>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "benchmarks/arrivals.hpp"
#include "benchmarks/calls.hpp"

namespace bench {
namespace {

namespace asio = boost::asio;
using Socket = asio::ip::tcp::socket;

struct Line {
  explicit Line(Socket connected) : socket(std::move(connected)), answer(8192, '\0') {}
  Socket socket;
  std::string answer;
};

}  // namespace

struct RawExchanger::Impl {
  explicit Impl(std::uint16_t to) : context(1), port(to), request(raw_request(to)) {
    tail = response_body().substr(response_body().size() - 16);
  }

  asio::awaitable<std::unique_ptr<Line>> take_line() {
    if (!idle.empty()) {
      auto line = std::move(idle.back());
      idle.pop_back();
      co_return line;
    }
    Socket socket(context);
    const asio::ip::tcp::endpoint server(asio::ip::address_v4::loopback(), port);
    co_await socket.async_connect(server, asio::use_awaitable);
    socket.set_option(asio::ip::tcp::no_delay(true));
    co_return std::make_unique<Line>(std::move(socket));
  }

  asio::awaitable<void> one() {
    auto line = co_await take_line();
    co_await line->socket.async_write_some(asio::buffer(request), asio::use_awaitable);
    // The answer ends with the body's own end: nothing else needs to be understood.
    std::size_t have = 0;
    while (have < response_body().size() ||
           line->answer.compare(have - tail.size(), tail.size(), tail) != 0) {
      const auto room = asio::buffer(line->answer.data() + have, line->answer.size() - have);
      have += co_await line->socket.async_read_some(room, asio::use_awaitable);
    }
    idle.push_back(std::move(line));
  }

  std::vector<double> run(asio::awaitable<void> work, std::vector<double>& micros) {
    std::exception_ptr failure;
    asio::co_spawn(context, std::move(work), [&](const std::exception_ptr& e) { failure = e; });
    context.restart();
    context.run();
    if (failure) std::rethrow_exception(failure);
    return std::move(micros);
  }

  asio::io_context context;
  std::uint16_t port;
  std::string request;
  std::string tail;
  std::vector<std::unique_ptr<Line>> idle;
};

RawExchanger::RawExchanger(std::uint16_t port) : impl_(std::make_unique<Impl>(port)) {}
RawExchanger::~RawExchanger() = default;

std::vector<double> RawExchanger::run_count(int count) {
  std::vector<double> micros;
  return impl_->run(one_after_the_other([this] { return impl_->one(); }, count, micros), micros);
}

std::vector<double> RawExchanger::run_arrivals(int rate, int count) {
  std::vector<double> micros;
  return impl_->run(arrivals([this] { return impl_->one(); }, rate, count, micros), micros);
}

}  // namespace bench
