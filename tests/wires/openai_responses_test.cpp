#include "lllm/wires/openai_responses.hpp"

#include <algorithm>

#include "lllm/core/prompt.hpp"
#include "tests/support/codec_contract.hpp"
#include "tests/wires/wire_test.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

constexpr const char* wire = "openai-responses";

const Codec& codec() {
  return openai_responses_codec();
}

std::string event(std::string_view type, std::string_view members) {
  std::string data = "{\"type\":\"" + std::string(type) + "\"" + (members.empty() ? "" : ",");
  data += std::string(members) + "}";
  std::replace(data.begin(), data.end(), '\n', ' ');  // an event's data is one line
  return "event: " + std::string(type) + "\ndata: " + data + "\n\n";
}

std::string completed(std::string_view output, std::string_view more = "") {
  return event("response.completed",
               R"("response":{"id":"resp_1","status":"completed","model":"gpt-5","output":)" +
                   std::string(output) + std::string(more) + "}");
}

std::string text_delta(std::string_view words, std::string_view item = "msg_1") {
  return event("response.output_text.delta", R"("output_index":0,"content_index":0,"item_id":")" +
                                                 std::string(item) + R"(","delta":")" + std::string(words) +
                                                 "\"");
}

Message whole(std::string_view output, std::string_view more = "") {
  const Outcome outcome =
      decode(wire, false,
             R"({"id":"resp_1","object":"response","status":"completed","model":"gpt-5","output":)" +
                 std::string(output) + std::string(more) + "}");
  REQUIRE_MESSAGE(!outcome.error, (outcome.error ? outcome.error->to_string() : ""));
  return outcome.message;
}

constexpr std::string_view said = R"([{"id":"msg_1","type":"message","role":"assistant","status":"completed",
  "content":[{"type":"output_text","text":"Hello","annotations":[]}]}])";

}  // namespace

