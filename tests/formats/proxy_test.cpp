#include "lllm/formats/proxy.hpp"

#include <map>

#include <doctest/doctest.h>

using namespace lllm;

namespace {

ProxyRules rules_of(const std::map<std::string, std::string>& environment) {
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
    CHECK(rules.find({"https", "api.test", 443})->origin == Origin("http", "lower.test", 8080));
    CHECK(rules.find({"http", "api.test", 80})->origin == Origin("http", "all.test", 80));
    const auto proxy = parse_proxy("http://us%40er:pa%3Ass@proxy.test:3128");
    REQUIRE(proxy.has_value());
    CHECK(proxy->authorization().reveal() == "Basic dXNAZXI6cGE6c3M=");
    CHECK(rules_of({}).find({"https", "api.test", 443}) == nullptr);
  }

  TEST_CASE("a proxy variable may be written in every form that people use") {
    struct Form {
      const char* text;
      Origin origin;
      const char* authorization;
    };
    for (const auto& form : {
             Form{"proxy.test:3128", {"http", "proxy.test", 3128}, ""},
             Form{"http://proxy.test:3128/", {"http", "proxy.test", 3128}, ""},
             Form{"HTTP://Proxy.Test", {"http", "proxy.test", 80}, ""},
             Form{"  proxy.test:8080\t", {"http", "proxy.test", 8080}, ""},
             Form{"[::1]:3128", {"http", "::1", 3128}, ""},
             Form{"http://user:pass@[fd00::7]:3128", {"http", "fd00::7", 3128}, "Basic dXNlcjpwYXNz"},
             Form{"user:p%40ss@10.0.0.1:3128", {"http", "10.0.0.1", 3128}, "Basic dXNlcjpwQHNz"},
             Form{"user@proxy.test:3128", {"http", "proxy.test", 3128}, "Basic dXNlcjo="},
         }) {
      CAPTURE(form.text);
      const ProxyRules rules = rules_of({{"HTTPS_PROXY", form.text}});
      const HttpProxy* proxy = rules.find({"https", "api.test", 443});
      REQUIRE(proxy != nullptr);
      CHECK_FALSE(proxy->fault);
      CHECK(proxy->origin == form.origin);
      CHECK(proxy->authorization().reveal() == form.authorization);
    }
    CHECK(rules_of({{"HTTPS_PROXY", "  "}}).find({"https", "api.test", 443}) == nullptr);
  }

  TEST_CASE("fault 18: NO_PROXY is honoured in every usual form") {
    const std::string list =
        "example.com, .corp.test,10.0.0.0/8,192.168.1.5,host.test:8443,[::5] *.wild.test  *:9443,fd00::/9,"
        "[fe80::1]:8443,2001:db8::5,0.0.0.0/33,10.0.0.0/,nonsense/8,";
    const ProxyRules rules = rules_of({{"HTTPS_PROXY", "http://p:1"}, {"NO_PROXY", list}});
    const auto direct = [&](const char* host, std::uint16_t port = 443) {
      return rules.find({"https", host, port}) == nullptr;
    };
    CHECK(direct("example.com"));
    CHECK(direct("api.example.com"));
    CHECK_FALSE(direct("badexample.com"));
    CHECK_FALSE(direct("example.com.evil.test"));
    CHECK(direct("a.corp.test"));
    CHECK(direct("a.wild.test"));
    CHECK_FALSE(direct("awild.test"));
    CHECK(direct("10.9.8.7"));
    CHECK_FALSE(direct("11.0.0.1"));
    CHECK_FALSE(direct("10.9.8.7.test"));
    CHECK(direct("192.168.1.5"));
    CHECK_FALSE(direct("192.168.1.55"));
    CHECK(direct("host.test", 8443));
    CHECK_FALSE(direct("host.test", 443));
    CHECK(direct("anything.test", 9443));
    CHECK(direct("::5"));
    CHECK(direct("2001:db8::5"));
    CHECK(direct("fd7f::1"));
    CHECK_FALSE(direct("fd80::1"));
    CHECK(direct("fe80::1", 8443));
    CHECK_FALSE(direct("fe80::1"));
    CHECK(direct("localhost"));
    CHECK(direct("a.localhost"));
    CHECK(direct("127.0.0.9"));
    CHECK(direct("::1"));
    CHECK(rules_of({{"HTTPS_PROXY", "http://p:1"}, {"no_proxy", "*"}}).find({"https", "x.test", 443}) ==
          nullptr);
  }

  TEST_CASE("a client's header cannot set the proxy of a CGI program") {
    const auto rules = rules_of({{"HTTP_PROXY", "http://evil:1"}, {"REQUEST_METHOD", "GET"}});
    CHECK(rules.find({"http", "api.test", 80}) == nullptr);
  }

  TEST_CASE("what is no http proxy is an error that names the variable, for who would go through it only") {
    const Origin secure("https", "api.test", 443);
    const Origin plain("http", "api.test", 80);
    for (const char* value :
         {"socks5://p:1", "https://p:1", "http://", "http://u:hunter2@", "http://u:hun@ter2@p"}) {
      CAPTURE(value);
      const ProxyRules rules = rules_of({{"HTTPS_PROXY", value}});
      REQUIRE(rules.find(secure) != nullptr);
      const auto& fault = rules.find(secure)->fault;
      REQUIRE(fault);
      CHECK(fault->kind() == ErrorKind::configuration);
      CHECK(fault->message().starts_with("HTTPS_PROXY: proxy: "));
      CHECK(fault->message().find("ter2") == std::string::npos);
      CHECK(rules.find(plain) == nullptr);
      CHECK(rules.find({"https", "localhost", 443}) == nullptr);
    }
    // Many have a SOCKS proxy for what has no HTTP proxy.
    const ProxyRules both = rules_of({{"HTTPS_PROXY", "http://p:1"}, {"ALL_PROXY", "socks5://p:1"}});
    CHECK_FALSE(both.find(secure)->fault);
    REQUIRE(both.find(plain)->fault);
    CHECK(both.find(plain)->fault->message().starts_with("ALL_PROXY: "));
    CHECK(parse_proxy("socks5h://p:1").error().message().find("SOCKS is not supported") != std::string::npos);
  }
}
