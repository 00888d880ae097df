#include "lllm/wires/cohere.hpp"

#include "tests/wires/wire_test.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

const Codec& codec() {
  return cohere_codec();
}

std::string event(std::string_view data) {
  return "event: " + std::string(text_at(js(data), "type")) + "\ndata: " + std::string(data) + "\n\n";
}
std::string said(std::string_view type, int index, std::string_view message) {
  return event(R"({"type":")" + std::string(type) + R"(","index":)" + std::to_string(index) +
               R"(,"delta":{"message":)" + std::string(message) + "}}");
}
std::string end(std::string_view reason = "COMPLETE") {
  return event(R"({"type":"message-end","delta":{"finish_reason":")" + std::string(reason) +
               R"(","usage":{"billed_units":{"input_tokens":1,"output_tokens":2},)"
               R"("tokens":{"input_tokens":10.0,"output_tokens":4},"cached_tokens":8}}})");
}

std::string long_stream() {
  return event(
             R"({"id":"r1","type":"message-start","delta":{"message":{"role":"assistant","content":[]}}})") +
         said("tool-plan-delta", 0, R"({"tool_plan":"I "})") +
         said("tool-plan-delta", 0, R"({"tool_plan":"plan"})") +
         said("content-start", 0, R"({"content":{"type":"thinking","thinking":""}})") +
         said("content-delta", 0, R"({"content":{"thinking":"hm"}})") +
         event(R"({"type":"content-end","index":0})") +
         said("content-start", 1, R"({"content":{"type":"text","text":""}})") +
         said("content-delta", 1, R"({"content":{"text":"Gr\u00fc"}})") +
         said("content-delta", 1, R"({"content":{"text":"ße"}})") +
         said("citation-start", 0, R"({"citations":{"start":0,"end":5,"text":"Grüße"}})") +
         said(
             "tool-call-start", 0,
             R"({"tool_calls":{"id":"w_1","type":"function","function":{"name":"weather","arguments":""}}})") +
         said("tool-call-delta", 0, R"({"tool_calls":{"function":{"arguments":"{\"city\":"}}})") +
         said(
             "tool-call-start", 1,
             R"({"tool_calls":{"id":"t_1","type":"function","function":{"name":"time","arguments":"null"}}})") +
         said("tool-call-delta", 0, R"({"tool_calls":{"function":{"arguments":"\"M\\u00fcnchen\"}"}}})") +
         event(R"({"type":"tool-call-end","index":0})") + end("TOOL_CALL");
}

constexpr std::string_view long_reply =
    R"({"id":"r1","message":{"role":"assistant","tool_plan":"I plan","content":[{"type":"thinking","thinking":"hm"},)"
    R"({"type":"text","text":"Grüße"}],"citations":[{"start":0,"end":5,"text":"Grüße"}],"tool_calls":[)"
    R"({"id":"w_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"M\\u00fcnchen\"}"}},)"
    R"({"id":"t_1","type":"function","function":{"name":"time","arguments":"null"}}]},"finish_reason":"TOOL_CALL",)"
    R"("usage":{"billed_units":{"input_tokens":1,"output_tokens":2},"tokens":{"input_tokens":10,"output_tokens":4},)"
    R"("cached_tokens":8}})";

Result<InvokeResult> decode(std::string_view body) {
  return codec().decode(a_provider(), body);
}

}  // namespace

