// Fault 111: keys that a URL holds, in its query or before its host, go where they belong and nowhere else.
#include <doctest/doctest.h>

#include "lllm/base/log.hpp"
#include "lllm/invokers/log_observer.hpp"
#include "lllm/invokers/metrics_observer.hpp"
#include "tests/invokers/wire_world.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

std::string everything_of(const Error& error) {
  std::string text = error.to_string();
  for (const auto& part : {error.message(), error.provider_text(), error.provider_type(),
                           error.provider_code(), error.request_id(), error.file(), error.code().message()})
    text += '\n' + part;
  return text;
}

/// What a call leaves behind: logs, metrics, attempts, recordings, its error or its result.
struct Traces {
  std::string text;
  std::shared_ptr<MetricsObserver> metrics = std::make_shared<MetricsObserver>();

  Traces() {
    set_log_sink([this](LogLevel, std::string_view component, std::string_view message) {
      text.append(component).append(" ").append(message).append("\n");
    });
    set_log_level(LogLevel::debug);
  }
  ~Traces() {
    set_log_level(LogLevel::warning);
    set_log_sink({});
  }
  Traces(const Traces&) = delete;
  Traces& operator=(const Traces&) = delete;

  void watch(InvokerOptions& options) {
    options.max_retries(0).observe(std::make_shared<LogObserver>()).observe(metrics);
    options.on_attempt([this](const Attempt& attempt) {
      if (attempt.error) text += everything_of(*attempt.error);
      text += attempt.reason;
    });
    options.on_exchange([this](const Recording& exchange) { text += to_json(to_json_value(exchange)); });
  }
  void add(const InvokeResult& result) {
    text +=
        to_json(result.raw_response()) + to_json(to_json_value(result.message)) + to_json(result.model_args);
  }
};

const std::string query_key = "canary/query+42";  // whose letters a URL must escape
const std::string query_key_in_url = "canary%2Fquery%2B42";
const std::string password = "canary:pass word";
const std::string password_in_url = "canary%3Apass%20word";

}  // namespace

