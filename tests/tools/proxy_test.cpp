#include "lllm/runtime/proxy.hpp"

#include <stdlib.h>

#include <doctest/doctest.h>

#include "tests/tools/support.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

std::string market(const std::string& url) {
  return "base_url = '" + url +
         "/v1/'\ndescription = 'Market data.'\nprivate_addresses = true\n"
         "auth = { env = 'LLLM_TEST_MARKET_KEY', header = 'X-Api-Key' }\n"
         "[endpoints.quote]\npath = '/quotes/{symbol}'\ndescription = 'The latest price.'\n"
         "[endpoints.quote.parameters]\nrequired = ['symbol']\n"
         "[endpoints.quote.parameters.properties.symbol]\ntype = 'string'\n"
         "[endpoints.order]\nmethod = 'POST'\npath = 'orders'\ntool = false\n"
         "[endpoints.list]\npath = 'symbols'\ntool = 'list_symbols'\n";
}

}  // namespace

TEST_SUITE("runtime/proxy") {
  TEST_CASE("a declared API becomes endpoints for programs and tools for models") {
    asio::io_context loop;
    HttpServer server(loop.get_executor(), echo_request);
    ::setenv("LLLM_TEST_MARKET_KEY", "canary-2", 1);
    DemoPackage package("proxies/market_data.toml", market(server.url()));
    const auto report = package.load();
    CHECK(report.errors.empty());
    CHECK(package.runtime.keys() == std::vector<std::string>{"demo.proxies:market_data",
                                                             "demo.tools:market_data/list_symbols",
                                                             "demo.tools:market_data/quote"});
    const auto proxy = package.runtime.get_proxy("market_data").value();
    CHECK(proxy->ref == "demo.proxies:market_data");
    const auto quote = run_on(loop, proxy->call("quote", {{"symbol", "A B"}}));
    CHECK(text_at(quote, "target") == "/v1/quotes/A%20B");
    CHECK(text_at(quote, "key") == "canary-2");
    const auto order = run_on(loop, proxy->call("order", {{"n", 1}}));
    CHECK(text_at(order, "body") == R"({"n":1})");
    const Tool tool = run_on(loop, load_tool("demo.tools:market_data/quote", package.runtime));
    CHECK(tool.description() == "The latest price.");
    CHECK(contains(call(loop, tool, {{"symbol", "X"}}).text, "/v1/quotes/X"));
    CHECK(call(loop, tool).is_error);
    CHECK_FALSE(contains(to_json(proxy->info()), "canary"));
    ::unsetenv("LLLM_TEST_MARKET_KEY");
  }

  TEST_CASE("what is wrong with a call is a typed error") {
    asio::io_context loop;
    Proxy proxy("market", "https://api.example.com/v1");
    proxy.endpoint("quote", "GET", "/quotes/{symbol}", {{"required", json::array{"symbol"}}});
    const auto unknown = error_on(loop, proxy.call("qoute"));
    CHECK(unknown.kind() == ErrorKind::resource_not_found);
    CHECK(contains(unknown.message(), "did you mean quote?"));
    CHECK(error_on(loop, proxy.call("quote")).kind() == ErrorKind::parse_failed);
    CHECK(error_of([&] { proxy.endpoint("bad", "GET", "/a b"); }).kind() == ErrorKind::invalid_argument);
  }

  TEST_CASE("a proxy registered from C++ is not replaced unless it is said so") {
    Runtime runtime("demo");
    runtime.register_proxy("market", Proxy("market", "https://a.example.com"));
    const auto taken =
        error_of([&] { runtime.register_proxy("market", Proxy("market", "https://b.example.com")); });
    CHECK(taken.kind() == ErrorKind::resource_conflict);
    runtime.register_proxy("market", Proxy("market", "https://b.example.com"), {}, true);
    CHECK(runtime.get_proxy("market").value()->base_url == "https://b.example.com");
  }

  TEST_CASE("a mistake in a proxy's file is named with its place") {
    const auto problem = [](const std::string& text) {
      const auto proxy = parse_proxy_file("p", Syntax::toml, text);
      return proxy.has_error() ? proxy.error().to_string() + " at " + std::to_string(proxy.error().line())
                               : "none";
    };
    const std::string good = "base_url = 'https://a.example.com'\n[endpoints.x]\npath = '/x'\n";
    CHECK(problem(good) == "none");
    CHECK(contains(problem(good + "pat = 1\n"), "unknown key 'endpoints.x.pat'"));
    CHECK(contains(problem(good + "pat = 1\n"), " at 4"));
    CHECK(contains(problem("base_url = 'https://{host}/'\n[endpoints.x]\npath = '/x'\n"), "must be fixed"));
    CHECK(contains(problem("base_url = 'ftp://a/'\n[endpoints.x]\npath = '/x'\n"), "not http or https"));
    CHECK(contains(problem("base_url = 'https://u:p@a.example.com/'\n[endpoints.x]\npath = '/'\n"),
                   "credentials"));
    CHECK(contains(problem("base_url = 'https://a.example.com'\nverify = false\n[endpoints.x]\npath = '/'\n"),
                   "unknown key 'verify'"));
    CHECK(contains(problem("base_url = 'https://a.example.com'\n"), "'endpoints' is missing"));
    CHECK(contains(problem(good + "[endpoints.y]\npath = '/{z}'\n"), "'{z}' is no property of 'parameters'"));
  }
}
