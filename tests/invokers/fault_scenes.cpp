#include "tests/invokers/fault_scenes.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <thread>

#include <openssl/ssl.h>

#include "tests/support/pack.hpp"

namespace lllm::test {
namespace {

using namespace std::chrono_literals;

using Act = std::function<void(FaultPeer&)>;

// --- what servers say
// -------------------------------------------------------------------------------------------

const std::string id_header = "x-request-id: req_scene\r\n";

std::string head(const std::string& status, const std::string& type, const std::string& more) {
  return "HTTP/1.1 " + status + "\r\nContent-Type: " + type + "\r\n" + id_header + more + "\r\n";
}
std::string answer(const std::string& status, const std::string& body, const std::string& more = "",
                   const std::string& type = "application/json") {
  return head(status, type, more + "Content-Length: " + std::to_string(body.size()) + "\r\n") + body;
}
std::string chunk(const std::string& body) {
  std::array<char, 24> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", body.size());
  return size.data() + body + "\r\n";
}
const std::string chunked = "Transfer-Encoding: chunked\r\n";
const std::string streaming = head("200 OK", "text/event-stream", chunked);
/// A refusal that says the key back, as some providers do.
std::string refusal(const std::string& type) {
  return R"({"error":{"message":"key )" + canary + R"( is no good","type":")" + type + R"(","code":")" +
         type + R"("}})";
}

/// Says it and leaves closing to the client.
Act says(std::string bytes) {
  return [bytes = std::move(bytes)](FaultPeer& peer) {
    peer.send(bytes);
    peer.read_to_end();
  };
}
/// Says it and ends the connection: in good order, or by a reset.
Act breaks_off(std::string bytes, bool by_reset = false) {
  return [bytes = std::move(bytes), by_reset](FaultPeer& peer) {
    peer.send(bytes);
    peer.pause(20ms);  // a reset makes the client's system forget what it has not read
    if (by_reset) return peer.reset();
    peer.half_close();
    peer.read_to_end();
  };
}
/// A proper answer: the connection stays.
Act answers(std::string bytes) {
  return [bytes = std::move(bytes)](FaultPeer& peer) { peer.send(bytes); };
}

Expected failing(ErrorKind kind, int attempts = 1) {
  Expected expected;
  expected.kind = kind;
  expected.attempts = attempts;
  return expected;
}
/// After the head of an answer was read.
Expected answered(ErrorKind kind, int status, int attempts = 1) {
  Expected expected = failing(kind, attempts);
  expected.status = status;
  expected.request_id = "req_scene";
  return expected;
}
Expected refused(ErrorKind kind, int status, int attempts = 1) {
  Expected expected = answered(kind, status, attempts);
  expected.kept = true;
  return expected;
}

// --- the faults
// -------------------------------------------------------------------------------------------------

Scene& add(Scenes& scenes, std::string name, Expected expected, Act act = {}) {
  scenes.emplace_back(std::move(name), std::move(expected));
  scenes.back().act = std::move(act);
  return scenes.back();
}

Expected for_ever(Expected expected) {
  expected.recovers = false;
  return expected;
}

void add_addresses(Scenes& scenes, const BlackHole& hole,
                   const std::shared_ptr<std::atomic<bool>>& released) {
  auto& unknown = add(scenes, "fault 1: NXDOMAIN", for_ever(failing(ErrorKind::dns_failed, 2)));
  unknown.base_url = "http://no-such-host.invalid/v1";
  unknown.http.host_lookup = [](const std::string& host) -> Result<Addresses> {
    return Error(ErrorKind::dns_failed, "host '" + host + "' has no address");
  };
  auto& hangs = add(scenes, "fault 2: DNS that hangs", for_ever(failing(ErrorKind::dns_failed, 2)));
  hangs.base_url = "http://hangs.test/v1";
  hangs.timeouts.connect = 50ms;
  hangs.http.host_lookup = [released](const std::string&) -> Result<Addresses> {
    while (!*released) std::this_thread::sleep_for(1ms);
    return Error(ErrorKind::dns_failed, "late");
  };
  add(scenes, "fault 4: refused", for_ever(failing(ErrorKind::connect_failed, 2))).base_url =
      "http://127.0.0.1:1/v1";
  auto& silent = add(scenes, "fault 5: SYN black hole", for_ever(failing(ErrorKind::connect_timeout, 2)));
  silent.base_url = "http://127.0.0.1:" + std::to_string(hole.port()) + "/v1";
  silent.timeouts.connect = 100ms;
}

