// Delays that a provider names, in headers and bodies, through whole calls: what a caller is told and how
// long a call waits.
#include <doctest/doctest.h>

#include <chrono>
#include <ctime>

#include "tests/invokers/wire_world.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

using Milliseconds = std::chrono::milliseconds;

const WireRow& gemini = wire_rows[3];

std::string google_refusal(const std::string& delay) {  // as JSON
  return R"({"error":{"code":429,"message":"Quota exceeded.","status":"RESOURCE_EXHAUSTED","details":[)"
         R"({"@type":"type.googleapis.com/google.rpc.Help"},)"
         R"({"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":)" +
         delay + "}]}}";
}

std::string http_date(std::chrono::system_clock::time_point when, const char* form) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(when);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::string text(64, '\0');
  text.resize(std::strftime(text.data(), text.size(), form, &parts));
  return text;
}

/// What the error of one attempt says of the delay, and whether the call would have waited for it.
struct Told {
  std::optional<Milliseconds> delay;
  std::string reason;
};

Told told(const HttpHeaders& headers, const std::string& body = google_refusal("null")) {
  std::string reason;
  WireWorld world(gemini, [&reason](InvokerOptions& options) {
    options.max_retries(0).on_attempt([&reason](const Attempt& attempt) { reason = attempt.reason; });
  });
  world.status = 429;
  world.headers = headers;
  world.body = body;
  const Error error = world.failure(question());
  CHECK(error.kind() == ErrorKind::rate_limited);
  CHECK(error.status() == 429);
  CHECK(error.attempts() == 1);
  return {error.retry_after(), reason};
}

/// A call that is refused once: how long it waited before it asked again.
Milliseconds waited(const WireRow& row, const HttpHeaders& headers, const std::string& refusal) {
  asio::io_context loop(1);
  int asked = 0;
  HttpServer server(loop.get_executor(), [&](const HttpServerRequest&, HttpResponder& responder) {
    HttpHeaders with_type = headers;
    with_type.set("Content-Type", "application/json");
    return ++asked == 1 ? responder.send(429, std::move(with_type), refusal)
                        : responder.send(200, of_type("application/json"), made_answer(row.wire, {}).whole);
  });
  LiteLLMInvoker invoker(loop.get_executor(), towards(server.url() + row.base));
  const auto start = std::chrono::steady_clock::now();
  const InvokeResult result =
      run_on(loop, invoker.call(question(), row.model, CallOptions().api_type(row.api)));
  CHECK(result.message.text() == "ok");
  REQUIRE(result.attempts.size() == 2);
  CHECK(std::chrono::steady_clock::now() - start >= result.attempts[0].wait);
  CHECK(result.attempts[0].reason == "the server named the delay");
  return result.attempts[0].wait;
}

}  // namespace

