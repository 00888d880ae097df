// Faults 34 and 35: bodies that arrive packed though nobody asked for it.
#include <string>

#include <doctest/doctest.h>

#include "tests/net/fetch.hpp"
#include "tests/support/fault_server.hpp"
#include "tests/support/pack.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

std::string gzip(const std::string& text) {
  return pack(text, 31);
}

}  // namespace

TEST_SUITE("net/faults") {
  TEST_CASE("fault 34: a gzip body that nobody asked for is unpacked, other codings are refused") {
    const std::string text(200'000, 'g');
    const std::string packed = gzip(text + "end");
    std::string head = "Content-Encoding: gzip\r\n";
    FaultServer server([&](FaultPeer& peer) {
      peer.read_request();
      peer.send(plain_answer(200, packed, head));
      peer.read_to_end();
    });
    const Origin origin("http", "127.0.0.1", server.port());
    const auto one = fetch_once(origin);
    CHECK(one.outcome.body == text + "end");
    CHECK_FALSE(one.outcome.headers.contains("content-encoding"));
    CHECK(one.stats.idle == 1);
    head = "Content-Encoding: br\r\n";
    CHECK(fetch_once(origin).outcome.failed_with(ErrorKind::bad_http));
  }

  TEST_CASE("fault 35: a gzip bomb passes a limit") {
    const std::string bomb = gzip(std::string(20'000'000, 'b'));
    FaultServer server([&](FaultPeer& peer) {
      peer.read_request();
      peer.send(plain_answer(200, bomb, "Content-Encoding: gzip\r\n"));
      peer.read_to_end();
    });
    HttpClientOptions options;
    options.max_decoded_body = 1'000'000;
    const auto one = fetch_once({"http", "127.0.0.1", server.port()}, HttpTimeouts(), options);
    CHECK(one.outcome.failed_with(ErrorKind::limit_exceeded));
    CHECK(one.outcome.body.size() <= 1'000'000);
    CHECK(one.stats.open == 0);
  }
}
