// The client over streamable HTTP, against a server on loopback.
#include <stdlib.h>

#include <atomic>
#include <thread>

#include "lllm/net/certificates.hpp"
#include "tests/mcp/http_world.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

bool all_done(const std::vector<Pending>& calls) {
  return std::all_of(calls.begin(), calls.end(), [](const auto& call) { return call.done(); });
}

}  // namespace

TEST_SUITE("mcp/streamable_http") {
  TEST_CASE("answers come as JSON or as events; each request shows its session, revision and key") {
    ::setenv("LLLM_TEST_MCP_KEY", "canary-key", 1);
    asio::io_context loop;
    for (const bool as_events : {false, true}) {
      CAPTURE(as_events);
      McpOverHttp world(loop);
      world.as_events = as_events;
      auto options = world.options();
      options.server.headers = {{"X-Tenant", "t"}};
      options.server.auth = AuthHeader("Authorization", "LLLM_TEST_MCP_KEY", "Bearer ");
      McpClient client(loop.get_executor(), options);
      CHECK(run_on(loop, client.server_info()).name == "over http");
      CHECK(said(loop, client, "echo", words("grüße")) == "grüße");
      REQUIRE(world.requests.size() == 3);
      for (std::size_t i = 0; i < 3; ++i) {
        CAPTURE(i);
        const auto& headers = world.requests[i].headers;
        CHECK(world.requests[i].target == "/mcp?tenant=canary-path");
        CHECK(headers.get("Accept") == "application/json, text/event-stream");
        CHECK(headers.get("Content-Type") == "application/json");
        CHECK(headers.get("X-Tenant") == "t");
        CHECK(headers.get("Authorization") == "Bearer canary-key");
        CHECK(headers.get("MCP-Protocol-Version") == (i == 0 ? "" : "2025-11-25"));
        CHECK(headers.get("Mcp-Session-Id") == (i == 0 ? "" : "canary-session-1"));
      }
      CHECK(holds(world.requests[1].body, "notifications/initialized"));
      const auto unknown = failure(loop, client, "absent");
      CHECK(unknown.kind() == ErrorKind::invalid_request);
      CHECK(unknown.provider_text() == "no tool is called that");
      CHECK(world.deletes == 0);
      run_on(loop, client.close());
      CHECK(world.deletes == 1);
      CHECK(world.sessions.empty());
      CHECK(failure(loop, client, "echo", words("x")).kind() == ErrorKind::tool_failed);
    }
    ::unsetenv("LLLM_TEST_MCP_KEY");
  }

  TEST_CASE("a server that knows no sessions is given none") {
    asio::io_context loop;
    McpOverHttp world(loop);
    world.gives_sessions = false;
    McpClient client(loop.get_executor(), world.options());
    CHECK(said(loop, client, "echo", words("x")) == "x");
    CHECK_FALSE(world.requests.back().headers.contains("Mcp-Session-Id"));
    run_on(loop, client.close());
    CHECK(world.deletes == 0);
  }

  TEST_CASE(
      "fault 95: a session that its server has forgotten is begun again, once, and the call is made again") {
    asio::io_context loop;
    McpOverHttp world(loop);
    McpClient client(loop.get_executor(), world.options());
    CHECK(said(loop, client, "echo", words("x")) == "x");
    world.sessions.clear();
    CHECK(said(loop, client, "echo", words("again")) == "again");
    CHECK(world.initializes == 2);
    CHECK(client.stats().sessions == 2);
    CHECK(client.stats().sessions_lost == 1);
    CHECK(client.stats().requests == 2);
    CHECK(client.stats().resent == 1);
    // Many calls at once share the new one.
    world.sessions.clear();
    std::vector<Pending> calls;
    for (int i = 0; i < 20; ++i) calls.emplace_back(loop, client.call_tool("echo", words(std::to_string(i))));
    CHECK(run_until(loop, [&] { return all_done(calls); }));
    for (std::size_t i = 0; i < calls.size(); ++i) CHECK(calls[i].text() == std::to_string(i));
    CHECK(world.initializes == 3);
    CHECK(client.stats().sessions_lost == 2);
    CHECK(client.stats().resent == 21);
  }

  TEST_CASE("fault 95: a server that forgets each session at once is a typed error, not a loop") {
    asio::io_context loop;
    McpOverHttp world(loop);
    world.forgets_at_once = true;
    McpClient client(loop.get_executor(), world.options());
    const auto error = failure(loop, client, "echo", words("x"));
    CHECK(error.kind() == ErrorKind::not_found);
    CHECK(error.status() == 404);
    CHECK(error.attempts() == 2);
    CHECK(holds(error.message(), "forgets each session"));
    CHECK_FALSE(holds(error.to_string(), "canary"));
    CHECK(world.initializes == 2);
    world.forgets_at_once = false;
    CHECK(said(loop, client, "echo", words("now")) == "now");
  }

  TEST_CASE("fault 95: over HTTP, answers with unknown ids, as text, or twice are ignored and counted") {
    asio::io_context loop;
    McpOverHttp world(loop);
    McpClient client(loop.get_executor(), world.options());
    CHECK(said(loop, client, "strangers") == "yours");
    CHECK(client.stats().unasked_answers == 4);
    CHECK(said(loop, client, "batch") == "yours");
    CHECK(client.stats().unasked_answers == 6);
    CHECK(said(loop, client, "late_strangers") == "yours");
    CHECK(run_until(loop, [&] { return client.stats().unasked_answers == 7; }));
    CHECK(said(loop, client, "echo", words("x")) == "x");
    CHECK(client.stats().sessions == 1);
  }

  TEST_CASE("fault 95: what a server asks in a stream is answered by a message of its own") {
    asio::io_context loop;
    McpOverHttp world(loop);
    McpClient client(loop.get_executor(), world.options());
    CHECK(said(loop, client, "ask_back") == "asked");
    CHECK(run_until(loop, [&] { return world.answers.size() == 2; }));
    std::sort(world.answers.begin(), world.answers.end());
    CHECK(holds(world.answers[0] + world.answers[1], R"("id":"ping-1")"));
    CHECK(holds(world.answers[0] + world.answers[1], "-32601"));
  }

  TEST_CASE("answers that are none are errors that say what came") {
    asio::io_context loop;
    McpOverHttp world(loop);
    auto options = world.options();
    options.max_message = 50'000;
    McpClient client(loop.get_executor(), options);
    const auto kind = [&](const char* tool) { return failure(loop, client, tool).kind(); };
    CHECK(kind("stop_early") == ErrorKind::incomplete_reply);
    CHECK(kind("garbage") == ErrorKind::bad_reply);
    CHECK(kind("web_page") == ErrorKind::bad_reply);
    CHECK(kind("nothing") == ErrorKind::bad_reply);
    CHECK(kind("another") == ErrorKind::bad_reply);
    CHECK(kind("broken") == ErrorKind::bad_reply);
    CHECK(kind("large") == ErrorKind::limit_exceeded);
    CHECK(kind("hang_up") == ErrorKind::connection_lost);
    world.as_events = true;
    CHECK(kind("large") == ErrorKind::limit_exceeded);
    CHECK(said(loop, client, "echo", words("x")) == "x");
    CHECK(client.stats().sessions == 1);
  }

  TEST_CASE("fault 110: statuses have kinds and hints; no key, path or session is in any message") {
    ::setenv("LLLM_TEST_MCP_KEY", "canary-key", 1);
    asio::io_context loop;
    McpOverHttp world(loop);
    auto options = world.options();
    McpClient client(loop.get_executor(), options);
    options.server.auth = AuthHeader("X-Api-Key", "LLLM_TEST_MCP_KEY", "");
    McpClient known(loop.get_executor(), options);
    CHECK(said(loop, known, "echo", words("x")) == "x");
    const auto refused = [&](McpClient& by, int status) {
      world.refuses_with = status;
      const auto error = failure(loop, by, "echo", words("x"));
      world.refuses_with = 0;
      CHECK(error.status() == status);
      CHECK_FALSE(holds(error.to_string(), "canary"));
      CHECK(holds(error.message(), world.server.url()));
      CHECK(error.provider_text() == world.refusal);
      return error;
    };
    CHECK(refused(client, 401).kind() == ErrorKind::authentication);
    CHECK(holds(refused(client, 401).message(), "none are declared"));
    CHECK(holds(refused(known, 401).message(), "LLLM_TEST_MCP_KEY"));
    CHECK(refused(known, 403).kind() == ErrorKind::permission_denied);
    CHECK(refused(known, 400).kind() == ErrorKind::invalid_request);
    CHECK(refused(known, 429).kind() == ErrorKind::rate_limited);
    CHECK(refused(known, 500).kind() == ErrorKind::provider_error);
    CHECK(refused(known, 503).kind() == ErrorKind::overloaded);
    CHECK(holds(refused(known, 302).message(), "a redirect, which is not followed"));
    // The older transport answers so where it is asked to begin.
    CHECK(refused(client, 405).kind() == ErrorKind::unsupported);
    CHECK(holds(refused(client, 404).message(), "HTTP+SSE"));
    world.refusal = std::string(1'000'000, 'x');
    world.refuses_with = 500;
    CHECK(failure(loop, known, "echo", words("x")).provider_text().size() < 2100);
    world.refusal =
        R"({"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"no","data":{"supported":["2026-07-28"]}}})";
    world.refuses_with = 400;
    const auto newer = failure(loop, client, "echo", words("x"));
    CHECK(newer.kind() == ErrorKind::unsupported);
    CHECK(holds(newer.message(), "it speaks 2026-07-28"));
    world.refuses_with = 0;
    CHECK(said(loop, client, "echo", words("x")) == "x");
    ::unsetenv("LLLM_TEST_MCP_KEY");
    const auto unset = failure(loop, known, "echo", words("x"));
    CHECK(unset.kind() == ErrorKind::configuration);
    CHECK(holds(unset.message(), "LLLM_TEST_MCP_KEY is not set"));
  }

  TEST_CASE("fault 109: a header that would break out of its place is refused before anything is sent") {
    ::setenv("LLLM_TEST_MCP_KEY", "canary\r\nX-Evil: 1", 1);
    asio::io_context loop;
    McpOverHttp world(loop);
    auto options = world.options();
    options.server.auth = AuthHeader("Authorization", "LLLM_TEST_MCP_KEY", "Bearer ");
    McpClient client(loop.get_executor(), options);
    const auto error = failure(loop, client, "echo", words("x"));
    CHECK(error.kind() == ErrorKind::invalid_argument);
    CHECK_FALSE(holds(error.to_string(), "canary"));
    CHECK(world.requests.empty());
    ::unsetenv("LLLM_TEST_MCP_KEY");
  }

  TEST_CASE("fault 112: a server at a private address is not spoken to, unless it is said to be one") {
    asio::io_context loop;
    McpOverHttp world(loop);
    auto options = world.options();
    options.server.private_addresses = false;
    for (const std::string& url :
         {world.server.url(), "http://localhost:" + std::to_string(world.server.port()) + "/mcp",
          std::string("http://169.254.169.254/latest"), std::string("http://[::1]:1/"),
          std::string("http://10.0.0.1/mcp")}) {
      CAPTURE(url);
      options.server.url = url;
      McpClient client(loop.get_executor(), options);
      CHECK(failure(loop, client, "echo", words("x")).kind() == ErrorKind::permission_denied);
    }
    CHECK(world.requests.empty());
  }

  TEST_CASE("over TLS, and to no server whose certificate nobody vouches for") {
    asio::io_context loop;
    HttpServerOptions with_tls;
    with_tls.tls = true;
    McpOverHttp world(loop, with_tls);
    auto options = world.options();
    options.server.url = "https://localhost:" + std::to_string(world.server.port()) + "/mcp";
    McpClient client(loop.get_executor(), options);
    CHECK(said(loop, client, "echo", words("sealed")) == "sealed");
    const auto before = world.requests.size();
    options.tls = TlsOptions();
    McpClient stranger(loop.get_executor(), options);
    CHECK(failure(loop, stranger, "echo", words("x")).kind() == ErrorKind::tls_untrusted);
    CHECK(world.requests.size() == before);
  }

  TEST_CASE(
      "over HTTP, cancelling frees the caller at once, and the server is told; so it is when time is up") {
    asio::io_context loop;
    McpOverHttp world(loop);
    McpClient client(loop.get_executor(), world.options());
    CHECK(said(loop, client, "echo", words("x")) == "x");
    Pending call(loop, client.call_tool("wait", {}));
    Pending other(loop, client.call_tool("wait", {}));
    CHECK(run_until(loop, [&] { return world.gate.arrived() == 2; }));
    call.cancel();
    CHECK(done_at_once(loop, [&] { return call.done(); }));
    CHECK(call.kind() == ErrorKind::cancelled);
    CHECK(run_until(loop, [&] { return world.cancelled == std::vector<std::string>{"3"}; }));
    const auto late = error_on(loop, client.call_tool("wait", {}, 50ms));
    CHECK(late.kind() == ErrorKind::deadline_exceeded);
    CHECK(holds(late.message(), "did not answer 'tools/call' in time"));
    CHECK(run_until(loop, [&] { return world.cancelled.size() == 2; }));
    CHECK_FALSE(other.done());
    world.gate.open();
    CHECK(run_until(loop, [&] { return other.done(); }));
    CHECK(other.text() == "waited");
    CHECK(client.stats().sessions == 1);
  }

  TEST_CASE(
      "over HTTP, who waits for the beginning may leave, and a client that goes ends all with 'cancelled'") {
    asio::io_context loop;
    McpOverHttp world(loop);
    world.answers_initialize = false;
    auto client = std::make_unique<McpClient>(loop.get_executor(), world.options());
    Pending first(loop, client->call_tool("echo", words("1")));
    Pending second(loop, client->call_tool("echo", words("2")));
    CHECK(run_until(loop, [&] { return world.gate.arrived() == 1; }));
    first.cancel();
    CHECK(done_at_once(loop, [&] { return first.done(); }));
    CHECK(first.kind() == ErrorKind::cancelled);
    world.answers_initialize = true;
    world.gate.open();
    CHECK(run_until(loop, [&] { return second.done(); }));
    CHECK(second.text() == "2");
    CHECK(world.initializes == 1);
    McpOverHttp slow(loop);
    slow.answers_initialize = false;
    for (const bool begun : {false, true}) {
      CAPTURE(begun);
      auto going = std::make_unique<McpClient>(loop.get_executor(), begun ? world.options() : slow.options());
      if (begun) CHECK(said(loop, *going, "echo", words("x")) == "x");
      std::vector<Pending> calls;
      for (int i = 0; i < 3; ++i) calls.emplace_back(loop, going->call_tool("keep_open", {}));
      loop.restart();
      loop.poll();
      going.reset();
      CHECK(run_until(loop, [&] { return all_done(calls); }));
      for (const auto& call : calls) CHECK(call.completions() == 1);
    }
  }

  TEST_CASE("close() ends what is under way over HTTP, and asks the server to forget the session") {
    asio::io_context loop;
    McpOverHttp world(loop);
    McpClient client(loop.get_executor(), world.options());
    CHECK(said(loop, client, "echo", words("x")) == "x");
    Pending call(loop, client.call_tool("wait", {}));
    CHECK(run_until(loop, [&] { return world.gate.arrived() == 1; }));
    run_on(loop, client.close());
    CHECK(run_until(loop, [&] { return call.done(); }));
    CHECK(call.kind() == ErrorKind::cancelled);
    CHECK(world.deletes == 1);
    // One that was never used has nothing to end.
    McpClient unused(loop.get_executor(), world.options());
    run_on(loop, unused.close());
    CHECK(world.deletes == 1);
  }

  TEST_CASE("between calls nothing is pending, though a server leaves its stream open") {
    asio::io_context home;
    McpOverHttp world(home);
    std::atomic<bool> over = false;
    std::thread thread([&] {
      while (!over) {
        home.restart();
        home.run_for(5ms);
      }
    });
    {
      asio::io_context loop;
      McpClient client(loop.get_executor(), world.options());
      for (const auto* tool : {"echo", "keep_open", "strangers"}) {
        CAPTURE(tool);
        Pending call(loop, client.call_tool(tool, words("x")));
        const auto start = std::chrono::steady_clock::now();
        loop.restart();
        loop.run();  // returns by itself
        CHECK(call.done());
        CHECK_FALSE(call.failed());
        CHECK(std::chrono::steady_clock::now() - start < 3s);
      }
    }
    over = true;
    thread.join();
  }

  TEST_CASE(
      "a list of tools is kept for as long as its session; changes that cannot be heard are asked for") {
    asio::io_context loop;
    McpOverHttp world(loop);
    McpClient client(loop.get_executor(), world.options());
    CHECK(run_on(loop, client.tools()).size() == 1);
    CHECK(run_on(loop, client.tools()).size() == 1);
    CHECK(client.stats().requests == 1);
    world.sessions.clear();
    CHECK(said(loop, client, "echo", words("x")) == "x");
    CHECK(run_on(loop, client.tools()).size() == 1);
    CHECK(client.stats().requests == 3);
  }
}
