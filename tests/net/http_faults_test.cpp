// Faults 19 to 41 and 56: what a server can do to HTTP.
#include <atomic>
#include <chrono>
#include <thread>

#include <doctest/doctest.h>

#include "tests/net/fetch.hpp"
#include "tests/support/fault_server.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

HttpTimeouts quick() {
  HttpTimeouts timeouts;
  timeouts.connect = timeouts.tls = timeouts.first_byte = timeouts.idle = timeouts.write = 1s;
  return timeouts;
}

FaultServer::Script says(std::string bytes) {
  return [bytes = std::move(bytes)](FaultPeer& peer) {
    peer.read_request();
    peer.send(bytes);
    peer.half_close();
    peer.read_to_end();
  };
}

/// What comes of an answer of exactly these bytes. A connection that failed must not be kept.
Outcome answer_to(const std::string& bytes) {
  FaultServer server(says(bytes));
  const auto one = fetch_once({"http", "127.0.0.1", server.port()}, quick());
  if (one.outcome.error) CHECK(one.stats.open == 0);
  return one.outcome;
}

const std::string chunked_head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace

TEST_SUITE("net/faults") {
  TEST_CASE("fault 19: a garbage status line") {
    CHECK(answer_to("220 smtp.example.com ESMTP\r\n").failed_with(ErrorKind::bad_http));
    CHECK(answer_to(std::string(3, '\0')).failed_with(ErrorKind::bad_http));
  }
  TEST_CASE("fault 20: truncated headers") {
    CHECK(answer_to("HTTP/1.1 200 OK\r\nContent-Ty").failed_with(ErrorKind::connection_lost));
    CHECK(answer_to("").failed_with(ErrorKind::connection_lost));
  }
  TEST_CASE("fault 21: oversize headers") {
    CHECK(answer_to("HTTP/1.1 200 OK\r\nX: " + std::string(1 << 20, 'a'))
              .failed_with(ErrorKind::limit_exceeded));
    std::string many = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 10'000; ++i) many += "a: b\r\n";
    CHECK(answer_to(many + "\r\n").failed_with(ErrorKind::limit_exceeded));
  }
  TEST_CASE("fault 22: a body shorter than its Content-Length") {
    const auto outcome = answer_to("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    CHECK(outcome.failed_with(ErrorKind::connection_lost));
    CHECK(outcome.body == "half");
  }
  TEST_CASE("fault 23: surplus bytes after the body cost the connection, not the answer") {
    FaultServer server(says("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbodyHTTP/1.1 200 OK\r\n"));
    const auto one = fetch_once({"http", "127.0.0.1", server.port()}, quick());
    CHECK_FALSE(one.outcome.error.has_value());
    CHECK(one.outcome.body == "body");
    CHECK(one.stats.open == 0);
  }
  TEST_CASE("fault 24: contradicting lengths") {
    CHECK(answer_to("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nbody")
              .failed_with(ErrorKind::bad_http));
    CHECK(answer_to("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody")
              .failed_with(ErrorKind::bad_http));
  }
  TEST_CASE("fault 25: a Content-Length out of range") {
    CHECK(answer_to("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\nbody")
              .failed_with(ErrorKind::bad_http));
    CHECK(answer_to("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nbody")
              .failed_with(ErrorKind::connection_lost));  // in range, and plainly a lie
  }
  TEST_CASE("fault 26: bad chunks") {
    CHECK(answer_to(chunked_head + "five\r\nhello\r\n").failed_with(ErrorKind::bad_http));
    CHECK(answer_to(chunked_head + "5;" + std::string(100'000, 'e')).failed_with(ErrorKind::limit_exceeded));
    CHECK(answer_to(chunked_head + "ffffffffffffffff0\r\n").failed_with(ErrorKind::bad_http));
  }
  TEST_CASE("fault 27: a missing last chunk") {
    const auto outcome = answer_to(chunked_head + "5\r\nhello\r\n");
    CHECK(outcome.failed_with(ErrorKind::connection_lost));
    CHECK(outcome.body == "hello");
  }
  TEST_CASE("fault 28: many informational answers") {
    std::string hints;
    for (int i = 0; i < 12; ++i) hints += "HTTP/1.1 102 Processing\r\n\r\n";
    CHECK(answer_to(hints + plain_answer(200, "ok")).body == "ok");
    CHECK(answer_to(hints + hints + plain_answer(200, "ok")).failed_with(ErrorKind::limit_exceeded));
  }
  TEST_CASE("fault 29: an unexpected 101") {
    CHECK(answer_to("HTTP/1.1 101 Switching Protocols\r\n\r\n").failed_with(ErrorKind::bad_http));
  }
  TEST_CASE("faults 31 to 33: redirects are handed to the caller, not followed") {
    const auto outcome = answer_to(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\n"
        "Content-Length: 0\r\n\r\n");
    CHECK_FALSE(outcome.error.has_value());
    CHECK(outcome.status == 307);
  }

  TEST_CASE("fault 36: an answer that comes before the upload ends is read, whatever becomes of the upload") {
    const std::string big(64 << 20, 'u');
    FaultServer hangs_up([](FaultPeer& peer) {
      peer.read(1000);
      peer.send(plain_answer(413, "too large", "Connection: close\r\n"));
    });  // closing with unread bytes resets the connection
    const auto reset = fetch_once({"http", "127.0.0.1", hangs_up.port()}, quick(), {}, big);
    CHECK_MESSAGE(reset.outcome.status == 413, (reset.outcome.error ? reset.outcome.error->to_string() : ""));
    CHECK(reset.stats.open == 0);
    FaultServer stops_reading([](FaultPeer& peer) {
      peer.read(1000);
      peer.send(plain_answer(413, "too large"));
      peer.hang();
    });
    const auto stalled = fetch_once({"http", "127.0.0.1", stops_reading.port()}, quick(), {}, big);
    CHECK(stalled.outcome.status == 413);
    CHECK(stalled.outcome.body == "too large");
    CHECK(stalled.stats.open == 0);
  }

  TEST_CASE("a server that reads nothing is a write timeout") {
    FaultServer server([](FaultPeer& peer) { peer.hang(); });
    HttpTimeouts impatient;
    impatient.write = 200ms;
    const auto one =
        fetch_once({"http", "127.0.0.1", server.port()}, impatient, {}, std::string(64 << 20, 'u'));
    CHECK(one.outcome.failed_with(ErrorKind::write_timeout));
    CHECK(one.outcome.took < 200ms + grace);
  }

  TEST_CASE("fault 37: a kept connection that died unused is replaced, once, and that is counted") {
    for (const bool by_reset : {false, true}) {
      CAPTURE(by_reset);
      asio::io_context loop;
      FaultServer server([by_reset](FaultPeer& peer) {
        peer.read_request();
        peer.send(plain_answer(200, "fine"));
        if (peer.number() > 0) return;
        peer.read_request();  // it takes the second request and dies without a word
        if (by_reset) peer.reset();
      });
      HttpClient client(loop.get_executor());
      const HttpRequest request("POST", {"http", "127.0.0.1", server.port()}, "/", {}, "body");
      CHECK(run_on(loop, try_fetch(client, request)).body == "fine");
      const auto second = run_on(loop, try_fetch(client, request));
      CHECK(second.body == "fine");
      CHECK(second.timings.replayed);
      CHECK(client.stats().replays == 1);
      CHECK(server.accepted() == 2);
    }
  }

  TEST_CASE("fault 37: a new connection that dies unused is an error, and so is a second death") {
    asio::io_context loop;
    FaultServer server([](FaultPeer& peer) {
      peer.read_request();
      if (peer.number() > 0) return;
      peer.send(plain_answer(200, "fine"));
      peer.read_request();
    });
    HttpClient client(loop.get_executor());
    const HttpRequest request("POST", {"http", "127.0.0.1", server.port()}, "/", {}, "body");
    CHECK(run_on(loop, try_fetch(client, request)).body == "fine");
    CHECK(run_on(loop, try_fetch(client, request)).failed_with(ErrorKind::connection_lost));
    CHECK(server.accepted() == 2);
    CHECK(client.stats().open == 0);
  }

  TEST_CASE("fault 38: once any byte of an answer came, nothing is sent again") {
    asio::io_context loop;
    FaultServer server([](FaultPeer& peer) {
      peer.read_request();
      peer.send(plain_answer(200, "fine"));
      peer.read_request();
      peer.send("H");
    });
    HttpClient client(loop.get_executor());
    const HttpRequest request("POST", {"http", "127.0.0.1", server.port()}, "/", {}, "body");
    CHECK(run_on(loop, try_fetch(client, request)).body == "fine");
    CHECK(run_on(loop, try_fetch(client, request)).failed_with(ErrorKind::connection_lost));
    CHECK(server.accepted() == 1);
  }

  TEST_CASE("fault 39: a kept connection that speaks unasked, or was closed, is not used again") {
    for (const bool speaks : {true, false}) {
      CAPTURE(speaks);
      asio::io_context loop;
      std::atomic<bool> done{false};
      FaultServer server([&](FaultPeer& peer) {
        peer.read_request();
        peer.send(plain_answer(200, "number " + std::to_string(peer.number())));
        if (peer.number() > 0) return;
        peer.pause(20ms);
        if (speaks) peer.send(plain_answer(200, "poison"));
        if (!speaks) peer.half_close();
        done = true;
        peer.read_to_end();
      });
      HttpClient client(loop.get_executor());
      const HttpRequest request("GET", {"http", "127.0.0.1", server.port()}, "/");
      CHECK(run_on(loop, try_fetch(client, request)).body == "number 0");
      CHECK(client.stats().idle == 1);
      while (!done) std::this_thread::yield();
      const auto second = run_on(loop, try_fetch(client, request));
      CHECK(second.body == "number 1");
      CHECK_FALSE(second.timings.replayed);
      CHECK(client.stats().replays == 0);
    }
  }

  TEST_CASE("fault 41: headers at a byte a time end with the first byte's timeout, or the deadline") {
    FaultServer server([](FaultPeer& peer) {
      peer.read_request();
      peer.send_slowly(plain_answer(200, "fine"), 50ms);
    });
    HttpTimeouts impatient;
    impatient.first_byte = 150ms;
    CHECK(fetch_once({"http", "127.0.0.1", server.port()}, impatient)
              .outcome.failed_with(ErrorKind::first_byte_timeout));
    HttpTimeouts with_deadline;
    with_deadline.deadline = std::chrono::steady_clock::now() + 80ms;
    const auto one = fetch_once({"http", "127.0.0.1", server.port()}, with_deadline);
    CHECK(one.outcome.failed_with(ErrorKind::deadline_exceeded));
    CHECK(one.outcome.took < 80ms + grace);
  }

  TEST_CASE("fault 56: a stall in the body is an idle timeout; a slow body is not") {
    FaultServer stalls([](FaultPeer& peer) {
      peer.read_request();
      peer.send(chunked_head + "5\r\nhello\r\n");
      peer.hang();
    });
    HttpTimeouts impatient;
    impatient.idle = 100ms;
    const auto stalled = fetch_once({"http", "127.0.0.1", stalls.port()}, impatient);
    CHECK(stalled.outcome.failed_with(ErrorKind::idle_timeout));
    CHECK(stalled.outcome.body == "hello");
    CHECK(stalled.outcome.took < 100ms + grace);
    const std::string body(120, 's');
    FaultServer slow([&body](FaultPeer& peer) {
      peer.read_request();
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 120\r\n\r\n");
      peer.send_slowly(body, 5ms);
    });
    HttpTimeouts patient;
    patient.idle = 500ms;  // less than the whole takes, more than any part of it
    const auto slowly = fetch_once({"http", "127.0.0.1", slow.port()}, patient);
    CHECK(slowly.outcome.body == body);
    CHECK(slowly.outcome.took > patient.idle);
  }

  TEST_CASE("a body in TLS records of every size, cut anywhere, arrives whole") {
    const CertificateAuthority authority;
    std::string body;
    for (int i = 0; i < 40'000; ++i) body += std::to_string(i);
    FaultServer server(
        [&body](FaultPeer& peer) {
          peer.read_request();
          peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
          std::size_t size = 1;
          for (std::size_t at = 0; at < body.size(); at += size, size = size * 3 % 16'411)
            peer.send(std::string_view(body).substr(at, size));
        },
        FaultServer::Tls{authority.issue(), 0});
    HttpClientOptions options;
    options.tls.ca_pem = authority.pem();
    HttpTimeouts patient;
    const auto one = fetch_once({"https", "127.0.0.1", server.port()}, patient, options);
    CHECK_FALSE(one.outcome.error.has_value());
    CHECK(one.outcome.body == body);
  }
}
