// Faults 1 to 17: names, addresses, TLS.
#include <atomic>
#include <chrono>
#include <thread>

#include <doctest/doctest.h>
#include <openssl/ssl.h>
#include <boost/asio/ip/tcp.hpp>

#include "tests/net/fetch.hpp"
#include "tests/support/black_hole.hpp"
#include "tests/support/fault_server.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

void answer_ok(FaultPeer& peer) {
  while (!peer.read_request().empty()) peer.send(plain_answer(200, "fine"));
}

HttpTimeouts quick() {
  HttpTimeouts timeouts;
  timeouts.connect = timeouts.tls = timeouts.first_byte = timeouts.idle = timeouts.write = 1s;
  return timeouts;
}

/// Fetches over TLS from a server that shows `certificate`; the client trusts `trusted` and asks for `host`.
OneFetch fetch_tls(const FaultServer& server, const std::string& trusted, const std::string& host) {
  HttpClientOptions options;
  options.tls.ca_pem = trusted;
  options.host_lookup = always({"127.0.0.1"});
  return fetch_once({"https", host, server.port()}, quick(), options);
}

void check_refused(const CertificateWishes& wishes, const std::string& host, const std::string& reason) {
  const CertificateAuthority authority;
  FaultServer server(answer_ok, FaultServer::Tls{authority.issue(wishes), 0});
  const auto one = fetch_tls(server, authority.pem(), host);
  REQUIRE(one.outcome.error.has_value());
  CHECK(one.outcome.error->kind() == ErrorKind::tls_untrusted);
  CHECK_FALSE(is_transient(one.outcome.error->kind()));
  CHECK(one.outcome.error->message().find(host) != std::string::npos);
  CHECK_MESSAGE(one.outcome.error->message().find(reason) != std::string::npos, one.outcome.error->message());
  CHECK(one.stats.open == 0);
  server.stop();
  CHECK(server.received().empty());  // no byte of the request
}

}  // namespace