TEST_SUITE("wires/cohere") {
  TEST_CASE("a question with settings becomes a v2 chat request") {
    Dialog dialog;
    dialog.put_text("Be brief.", Role::system).put_text("Hi");
    Call call(dialog, "command-a-03-2025");
    call.options.model_args({{"temperature", 0.2},
                             {"top_p", 0.5},
                             {"top_k", 3},
                             {"max_completion_tokens", 100},
                             {"stop", "END"},
                             {"seed", 1},
                             {"parallel_tool_calls", true},
                             {"user", "u"},
                             {"reasoning_effort", "low"}});
    call.stream = true;
    const auto request = call.encode(codec());
    REQUIRE(request.has_value());
    CHECK(request->path == "/v2/chat");
    CHECK(request->dropped == std::vector<std::string>{"parallel_tool_calls", "user"});
    CHECK(js(request->body) == js(R"({"model":"command-a-03-2025","stream":true,"messages":[
      {"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}],"temperature":0.2,"p":0.5,"k":3,
      "max_tokens":100,"stop_sequences":["END"],"seed":1,"thinking":{"type":"enabled","token_budget":1024}})"));
  }

  TEST_CASE("tools, and a choice by name as the only tool that is offered") {
    Call call(asked(), "command-r7b-12-2024");
    call.tools = {a_tool("weather"), a_tool("time")};
    call.options.model_args({{"tool_choice", "required"}});
    CHECK(call.body(codec()).at("tool_choice") == "REQUIRED");
    call.options.model_args({{"tool_choice", "none"}});
    CHECK(call.body(codec()).at("tool_choice") == "NONE");
    call.options.model_args({{"tool_choice", {{"type", "function"}, {"function", {{"name", "time"}}}}}});
    const auto body = call.body(codec());
    CHECK(body.at("tool_choice") == "REQUIRED");
    REQUIRE(body.at("tools").as_array().size() == 1);
    CHECK(body.at("tools").at(0) == js(R"({"type":"function","function":{"name":"time",
      "description":"What a test needs.","parameters":{"type":"object","properties":{"city":{"type":"string"}},
      "required":["city"]}}})"));
  }

  TEST_CASE("images go out as data URLs; what the API has no place for is refused") {
    Message message(Role::user, "Look");
    MediaPart image(MediaKind::image, "image/png");
    image.base64 = std::make_shared<const std::string>("aWk=");
    message.parts.emplace_back(image);
    Dialog dialog;
    dialog.append(message);
    CHECK(Call(dialog, "command-a-vision-07-2025").body(codec()).at("messages").at(0).at("content") ==
          js(R"([{"type":"text","text":"Look"},
                 {"type":"image_url","image_url":{"url":"data:image/png;base64,aWk="}}])"));
    Message paper(Role::user, "");
    paper.parts.emplace_back(MediaPart(MediaKind::file, "application/pdf"));
    Dialog unsupported;
    unsupported.append(paper);
    CHECK(Call(unsupported, "command-a").encode(codec()).error().kind() == ErrorKind::unsupported);
    Message shown = Message::tool("c1", "camera", "Here:");
    shown.parts.emplace_back(image);
    Dialog result;
    result.append(shown);
    CHECK(Call(result, "command-a").encode(codec()).error().kind() == ErrorKind::unsupported);
    Dialog lost;
    lost.append(Message::tool("", "x", "y"));
    CHECK(Call(lost, "command-a").encode(codec()).error().kind() == ErrorKind::invalid_argument);
  }

  TEST_CASE("a schema is native without tools, and a forced tool beside them") {
    Call call(asked(), "command-a-03-2025");
    call.format =
        Schema({{"type", "object"}, {"properties", {{"n", {{"type", "integer"}}}}}, {"required", {"n"}}});
    CHECK(call.body(codec()).at("response_format") ==
          json::object{{"type", "json_object"}, {"json_schema", call.format.value()}});
    call.tools = {a_tool("weather")};
    const auto body = call.body(codec());
    CHECK_FALSE(body.as_object().contains("response_format"));
    CHECK(body.at("tool_choice") == "REQUIRED");
    const std::string name(as_text(find_at(body, "/tools/1/function/name")));
    const auto reply = decode(R"({"message":{"tool_calls":[{"id":"a","function":{"name":")" + name +
                              R"(","arguments":"{\"n\":3}"}}]},"finish_reason":"TOOL_CALL"})");
    REQUIRE(reply.has_value());
    CHECK(reply->message.text() == R"({"n":3})");
    CHECK(reply->message.tool_calls.empty());
    const auto streamed = stream(
        codec(),
        {said("tool-call-start", 0,
              R"({"tool_calls":{"id":"a","function":{"name":")" + name + R"(","arguments":""}}})") +
         said("tool-call-delta", 0, R"({"tool_calls":{"function":{"arguments":"{\"n\":3}"}}})") + end()});
    CHECK(streamed.text == R"({"n":3})");
    CHECK(streamed.result->message.text() == R"({"n":3})");
  }

  TEST_CASE("JSON of any shape is asked for where no tool is offered, else dropped and named") {
    Call call(asked(), "command-a-03-2025");
    call.options.model_args({{"response_format", {{"type", "json_object"}}}});
    CHECK(call.encode(codec())->dropped.empty());
    CHECK(call.body(codec()).at("response_format") == js(R"({"type":"json_object"})"));
    call.tools = {a_tool("weather")};
    CHECK(call.encode(codec())->dropped == std::vector<std::string>{"response_format"});
    CHECK_FALSE(call.body(codec()).as_object().contains("response_format"));
  }

  TEST_CASE("a streamed reply equals the unstreamed one") {
    const auto streamed = stream(codec(), {long_stream()});
    const auto whole = decode(long_reply);
    CHECK(comparable(streamed.result) == comparable(whole));
    const auto& message = whole->message;
    CHECK(streamed.text == "Grüße");
    CHECK(message.reasoning() == "hm");
    CHECK(message.citations.size() == 1);
    CHECK(message.tool_calls.at(1).parsed_arguments()->empty());
    CHECK(message.usage.prompt_tokens == 10);
    CHECK(message.usage.total_tokens == 14);
    CHECK(message.usage.cached_prompt_tokens == 8);
    CHECK(message.finish_reason == "TOOL_CALL");
  }

  TEST_CASE("a stream cut at any byte gives the same reply and the same chunks") {
    check_cuts(codec(), long_stream());
  }

  TEST_CASE("fault 51: a stream without message-end is incomplete and carries what came") {
    check_truncation(codec(), long_stream());
  }

  TEST_CASE("fault 53: an error in the end event is an error, with the partial text") {
    const auto failed =
        stream(codec(),
               {said("content-delta", 0, R"({"content":{"text":"half"}})") +
                event(R"({"type":"message-end","delta":{"finish_reason":"ERROR","error":"out of luck"}})")});
    REQUIRE(failed.result.has_error());
    CHECK(failed.result.error().kind() == ErrorKind::provider_error);
    CHECK(failed.result.error().provider_text() == "out of luck");
    CHECK(failed.result.error().partial()->text() == "half");
  }

  TEST_CASE("fault 54: garbage in an event is a broken protocol") {
    const auto streamed = stream(codec(), {"event: content-delta\ndata: {\"type\":\"content-delta\",\n\n"});
    REQUIRE(streamed.result.has_error());
    CHECK(streamed.result.error().kind() == ErrorKind::bad_reply);
  }

  TEST_CASE("fault 69: a missing call id is synthesised and stable") {
    const auto body = R"({"id":"r","message":{"tool_calls":[{"function":{"name":"x","arguments":"{}"}}]}})";
    const auto first = decode(body);
    REQUIRE(first.has_value());
    CHECK_FALSE(first->message.tool_calls.at(0).id.empty());
    CHECK(first->message.tool_calls.at(0).id == decode(body)->message.tool_calls.at(0).id);
  }

  TEST_CASE(
      "fault 72: null content is empty text; faults 74 and 75: unknown reasons and parts fail nothing") {
    const auto reply = decode(R"({"message":{"role":"assistant","content":null},"finish_reason":"NOVEL"})");
    REQUIRE(reply.has_value());
    CHECK(reply->message.text().empty());
    CHECK(reply->message.finish_reason == "NOVEL");
    CHECK(decode(R"({"message":{"content":[{"type":"hologram"},{"type":"text","text":"ok"}]}})")
              ->message.text() == "ok");
    CHECK(decode("{}").error().kind() == ErrorKind::bad_reply);
    CHECK(decode(R"({"message":"no"})").error().provider_text() == "no");
  }

  TEST_CASE("plan, thoughts and calls go back in the next turn") {
    const auto reply = decode(long_reply);
    REQUIRE(reply.has_value());
    Dialog dialog = asked();
    dialog.append(reply->message)
        .put_tool_result("w_1", "weather", "rain")
        .put_tool_result("t_1", "time", "noon");
    const auto messages = Call(dialog, "command-a-03-2025").body(codec()).at("messages");
    CHECK(messages.at(1) == js(R"({"role":"assistant","tool_plan":"I plan","content":[
      {"type":"thinking","thinking":"hm"},{"type":"text","text":"Grüße"}],"tool_calls":[
      {"id":"w_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"M\\u00fcnchen\"}"}},
      {"id":"t_1","type":"function","function":{"name":"time","arguments":"{}"}}]})"));
    CHECK(messages.at(2) == js(R"({"role":"tool","tool_call_id":"w_1","content":"rain"})"));
  }
}
