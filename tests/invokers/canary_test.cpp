// Fault 110: a key is found nowhere, whatever the provider does, with everything that can be logged being
// logged.
#include <doctest/doctest.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lllm/base/log.hpp"
#include "lllm/invokers/log_observer.hpp"
#include "lllm/invokers/metrics_observer.hpp"
#include "tests/invokers/world.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

asio::awaitable<void> stall(HttpResponder& responder, std::string bytes) {
  co_await responder.write_raw(bytes);
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
  co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<void> say(HttpResponder& responder, std::string bytes, bool reset) {
  co_await responder.write_raw(bytes);
  if (reset)
    responder.abort();
  else
    responder.close();
}

std::string answer(const std::string& status, const std::string& type, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Type: " + type +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// What a server may send; several say the key back, as some providers do.
std::vector<std::string> answers() {
  const std::string echo = "Incorrect API key provided: " + canary + ". Header: Bearer " + canary;
  const std::string error =
      R"({"error":{"message":")" + echo + R"(","type":"auth","code":"invalid_api_key"}})";
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
  std::vector<std::string> all = {
      "",
      "220 smtp " + canary + "\r\n",
      "HTTP/1.1 200 OK\r\nX-Key: " + canary + "\r\nContent-Le",
      "HTTP/1.1 200 OK\r\n" + canary + "\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: " + canary + "\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Encoding: " + canary + "\r\nContent-Length: 4\r\n\r\nbody",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + canary + "\r\n",
      "HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/" + canary + "\r\nContent-Length: 0\r\n\r\n",
      answer("200 OK", "text/html", "<p>" + echo),
      answer("200 OK", canary, "x"),
      answer("200 OK", "application/json", ""),
      answer("200 OK", "application/json", "{" + canary),
      answer("200 OK", "application/json", error),
      answer("418 " + canary, "text/plain", echo),
      head,
      head + chat_delta("one"),
      head + chat_delta("one") + "data: {" + canary + "\n\n",
      head + chat_delta("one") + "data: " + error + "\n\n",
      head + chat_delta("one") + "event: error\ndata: " + echo + "\n\n",
      head + chat_delta("one") + chat_end,
  };
  for (const char* status : {"400 Bad", "401 No", "403 No", "404 No", "413 Big", "422 No", "429 Slow",
                             "500 Oh", "503 Busy", "529 Busy"}) {
    all.push_back(answer(status, "application/json", error));
    all.push_back(answer(status, "text/plain", echo));
    all.push_back(answer(status, "application/octet-stream", std::string("\0\xff", 2) + canary));
  }
  return all;
}

/// Everything that a person, a log or a trace may come to see of a failure.
std::string shown(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Exception& e) {
    const Error& error = e.error();
    std::string text = e.what();
    for (const auto& part : {error.message(), error.to_string(), error.provider_text(), error.provider_type(),
                             error.provider_code(), error.request_id(), error.code().message()})
      text += '\n' + part;
    if (error.partial()) text += to_json(to_json_value(*error.partial()));
    return text;
  } catch (const std::exception& e) {
    return e.what();
  }
}

}  // namespace