TEST_SUITE("net/faults") {
  TEST_CASE("fault 1: a name that does not exist is a DNS error") {
    HttpClientOptions options;
    options.host_lookup = [](const std::string& host) -> Result<Addresses> {
      return Error(ErrorKind::dns_failed, "host '" + host + "' has no address: Name or service not known");
    };
    const auto one = fetch_once({"http", "no-such-host.invalid", 80}, quick(), options);
    CHECK(one.outcome.failed_with(ErrorKind::dns_failed));
    CHECK(one.outcome.error->message().find("no-such-host.invalid") != std::string::npos);
  }

  TEST_CASE("fault 2: a look-up that hangs holds neither its caller, nor other hosts, nor the end") {
    // Shared, not on the stack: the helper thread outlives this test case.
    const auto released = std::make_shared<std::atomic<bool>>(false);
    {
      asio::io_context loop;
      FaultServer server(answer_ok);
      HttpClientOptions options;
      options.host_lookup = [released](const std::string& host) -> Result<Addresses> {
        while (host == "hangs.test" && !*released) std::this_thread::sleep_for(1ms);
        return Addresses{asio::ip::make_address("127.0.0.1")};
      };
      HttpClient client(loop.get_executor(), options);
      HttpTimeouts with_deadline;
      with_deadline.deadline = std::chrono::steady_clock::now() + 50ms;
      const HttpRequest to_hanging("GET", {"http", "hangs.test", server.port()}, "/");
      const auto freed = run_on(loop, try_fetch(client, to_hanging, with_deadline));
      CHECK(freed.failed_with(ErrorKind::deadline_exceeded));
      CHECK(freed.took < 50ms + grace);
      HttpTimeouts impatient;
      impatient.connect = 50ms;
      const auto timed_out = run_on(loop, try_fetch(client, to_hanging, impatient));
      CHECK(timed_out.failed_with(ErrorKind::dns_failed));
      const HttpRequest to_other("GET", {"http", "other.test", server.port()}, "/");
      CHECK(run_on(loop, try_fetch(client, to_other, quick())).body == "fine");
      // And one more is waiting when everything goes.
      asio::co_spawn(loop, try_fetch(client, to_hanging), [](const std::exception_ptr&, const Outcome&) {});
      loop.restart();
      loop.poll();
    }
    *released = true;
  }

  TEST_CASE("fault 3: when the first address is dead, the next one is tried") {
    FaultServer server(answer_ok);
    HttpClientOptions options;
    options.host_lookup = always({"127.0.0.77", "::1", "127.0.0.1"});
    CHECK(fetch_once({"http", "several.test", server.port()}, quick(), options).outcome.body == "fine");
  }

  TEST_CASE("fault 3: an address that does not answer holds the next one up for a quarter of a second only") {
    const BlackHole hole(INADDR_LOOPBACK + 76);
    asio::io_context loop;
    asio::ip::tcp::acceptor acceptor(loop, {asio::ip::make_address("127.0.0.1"), hole.port()});
    HttpClientOptions options;
    options.host_lookup = always({"127.0.0.77", "127.0.0.1"});
    HttpClient client(loop.get_executor(), options);
    acceptor.async_accept([](boost::system::error_code, asio::ip::tcp::socket socket) { socket.close(); });
    HttpTimeouts timeouts;
    timeouts.connect = 5s;
    const auto outcome =
        run_on(loop, try_fetch(client, HttpRequest("GET", {"http", "two.test", hole.port()}, "/"), timeouts));
    CHECK(outcome.failed_with(ErrorKind::connection_lost));  // it got through, to a server that hangs up
    CHECK(outcome.took >= 240ms);
    CHECK(outcome.took < 2s);
  }

  TEST_CASE("fault 4: a refused connection is an error that may be retried") {
    const auto one = fetch_once({"http", "127.0.0.1", 1}, quick());
    CHECK(one.outcome.failed_with(ErrorKind::connect_failed));
    CHECK(is_transient(ErrorKind::connect_failed));
  }

  TEST_CASE("fault 5: a connection that gets no answer times out, on time") {
    const BlackHole hole;
    HttpTimeouts impatient;
    impatient.connect = 100ms;
    const auto one = fetch_once({"http", "127.0.0.1", hole.port()}, impatient);
    CHECK(one.outcome.failed_with(ErrorKind::connect_timeout));
    CHECK(one.outcome.took < 100ms + grace);
    CHECK(one.stats.open == 0);
    HttpTimeouts with_deadline;
    with_deadline.deadline = std::chrono::steady_clock::now() + 50ms;
    CHECK(fetch_once({"http", "127.0.0.1", hole.port()}, with_deadline)
              .outcome.failed_with(ErrorKind::deadline_exceeded));
  }

  TEST_CASE("fault 6: a TLS handshake that stalls times out, on time") {
    FaultServer server([](FaultPeer& peer) { peer.hang(); });
    HttpTimeouts impatient;
    impatient.tls = 100ms;
    const auto one = fetch_once({"https", "127.0.0.1", server.port()}, impatient);
    CHECK(one.outcome.failed_with(ErrorKind::tls_timeout));
    CHECK(one.outcome.took < 100ms + grace);
    CHECK(one.stats.open == 0);
  }

  TEST_CASE("faults 7 to 13: a good certificate is accepted") {
    const CertificateAuthority authority;
    CertificateWishes wishes;
    wishes.dns_names = {"api.test", "*.wild.test"};
    FaultServer server(answer_ok, FaultServer::Tls{authority.issue(wishes), 0});
    CHECK(fetch_tls(server, authority.pem(), "api.test").outcome.body == "fine");
    CHECK(fetch_tls(server, authority.pem(), "a.wild.test").outcome.body == "fine");
    CHECK(fetch_tls(server, authority.pem(), "127.0.0.1").outcome.body == "fine");
  }

  TEST_CASE("fault 7: an expired certificate is refused") {
    CertificateWishes wishes;
    wishes.valid_from = std::chrono::hours(-48);
    check_refused(wishes, "localhost", "expired");
  }
  TEST_CASE("fault 8: a certificate for another host is refused") {
    CertificateWishes wishes;
    wishes.dns_names = {"other.test", "*.api.test"};
    check_refused(wishes, "api.test", "mismatch");
    check_refused(wishes, "a.b.api.test", "mismatch");
  }
  TEST_CASE("fault 9: a self-signed certificate, and one of an unknown authority, are refused") {
    CertificateWishes wishes;
    wishes.self_signed = true;
    check_refused(wishes, "localhost", "self-signed");
    const CertificateAuthority known;
    const CertificateAuthority unknown;
    FaultServer server(answer_ok, FaultServer::Tls{unknown.issue(), 0});
    CHECK(fetch_tls(server, known.pem(), "localhost").outcome.failed_with(ErrorKind::tls_untrusted));
  }
  TEST_CASE("fault 10: a common name does not make up for a missing alternative name") {
    CertificateWishes wishes;
    wishes.common_name = "api.test";
    wishes.dns_names = {"other.test"};
    check_refused(wishes, "api.test", "mismatch");
    wishes.dns_names.clear();
    wishes.addresses.clear();
    check_refused(wishes, "api.test", "mismatch");
  }
  TEST_CASE("fault 11: a certificate that is not for servers is refused") {
    CertificateWishes wishes;
    wishes.for_server = false;
    check_refused(wishes, "localhost", "purpose");
  }
  TEST_CASE("fault 12: a bare star names no host") {
    CertificateWishes wishes;
    wishes.dns_names = {"*"};
    check_refused(wishes, "localhost", "mismatch");
    check_refused(wishes, "api.test", "mismatch");
  }
  TEST_CASE("fault 13: an address needs its own entry in the certificate") {
    CertificateWishes wishes;
    wishes.addresses.clear();
    wishes.dns_names = {"localhost", "127.0.0.1"};
    check_refused(wishes, "127.0.0.1", "mismatch");
  }

  TEST_CASE("fault 14: TLS 1.1 and older are refused") {
    const CertificateAuthority authority;
    FaultServer server(answer_ok, FaultServer::Tls{authority.issue(), TLS1_1_VERSION});
    CHECK(fetch_tls(server, authority.pem(), "localhost").outcome.failed_with(ErrorKind::tls_failed));
    FaultServer newer(answer_ok, FaultServer::Tls{authority.issue(), TLS1_2_VERSION});
    CHECK(fetch_tls(newer, authority.pem(), "localhost").outcome.body == "fine");
  }

  TEST_CASE("fault 15: plain text on the TLS port is an error") {
    FaultServer server([](FaultPeer& peer) {
      peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
      peer.read_to_end();
    });
    CHECK(fetch_once({"https", "127.0.0.1", server.port()}, quick())
              .outcome.failed_with(ErrorKind::tls_failed));
  }

  TEST_CASE("fault 16: a reset, and a hang-up, in the handshake may be retried") {
    FaultServer resets([](FaultPeer& peer) {
      peer.read(10);
      peer.reset();
    });
    const auto one = fetch_once({"https", "127.0.0.1", resets.port()}, quick());
    CHECK(one.outcome.failed_with(ErrorKind::tls_failed));
    CHECK(is_transient(ErrorKind::tls_failed));
    FaultServer hangs_up([](FaultPeer& peer) { peer.read(10); });
    CHECK(fetch_once({"https", "127.0.0.1", hangs_up.port()}, quick())
              .outcome.failed_with(ErrorKind::tls_failed));
  }

  TEST_CASE("fault 17: a TLS body that ends with the connection needs a proper goodbye") {
    const CertificateAuthority authority;
    const FaultServer::Tls tls{authority.issue(), 0};
    for (const bool proper : {true, false}) {
      CAPTURE(proper);
      FaultServer server(
          [proper](FaultPeer& peer) {
            peer.read_request();
            peer.send("HTTP/1.1 200 OK\r\n\r\nall of it?");
            if (proper) peer.close_notify();
            peer.half_close();
          },
          tls);
      const auto one = fetch_tls(server, authority.pem(), "localhost");
      CHECK(one.outcome.error.has_value() != proper);
      if (!proper) CHECK(one.outcome.failed_with(ErrorKind::connection_lost));
      CHECK(one.outcome.body == "all of it?");
      CHECK(one.stats.open == 0);
    }
  }

  TEST_CASE("fault 113: nothing but code can switch verification off") {
    ::setenv("SSL_CERT_FILE", "/nonexistent", 1);
    ::setenv("NODE_TLS_REJECT_UNAUTHORIZED", "0", 1);
    ::setenv("SSL_VERIFY", "false", 1);
    const CertificateAuthority authority;
    FaultServer server(answer_ok, FaultServer::Tls{authority.issue(), 0});
    CHECK(fetch_once({"https", "127.0.0.1", server.port()}, quick())
              .outcome.failed_with(ErrorKind::tls_untrusted));
    HttpClientOptions trusting;
    trusting.tls.verify = false;
    CHECK(fetch_once({"https", "127.0.0.1", server.port()}, quick(), trusting).outcome.body == "fine");
    for (const char* name : {"SSL_CERT_FILE", "NODE_TLS_REJECT_UNAUTHORIZED", "SSL_VERIFY"}) ::unsetenv(name);
  }

  TEST_CASE("fault 112: a name that leads to a private address is blocked when strangers give the URL") {
    FaultServer server(answer_ok);
    HttpClientOptions options;
    options.public_addresses_only = true;
    const auto direct = fetch_once({"http", "127.0.0.1", server.port()}, quick(), options);
    CHECK(direct.outcome.failed_with(ErrorKind::permission_denied));
    options.host_lookup = always({"8.8.8.8", "127.0.0.1"});
    const auto rebound = fetch_once({"http", "innocent.test", server.port()}, quick(), options);
    CHECK(rebound.outcome.failed_with(ErrorKind::permission_denied));
    CHECK(server.accepted() == 0);
  }
}
