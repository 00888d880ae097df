#include "lllm/invokers/exchange_recorder.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>

#include "lllm/invokers/litellm_invoker.hpp"
#include "lllm/net/http_server.hpp"
#include "tests/support/loop.hpp"

using namespace lllm;
using test::run_on;

namespace {

const std::string canary = "sk-canary-2b1e";

}  // namespace

TEST_SUITE("invokers/exchange_recorder") {
  TEST_CASE("fault 110: keys, tokens of MCP servers and a caller's own headers stay out of a recording") {
    std::vector<Recording> seen;
    ExchangeRecorder recorder("openai-responses", "openai",
                              [&seen](const Recording& recording) { seen.push_back(recording); });
    HttpRequest request(
        "POST", Origin("https", "api.example", 443), "/v1/responses?key=" + canary + "&api-version=1",
        {{"Authorization", "Bearer " + canary},
         {"X-Gateway", "other-canary"},
         {"Content-Type", "application/json"}},
        R"({"input":"my key is )" + canary +
            R"(","tools":[{"type":"mcp","authorization":"mcp-canary","headers":{"X-Token":"mcp-canary"}},
               {"type":"function","parameters":{"properties":{"token":{"type":"string"}}}}]})");
    recorder.begin(request, request.body);
    HttpResponseHead head;
    head.status = 400;
    head.headers = {{"Set-Cookie", "canary"}, {"openai-organization", "canary"}, {"X-Request-Id", "r1"}};
    recorder.answered(head, false);
    recorder.add(R"({"error":{"message":"Bad: )" + canary + "\"}}");
    recorder.end();
    recorder.end();  // once told, it is told
    REQUIRE(seen.size() == 1);
    const json::value file = to_json_value(seen.front());
    const std::string text = to_json(file);
    CAPTURE(text);
    CHECK(text.find("canary") == std::string::npos);
    CHECK(text_at(file.at("request"), "path") == "/v1/responses?key=REDACTED&api-version=1");
    CHECK(*find_at(file, "/request/body/tools/1/parameters/properties/token/type") == "string");
    CHECK(*find_at(file, "/request/headers/content-type") == "application/json");
    CHECK(*find_at(file, "/response/headers/x-request-id") == "r1");
    CHECK(*find_at(file, "/expect/error/status") == 400);
    CHECK(read_recording(text).value().body == seen.front().body);
  }

  TEST_CASE("a recording goes to JSON and back: parsed bodies, streams, bytes that are no text") {
    Recording recording;
    recording.id = "x";
    recording.wire = "bedrock-converse";
    recording.headers = {{"a", "1"}, {"a", "2"}, {"b", "3"}};
    for (const std::string& body : {std::string("data: x\n\n"), std::string("\xFF\x00\xFE", 3)}) {
      recording.streaming = true;
      recording.body = body;
      const Recording again = read_recording(to_json(to_json_value(recording))).value();
      CHECK(again.body == body);
      CHECK(again.headers == recording.headers);
    }
    CHECK(read_recording("{").error().kind() == ErrorKind::parse_failed);
    CHECK(read_recording(R"({"wire":"x"})").error().message().find("response") != std::string::npos);
    CHECK(read_recording(R"({"wire":"x","response":{"raw_b64":"%"}})").has_error());
  }
}

TEST_SUITE("invokers/background") {
  // A provider that works for a while: queued, in progress, a hiccup, completed.
  TEST_CASE("an answer that is not ready is asked for again, with its query, and never made twice") {
    asio::io_context loop;
    std::vector<std::string> asked;
    HttpServer server(loop.get_executor(), [&](const HttpServerRequest& request, HttpResponder& responder) {
      asked.push_back(request.method + " " + request.target);
      const std::string status = asked.size() == 1   ? "queued"
                                 : asked.size() == 2 ? "in_progress"
                                                     : "completed";
      HttpHeaders headers{{"Content-Type", "application/json"}};
      if (asked.size() == 3)
        return responder.send(503, std::move(headers), R"({"error":{"message":"busy"}})");
      return responder.send(
          200, std::move(headers),
          R"({"id":"resp_1","status":")" + status +
              R"(","output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Done."}]}]})");
    });
    InvokerOptions options;
    std::vector<Recording> recorded;
    options.environment(Environment(fixed_variables(
        {{"AZURE_API_KEY", "k"}, {"AZURE_API_BASE", server.url()}, {"AZURE_API_VERSION", "2025-04-01"}})));
    options.on_exchange([&](const Recording& recording) { recorded.push_back(recording); });
    LiteLLMInvoker invoker(loop.get_executor(), options);
    Dialog dialog;
    dialog.put_text("Hello");
    CallOptions call = CallOptions().api_type(ApiType::response).model_args({{"background", true}});
    const InvokeResult result = run_on(loop, invoker.call(dialog, "azure/gpt-5", call));
    CHECK(result.message.text() == "Done.");
    const std::string again = "GET /openai/responses/resp_1?api-version=2025-04-01";
    CHECK(asked ==
          std::vector<std::string>{"POST /openai/responses?api-version=2025-04-01", again, again, again});
    CHECK(recorded.size() == 4);

    // Gone for good: one error, and no second request.
    asked.clear();
    HttpServer forgetful(loop.get_executor(),
                         [&](const HttpServerRequest& request, HttpResponder& responder) {
                           asked.push_back(request.method);
                           HttpHeaders headers{{"Content-Type", "application/json"}};
                           const bool first = request.method == "POST";
                           return responder.send(first ? 200 : 500, std::move(headers),
                                                 R"({"id":"resp_1","status":"queued","output":[]})");
                         });
    options.base_url(forgetful.url());
    LiteLLMInvoker other(loop.get_executor(), options);
    call.max_retries(1);
    const Error error = test::error_on(loop, other.call(dialog, "azure/gpt-5", call));
    CHECK(error.status() == 500);
    CHECK(asked == std::vector<std::string>{"POST", "GET", "GET"});
  }
}
