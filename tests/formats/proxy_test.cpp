#include "lllm/formats/proxy.hpp"

#include <map>

#include <doctest/doctest.h>

using namespace lllm;

namespace {

Result<ProxyRules> rules_of(const std::map<std::string, std::string>& environment) {
  return proxy_rules([&environment](const char* name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  });
}

}  // namespace

TEST_SUITE("formats/proxy") {
  TEST_CASE("the environment's proxies are read, lower case first, with their credentials") {
    const auto rules = rules_of({{"HTTPS_PROXY", "http://us%40er:pa%3Ass@proxy.test:3128"},
                                 {"https_proxy", "lower.test:8080"},
                                 {"ALL_PROXY", "http://all.test"}});
    REQUIRE(rules.has_value());
    CHECK(rules->find({"https", "api.test", 443})->origin == Origin("http", "lower.test", 8080));
    CHECK(rules->find({"http", "api.test", 80})->origin == Origin("http", "all.test", 80));
    const auto proxy = parse_proxy("http://us%40er:pa%3Ass@proxy.test:3128");
    REQUIRE(proxy.has_value());
    CHECK(proxy->authorization().reveal() == "Basic dXNAZXI6cGE6c3M=");
    CHECK(rules_of({})->find({"https", "api.test", 443}) == nullptr);
  }

  TEST_CASE("fault 18: NO_PROXY is honoured in every usual form") {
    const auto rules =
        rules_of({{"HTTPS_PROXY", "http://p:1"},
                  {"NO_PROXY", "example.com, .corp.test,10.0.0.0/8,192.168.1.5,host.test:8443,[::5]"}});
    REQUIRE(rules.has_value());
    const auto direct = [&](const char* host, std::uint16_t port = 443) {
      return rules->find({"https", host, port}) == nullptr;
    };
    CHECK(direct("example.com"));
    CHECK(direct("api.example.com"));
    CHECK_FALSE(direct("badexample.com"));
    CHECK_FALSE(direct("example.com.evil.test"));
    CHECK(direct("a.corp.test"));
    CHECK(direct("10.9.8.7"));
    CHECK_FALSE(direct("11.0.0.1"));
    CHECK(direct("192.168.1.5"));
    CHECK(direct("host.test", 8443));
    CHECK_FALSE(direct("host.test", 443));
    CHECK(direct("::5"));
    CHECK(direct("localhost"));
    CHECK(direct("127.0.0.9"));
    CHECK(rules_of({{"HTTPS_PROXY", "http://p:1"}, {"NO_PROXY", "*"}})->find({"https", "x.test", 443}) ==
          nullptr);
  }

  TEST_CASE("a client's header cannot set the proxy of a CGI program") {
    const auto rules = rules_of({{"HTTP_PROXY", "http://evil:1"}, {"REQUEST_METHOD", "GET"}});
    REQUIRE(rules.has_value());
    CHECK(rules->find({"http", "api.test", 80}) == nullptr);
  }

  TEST_CASE("what is no http proxy is an error that names the variable and quotes nothing") {
    for (const char* value : {"socks5://p:1", "https://p:1", "http://", "http://u:hunter2@"}) {
      const auto rules = rules_of({{"HTTPS_PROXY", value}});
      REQUIRE(rules.has_error());
      CHECK(rules.error().kind() == ErrorKind::configuration);
      CHECK(rules.error().message().find("HTTPS_PROXY") != std::string::npos);
      CHECK(rules.error().message().find("hunter2") == std::string::npos);
    }
    CHECK(parse_proxy("socks5h://p:1").error().message().find("SOCKS is not supported") != std::string::npos);
  }
}