void add_certificate(Scenes& scenes, const char* name, const CertificateAuthority& authority,
                     const CertificateWishes& wishes) {
  auto& scene = add(scenes, name, for_ever(failing(ErrorKind::tls_untrusted)), answers("never"));
  scene.tls = FaultServer::Tls{authority.issue(wishes), 0};
  scene.trusted = authority.pem();
  scene.secure = true;
}

void add_tls(Scenes& scenes) {
  const CertificateAuthority authority;
  auto& stalls = add(scenes, "fault 6: the handshake stalls", for_ever(failing(ErrorKind::tls_timeout, 2)));
  stalls.script = [](FaultPeer& peer) { peer.hang(); };
  stalls.secure = true;
  stalls.timeouts.tls = 100ms;
  CertificateWishes expired;
  expired.valid_from = std::chrono::hours(-48);
  add_certificate(scenes, "fault 7: expired", authority, expired);
  CertificateWishes elsewhere;
  elsewhere.addresses = {"10.0.0.1"};
  add_certificate(scenes, "fault 8: wrong host", authority, elsewhere);
  CertificateWishes alone;
  alone.self_signed = true;
  add_certificate(scenes, "fault 9: self-signed", authority, alone);
  CertificateWishes by_name;
  by_name.common_name = "127.0.0.1";
  by_name.dns_names = {"other.test"};
  by_name.addresses.clear();
  add_certificate(scenes, "fault 10: CN but no SAN", authority, by_name);
  CertificateWishes for_clients;
  for_clients.for_server = false;
  add_certificate(scenes, "fault 11: wrong extended key usage", authority, for_clients);
  CertificateWishes star;
  star.dns_names = {"*"};
  star.addresses.clear();
  add_certificate(scenes, "fault 12: SAN *", authority, star);
  CertificateWishes no_address;
  no_address.dns_names = {"localhost", "127.0.0.1"};
  no_address.addresses.clear();
  add_certificate(scenes, "fault 13: no IP SAN", authority, no_address);

  auto& old = add(scenes, "fault 14: TLS 1.1", for_ever(failing(ErrorKind::tls_failed, 2)), answers("never"));
  old.tls = FaultServer::Tls{authority.issue(), TLS1_1_VERSION};
  old.trusted = authority.pem();
  old.secure = true;
  auto& plain =
      add(scenes, "fault 15: plain text on the TLS port", for_ever(failing(ErrorKind::tls_failed, 2)));
  plain.script = says("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  plain.secure = true;
  auto& reset = add(scenes, "fault 16: reset in the handshake", for_ever(failing(ErrorKind::tls_failed, 2)));
  reset.script = [](FaultPeer& peer) {
    peer.read(10);
    peer.reset();
  };
  reset.secure = true;
  Expected cut = answered(ErrorKind::connection_lost, 200);
  cut.partial = "one";
  auto& unsigned_end =
      add(scenes, "fault 17: EOF without close_notify", cut,
          breaks_off(head("200 OK", "text/event-stream", "Connection: close\r\n") + chat_delta("one")));
  unsigned_end.tls = FaultServer::Tls{authority.issue(), 0};
  unsigned_end.trusted = authority.pem();
  unsigned_end.secure = unsigned_end.streamed = true;
}

void add_proxies(Scenes& scenes) {
  for (const int status : {407, 502}) {
    Expected expected = for_ever(failing(ErrorKind::proxy_failed));
    expected.status = status;
    auto& scene = add(scenes, "fault 18: the proxy answers " + std::to_string(status), expected);
    scene.script = [status](FaultPeer& peer) {
      peer.read_request();
      peer.send(plain_answer(status, proxy_canary));
      peer.read_to_end();
    };
    scene.base_url = "https://api.test/v1";
    scene.through_proxy = true;
  }
  auto& hangs_up = add(scenes, "fault 18: the proxy hangs up", for_ever(failing(ErrorKind::proxy_failed)));
  hangs_up.script = [](FaultPeer& peer) { peer.read_request(); };
  hangs_up.base_url = "https://api.test/v1";
  hangs_up.through_proxy = true;
}

void add_http(Scenes& scenes) {
  add(scenes, "fault 19: garbage status line", failing(ErrorKind::bad_http),
      says("220 smtp " + canary + "\r\n"));
  add(scenes, "fault 20: truncated headers", failing(ErrorKind::connection_lost, 2),
      breaks_off("HTTP/1.1 200 OK\r\nContent-Ty"));
  add(scenes, "fault 21: oversize header line", failing(ErrorKind::limit_exceeded),
      says("HTTP/1.1 200 OK\r\nX: " + std::string(1 << 20, 'a')));
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 10'000; ++i) many += "a: b\r\n";
  add(scenes, "fault 21: 10,000 header lines", failing(ErrorKind::limit_exceeded), says(many + "\r\n"));
  for (const bool by_reset : {false, true})
    add(scenes, "fault 22: a body cut short", answered(ErrorKind::connection_lost, 200),
        breaks_off(head("200 OK", "application/json", "Content-Length: 100\r\n") + "half", by_reset));
  add(scenes, "fault 23: surplus bytes", Expected(),
      says(answer("200 OK", chat_whole) + "HTTP/1.1 200 OK\r\n"));
  add(scenes, "fault 24: two kinds of length", failing(ErrorKind::bad_http),
      says(head("200 OK", "application/json", chunked + "Content-Length: 4\r\n") + "body"));
  add(scenes, "fault 24: two lengths", failing(ErrorKind::bad_http),
      says(head("200 OK", "application/json", "Content-Length: 4\r\nContent-Length: 5\r\n") + "body"));
  add(scenes, "fault 25: Content-Length overflow", failing(ErrorKind::bad_http),
      says(head("200 OK", "application/json", "Content-Length: 18446744073709551616\r\n")));
  add(scenes, "fault 26: a bad chunk size", answered(ErrorKind::bad_http, 200),
      says(head("200 OK", "application/json", chunked) + "five\r\n"));
  add(scenes, "fault 26: a huge chunk extension", answered(ErrorKind::limit_exceeded, 200),
      says(head("200 OK", "application/json", chunked) + "5;" + std::string(100'000, 'e')));
  Expected cut = answered(ErrorKind::connection_lost, 200);
  cut.partial = "one";
  add(scenes, "fault 27: a missing last chunk", cut, breaks_off(streaming + chunk(chat_delta("one"))))
      .streamed = true;
  add(scenes, "fault 27: a reset in the middle", cut, breaks_off(streaming + chunk(chat_delta("one")), true))
      .streamed = true;
  std::string hints;
  for (int i = 0; i < 30; ++i) hints += "HTTP/1.1 103 Early Hints\r\n\r\n";
  add(scenes, "fault 28: many 1xx", failing(ErrorKind::limit_exceeded), says(hints));
  add(scenes, "fault 29: an unexpected 101", failing(ErrorKind::bad_http),
      says("HTTP/1.1 101 Switching Protocols\r\n\r\n"));
  add(scenes, "fault 30: an empty 200", refused(ErrorKind::bad_reply, 200), answers(answer("200 OK", "")));
  add(scenes, "faults 31 to 33: a redirect", refused(ErrorKind::provider_error, 307),
      answers(answer("307 Temporary Redirect", "", "Location: http://127.0.0.1:1/" + canary + "\r\n")));
  add(scenes, "fault 34: a coding nobody asked for", answered(ErrorKind::bad_http, 200),
      says(answer("200 OK", "xxxx", "Content-Encoding: br\r\n")));
  auto& bomb =
      add(scenes, "fault 35: a gzip bomb", answered(ErrorKind::limit_exceeded, 200),
          says(answer("200 OK", pack(std::string(5'000'000, 'b'), 31), "Content-Encoding: gzip\r\n")));
  bomb.http.max_decoded_body = 100'000;
  auto& early =
      add(scenes, "fault 36: 413 before the upload ends", answered(ErrorKind::invalid_request, 413));
  early.expected.recovers = false;
  early.script = [](FaultPeer& peer) {
    peer.read(1000);
    peer.send(answer("413 Content Too Large", refusal("too_large")));
    peer.hang();
  };
  early.question = std::string(24 << 20, 'u');
  add(scenes, "fault 40: HTML", refused(ErrorKind::bad_reply, 200),
      answers(answer("200 OK", "<p>" + canary + "</p>", "", "text/html")));
  auto& slow = add(scenes, "fault 41: headers at a byte at a time", failing(ErrorKind::first_byte_timeout, 2),
                   [](FaultPeer& peer) {
                     peer.send("HTTP/1.1 200 OK\r\nX-Slow: ");
                     for (;;) {
                       peer.pause(30ms);
                       peer.send("x");
                     }
                   });
  slow.timeouts.first_byte = 120ms;
}

void add_streams(Scenes& scenes) {
  const std::string one = chunk(chat_delta("one"));
  const auto broken = [&scenes](const char* name, ErrorKind kind, Act act) -> Scene& {
    Expected expected = answered(kind, 200);
    expected.partial = "one";
    auto& scene = add(scenes, name, expected, std::move(act));
    scene.streamed = true;
    return scene;
  };
  auto& beats = broken("fault 46: heartbeats only", ErrorKind::progress_timeout, [one](FaultPeer& peer) {
    peer.send(streaming + one);
    for (;;) {
      peer.pause(10ms);
      peer.send(chunk(": beat\n\n"));
    }
  });
  beats.timeouts.progress = 80ms;
  broken("fault 26: a bad chunk right behind a good one", ErrorKind::bad_http,
         says(streaming + one + "five\r\n"));
  broken("fault 50: an unfinished last event", ErrorKind::incomplete_reply,
         answers(streaming + one + chunk("data: {\"choices\":[]}") + "0\r\n\r\n"))
      .expected.kept.reset();
  broken("fault 51: no terminal event", ErrorKind::incomplete_reply, answers(streaming + one + "0\r\n\r\n"))
      .expected.kept.reset();
  broken("fault 53: an error event", ErrorKind::overloaded,
         says(streaming + one + chunk("data: " + refusal("overloaded_error") + "\n\n")));
  broken("fault 54: garbage in an event", ErrorKind::bad_reply,
         says(streaming + one + chunk("data: {" + canary + "\n\n")));
  broken("fault 55: an endless line", ErrorKind::limit_exceeded, [one](FaultPeer& peer) {
    peer.send(streaming + one);
    const std::string endless = chunk(std::string(1 << 20, 'x'));
    for (int i = 0; i < 40; ++i) peer.send(endless);
    peer.read_to_end();
  });
  broken("fault 56: a stall", ErrorKind::idle_timeout, says(streaming + one)).timeouts.idle = 100ms;
  add(scenes, "fault 57: a JSON error for a stream", refused(ErrorKind::invalid_request, 200),
      answers(answer("200 OK", refusal("invalid_request_error"))))
      .streamed = true;
}

void add_refusals(Scenes& scenes) {
  const auto says_no = [&scenes](const char* name, ErrorKind kind, int status, int attempts,
                                 const std::string& type, const std::string& headers = "") {
    add(scenes, name, refused(kind, status, attempts),
        answers(answer(std::to_string(status) + " No", refusal(type), headers)));
  };
  says_no("fault 61: a delay above the cap", ErrorKind::rate_limited, 429, 1, "rate_limit_error",
          "Retry-After: 3600\r\n");
  says_no("fault 62: 529", ErrorKind::overloaded, 529, 2, "x", "retry-after-ms: 1\r\n");
  says_no("fault 62: 503", ErrorKind::overloaded, 503, 2, "x", "retry-after-ms: 1\r\n");
  says_no("fault 62: 500", ErrorKind::provider_error, 500, 2, "x");
  says_no("fault 63: x-should-retry: false", ErrorKind::provider_error, 500, 1, "x",
          "x-should-retry: false\r\n");
  says_no("fault 63: x-should-retry: true", ErrorKind::invalid_request, 400, 2, "x",
          "x-should-retry: true\r\n");
  says_no("fault 64: 400", ErrorKind::invalid_request, 400, 1, "x");
  says_no("fault 64: 401", ErrorKind::authentication, 401, 1, "x");
  says_no("fault 64: 403", ErrorKind::permission_denied, 403, 1, "x");
  says_no("fault 64: 404", ErrorKind::not_found, 404, 1, "x");
  says_no("fault 64: 422", ErrorKind::invalid_request, 422, 1, "x");
  says_no("fault 65: no quota is left", ErrorKind::quota_exceeded, 429, 1, "insufficient_quota");
  says_no("fault 66: 200 with an error body", ErrorKind::overloaded, 200, 1, "overloaded_error");
  add(scenes, "fault 67: a huge binary error", answered(ErrorKind::invalid_request, 400),
      says(answer("400 No", canary + std::string(10 << 20, '\xfe'), "", "application/octet-stream")));
}

}  // namespace

std::string good_answer() {
  return answer("200 OK", chat_whole);
}

Scenes fault_scenes(const BlackHole& hole, const std::shared_ptr<std::atomic<bool>>& released) {
  Scenes scenes;
  add_addresses(scenes, hole, released);
  add_tls(scenes);
  add_proxies(scenes);
  add_http(scenes);
  add_streams(scenes);
  add_refusals(scenes);
  return scenes;
}

}  // namespace lllm::test
