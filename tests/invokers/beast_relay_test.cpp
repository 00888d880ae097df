// An answer goes on to a browser by a server of Beast's, as in an application that has one.
#include <doctest/doctest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "lllm/invokers/handlers.hpp"
#include "tests/invokers/fake_world.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

// One request; the answer to the question is its response, in HTTP's own chunks.
asio::awaitable<void> serve_one(tcp::acceptor& acceptor, LiteLLMInvoker& invoker) {
  beast::tcp_stream stream(co_await acceptor.async_accept(asio::use_awaitable));
  beast::flat_buffer buffer;
  http::request<http::string_body> request;
  co_await http::async_read(stream, buffer, request, asio::use_awaitable);
  http::response<http::empty_body> response(http::status::ok, request.version());
  response.set(http::field::content_type, "text/event-stream");
  response.chunked(true);
  http::response_serializer<http::empty_body> head(response);
  co_await http::async_write_header(stream, head, asio::use_awaitable);
  SseRelayHandler relay([&stream](std::string_view bytes) -> asio::awaitable<void> {
    const auto chunk = http::make_chunk(asio::buffer(bytes));
    co_await asio::async_write(stream, chunk, asio::use_awaitable);
  });
  co_await invoker.call(question(), "openai/gpt-4o-mini", CallOptions().stream_handler(&relay));
  const auto last = http::make_chunk_last();
  co_await asio::async_write(stream, last, asio::use_awaitable);
}

}  // namespace

TEST_SUITE("invokers/handlers") {
  TEST_CASE("a relay writes into a Beast response, event by event") {
    FakeWorld f;
    f.provider.script(FakeReply("one two"));
    tcp::acceptor acceptor(f.loop, {asio::ip::address_v4::loopback(), 0});
    std::exception_ptr failure;
    asio::co_spawn(f.loop, serve_one(acceptor, f.invoker),
                   [&](std::exception_ptr e) { failure = std::move(e); });
    HttpClient reader(f.loop.get_executor());
    const Origin origin{"http", "127.0.0.1", acceptor.local_endpoint().port()};
    auto exchange = run_on(f.loop, reader.send(HttpRequest("GET", origin, "/")));
    CHECK(exchange.head().status == 200);
    CHECK(exchange.head().headers.get("Content-Type") == "text/event-stream");
    const auto body = run_on(f.loop, exchange.read_all(1 << 20));
    CHECK(
        body.starts_with("data: {\"delta\":\"one\"}\n\ndata: {\"delta\":\" two\"}\n\nevent: done\ndata: {"));
    CHECK(body.ends_with("}\n\n"));
    CHECK(failure == nullptr);
  }
}
