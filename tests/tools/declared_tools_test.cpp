#include <signal.h>
#include <stdlib.h>

#include <doctest/doctest.h>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lllm/base/text.hpp"
#include "lllm/tools/http_request.hpp"
#include "tests/tools/support.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

const std::string text_parameters =
    "[parameters]\nrequired = ['text']\n[parameters.properties.text]\ntype = 'string'\n"
    "[parameters.properties.count]\ntype = 'integer'\n";

std::string exec_tool_file(const std::string& exec) {
  return "description = 'A tool.'\n" + text_parameters + "[exec]\n" + exec;
}

/// The only tool of a package whose tools/tool.toml says this.
Tool tool_of(DemoPackage& package) {
  const auto report = package.load();
  REQUIRE_MESSAGE(report.errors.empty(), (report.errors.empty() ? "" : report.errors.front().to_string()));
  return package.runtime.get_tool("tool").value();
}

}  // namespace

TEST_SUITE("tools/exec_tool") {
  TEST_CASE("a declared program gets its arguments in argv and as JSON, and its output is the result") {
    DemoPackage package(
        "tools/tool.toml",
        exec_tool_file("argv = ['sh', '-c', 'cat; echo; echo \"$1\"', 'sh', 'say {text}']\n"));
    const Tool tool = tool_of(package);
    CHECK(tool.description() == "A tool.");
    CHECK(package.runtime.get_node("tool", "tool").value()->metadata().at("backend") == json::value("exec"));
    asio::io_context loop;
    const auto result = call(loop, tool, {{"text", "hello"}});
    CHECK_FALSE(result.is_error);
    CHECK(result.text == "{\"text\":\"hello\"}\nsay hello\n");
    CHECK(contains(call(loop, tool, {{"text", 7}}).text, "Invalid arguments"));
  }

  TEST_CASE("fault 118: no shell reads an argument, whatever it holds") {
    DemoPackage package("tools/tool.toml",
                        exec_tool_file("argv = ['printf', '%s', '{text}']\ninput = 'none'\n"));
    const Tool tool = tool_of(package);
    asio::io_context loop;
    for (const std::string text : {"$HOME `id` ; rm -rf /", "a b  c", "{count} {{x}} %s", "'\"\\"}) {
      CAPTURE(text);
      CHECK(call(loop, tool, {{"text", json::string(text)}}).text == text);
    }
    const auto nul = call(loop, tool, {{"text", json::string(std::string_view("a\0b", 3))}});
    CHECK(nul.is_error);
    // An argument is no option either, unless the declaration ends the options.
    CHECK(contains(call(loop, tool, {{"text", "--version"}}).text, "may not begin with '-'"));
    DemoPackage ended("tools/tool.toml",
                      exec_tool_file("argv = ['printf', '--', '%s', '{text}']\ninput = 'none'\n"));
    CHECK(call(loop, tool_of(ended), {{"text", "--version"}}).text == "--version");
  }

  TEST_CASE("fault 118: the environment is clean, but for what the declaration names") {
    ::setenv("LLLM_TEST_SECRET", "hunter2", 1);
    ::setenv("LLLM_TEST_PASSED", "passed", 1);
    DemoPackage package(
        "tools/tool.toml",
        exec_tool_file("argv = ['env']\nenv = { A = 'b', N = 3 }\npass_env = ['LLLM_TEST_PASSED']\n"));
    asio::io_context loop;
    const auto result = call(loop, tool_of(package), {{"text", ""}});
    CHECK_FALSE(contains(result.text, "hunter2"));
    CHECK(contains(result.text, "A=b\n"));
    CHECK(contains(result.text, "N=3\n"));
    CHECK(contains(result.text, "LLLM_TEST_PASSED=passed\n"));
    ::unsetenv("LLLM_TEST_SECRET");
    ::unsetenv("LLLM_TEST_PASSED");
  }

  TEST_CASE("fault 118: when the time is up, the whole process group is killed and the model is told") {
    DemoPackage package("tools/tool.toml",
                        exec_tool_file("argv = ['sh', '-c', 'sleep 600 & echo $! > child; wait']\n"
                                       "directory = '..'\ntimeout = 0.3\n"));
    asio::io_context loop;
    const auto result = call(loop, tool_of(package), {{"text", ""}});
    CHECK(result.is_error);
    CHECK(contains(result.text, "did not end within 300 ms"));
    const auto pid = std::stoi(read_file_blocking((package.dir().path() / "child").string()).value().bytes);
    // A killed child of a killed parent may be nobody's zombie for a moment.
    for (int i = 0; i < 1000 && ::kill(pid, 0) == 0; ++i) ::usleep(10'000);
    CHECK(::kill(pid, 0) != 0);
  }

  TEST_CASE("fault 118: output has a limit, and a failed exit is a failure with its words") {
    DemoPackage package("tools/tool.toml",
                        exec_tool_file("argv = ['sh', '-c', 'yes | head -c 100000']\nmax_output = 1000\n"));
    asio::io_context loop;
    const auto cut = call(loop, tool_of(package), {{"text", ""}});
    CHECK(cut.text.size() < 1100);
    CHECK(contains(cut.text, "cut at 1000 bytes"));
    DemoPackage failing("tools/tool.toml", exec_tool_file("argv = ['sh', '-c', 'echo why >&2; exit 3']\n"));
    const auto failed = call(loop, tool_of(failing), {{"text", ""}});
    CHECK(failed.is_error);
    CHECK(failed.text == "'sh' ended with code 3: why");
    DemoPackage absent("tools/tool.toml", exec_tool_file("argv = ['./no-such-program']\n"));
    CHECK(contains(call(loop, tool_of(absent), {{"text", ""}}).text, "no-such-program"));
  }
}

TEST_SUITE("tools/http_tool") {
  TEST_CASE("a declared request: path, query, body, and the key from the environment") {
    asio::io_context loop;
    HttpServer server(loop.get_executor(), echo_request);
    ::setenv("LLLM_TEST_KEY", "canary-1", 1);
    DemoPackage package(
        "tools/tool.toml",
        text_parameters + "[http]\nurl = '" + server.url() +
            "/v1/{text}/x'\nprivate_addresses = true\nquery = { n = '{count}', fixed = 'a b' }\n"
            "auth = { env = 'LLLM_TEST_KEY' }\n");
    const Tool tool = tool_of(package);
    const auto seen =
        parse_json(call(loop, tool, {{"text", "a/b c"}, {"extra", json::array{1, "x&y"}}}).text).value();
    CHECK(text_at(seen, "method") == "GET");
    CHECK(text_at(seen, "target") == "/v1/a%2Fb%20c/x?fixed=a%20b&extra=1&extra=x%26y");
    CHECK(text_at(seen, "authorization") == "Bearer canary-1");
    const auto counted = parse_json(call(loop, tool, {{"text", "t"}, {"count", 3}}).text).value();
    CHECK(text_at(counted, "target") == "/v1/t/x?fixed=a%20b&n=3");
    ::unsetenv("LLLM_TEST_KEY");
    const auto without = call(loop, tool, {{"text", "t"}});
    CHECK(without.is_error);
    CHECK(contains(without.text, "LLLM_TEST_KEY is not set"));
    CHECK(server.connections() <= 1);  // kept between calls
  }

  TEST_CASE(
      "what stands nowhere in a POST is its body, as JSON or as a form; a part of the answer is taken") {
    asio::io_context loop;
    HttpServer server(loop.get_executor(), echo_request);
    const auto declared = [&](const std::string& more) {
      return text_parameters + "[http]\nmethod = 'post'\nurl = '" + server.url() +
             "/items'\nprivate_addresses = true\nresult = '/body'\n" + more;
    };
    DemoPackage as_json("tools/tool.toml", declared(""));
    CHECK(call(loop, tool_of(as_json), {{"text", "a"}, {"count", 2}}).text == R"({"text":"a","count":2})");
    DemoPackage as_form("tools/tool.toml", declared("body = 'form'\n"));
    CHECK(call(loop, tool_of(as_form), {{"text", "a b"}, {"count", 2}}).text == "text=a%20b&count=2");
  }

  TEST_CASE("a status of 400 and a redirect are failures that name it; the redirect is not followed") {
    asio::io_context loop;
    HttpServer server(loop.get_executor(), echo_request);
    const auto ask = [&](const std::string& path) {
      DemoPackage package("tools/tool.toml", text_parameters + "[http]\nurl = '" + server.url() + path +
                                                 "'\nprivate_addresses = true\n");
      return call(loop, tool_of(package), {{"text", ""}});
    };
    CHECK(contains(ask("/missing").text, "404 Not Found"));
    CHECK(contains(ask("/away").text, "302 Found, a redirect, which is not followed"));
    CHECK(ask("/away").is_error);
  }

  TEST_CASE("fault 112: a declared tool reaches no private or metadata address unless its file says so") {
    asio::io_context loop;
    HttpServer server(loop.get_executor(), echo_request);
    for (const std::string& url :
         {server.url(), std::string("http://169.254.169.254/latest"), std::string("http://[::1]:1/"),
          std::string("http://10.0.0.1/"), "http://localhost:" + std::to_string(server.port()) + "/"}) {
      CAPTURE(url);
      DemoPackage package("tools/tool.toml", text_parameters + "[http]\nurl = '" + url + "'\n");
      const auto result = call(loop, tool_of(package), {{"text", ""}});
      CHECK(result.is_error);
      CHECK(contains(result.text, "is not public"));
    }
    CHECK(server.requests() == 0);
  }

  TEST_CASE("fault 112: no schema that a package names is fetched") {
    asio::io_context loop;
    HttpServer server(loop.get_executor(), echo_request);
    DemoPackage package("tools/tool.toml",
                        "[parameters]\n'$ref' = '" + server.url() + "/schema'\n[exec]\nargv = ['true']\n");
    const auto report = package.load();
    REQUIRE(report.errors.size() == 1);
    CHECK(contains(report.errors.front().to_string(), "tool.toml:1:"));
    loop.poll();
    CHECK(server.requests() == 0);
  }

  TEST_CASE("an argument can leave neither its place in the path nor its header") {
    HttpBackend backend;
    backend.url = "https://api.example.com/users/{id}/items";
    backend.headers = {{"X-Name", "{name}"}};
    const auto none = [](std::string_view) { return std::optional<std::string>(); };
    for (const std::string id : {"..", ".", ""}) {
      CAPTURE(id);
      CHECK(make_http_request(backend, {{"id", json::string(id)}}, none).error().kind() ==
            ErrorKind::invalid_argument);
    }
    CHECK(make_http_request(backend, {}, none).error().kind() == ErrorKind::missing_variable);
    const auto encoded = make_http_request(backend, {{"id", "../../admin?x#y"}}, none).value();
    CHECK(encoded.target == "/users/..%2F..%2Fadmin%3Fx%23y/items");
    CHECK(encoded.origin.host == "api.example.com");
    const auto broken = make_http_request(backend, {{"id", "1"}, {"name", "a\r\nHost: evil"}}, none);
    CHECK(broken.error().kind() == ErrorKind::invalid_argument);
  }

  TEST_CASE("a slow answer is the tool's failure, a long one too; cancelling frees the caller") {
    asio::io_context loop;
    HttpServer server(
        loop.get_executor(),
        [](const HttpServerRequest& request, HttpResponder& responder) -> asio::awaitable<void> {
          if (request.path() == "/long") {
            const std::string body(100'000, 'x');
            co_await responder.send(200, HttpHeaders(), body);
            co_return;
          }
          asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
          auto wait = timer.async_wait(asio::use_awaitable);
          co_await std::move(wait);
        });
    const auto declared = [&](const std::string& path) {
      return text_parameters + "[http]\nurl = '" + server.url() + path +
             "'\nprivate_addresses = true\ntimeout = 0.2\nmax_bytes = 1000\n";
    };
    DemoPackage slow("tools/tool.toml", declared("/slow"));
    CHECK(contains(call(loop, tool_of(slow), {{"text", ""}}).text, "no answer within 200 ms"));
    DemoPackage length("tools/tool.toml", declared("/long"));
    CHECK(call(loop, tool_of(length), {{"text", ""}}).is_error);
  }
}