TEST_SUITE("invokers/url_secrets") {
  TEST_CASE("fault 111: on every wire a URL's key and password reach the server and are found nowhere else") {
    for (const auto& row : wire_rows) {
      CAPTURE(row.wire);
      asio::io_context loop(1);
      HttpServerRequest asked;
      int status = 200;
      // Says back all that it was sent, as some gateways do in their errors.
      HttpServer server(loop.get_executor(), [&](const HttpServerRequest& request, HttpResponder& responder) {
        asked = request;
        std::string said = "refused: " + request.target + " key=" + query_key + " as user:" + password;
        for (const auto& [name, value] : request.headers)
          said.append(" ").append(name).append(": ").append(value);
        Says echo;
        append_json_string(echo.words = "", said);
        const json::object error{
            {"error",
             {{"message", json::string(said)}, {"type", json::string(said)}, {"code", json::string(said)}}}};
        HttpHeaders headers = of_type("application/json");
        headers.set("Location", "/" + query_key_in_url);
        return responder.send(status, std::move(headers),
                              status == 200 ? made_answer(row.wire, echo).whole : to_json(error));
      });
      const std::string url = "http://us%40er:" + password_in_url + "@" + server.url().substr(7) + row.base +
                              "?key=" + query_key_in_url + "&alt=sse";
      Traces traces;
      InvokerOptions options = towards(url);
      traces.watch(options);
      LiteLLMInvoker invoker(loop.get_executor(), std::move(options));
      const auto call = [&](const std::string& model) {
        return invoker.call(question(), model, CallOptions().api_type(row.api));
      };

      for (const int refused : {400, 401, 404, 500}) {
        status = refused;
        const Error error = error_on(loop, call(row.model));
        traces.text += everything_of(error);
        CHECK(error.status() == refused);
        CHECK_MESSAGE(error.provider_text().find("(the key)") != std::string::npos, error.provider_text());
      }
      // On the wire it is as the user wrote it, once; and our own key is in a header (which basic
      // authentication replaces where both want the same one).
      CHECK(asked.target.find("key=" + query_key_in_url) != std::string::npos);
      CHECK(asked.target.find("key=") == asked.target.rfind("key="));
      CHECK(asked.target.find("alt=sse") != std::string::npos);
      CHECK(asked.target.find(canary) == std::string::npos);
      CHECK(asked.target.find(password_in_url) == std::string::npos);
      CHECK(asked.headers.get("authorization") == "Basic dXNAZXI6Y2FuYXJ5OnBhc3Mgd29yZA==");
      CHECK(asked.headers.get("host") == server.url().substr(7));

      status = 307;
      traces.text += everything_of(error_on(loop, call(row.model)));
      server.stop();
      const Error gone = error_on(loop, call(row.model));
      CHECK(gone.kind() == ErrorKind::connect_failed);
      traces.text += everything_of(gone) + traces.metrics->text();
      CHECK(traces.text.size() > 1000);
      CHECK(traces.text.find("\"path\":") != std::string::npos);  // it was recorded
      for (const auto& secret : {query_key, query_key_in_url, password, password_in_url, canary,
                                 std::string("dXNAZXI6Y2FuYXJ5OnBhc3Mgd29yZA=="), std::string("canary")}) {
        CAPTURE(secret);
        const auto at = traces.text.find(secret);
        CHECK_MESSAGE(at == std::string::npos,
                      "…" << traces.text.substr(at < 200 ? 0 : at - 200, 300) << "…");
      }
    }
  }

  TEST_CASE("fault 111: Gemini's key goes out as a header, streamed or not, and never in the target") {
    for (const bool streamed : {false, true}) {
      CAPTURE(streamed);
      WireWorld world(wire_rows[3]);
      world.says(made_answer("gemini-generate", {}), streamed);
      Recorder sink;
      CHECK(world.call(question(), streamed ? &sink : nullptr).message.text() == "ok");
      const HttpServerRequest& request = world.requests.back();
      CHECK(request.headers.get("x-goog-api-key") == canary);
      CHECK(request.target.find(canary) == std::string::npos);
      CHECK(request.target.find("key=") == std::string::npos);
      CHECK_FALSE(request.headers.contains("authorization"));
    }
  }

  TEST_CASE("fault 111: a base URL with a secret in it that cannot be used is refused without quoting it") {
    asio::io_context loop(1);
    for (const char* url :
         {"http://h/v1?key=canary-1 2", "http://user:canary-1@h:99999/v1?key=canary-2",
          "ftp://user:canary-1@h/v1?key=canary-2", "http://h/v1?key=canary-1\r\nX: canary-2",
          "http://[canary-1/v1", "http://user:canary-1@/v1"}) {
      CAPTURE(url);
      LiteLLMInvoker invoker(loop.get_executor(), towards(url));
      const Error error = error_on(loop, invoker.call(question(), World::model));
      CHECK(error.kind() == ErrorKind::configuration);
      const std::string all = everything_of(error);
      CHECK_MESSAGE(
          (all.find("canary-") == std::string::npos || std::string_view(url).starts_with("http://[")), all);
    }
  }

  TEST_CASE(
      "fault 112: addresses of pictures, files, sounds and servers are passed on and never asked by us") {
    asio::io_context loop(1);
    std::size_t asked = 0;
    HttpServer named(loop.get_executor(), [&asked](const HttpServerRequest&, HttpResponder& responder) {
      ++asked;
      return responder.send(200, of_type("image/png"), "\x89PNG\r\n\x1a\n");
    });
    const std::string address = named.url() + "/picture.png";
    for (const auto& row : wire_rows)
      for (const MediaKind kind : {MediaKind::image, MediaKind::file, MediaKind::audio, MediaKind::video}) {
        CAPTURE(row.wire);
        CAPTURE(static_cast<int>(kind));
        WireWorld world(row);
        world.says(made_answer(row.wire, {}), false);
        Message look(Role::user, "Look");
        MediaPart media(kind, kind == MediaKind::image ? "image/png" : "");
        media.url = address;
        look.parts.emplace_back(media);
        Prompt prompt("p", "Hi");
        McpServer server;
        server.name = "wiki";
        server.url = named.url() + "/mcp";
        prompt.mcp_servers = {server};
        Dialog dialog;
        dialog.put_prompt(prompt);
        dialog.append(look);
        // Passed on, or refused by who knows that the wire takes none: both without a look.
        const auto result =
            run_on(world.loop, try_call(*world.invoker, dialog, row.model, CallOptions().api_type(row.api)));
        if (result) {
          REQUIRE(world.requests.size() == 1);
          CHECK(parse_json(world.requests[0].body).has_value());
          CHECK(world.requests[0].body.find("picture.png") != std::string::npos);
        } else {
          CHECK_MESSAGE(result.error().kind() == ErrorKind::unsupported, result.error().to_string());
          CHECK(world.requests.empty());
        }
        if (kind == MediaKind::image)
          CHECK((result || row.wire == "bedrock-converse" || row.wire == "ollama-chat"));
      }
    loop.poll();
    CHECK(named.connections() == 0);
    // Who does ask there is seen.
    LiteLLMInvoker asks(loop.get_executor(), towards(named.url()).max_retries(0));
    CHECK_THROWS(run_on(loop, asks.call(question(), World::model)));
    CHECK(named.connections() == 1);
    CHECK(asked == 1);
  }
}
