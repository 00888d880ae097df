#include "tests/wires/gemini_wire.hpp"

#include "lllm/wires/model_args.hpp"

using namespace lllm;
using namespace lllm::test::gemini_wire;

TEST_SUITE("wires/gemini_request") {
  TEST_CASE("a call of another model's making gets the signature that stands for none, from Gemini 3 on") {
    Message call = Message::assistant("");
    call.tool_calls = {ToolCall("call_1", "weather", R"({"city":"Bern"})"),
                       ToolCall("call_2", "weather", "nonsense")};
    Dialog dialog;
    dialog.append(call);
    CHECK(
        at(encode(dialog, "gemini-3-pro-preview"), "/contents/0/parts") ==
        R"([{"functionCall":{"name":"weather","args":{"city":"Bern"}},"thoughtSignature":"c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="},{"functionCall":{"name":"weather","args":{"invalid_json":"nonsense"}}}])");
    CHECK(encode(dialog, "gemini-2.5-pro").request.body.find("thoughtSignature") == std::string::npos);
  }

  TEST_CASE("words, instructions and media as the wire has them") {
    Dialog dialog;
    dialog.put_text("Be brief.", Role::system);
    dialog.put_text("What is this?");
    Message with_media = Message::user("Look:");
    MediaPart image(MediaKind::image, "image/png");
    image.base64 = std::make_shared<const std::string>("QUJD");
    with_media.parts.emplace_back(image);
    MediaPart pdf(MediaKind::file, "");
    pdf.url = "https://example.com/a.PDF?x=1";
    with_media.parts.emplace_back(pdf);
    dialog.append(with_media);
    dialog.append(Message::assistant("A \"thing\"."));
    dialog.put_text("");
    const auto encoded = encode(dialog, "gemini-2.5-flash");
    CHECK(
        encoded.request.body ==
        R"({"contents":[{"role":"user","parts":[{"text":"What is this?"}]},{"role":"user","parts":[{"text":"Look:"},{"inlineData":{"mimeType":"image/png","data":"QUJD"}},{"fileData":{"fileUri":"https://example.com/a.PDF?x=1","mimeType":"application/pdf"}}]},{"role":"model","parts":[{"text":"A \"thing\"."}]},{"role":"user","parts":[{"text":""}]}],"systemInstruction":{"parts":[{"text":"Be brief."}]}})");
    Dialog only_system;
    only_system.put_text("Say hi.", Role::system);
    CHECK(encode(only_system, "gemini-2.5-flash").request.body ==
          R"({"contents":[{"role":"user","parts":[{"text":"Say hi."}]}]})");
  }

  TEST_CASE("pictures in a tool's result go inside it from Gemini 3 on, beside it before") {
    Message call = Message::assistant("");
    call.tool_calls = {ToolCall("c1", "photo", "{}")};
    call.tool_calls[0].provider_id = "c1";
    Message result = Message::tool("c1", "photo", "done");
    MediaPart image(MediaKind::image, "image/png");
    image.base64 = std::make_shared<const std::string>("QUJD");
    result.parts.emplace_back(image);
    Dialog dialog;
    dialog.append(call);
    dialog.append(result);
    CHECK(at(encode(dialog, "gemini-3-pro-preview"), "/contents/1/parts/0/functionResponse/parts") ==
          R"([{"inlineData":{"mimeType":"image/png","data":"QUJD"}}])");
    CHECK(at(encode(dialog, "gemini-2.5-pro"), "/contents/1/parts/1") ==
          R"({"inlineData":{"mimeType":"image/png","data":"QUJD"}})");
  }

  TEST_CASE("a tool message without its call id, or of an unknown tool, is refused") {
    Dialog dialog;
    dialog.append(Message::tool("", "weather", "x"));
    const CallOptions options;
    const auto refused =
        codec().encode({dialog, *find_provider("gemini"), "gemini-2.5-pro", options, {}, {}, false});
    REQUIRE(refused.has_error());
    CHECK(refused.error().kind() == ErrorKind::invalid_argument);
    Dialog nameless;
    nameless.append(Message::tool("c", "", "x"));
    CHECK(codec().encode({nameless, *find_provider("gemini"), "g", options, {}, {}, false}).has_error());
  }

  TEST_CASE("OpenAI-style arguments are mapped; what the wire cannot take is dropped and named") {
    CallOptions options;
    options.model_args(
        parse_json(R"({"temperature":0.2,"top_p":0.9,"max_tokens":100,"stop":"END","seed":7,"n":1,
      "presence_penalty":0.1,"logprobs":true,"top_logprobs":2,"modalities":["text"],"logit_bias":{"1":2},
      "parallel_tool_calls":true,"user":"u","tool_choice":{"type":"function","function":{"name":"weather"}},
      "safety_settings":[{"category":"C","threshold":"BLOCK_NONE"}],"extra_headers":{"x-a":"b"},
      "extra_body":{"generationConfig":{"topK":4},"labels":{"team":"a"}}})")
            ->as_object());
    Dialog dialog;
    dialog.put_text("hi");
    const auto encoded = encode(dialog, "gemini-2.5-pro", options, {weather_tool()});
    CHECK(
        at(encoded, "/generationConfig") ==
        R"({"temperature":0.2,"topP":0.9,"maxOutputTokens":100,"stopSequences":["END"],"seed":7,"presencePenalty":0.1,"responseLogprobs":true,"logprobs":2,"responseModalities":["TEXT"],"topK":4})");
    CHECK(at(encoded, "/toolConfig") ==
          R"({"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["weather"]}})");
    CHECK(
        at(encoded, "/tools") ==
        R"([{"functionDeclarations":[{"name":"weather","description":"Today's weather.","parametersJsonSchema":{"type":"object","properties":{"city":{"type":"string"}}}}]}])");
    CHECK(at(encoded, "/safetySettings/0/category") == R"("C")");
    CHECK(at(encoded, "/labels/team") == R"("a")");
    CHECK(encoded.request.headers.get("x-a") == "b");
    CHECK(encoded.request.dropped == std::vector<std::string>{"logit_bias", "parallel_tool_calls", "user"});
    CHECK(encoded.request.model_args.at("temperature") == json::value(0.2));
  }

  TEST_CASE("reasoning effort is a budget before Gemini 3 and a level from then on") {
    Dialog dialog;
    dialog.put_text("hi");
    const auto thinking = [&](std::string_view model, const char* effort) {
      return at(encode(dialog, model, CallOptions{}.model_arg("reasoning_effort", effort)),
                "/generationConfig/thinkingConfig");
    };
    CHECK(thinking("gemini-2.5-flash", "none") == R"({"thinkingBudget":0})");
    CHECK(thinking("gemini-2.5-pro", "none") == R"({"thinkingBudget":128,"includeThoughts":true})");
    CHECK(thinking("gemini-2.5-flash", "medium") == R"({"thinkingBudget":8192,"includeThoughts":true})");
    CHECK(thinking("gemini-3-pro-preview", "minimal") == R"({"thinkingLevel":"low","includeThoughts":true})");
    CHECK(thinking("gemini-3-flash-preview", "high") == R"({"thinkingLevel":"high","includeThoughts":true})");
    const auto level = [&](std::string_view model, const char* effort) {
      return at(encode(dialog, model, CallOptions{}.model_arg("reasoning_effort", effort)),
                "/generationConfig/thinkingConfig/thinkingLevel");
    };
    for (const char* least : {"none", "disable", "minimal"}) {
      for (const char* model :
           {"gemini-3-flash-preview", "gemini-3.1-flash-lite", "gemini-3.6-flash", "google/gemini-3.5-flash"})
        CHECK(level(model, least) == R"("minimal")");
      for (const char* model : {"gemini-3.7-flash", "gemini-3.8-flash", "gemini-3.10-flash",
                                "gemini-flash-latest", "models/gemini-3.7-flash", "gemini-3.1-pro-preview"})
        CHECK(level(model, least) == R"("low")");
    }
    CHECK(level("gemini-3-pro-preview", "medium") == R"("high")");
    CHECK(level("gemini-3.1-pro-preview", "medium") == R"("medium")");
    CHECK(level("gemini-3.8-flash", "medium") == R"("medium")");
    CHECK(level("gemini-3.1-pro-preview", "xhigh") == R"("high")");
  }

  TEST_CASE(
      "structured output is a schema; beside tools, before Gemini 3, it is a call whose answer is text") {
    const Schema format(
        *parse_json(R"({"type":"object","properties":{"n":{"type":"integer"}}})")->if_object());
    Dialog dialog;
    dialog.put_text("hi");
    const auto alone = encode(dialog, "gemini-2.5-pro", {}, {}, format);
    CHECK(
        at(alone, "/generationConfig") ==
        R"({"responseMimeType":"application/json","responseJsonSchema":{"type":"object","properties":{"n":{"type":"integer"}}}})");
    CHECK(at(encode(dialog, "gemini-3-pro-preview", {}, {weather_tool()}, format),
             "/generationConfig/responseMimeType") == R"("application/json")");
    const auto beside = encode(dialog, "gemini-2.5-pro", {}, {weather_tool()}, format);
    CHECK(at(beside, "/generationConfig") == "(nothing)");
    CHECK(at(beside, "/toolConfig/functionCallingConfig/mode") == R"("ANY")");
    CHECK(at(beside, "/tools/0/functionDeclarations/1/name") == '"' + std::string(answer_tool) + '"');

    const auto answer = decode(R"({"candidates":[{"content":{"parts":[{"functionCall":{"name":")" +
                               std::string(answer_tool) + R"(","args":{"n":1}}}]},"finishReason":"STOP"}]})");
    REQUIRE(answer.has_value());
    CHECK(answer->message.text() == R"({"n":1})");
    CHECK(answer->message.tool_calls.empty());
    dialog.append(answer->message);
    CHECK(at(encode(dialog, "gemini-2.5-pro"), "/contents/1/parts") == R"([{"text":"{\"n\":1}"}])");
  }

  TEST_CASE("web search and computer use become Google's tools") {
    Prompt prompt("p", "hi");
    prompt.addon_args = {{"web_search", json::object()}, {"computer_use", json::object()}, {"telepathy", 1}};
    Dialog dialog;
    dialog.put_prompt(prompt);
    const auto encoded = encode(dialog, "gemini-2.5-pro");
    CHECK(at(encoded, "/tools") ==
          R"([{"googleSearch":{}},{"computerUse":{"environment":"ENVIRONMENT_BROWSER"}}])");
    CHECK(encoded.request.dropped == std::vector<std::string>{"telepathy"});
    CHECK(at(encode(dialog, "gemini-3-pro-preview", {}, {weather_tool()}), "/toolConfig") ==
          R"({"includeServerSideToolInvocations":true})");
    // The second generation takes Google's tools or one's own.
    CHECK(encode(dialog, "gemini-2.5-pro", {}, {weather_tool()}).request.dropped.size() == 3);
  }

  TEST_CASE("fault 111: the path names model and method, and never a key") {
    Dialog dialog;
    dialog.put_text("hi");
    CHECK(encode(dialog, "gemini-2.5-pro").request.path == "/models/gemini-2.5-pro:generateContent");
    CHECK(encode(dialog, "tunedModels/mine", {}, {}, {}, true).request.path ==
          "/tunedModels/mine:streamGenerateContent?alt=sse");
    CHECK(encode(dialog, "a?key=b#c").request.path == "/models/a%3Fkey%3Db%23c:generateContent");
    const CallOptions options;
    CHECK(codec().encode({dialog, *find_provider("gemini"), "a\r\nb", options, {}, {}, false}).has_error());
  }
}