TEST_SUITE("invokers/retry_after") {
  TEST_CASE(
      "fault 59: seconds, fractions, milliseconds, dates and Google's retryDelay are told to the caller") {
    CHECK(told({{"Retry-After", "7"}}).delay == 7s);
    CHECK(told({{"Retry-After", "0.25"}}).delay == 250ms);
    CHECK(told({{"Retry-After", " 1.5 "}}).delay == 1500ms);
    CHECK(told({{"retry-after-ms", "1500"}}).delay == 1500ms);
    CHECK(told({{"retry-after-ms", "12.5"}}).delay == 13ms);
    CHECK(told({}, google_refusal("\"17s\"")).delay == 17s);
    CHECK(told({}, google_refusal("\"0.847655010s\"")).delay == 848ms);
    // The more exact header, then the other, then the body.
    CHECK(told({{"Retry-After", "9"}, {"retry-after-ms", "1500"}}, google_refusal("\"17s\"")).delay ==
          1500ms);
    CHECK(told({{"Retry-After", "9"}}, google_refusal("\"17s\"")).delay == 9s);
    // The list that Google makes of an error where it was asked for a stream.
    CHECK(told({}, "[" + google_refusal("\"17s\"") + "]").delay == 17s);
  }

  TEST_CASE("fault 59: a date in any of HTTP's three forms is a delay from now") {
    for (const char* form :
         {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
      CAPTURE(form);
      const auto delay =
          told({{"Retry-After", http_date(std::chrono::system_clock::now() + 1000s, form)}}).delay;
      REQUIRE(delay);
      CHECK(*delay <= 1000s);
      CHECK(*delay > 600s);
    }
  }

  TEST_CASE("fault 59: the call waits as long as it was told, on every wire, and asks again") {
    for (const auto& row : wire_rows) {
      CAPTURE(row.wire);
      CHECK(waited(row, {{"Retry-After", "0.02"}}, "{}") == 20ms);
      CHECK(waited(row, {{"retry-after-ms", "15"}}, "{}") == 15ms);
    }
    CHECK(waited(gemini, {}, google_refusal("\"0.03s\"")) == 30ms);
    CHECK(waited(wire_rows[0], {}, google_refusal("\"0.03s\"")) == 30ms);  // Google's OpenAI-compatible door
  }

  TEST_CASE("fault 60: NaN, endless, negative, zero and past delays are as if nothing had been said") {
    const auto past = std::chrono::system_clock::now() - 100s;
    std::vector<HttpHeaders> headers{{{"Retry-After", http_date(past, "%a, %d %b %Y %H:%M:%S GMT")}}};
    for (const char* value :
         {"nan", "NaN", "-nan", "inf", "-inf", "-3", "-0.5", "0", "0.0", "", "soon", "1e999", "3 seconds",
          "0x10", "Thu, 01 Jan 1970 00:00:00 GMT", "Mon, 99 Foo 2026 25:61:61 GMT"})
      for (const char* name : {"Retry-After", "retry-after-ms"}) headers.push_back({{name, value}});
    for (const auto& one : headers) {
      const std::string value((*one.begin()).value);
      CAPTURE(value);
      CHECK_FALSE(told(one).delay.has_value());
      // Nor do they hide what else was said.
      CHECK(told(one, google_refusal("\"17s\"")).delay == 17s);
    }
    CHECK(told({{"retry-after-ms", "nan"}, {"Retry-After", "2"}}).delay == 2s);
    for (const char* delay : {"\"nans\"", "\"NaN\"", "\"infs\"", "\"-3s\"", "\"0s\"", "\"\"", "\"s\"",
                              "\"soon\"", "5", "null", "{}", "[]", "\"1e999s\"", "\"3sx\""}) {
      CAPTURE(delay);
      CHECK_FALSE(told({}, google_refusal(delay)).delay.has_value());
      CHECK(told({{"Retry-After", "2"}}, google_refusal(delay)).delay == 2s);
    }
  }

  TEST_CASE("fault 61: a delay above the cap ends the call at once, wherever it was named, and is told") {
    const auto refused_at_once = [](const HttpHeaders& headers, const std::string& body) {
      WireWorld world(gemini);
      world.status = 429;
      world.headers = headers;
      world.body = body;
      const Error error = world.failure(question());
      CHECK(error.attempts() == 1);
      CHECK(world.requests.size() == 1);
      return error.retry_after();
    };
    CHECK(refused_at_once({}, google_refusal("\"3600s\"")) == 1h);
    CHECK(refused_at_once({}, google_refusal("\"1e300s\"")) == 8760h);
    CHECK(refused_at_once({{"Retry-After", "3600"}}, "{}") == 1h);
    CHECK(refused_at_once({{"retry-after-ms", "3600000"}}, "{}") == 1h);
    const auto when = std::chrono::system_clock::now() + 10'000s;
    const auto delay = refused_at_once({{"Retry-After", http_date(when, "%a, %d %b %Y %H:%M:%S GMT")}}, "{}");
    CHECK(delay > 5000s);
  }
}
