#include "lllm/formats/url.hpp"

#include <doctest/doctest.h>

using namespace lllm;

TEST_SUITE("formats/url") {
  TEST_CASE("a URL is taken apart") {
    const auto url = parse_url("HTTPS://API.Example.com/v1?key=a%20b#frag");
    REQUIRE(url.has_value());
    CHECK(url->origin == Origin("https", "api.example.com", 443));
    CHECK(url->target == "/v1?key=a%20b");
    CHECK(url->target_for("/chat") == "/v1/chat?key=a%20b");
    CHECK(url->origin.to_string() == "https://api.example.com");
    const auto v6 = parse_url("http://[::1]:8080");
    REQUIRE(v6.has_value());
    CHECK(v6->origin == Origin("http", "::1", 8080));
    CHECK(v6->target == "/");
    CHECK(v6->target_for("v1/models") == "/v1/models");
    CHECK(v6->origin.authority() == "[::1]:8080");
    const auto with_user = parse_url("http://us%40er:p%3Aw@proxy:3128");
    REQUIRE(with_user.has_value());
    CHECK(with_user->user == "us@er");
    CHECK(with_user->password == "p:w");
  }

  TEST_CASE("fault 109: what is no http URL, or hides something in its host, is refused and not quoted") {
    for (const std::string bad :
         {"", "api.openai.com", "/v1", "ftp://h/", "file:///etc/passwd", "http://", "http://h:0/",
          "http://h:99999/", "http://h%0d%0aX:1/", "http://a b/", "http://h/\r\nX: 1", "http://h%2f@evil/"}) {
      CAPTURE(bad);
      const auto url = parse_url(bad);
      const bool refused = !url || url->origin.host == "evil";
      CHECK(refused);
    }
    CHECK(parse_url("http://user:hunter2@/").error().message().find("hunter2") == std::string::npos);
  }
}
