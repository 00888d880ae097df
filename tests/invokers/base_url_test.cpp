// Base URLs and proxies as people write them.
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/invokers/world.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

/// Remembers what it was asked, and answers.
struct Asked {
  std::string target;
  HttpHeaders headers;
  HttpHandler handler() {
    return [this](const HttpServerRequest& request, HttpResponder& responder) {
      target = request.target;
      headers = request.headers;
      return responder.send(200, of_type("application/json"), chat_whole);
    };
  }
};

}  // namespace

TEST_SUITE("invokers/base_url") {
  TEST_CASE("a base URL may have a path, slashes, a query, an IPv6 address or a user before its host") {
    struct Form {
      std::string before;
      std::string after;
      std::string target;
      std::string authorization = "Bearer " + canary;
    };
    for (const char* host : {"127.0.0.1", "::1"}) {
      Asked asked;
      HttpServerOptions server;
      server.host = host;
      World world(asked.handler(), {}, server);
      const std::string authority = world.server->url().substr(7);
      for (const Form& form : {
               Form{"http://", "", "/chat/completions"},
               Form{"http://", "/", "/chat/completions"},
               Form{"HTTP://", "/v1", "/v1/chat/completions"},
               Form{"http://", "/v1///", "/v1/chat/completions"},
               Form{"http://", "/a/b%20c/v1?api-version=1", "/a/b%20c/v1/chat/completions?api-version=1"},
               Form{"", "/v1", "/v1/chat/completions"},
               Form{"http://us%40er:pa%3Ass@", "/v1", "/v1/chat/completions", "Basic dXNAZXI6cGE6c3M="},
               Form{"http://user@", "/v1", "/v1/chat/completions", "Basic dXNlcjo="},
           }) {
        const std::string url = form.before + authority + form.after;
        CAPTURE(url);
        LiteLLMInvoker invoker(world.loop.get_executor(), towards(url));
        CHECK(run_on(world.loop, invoker.call(question(), World::model)).message.text() == "one two");
        CHECK(asked.target == form.target);
        CHECK(asked.headers.get("host") == authority);
        CHECK(asked.headers.get("authorization") == form.authorization);
      }
    }
  }

  TEST_CASE(
      "a base URL that cannot be used is a configuration error that says whose, and never its password") {
    asio::io_context loop(1);
    for (const char* url : {"ftp://h/v1", "http://", "http://h:99999/v1", "http://user:hunter2@",
                            "http://h h/v1", "http://h\r\nX: y/v1"}) {
      CAPTURE(url);
      LiteLLMInvoker invoker(loop.get_executor(), towards(url));
      const Error error = error_on(loop, invoker.call(question(), World::model));
      CHECK(error.kind() == ErrorKind::configuration);
      CHECK_MESSAGE(error.message().find("openai: the base URL") != std::string::npos, error.to_string());
      CHECK(error.model() == World::model);
      CHECK(error.to_string().find("hunter2") == std::string::npos);
    }
    LiteLLMInvoker dead(loop.get_executor(), towards("http://user:hunter2@127.0.0.1:1/v1").max_retries(0));
    const Error error = error_on(loop, dead.call(question(), World::model));
    CHECK(error.kind() == ErrorKind::connect_failed);
    CHECK(error.to_string().find("127.0.0.1:1") != std::string::npos);
    CHECK(error.to_string().find("hunter2") == std::string::npos);
  }

  TEST_CASE("a proxy variable that cannot be used fails the calls that need it, and no others") {
    HttpClientOptions http;
    http.proxies = proxy_rules([](const char* name) -> std::optional<std::string> {
      if (std::string_view(name) == "ALL_PROXY") return "socks5://user:hunter2@127.0.0.1:1080";
      return std::nullopt;
    });
    Asked asked;
    World world(asked.handler(), [&](InvokerOptions& options) { options.http(http); });
    CHECK(world.call().message.text() == "one two");  // a local server needs no proxy
    LiteLLMInvoker far(world.loop.get_executor(), towards("https://api.test/v1").http(http));
    const Error error = error_on(world.loop, far.call(question(), World::model));
    CHECK(error.kind() == ErrorKind::configuration);
    CHECK(error.attempts() == 1);
    CHECK(error.message().find("ALL_PROXY: proxy: SOCKS is not supported") != std::string::npos);
    CHECK(error.to_string().find("hunter2") == std::string::npos);
  }

  TEST_CASE(
      "a caller's own headers go out; what would break out of a header is refused before anything is sent") {
    Asked asked;
    World world(asked.handler());
    const auto with = [](const char* name, const char* value) {
      return CallOptions().model_arg("extra_headers", json::object{{name, value}});
    };
    CHECK(world.call(with("X-Mine", "one, two")).message.text() == "one two");
    CHECK(asked.headers.get("x-mine") == "one, two");
    CHECK(asked.headers.get("authorization") == "Bearer " + canary);
    CHECK(world.call(with("Authorization", "Bearer other")).message.text() == "one two");
    CHECK(asked.headers.get("authorization") == "Bearer other");
    CHECK(world.call().message.text() == "one two");
    CHECK_FALSE(asked.headers.contains("x-mine"));
    CHECK(asked.headers.get("authorization") == "Bearer " + canary);

    const auto before = world.server->requests();
    for (const auto& [name, value] :
         std::vector<std::pair<const char*, const char*>>{{"X-Mine", "canary\r\nX-Evil: 1"},
                                                          {"X-Mine\r\nX-Evil", "1"},
                                                          {"Content-Length", "1"},
                                                          {"X Y", "1"}}) {
      const Error error = world.failure(with(name, value));
      CHECK(error.kind() == ErrorKind::invalid_argument);
      CHECK(error.to_string().find("canary") == std::string::npos);
    }
    for (const std::string& key : {std::string("sk-canary\r\nX-Evil: 1"), std::string("sk-canary\0x", 11)}) {
      LiteLLMInvoker invoker(world.loop.get_executor(),
                             towards(world.server->url() + "/v1").api_key(Secret(key)));
      const Error error = error_on(world.loop, invoker.call(question(), World::model));
      CHECK(error.kind() == ErrorKind::configuration);
      CHECK(error.to_string().find("canary") == std::string::npos);
    }
    CHECK(world.server->requests() == before);
    CHECK(world.server->connections() == 1);
  }
}