TEST_SUITE("invokers/canary") {
  TEST_CASE(
      "fault 110: the key is in no log, error, metric, result or description, whatever the provider does") {
    std::string everything;
    set_log_sink([&everything](LogLevel, std::string_view component, std::string_view message) {
      everything.append(component).append(" ").append(message).append("\n");
    });
    set_log_level(LogLevel::debug);
    const auto metrics = std::make_shared<MetricsObserver>();
    std::string next;
    int way = 0;
    HttpTimeouts timeouts;
    timeouts.first_byte = timeouts.idle = 30ms;
    World world(
        [&](const HttpServerRequest&, HttpResponder& responder) {
          return way == 2 ? stall(responder, next) : say(responder, next, way == 1);
        },
        [&](InvokerOptions& options) {
          options.max_retries(1).timeouts(timeouts).observe(std::make_shared<LogObserver>()).observe(metrics);
          options.on_attempt([&everything](const Attempt& attempt) {
            if (attempt.error) everything += attempt.error->to_string() + attempt.error->provider_text();
            everything += attempt.reason;
          });
          options.on_exchange(
              [&everything](const Recording& exchange) { everything += to_json(to_json_value(exchange)); });
        });
    std::size_t failures = 0;
    const auto all = answers();
    for (way = 0; way < 3; ++way)
      for (const auto& bytes : all) {
        next = bytes;
        // A stall is the same for every answer that is whole.
        if (way == 2 && bytes.starts_with("HTTP/1.1 ") && !bytes.starts_with("HTTP/1.1 200")) continue;
        for (const bool streamed : {false, true}) {
          Collector sink;
          CallOptions options;
          options.deadline(300ms);
          if (streamed) options.stream_handler(&sink);
          try {
            const InvokeResult result = world.call(options);
            everything += to_json(result.raw_response()) + to_json(to_json_value(result.message)) +
                          to_json(result.model_args);
          } catch (...) {
            ++failures;
            everything += shown(std::current_exception()) + '\n';
          }
        }
      }
    everything += metrics->text() + Secret(canary).describe();
    set_log_level(LogLevel::warning);
    set_log_sink({});
    CHECK(failures > 100);
    CHECK(everything.size() > 10'000);
    const auto at = everything.find(canary);
    CHECK_MESSAGE(at == std::string::npos, "…" << everything.substr(at < 300 ? 0 : at - 300, 400) << "…");
    CHECK(everything.find(canary.substr(3, 12)) == std::string::npos);
  }

  TEST_CASE(
      "fault 110: tokens, and keys that callers send by themselves, stay hidden when they are said back") {
    asio::io_context loop(1);
    const std::string token = "ya29.canary-0123456789";
    // Signs in with a token, and refuses every call with all that was in its headers.
    HttpServer server(
        loop.get_executor(), [&token](const HttpServerRequest& request, HttpResponder& responder) {
          const bool sign_in = request.path() == "/token";
          std::string said = "refused:";
          for (const auto& [name, value] : request.headers) said.append(" ").append(value);
          json::object body{{"access_token", json::string(token)}, {"expires_in", 3600}};
          if (!sign_in) body = {{"error", {{"message", json::string(said)}, {"type", json::string(said)}}}};
          return responder.send(sign_in ? 200 : 400, of_type("application/json"), to_json(body));
        });
    struct Way {
      const char* model;
      std::map<std::string, std::string> variables;
      json::object args;
    };
    const std::string user = to_json(json::object{{"type", "authorized_user"},
                                                  {"client_id", "id"},
                                                  {"client_secret", "secret"},
                                                  {"refresh_token", "refresh"},
                                                  {"token_uri", json::string(server.url() + "/token")}});
    const json::object own{
        {"extra_headers",
         {{"Authorization", "Bearer canary-of-the-caller"}, {"X-Gateway-Key", "canary-of-the-gateway"}}}};
    const Way ways[] = {
        {"vertex_ai/gemini-2.5-flash",
         {{"VERTEXAI_PROJECT", "p"}, {"VERTEXAI_LOCATION", "global"}, {"VERTEXAI_CREDENTIALS", user}},
         {}},
        {"bedrock/anthropic.claude-3-haiku-20240307-v1:0",
         {{"AWS_ACCESS_KEY_ID", "AKIAX"},
          {"AWS_SECRET_ACCESS_KEY", "s"},
          {"AWS_REGION", "us-east-1"},
          {"AWS_SESSION_TOKEN", "canary-of-the-session"}},
         {}},
        {"openai/gpt-4o-mini", {{"OPENAI_API_KEY", "sk-0123456789"}}, own},
    };
    for (const auto& way : ways) {
      CAPTURE(way.model);
      std::string everything;
      HttpClientOptions http;
      http.proxies = ProxyRules();
      InvokerOptions options;
      options.environment(Environment([&way](std::string_view name) -> std::optional<std::string> {
        const auto found = way.variables.find(std::string(name));
        return found == way.variables.end() ? std::nullopt : std::optional(found->second);
      }));
      options.http(http).base_url(server.url());
      options.on_exchange(
          [&everything](const Recording& exchange) { everything += to_json(to_json_value(exchange)); });
      LiteLLMInvoker invoker(loop.get_executor(), std::move(options));
      try {
        run_on(loop, invoker.call(question(), way.model, CallOptions().model_args(way.args)));
        FAIL("the server refuses everything");
      } catch (const Exception& failure) {
        CHECK_MESSAGE(failure.kind() == ErrorKind::invalid_request, failure.error().to_string());
        CHECK(failure.error().provider_text().find("(the key)") != std::string::npos);
        everything += shown(std::current_exception());
      }
      CHECK(everything.find("refused:") != std::string::npos);
      CHECK_MESSAGE(everything.find("canary") == std::string::npos, everything);
    }
  }
}
