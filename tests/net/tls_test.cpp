// What a client shows and whom it trusts, and what it says when the two sides do not speak alike.
#include <doctest/doctest.h>

#include "lllm/net/certificates.hpp"
#include "tests/net/client_world.hpp"
#include "tests/support/fault_server.hpp"
#include "tests/support/temp_dir.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

bool holds(const Outcome& outcome, std::string_view part) {
  return outcome.error && outcome.error->message().find(part) != std::string::npos;
}

std::string said(const Outcome& outcome) {
  return outcome.error ? outcome.error->to_string() : "no error";
}

HttpClientOptions trusting(const CertificateAuthority& authority) {
  HttpClientOptions options;
  options.tls.ca_pem = authority.pem();
  options.proxies = ProxyRules();
  return options;
}

}  // namespace

TEST_SUITE("net/tls") {
  TEST_CASE("mTLS: a server that asks for a certificate is shown ours, and refuses us without, once") {
    const CertificateAuthority authority;
    const CertificateAuthority stranger;
    const Certificate of_server = authority.issue();
    CertificateWishes wishes;
    wishes.for_server = false;
    wishes.common_name = "a client";
    asio::io_context loop;
    HttpServerOptions asks;
    asks.tls = true;
    asks.certificate_pem = of_server.certificate_pem;
    asks.private_key_pem = of_server.private_key_pem;
    asks.client_ca_pem = authority.pem();
    HttpServer server(loop.get_executor(), in_chunks, asks);
    const HttpRequest request("GET", {"https", "localhost", server.port()}, "/");
    const auto fetch = [&](const CertificateAuthority* issuer) {
      HttpClientOptions options = trusting(authority);
      if (issuer != nullptr) {
        const Certificate ours = issuer->issue(wishes);
        options.tls.certificate_pem = ours.certificate_pem;
        options.tls.private_key_pem = ours.private_key_pem;
      }
      HttpClient client(loop.get_executor(), options);
      return run_on(loop, try_fetch(client, request));
    };
    CHECK(fetch(&authority).status == 200);
    for (const CertificateAuthority* issuer :
         {static_cast<const CertificateAuthority*>(nullptr), &stranger}) {
      const Outcome refused = fetch(issuer);
      CHECK_MESSAGE(refused.failed_with(ErrorKind::tls_untrusted), said(refused));
      CHECK_MESSAGE(holds(refused, issuer == nullptr ? "wants a certificate" : "refused our certificate"),
                    said(refused));
    }
    CHECK(server.requests() == 1);
  }

  TEST_CASE("certificates that cannot be used are told when the client is made") {
    asio::io_context loop;
    const Certificate one = CertificateAuthority().issue();
    const Certificate another = CertificateAuthority().issue();
    const auto refusal = [&](const TlsOptions& tls) {
      HttpClientOptions options;
      options.tls = tls;
      try {
        const HttpClient client(loop.get_executor(), options);
      } catch (const Exception& failure) {
        CHECK(failure.kind() == ErrorKind::configuration);
        return failure.error().message();
      }
      return std::string("none");
    };
    TlsOptions tls;
    tls.certificate_pem = one.certificate_pem;
    tls.private_key_pem = another.private_key_pem;
    CHECK(refusal(tls).find("does not fit") != std::string::npos);
    tls.private_key_pem = Secret("no key at all");
    CHECK(refusal(tls).find("private key cannot be read") != std::string::npos);
    tls = TlsOptions();
    tls.ca_pem = "no certificate";
    CHECK(refusal(tls).find("no certificate was found") != std::string::npos);
    tls = TlsOptions();
    tls.ca_file = "/nonexistent/ca.pem";
    CHECK(refusal(tls).find("/nonexistent/ca.pem") != std::string::npos);
  }

  TEST_CASE("an authority may come from a file") {
    const TempDir folder;
    ClientWorld world(true);
    HttpClientOptions options;
    options.proxies = ProxyRules();
    options.tls.ca_file = folder.write("ca.pem", ClientWorld::certificate().ca_pem).string();
    HttpClient client(world.loop.get_executor(), options);
    CHECK(run_on(world.loop, try_fetch(client, world.get())).status == 200);
  }

  TEST_CASE("https to a port that speaks plain HTTP, and http to one that speaks TLS, are told as such") {
    ClientWorld plain(false);
    HttpClient client(plain.loop.get_executor(), HttpClientOptions());
    const HttpRequest secure("GET", {"https", "127.0.0.1", plain.server->port()}, "/");
    const Outcome to_plain = run_on(plain.loop, try_fetch(client, secure));
    CHECK(to_plain.failed_with(ErrorKind::tls_failed));
    CHECK_MESSAGE(holds(to_plain, "does not speak TLS"), said(to_plain));
    CHECK_MESSAGE(holds(to_plain, std::to_string(plain.server->port())), said(to_plain));

    FaultServer tls([](FaultPeer& peer) {
      peer.read_request();
      peer.send("\x15\x03\x01\x01\x02\x02\x32");  // a fatal alert: decode_error
    });
    const Outcome to_tls = fetch_once({"http", "127.0.0.1", tls.port()}).outcome;
    CHECK(to_tls.failed_with(ErrorKind::bad_http));
    CHECK_MESSAGE(holds(to_tls, "speaks TLS"), said(to_tls));
    ClientWorld silent(true);  // OpenSSL hangs up on plain HTTP without an alert
    const HttpRequest open("GET", {"http", "127.0.0.1", silent.server->port()}, "/");
    const Outcome dropped = run_on(silent.loop, try_fetch(*silent.client, open));
    CHECK(dropped.failed_with(ErrorKind::connection_lost));
    CHECK_MESSAGE(holds(dropped, "does it want https://?"), said(dropped));
  }

  TEST_CASE("a deadline that runs out says what it found the call waiting for") {
    FaultServer silent([](FaultPeer& peer) { peer.hang(); });
    for (const auto& [scheme, place] :
         {std::pair("http", "before 127.0.0.1:"), std::pair("https", "TLS handshake with")}) {
      HttpTimeouts timeouts;
      timeouts.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(40);
      const Outcome late = fetch_once({scheme, "127.0.0.1", silent.port()}, timeouts).outcome;
      CHECK(late.failed_with(ErrorKind::deadline_exceeded));
      CHECK_MESSAGE(holds(late, place), said(late));
    }
  }
}