TEST_SUITE("wires/openai_responses") {
  TEST_CASE("a question becomes input items, with the defaults of the interface") {
    const json::value body = Call(asked_briefly(), "gpt-4.1").body(codec());
    CHECK(body == js(R"({"model":"gpt-4.1","input":[{"role":"system","content":"Be brief."},
      {"role":"user","content":"Hi"}],"max_output_tokens":32000,"truncation":"auto"})"));
    // What a model thought comes encrypted, so that it can go back.
    CHECK(Call(asked_briefly(), "gpt-5").body(codec()).at("include") ==
          js(R"(["reasoning.encrypted_content"])"));
  }

  TEST_CASE("arguments go where this interface has them; what it lacks is dropped and named") {
    Call call(asked_briefly(), "gpt-5");
    call.options.model_args(js(R"({"max_tokens":9,"reasoning_effort":"low","verbosity":"low","logprobs":true,
      "top_logprobs":2,"stop":"x","seed":1,"n":2,"tool_choice":{"type":"function","function":{"name":"f"}},
      "response_format":{"type":"json_object"},"truncation":"disabled","parallel_tool_calls":false})")
                                .as_object());
    const auto request = call.encode(codec()).value();
    const json::value body = js(request.body);
    CHECK(body.at("max_output_tokens") == 9);
    CHECK(body.at("reasoning") == js(R"({"effort":"low"})"));
    CHECK(body.at("text") == js(R"({"verbosity":"low","format":{"type":"json_object"}})"));
    CHECK(body.at("truncation") == "disabled");
    CHECK(body.at("top_logprobs") == 2);
    CHECK(body.at("tool_choice") == js(R"({"type":"function","name":"f"})"));
    CHECK(body.at("include") == js(R"(["message.output_text.logprobs","reasoning.encrypted_content"])"));
    CHECK(request.dropped == std::vector<std::string>{"stop", "seed", "n"});
  }

  TEST_CASE("add-ons and MCP servers become tools; a schema is a strict text format") {
    Prompt prompt("p", "Hi");
    prompt.addon_args = {{"web_search", true}, {"computer_use", {{"environment", "mac"}}}, {"odd", 1}};
    McpServer server;
    server.name = "wiki";
    server.url = "https://mcp.example.com/mcp";
    server.options = {{"allowed_tools", {"ask"}}};
    prompt.mcp_servers = {server};
    Dialog dialog;
    dialog.put_prompt(prompt);
    Call call(dialog, "gpt-4.1");
    call.tools = {a_tool("f")};
    call.format = Schema(js(R"({"type":"object","properties":{"a":{"type":"string"}}})").as_object());
    const auto request = call.encode(codec()).value();
    const json::value body = js(request.body);
    const auto& tools = body.at("tools").as_array();
    REQUIRE(tools.size() == 4);
    CHECK(text_at(tools[0], "type") == "function");
    CHECK(text_at(tools[0], "name") == "f");
    CHECK(text_at(tools[1], "type") == "web_search");
    CHECK(tools[2] == js(R"({"type":"computer"})"));
    CHECK(tools[3] == js(R"({"type":"mcp","server_label":"wiki","server_url":"https://mcp.example.com/mcp",
      "require_approval":"never","allowed_tools":["ask"]})"));
    CHECK(text_at(*find_at(body, "/text/format"), "type") == "json_schema");
    CHECK(request.dropped == std::vector<std::string>{"odd"});
    call.model = "computer-use-preview";
    CHECK(call.body(codec()).at("tools").at(2) == js(R"({"type":"computer_use_preview","environment":"mac",
      "display_width":1024,"display_height":768})"));
  }

  TEST_CASE("results follow their calls; a free-form tool's result has a type of its own") {
    Dialog dialog = asked_briefly();
    Message reply(Role::assistant, "Wait.");
    reply.tool_calls.emplace_back("c1", "f", R"({"a":1})");
    ToolCall custom("c2", "sh", "ls -l");
    custom.custom = true;
    reply.tool_calls.push_back(custom);
    dialog.append(reply).put_tool_result("c1", "f", "1").put_tool_result("c2", "sh", "2");
    const json::value body = Call(dialog, "gpt-4.1").body(codec());
    const auto& input = body.at("input").as_array();
    REQUIRE(input.size() == 7);
    CHECK(text_at(input[3], "type") == "function_call");
    CHECK(text_at(input[4], "type") == "custom_tool_call");
    CHECK(input[5] == js(R"({"type":"function_call_output","call_id":"c1","output":"1"})"));
    CHECK(text_at(input[6], "type") == "custom_tool_call_output");
    dialog.append(Message::tool("", "f", "x"));
    CHECK(Call(dialog, "gpt-4.1").encode(codec()).error().kind() == ErrorKind::invalid_argument);
  }

  TEST_CASE(
      "encrypted reasoning goes back unchanged, to the provider that gave it, without ids if unstored") {
    const std::string output = R"([{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"ENC=="},
      {"id":"ws_1","type":"web_search_call","status":"completed","action":{"type":"search"}},
      {"id":"msg_1","type":"message","role":"assistant","status":"completed","content":
       [{"type":"output_text","text":"Hello","annotations":[{"type":"url_citation","url":"https://x"}]}]}])";
    const auto answer =
        codec().decode(a_provider(), R"({"id":"r","status":"completed","output":)" + output + "}");
    const Message& message = answer->message;
    CHECK(message.tool_calls.empty());
    CHECK(message.citations.size() == 1);
    Dialog dialog = asked_briefly();
    dialog.append(message).put_text("And?");
    Call call(dialog, "gpt-5");
    const json::value stored = call.body(codec());
    for (std::size_t i = 0; i < 3; ++i) CHECK(stored.at("input").at(2 + i) == js(output).at(i));
    call.options.model_args({{"store", false}});
    const json::value unstored = call.body(codec());
    CHECK(unstored.at("input").at(2) ==
          js(R"({"type":"reasoning","summary":[],"encrypted_content":"ENC=="})"));
    Message elsewhere = message;
    elsewhere.provider = "somebody_else";
    Dialog moved = asked_briefly();
    moved.append(elsewhere);
    const auto request = Call(moved, "gpt-5").encode(codec()).value();
    CHECK(request.body.find("ENC==") == std::string::npos);
    CHECK(request.body.find("Hello") != std::string::npos);
  }

  TEST_CASE("item ids that rotate from event to event put one message together") {
    const Outcome outcome = decode(
        wire, true,
        event("response.created", R"("response":{"id":"resp_1","status":"in_progress"})") +
            event("response.output_item.added",
                  R"("output_index":0,"item":{"id":"a","type":"message","content":[]})") +
            text_delta("Hel", "b") + text_delta("lo", "c") +
            event("response.output_item.done", R"("output_index":0,"item":{"id":"d","type":"message","role":
              "assistant","content":[{"type":"output_text","text":"Hello"}]})") +
            completed("[]"));
    REQUIRE(!outcome.error);
    CHECK(outcome.message.text() == "Hello");
    CHECK(outcome.text_chunks == 2);
  }

  TEST_CASE("reasoning is read from summaries, and from content where there are none") {
    CHECK(whole(R"([{"type":"reasoning","summary":[{"type":"summary_text","text":"Hm."}]}])").reasoning() ==
          "Hm.");
    CHECK(whole(R"([{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"Hm."}]}])")
              .reasoning() == "Hm.");
  }

  TEST_CASE("fault 53: an error event, and the response.failed behind it, are one error with what came") {
    const Outcome outcome =
        decode(wire, true,
               text_delta("half") +
                   event("error", R"("code":"rate_limit_exceeded","message":"Slow down.","param":null)") +
                   event("response.failed", R"("response":{"id":"r","status":"failed","error":
              {"code":"rate_limit_exceeded","message":"Slow down."},"output":[]})"));
    REQUIRE(outcome.error);
    CHECK(outcome.error->kind() == ErrorKind::rate_limited);
    CHECK(outcome.error->provider_text() == "Slow down.");
    CHECK(outcome.message.text() == "half");
    CHECK(outcome.message.finish_reason == "failed");
    const Outcome alone = decode(wire, true, text_delta("half") + event("response.failed", R"("response":
      {"status":"failed","error":{"code":"server_error","message":"Broke."}})"));
    REQUIRE(alone.error);
    CHECK(alone.error->provider_text() == "Broke.");
    CHECK(alone.message.text() == "half");
  }

  TEST_CASE("fault 54: garbage in an event is a broken protocol") {
    CHECK(decode(wire, true, "data: {\"type\":\n\n").error->kind() == ErrorKind::bad_reply);
    CHECK(
        decode(wire, true, text_delta("a") + event("response.completed", R"("response":7)")).error->kind() ==
        ErrorKind::bad_reply);
  }

  TEST_CASE("fault 66: an error inside a 200 is an error") {
    const Outcome outcome =
        decode(wire, false,
               R"({"id":"r","status":"failed","error":{"code":"server_error","message":"No."},"output":[]})");
    REQUIRE(outcome.error);
    CHECK(outcome.error->provider_text() == "No.");
  }

  TEST_CASE("fault 69: a call without an id gets one, the same each time") {
    const char* output = R"([{"type":"function_call","name":"f","arguments":"{}"}])";
    CHECK_FALSE(whole(output).tool_calls.at(0).id.empty());
    CHECK(whole(output).tool_calls.at(0).id == whole(output).tool_calls.at(0).id);
  }

  TEST_CASE("fault 71: arguments split inside an escape, or sent with the finished item alone, are whole") {
    const std::string added = event("response.output_item.added", R"("output_index":1,"item":
      {"id":"fc","type":"function_call","call_id":"c1","name":"f","arguments":""})");
    const std::string item =
        R"({"id":"fc","type":"function_call","call_id":"c1","name":"f","arguments":"{\"x\":\"a\\nb\"}"})";
    const auto delta = [](std::string_view piece) {
      return event("response.function_call_arguments.delta",
                   R"("output_index":1,"delta":")" + std::string(piece) + "\"");
    };
    const std::string last = completed("[" + item + "]");
    const Outcome split = decode(wire, true, added + delta(R"({\"x\":\"a\\)") + delta(R"(nb\"})") + last);
    CHECK(text_at(split.message.tool_calls.at(0).parsed_arguments().value(), "x") == "a\nb");
    const Outcome late = decode(
        wire, true, added + event("response.output_item.done", R"("output_index":1,"item":)" + item) + last);
    CHECK(text_at(late.message.tool_calls.at(0).parsed_arguments().value(), "x") == "a\nb");
  }

  TEST_CASE("fault 74: any status is kept as the finish reason; what is queued is asked for again") {
    for (const char* status : {"incomplete", "queued", "in_progress", "some_new_status"}) {
      const std::string body = R"({"id":"resp_1","status":")" + std::string(status) + R"(","output":[]})";
      CHECK(decode(wire, false, body).message.finish_reason == status);
      const bool later = std::string_view(status) == "queued" || std::string_view(status) == "in_progress";
      CHECK(codec().poll_path(body).has_value() == later);
    }
    CHECK(codec().poll_path(R"({"id":"resp_1","status":"queued"})") == "/responses/resp_1");
    CHECK(!codec().poll_path(R"({"id":"../../admin","status":"queued"})"));
    CHECK(!codec().poll_path("garbage"));
  }

  TEST_CASE("fault 75: unknown events, items, parts and members fail nothing and stay in the raw response") {
    const Outcome outcome = decode(
        wire, true,
        event("response.novelty", R"("delta":{"x":1})") + text_delta("Hel") + text_delta("lo") +
            completed(
                R"([{"type":"dance_call","id":"d1","steps":3},{"type":"message","role":"assistant","mood":"fine",
              "content":[{"type":"hologram","data":"x"},{"type":"output_text","text":"Hello"}]}])",
                R"(,"novelty":true)"));
    REQUIRE(!outcome.error);
    CHECK(outcome.message.text() == "Hello");
    CHECK(outcome.message.tool_calls.empty());
    CHECK(*find_at(outcome.raw, "/output/0/steps") == 3);
    CHECK(*find_at(outcome.raw, "/novelty") == true);
  }

  TEST_CASE("fault 77: a refusal is a refusal and no text; fault 78: absurd counts do not overflow") {
    const Message message = whole(
        R"([{"type":"message","role":"assistant","content":[{"type":"refusal","refusal":"I will not."}]}])",
        R"(,"usage":{"input_tokens":1e300,"output_tokens":3.0,"output_tokens_details":{"reasoning_tokens":-4}})");
    CHECK(message.refusal() == "I will not.");
    CHECK(message.text().empty());
    CHECK(message.usage.completion_tokens == 3);
    CHECK(message.usage.prompt_tokens.value_or(0) > 0);
    CHECK(message.usage.reasoning_tokens.value_or(0) == 0);
  }

  TEST_CASE("log probabilities and generated pictures are read") {
    const Message message = whole(
        R"([{"type":"image_generation_call","result":"QUJD","output_format":"webp"},{"type":"message","role":"assistant",
          "content":[{"type":"output_text","text":"A","logprobs":[{"token":"A","logprob":-0.5,
          "top_logprobs":[{"token":"B","logprob":-1.5}]}]}]}])");
    REQUIRE(message.logprobs.size() == 1);
    CHECK(message.logprobs[0].token == "A");
    CHECK(message.logprobs[0].top.at(0).second == -1.5);
    const auto* picture = std::get_if<MediaPart>(&message.parts.front());
    REQUIRE(picture != nullptr);
    CHECK(picture->mime == "image/webp");
    CHECK(whole(said).text() == "Hello");
  }
}
