#include "lllm/formats/http_message.hpp"

#include <doctest/doctest.h>

#include "lllm/formats/http_reader.hpp"

using namespace lllm;

namespace {

struct Read {
  std::optional<Error> error;
  int status = 0;
  std::string body;
  std::size_t left = 0;  // bytes behind the answer
  bool complete = false;
  bool keep_alive = false;
};

/// Reads `bytes` as an answer, in pieces of `step` bytes, then the end of the connection.
Read read_answer(std::string bytes, std::size_t step = std::string::npos, std::string_view method = "GET") {
  HttpResponseReader reader(method);
  Read read;
  std::size_t at = 0;
  while (at < bytes.size() && !reader.complete()) {
    const auto size = std::min(step, bytes.size() - at);
    std::string piece = bytes.substr(at, size);
    std::size_t used = 0;
    while (used < piece.size() && !reader.complete()) {
      if (!reader.head_complete()) {
        const auto taken = reader.read_head(std::string_view(piece).substr(used));
        if (!taken) return read.error = taken.error(), read;
        used += *taken;
      } else {
        const auto part = reader.read_body(piece.data() + used, piece.size() - used);
        if (!part) return read.error = part.error(), read;
        read.body += part->data;
        used += part->consumed;
      }
    }
    at += used;
    if (used < size) break;
  }
  read.left = bytes.size() - at;
  if (!reader.complete())
    if (const auto end = reader.end_of_input(); !end) read.error = end.error();
  read.status = reader.head().status;
  read.complete = reader.complete();
  read.keep_alive = reader.keep_alive();
  return read;
}

ErrorKind refusal(const std::string& bytes) {
  const auto read = read_answer(bytes);
  REQUIRE(read.error.has_value());
  for (std::size_t step = 1; step < 5; ++step) {
    const auto again = read_answer(bytes, step);
    REQUIRE(again.error.has_value());
    CHECK(again.error->kind() == read.error->kind());
  }
  return read.error->kind();
}

}  // namespace

