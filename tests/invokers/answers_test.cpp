// Answers that are not what was asked for, through the whole invoker.
#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>

#include "lllm/base/text.hpp"
#include "lllm/invokers/litellm_invoker.hpp"
#include "lllm/net/http_server.hpp"
#include "tests/support/loop.hpp"

using namespace lllm;

namespace {

struct Collector final : BaseStreamHandler {
  std::string text;
  asio::awaitable<void> handle_chunk(std::string_view content, const StreamChunk&) override {
    text += content;
    return {};
  }
};

// A server with one answer, and an invoker that asks it.
struct Fixture {
  int status = 200;
  std::string type = "application/json";
  std::string body;
  HttpHeaders more;
  int asked = 0;
  asio::io_context loop{1};
  HttpServer server{loop.get_executor(), [this](const HttpServerRequest&, HttpResponder& responder) {
                      ++asked;
                      HttpHeaders headers = more;
                      headers.set("Content-Type", type);
                      return responder.send(status, std::move(headers), body);
                    }};
  LiteLLMInvoker invoker{loop.get_executor(), InvokerOptions()
                                                  .environment(Environment(fixed_variables({})))
                                                  .base_url(server.url() + "/v1")
                                                  .api_key(Secret("sk-canary"))};
  Collector collector;

  asio::awaitable<InvokeResult> call(bool streamed) {
    Dialog dialog;
    dialog.put_text("Hello");
    CallOptions options;
    if (streamed) options.stream_handler(&collector);
    return invoker.call(dialog, "openai/gpt-4o-mini", options);
  }
};

constexpr const char* answer =
    R"({"id":"r","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}]})";

}  // namespace

TEST_SUITE("invokers/answers") {
  TEST_CASE("fault 57: a JSON body where a stream was asked for is the answer, or the error, that it is") {
    Fixture f;
    f.body = answer;
    CHECK(test::run_on(f.loop, f.call(true)).message.text() == "Hello.");
    CHECK(f.collector.text == "Hello.");
    f.body = R"({"error":{"message":"No.","type":"invalid_request_error"}})";
    const Error error = test::error_on(f.loop, f.call(true));
    CHECK(error.kind() == ErrorKind::invalid_request);
    CHECK(error.provider_text() == "No.");
  }

  TEST_CASE("fault 67: of a huge or binary error body a bounded excerpt is kept, in valid UTF-8") {
    Fixture f;
    f.status = 400;
    f.type = "application/octet-stream";
    f.body = std::string("\x89PNG\0\xFF", 6) + std::string(std::size_t{10} << 20, '\xFE');
    const Error error = test::error_on(f.loop, f.call(false));
    CHECK(error.kind() == ErrorKind::invalid_request);
    CHECK(error.status() == 400);
    CHECK(error.provider_text().size() < 16'384);
    CHECK(is_utf8(error.provider_text()));
    CHECK(f.asked == 1);
  }

  TEST_CASE("a retry-after on an answer with status 200 delays and repeats nothing") {
    Fixture f;
    f.body = answer;
    f.more = {{"retry-after", "3600"}, {"retry-after-ms", "3600000"}};
    const InvokeResult result = test::run_on(f.loop, f.call(false));
    CHECK(result.message.text() == "Hello.");
    CHECK(result.attempts.size() == 1);
    CHECK(f.asked == 1);
  }

  TEST_CASE("an answer longer than allowed is refused, streamed or not, with what had come") {
    Fixture f;
    LiteLLMInvoker strict(f.loop.get_executor(), InvokerOptions()
                                                     .environment(Environment(fixed_variables({})))
                                                     .base_url(f.server.url() + "/v1")
                                                     .api_key(Secret("sk-canary"))
                                                     .max_reply_bytes(1000));
    Dialog dialog;
    dialog.put_text("Hello");
    f.body = R"({"choices":[{"index":0,"message":{"role":"assistant","content":")" + std::string(2000, 'x') +
             R"("},"finish_reason":"stop"}]})";
    const Error whole = test::error_on(f.loop, strict.call(dialog, "openai/gpt-4o-mini"));
    CHECK(whole.kind() == ErrorKind::limit_exceeded);
    CHECK(whole.status() == 200);
    CHECK(whole.attempts() == 1);
    CHECK(strict.stats().open == strict.stats().idle);

    f.type = "text/event-stream";
    const std::string one = R"(data: {"choices":[{"index":0,"delta":{"content":"one"}}]})"
                            "\n\n";
    f.body = one;
    while (f.body.size() < 100'000) f.body += one;
    const Error streamed = test::error_on(
        f.loop, strict.call(dialog, "openai/gpt-4o-mini", CallOptions().stream_handler(&f.collector)));
    CHECK(streamed.kind() == ErrorKind::limit_exceeded);
    CHECK(streamed.message().find("max_reply_bytes") != std::string::npos);
    CHECK(streamed.attempts() == 1);
    CHECK((streamed.partial() ? streamed.partial()->text() : "") == f.collector.text);
    CHECK(f.collector.text.size() < 1000);
    CHECK(strict.stats().open == 0);
    f.body = one + "data: [DONE]\n\n";
    CHECK(test::run_on(f.loop,
                       strict.call(dialog, "openai/gpt-4o-mini", CallOptions().stream_handler(&f.collector)))
              .message.text() == "one");
  }
}
