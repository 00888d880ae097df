#include "lllm/wires/ollama.hpp"

#include <doctest/doctest.h>

#include "lllm/wires/providers.hpp"
#include "tests/wires/wire_test.hpp"

namespace lllm {
namespace {

const Provider& provider() {
  return *find_provider("ollama");
}

Result<InvokeResult> play(std::string_view body, std::size_t cut, std::string* text = nullptr) {
  auto played = test::stream(ollama_codec(), {body.substr(0, cut), body.substr(cut)}, provider());
  if (text != nullptr) *text = played.text;
  return std::move(played.result);
}

json::value encode(const Dialog& dialog, const CallOptions& options = {}, const std::vector<Tool>& tools = {},
                   const Schema& format = {}, std::vector<std::string>* dropped = nullptr) {
  auto request = ollama_codec().encode({dialog, provider(), "llama3.2", options, tools, format, true});
  REQUIRE(request.has_value());
  CHECK(request->path == "/api/chat");
  if (dropped != nullptr) *dropped = request->dropped;
  return parse_json(request->body).value();
}

constexpr std::string_view stream =
    "{\"model\":\"llama3.2\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\",\"content\":\"\","
    "\"thinking\":\"hm\"},\"done\":false}\n"
    "{\"model\":\"llama3.2\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\",\"content\":"
    "\"Gr\xC3\xBC\"},\"done\":false}\n"
    "{\"model\":\"llama3.2\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\",\"content\":\"\xC3\x9F"
    "e\",\"tool_calls\":[{\"function\":{\"name\":\"weather\",\"arguments\":{\"city\":\"Bern\"}}}]},\"done\":"
    "false}\n"
    "{\"model\":\"llama3.2\",\"created_at\":\"u\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},"
    "\"done_reason\":\"stop\",\"done\":true,\"prompt_eval_count\":26,\"eval_count\":298,\"new\":1}\n";

}  // namespace

TEST_SUITE("wires/ollama") {
  TEST_CASE("a stream cut at any byte gives the same reply") {
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
      CAPTURE(cut);
      std::string text;
      const auto result = play(stream, cut, &text);
      REQUIRE(result.has_value());
      REQUIRE(result->message.text() == "Grüße");
      REQUIRE(text == "Grüße");
      REQUIRE(result->message.reasoning() == "hm");
      REQUIRE(result->message.finish_reason == "stop");
    }
    const auto result = play(stream, 0);
    CHECK(result->message.usage.prompt_tokens == 26);
    CHECK(result->message.usage.completion_tokens == 298);
    CHECK(result->message.usage.total_tokens == 324);
    REQUIRE(result->message.tool_calls.size() == 1);
    CHECK(result->message.tool_calls[0].arguments == R"({"city":"Bern"})");
    CHECK_FALSE(result->message.tool_calls[0].id.empty());
  }

  TEST_CASE("a streamed and an unstreamed reply are equal") {
    const auto streamed = play(stream, 0);
    auto raw = streamed->raw_response();
    raw.as_object()["created_at"] = "t";  // of which an id is made
    const auto whole = ollama_codec().decode(provider(), to_json(raw));
    REQUIRE(whole.has_value());
    CHECK(to_json(to_json_value(whole->message)) == to_json(to_json_value(streamed->message)));
  }

  TEST_CASE("fault 51, 53: early ends and errors inside the stream") {
    const auto early = play(stream.substr(0, stream.rfind("{\"model")), 0);
    REQUIRE(early.has_error());
    CHECK(early.error().kind() == ErrorKind::incomplete_reply);
    const auto failed = play("{\"error\":\"an error was encountered while running the model\"}\n", 4);
    REQUIRE(failed.has_error());
    CHECK(failed.error().provider_text() == "an error was encountered while running the model");
    CHECK(ollama_codec().decode_error(404, R"({"error":"model 'x' not found"})").kind() ==
          ErrorKind::not_found);
    CHECK(ollama_codec().decode(provider(), "{}").error().kind() == ErrorKind::bad_reply);
  }

  TEST_CASE("messages, calls, results and pictures as the wire has them") {
    Dialog dialog;
    dialog.put_text("Be brief.", Role::system);
    Message user = Message::user("What is this?");
    MediaPart image(MediaKind::image, "image/png");
    image.base64 = std::make_shared<const std::string>("QUJD");
    user.parts.emplace_back(image);
    dialog.append(user);
    Message call = Message::assistant("");
    call.tool_calls = {ToolCall("c1", "look", R"({"deep":true})")};
    dialog.append(call);
    dialog.put_tool_result("c1", "", "a cat");
    CHECK(
        to_json(encode(dialog).at("messages")) ==
        R"([{"role":"system","content":"Be brief."},{"role":"user","content":"What is this?","images":["QUJD"]},{"role":"assistant","content":"","tool_calls":[{"function":{"name":"look","arguments":{"deep":true}}}]},{"role":"tool","content":"a cat","tool_name":"look"}])");
    Dialog loud;
    Message sound = Message::user("");
    sound.parts.emplace_back(MediaPart(MediaKind::audio, "audio/wav"));
    loud.append(sound);
    const CallOptions options;
    CHECK(ollama_codec().encode({loud, provider(), "m", options, {}, {}, false}).error().kind() ==
          ErrorKind::unsupported);
  }

  TEST_CASE("arguments become options; what there is no place for is dropped and named") {
    CallOptions options;
    options.model_args(parse_json(R"({"temperature":0.5,"max_tokens":9,"stop":["a"],"seed":1,"n":2,
      "reasoning_effort":"high","logit_bias":{},"tool_choice":"required","keep_alive":"5m"})")
                           ->as_object());
    Dialog dialog;
    dialog.put_text("hi");
    std::vector<std::string> dropped;
    const auto body = encode(dialog, options, {}, {}, &dropped);
    CHECK(to_json(body.at("options")) == R"({"temperature":0.5,"seed":1,"num_predict":9,"stop":["a"]})");
    CHECK(body.at("think") == json::value(true));
    CHECK(body.at("keep_alive") == json::value("5m"));
    CHECK(body.at("stream") == json::value(true));
    std::sort(dropped.begin(), dropped.end());
    CHECK(dropped == std::vector<std::string>{"logit_bias", "n", "tool_choice"});
  }

  TEST_CASE("structured output is the schema itself") {
    const Schema format(*parse_json(R"({"type":"object"})")->if_object());
    Dialog dialog;
    dialog.put_text("hi");
    CHECK(to_json(encode(dialog, {}, {}, format).at("format")) == R"({"type":"object"})");
    CHECK(
        encode(dialog, CallOptions{}.model_arg("response_format", {{"type", "json_object"}})).at("format") ==
        json::value("json"));
  }
}

}  // namespace lllm