TEST_SUITE("formats/http_message") {
  TEST_CASE("an answer reads the same in pieces of any size") {
    const std::string chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A:  b \r\n\r\n"
        "5\r\nHello\r\n6;x=\"y\"\r\n World\r\n1\r\n!\r\n0\r\nTrailer: z\r\n\r\nHTTP/1.1";
    const std::string counted = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nabcdMORE";
    for (std::size_t step = 1; step <= chunked.size(); ++step) {
      CAPTURE(step);
      const auto a = read_answer(chunked, step);
      CHECK_FALSE(a.error.has_value());
      CHECK(a.body == "Hello World!");
      CHECK(a.left == 8);
      CHECK(a.keep_alive);
      const auto b = read_answer(counted, step);
      CHECK(b.status == 404);
      CHECK(b.body == "abcd");
      CHECK(b.left == 4);
    }
  }

  TEST_CASE("chunks that come in one read are handed over as one run") {
    std::string bytes = "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n";
    HttpBodyReader reader(HttpBodyReader::Framing::chunked);
    const auto part = reader.read(bytes.data(), bytes.size());
    REQUIRE(part.has_value());
    CHECK(part->data == "abcdef");
    CHECK(reader.complete());
  }

  TEST_CASE("a body without a length lasts until the connection ends, which then serves no other") {
    const auto read = read_answer("HTTP/1.1 200 OK\r\n\r\nall of it");
    CHECK_FALSE(read.error.has_value());
    CHECK(read.body == "all of it");
    CHECK_FALSE(read.keep_alive);
  }

  TEST_CASE("answers without a body end with their head") {
    CHECK(read_answer("HTTP/1.1 204 No Content\r\n\r\n").complete);
    CHECK(read_answer("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n").complete);
    CHECK(read_answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 7, "HEAD").complete);
    CHECK_FALSE(read_answer("HTTP/1.1 200\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").keep_alive);
    CHECK_FALSE(read_answer("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").keep_alive);
  }

  TEST_CASE("fault 19: a garbage status line is a protocol error, at once") {
    CHECK(refusal("SSH-2.0-OpenSSH_9.2\r\n") == ErrorKind::bad_http);
    CHECK(refusal("HTTP/1.1 2x0 OK\r\n\r\n") == ErrorKind::bad_http);
    CHECK(refusal("HTTP/1.1 099 Low\r\n\r\n") == ErrorKind::bad_http);
    CHECK(refusal("HTTP/2 200\r\n\r\n") == ErrorKind::bad_http);
  }

  TEST_CASE("fault 20: truncated headers are an error") {
    CHECK(refusal("HTTP/1.1 200 OK\r\nContent-Le") == ErrorKind::connection_lost);
    CHECK(refusal("HTTP/1.1 200 OK\r\nno colon\r\n\r\n") == ErrorKind::bad_http);
    CHECK(refusal("HTTP/1.1 200 OK\nX: y\n\r\n\r\n") == ErrorKind::bad_http);
  }

  TEST_CASE("fault 21: an oversize header line and ten thousand header lines pass a limit") {
    CHECK(refusal("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'a')) == ErrorKind::limit_exceeded);
    std::string many = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 10'000; ++i) many += "a:b\r\n";
    CHECK(refusal(many + "\r\n") == ErrorKind::limit_exceeded);
  }

  TEST_CASE("fault 22: a body shorter than its Content-Length is truncated") {
    CHECK(refusal("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc") == ErrorKind::connection_lost);
  }

  TEST_CASE("fault 24: contradicting lengths are refused, repeated equal ones are not") {
    CHECK(refusal("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n") ==
          ErrorKind::bad_http);
    CHECK(refusal("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc") ==
          ErrorKind::bad_http);
    CHECK(refusal("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n") == ErrorKind::bad_http);
    CHECK(read_answer("HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc").body == "abc");
  }

  TEST_CASE("fault 25: a Content-Length out of range is refused") {
    CHECK(refusal("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n") == ErrorKind::bad_http);
    CHECK(refusal("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n") == ErrorKind::bad_http);
    CHECK(refusal("HTTP/1.1 200 OK\r\nContent-Length: 3x\r\n\r\n") == ErrorKind::bad_http);
  }

  TEST_CASE("fault 26: a bad chunk size and a huge chunk extension are errors") {
    const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    CHECK(refusal(head + "zz\r\n") == ErrorKind::bad_http);
    CHECK(refusal(head + "\r\n") == ErrorKind::bad_http);
    CHECK(refusal(head + "fffffffffffffffff\r\n") == ErrorKind::bad_http);
    CHECK(refusal(head + "3\r\nabcd\r\n") == ErrorKind::bad_http);
    CHECK(refusal(head + "3;" + std::string(5'000, 'x')) == ErrorKind::limit_exceeded);
    CHECK(refusal(head + std::string(5'000, '0')) == ErrorKind::limit_exceeded);
  }

  TEST_CASE("fault 27: a missing last chunk is a truncated body") {
    CHECK(refusal("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n") ==
          ErrorKind::connection_lost);
  }

  TEST_CASE("fault 28: informational answers are skipped, up to a limit") {
    std::string hints;
    for (int i = 0; i < 10; ++i) hints += "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    const auto read = read_answer(hints + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    CHECK(read.status == 200);
    CHECK(read.body == "ok");
    CHECK(refusal(hints + hints) == ErrorKind::limit_exceeded);
  }

  TEST_CASE("fault 29: an unasked 101 is an error") {
    CHECK(refusal("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n") == ErrorKind::bad_http);
  }

  TEST_CASE("fault 109: CR, LF and NUL are refused in method, host, path and headers") {
    const Origin origin("https", "api.example.com", 443);
    CHECK(check_request(HttpRequest("POST", origin, "/v1/chat", {{"Authorization", "Bearer k"}}, "{}"))
              .has_value());
    for (const auto& bad : {std::string("a\r\nb"), std::string("a\nb"), std::string("a\0b", 3)}) {
      CHECK_FALSE(check_request(HttpRequest(bad, origin, "/")).has_value());
      CHECK_FALSE(check_request(HttpRequest("GET", {"https", bad, 443}, "/")).has_value());
      CHECK_FALSE(check_request(HttpRequest("GET", origin, "/" + bad)).has_value());
      CHECK_FALSE(check_request(HttpRequest("GET", origin, "/", {{bad, "x"}})).has_value());
      const auto refused = check_request(HttpRequest("GET", origin, "/", {{"X-Key", bad}}));
      REQUIRE_FALSE(refused.has_value());
      CHECK(refused.error().message().find("X-Key") != std::string::npos);
      CHECK(refused.error().message().find(bad) == std::string::npos);
    }
    CHECK_FALSE(check_request(HttpRequest("GET", origin, "/", {{"Content-Length", "3"}})).has_value());
  }

  TEST_CASE("a request is written with Host and Content-Length, and to a proxy with its whole URL") {
    std::string out;
    append_request_head(out, HttpRequest("POST", {"http", "::1", 8080}, "/x?y", {{"A", "b"}}), 3);
    CHECK(out.find("POST /x?y HTTP/1.1\r\nHost: [::1]:8080\r\nA: b\r\n") == 0);
    CHECK(out.find("Content-Length: 3\r\n") != std::string::npos);
    std::string through;
    append_request_head(through, HttpRequest("GET", {"http", "h", 80}, "/x"), 0, RequestForm::absolute,
                        {{"Proxy-Authorization", "Basic x"}});
    CHECK(through.find("GET http://h/x HTTP/1.1\r\nHost: h\r\nProxy-Authorization: Basic x\r\n") == 0);
  }

  TEST_CASE("a prepared request is checked once and differs in its length only") {
    const auto prepared =
        PreparedRequest::make(HttpRequest("POST", {"https", "h", 443}, "/x", {{"A", "b"}}, "not kept"));
    REQUIRE(prepared.has_value());
    CHECK(prepared->request().body.empty());
    for (const std::size_t size : {0, 7, 12345}) {
      std::string once;
      std::string each;
      prepared->append_head(once, size);
      append_request_head(each, prepared->request(), size);
      CHECK(once == each);
    }
    CHECK(PreparedRequest::make(HttpRequest("GET", {"https", "h", 443}, "/x y")).error().kind() ==
          ErrorKind::invalid_argument);
  }

  TEST_CASE("headers compare names without case and keep their order") {
    HttpHeaders headers{{"Set-Cookie", "a"}, {"X", "1"}, {"set-cookie", "b"}};
    CHECK(headers.get("SET-COOKIE") == "a");
    headers.set("set-cookie", headers[2].value);
    CHECK(headers == HttpHeaders{{"x", "1"}, {"Set-Cookie", "b"}});
    headers.remove("x");
    CHECK(headers.size() == 1);
    CHECK_FALSE(headers.contains("x"));
  }
}
