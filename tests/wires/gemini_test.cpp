#include "lllm/wires/gemini.hpp"

#include <doctest/doctest.h>

#include "lllm/core/prompt.hpp"
#include "lllm/formats/framer.hpp"
#include "lllm/wires/model_args.hpp"
#include "lllm/wires/providers.hpp"

namespace lllm {
namespace {

const Codec& codec() {
  return gemini_codec();
}

struct Played {
  Result<InvokeResult> result = Error();
  std::string text, reasoning, tools;  // as the chunks had them
  std::size_t text_chunks = 0;
  Message partial;
};

/// Gives the stream to the decoder cut at `cut`, and then in pieces of `step` bytes.
Played play(std::string_view stream, std::size_t cut, std::size_t step = std::string_view::npos) {
  Played played;
  const auto decoder = codec().stream_decoder(*find_provider("gemini"));
  const auto framer = make_framer(Framing::sse);
  StreamEvent event;
  std::vector<StreamChunk> chunks;
  const auto drain = [&]() -> Result<> {
    for (;;) {
      const auto next = framer->next(event);
      if (!next) return next.error();
      if (!*next) return {};
      chunks.clear();
      if (auto fed = decoder->feed(event, chunks); !fed) return fed;
      for (const auto& chunk : chunks) {
        if (chunk.kind == ChunkKind::text) {
          played.text += chunk.content;
          ++played.text_chunks;
        }
        if (chunk.kind == ChunkKind::reasoning) played.reasoning += chunk.content;
        if (chunk.kind == ChunkKind::tool_call) {
          played.tools += chunk.tool_name;
          played.tools += chunk.content;
        }
      }
    }
  };
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t size = at == 0 ? std::max<std::size_t>(cut, 1) : step;
    const std::string bytes(stream.substr(at, size));  // views into it must not outlive it
    framer->feed(bytes);
    at += bytes.size();
    if (auto drained = drain(); !drained) {
      played.result = drained.error();
      played.partial = decoder->partial();
      return played;
    }
  }
  framer->end();
  played.partial = decoder->partial();
  if (auto drained = drain(); !drained)
    played.result = drained.error();
  else
    played.result = decoder->finish();
  return played;
}

Result<InvokeResult> decode(std::string_view body) {
  return codec().decode(*find_provider("gemini"), body);
}

struct Encoded {
  EncodedRequest request;
  json::value body;
};

Encoded encode(const Dialog& dialog, std::string_view model, const CallOptions& options = {},
               const std::vector<Tool>& tools = {}, const Schema& format = {}, bool stream = false) {
  auto request = codec().encode({dialog, *find_provider("gemini"), model, options, tools, format, stream});
  REQUIRE(request.has_value());
  auto body = parse_json(request->body);
  REQUIRE(body.has_value());
  return {std::move(*request), std::move(*body)};
}

std::string at(const Encoded& encoded, std::string_view pointer) {
  const auto* found = find_at(encoded.body, pointer);
  return found == nullptr ? "(nothing)" : to_json(*found);
}

Tool weather_tool() {
  return Tool("weather", "Today's weather.",
              *parse_json(R"({"type":"object","properties":{"city":{"type":"string"}}})")->if_object(), {});
}

constexpr std::string_view text_stream =
    "data: "
    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"think\",\"thought\":true}],\"role\":\"model\"}}],"
    "\"usageMetadata\":{\"promptTokenCount\":5,\"totalTokenCount\":5},\"modelVersion\":\"gemini-x\","
    "\"responseId\":\"r1\"}\r\n\r\n"
    "data: "
    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Gr\xC3\xBC\"}],\"role\":\"model\"}}]}\r\n\r\n"
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\xC3\x9F"
    "e \\ud83d\\ude00\"}]},\"new\":[1]}]}\r\n\r\n"
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\",\"thoughtSignature\":\"c2ln\"}]},"
    "\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":5,"
    "\"candidatesTokenCount\":7,"
    "\"thoughtsTokenCount\":3,\"toolUsePromptTokenCount\":11,\"cachedContentTokenCount\":2,"
    "\"totalTokenCount\":26}}\r\n\r\n";

}  // namespace

TEST_SUITE("wires/gemini") {
  TEST_CASE("a CRLF stream without [DONE], cut at any byte, gives the same reply") {
    for (std::size_t cut = 0; cut <= text_stream.size(); ++cut) {
      CAPTURE(cut);
      const auto played = play(text_stream, cut);
      REQUIRE(played.result.has_value());
      const Message& message = played.result->message;
      REQUIRE(message.text() == "Grüße 😀");
      REQUIRE(message.reasoning() == "think");
      REQUIRE(played.text == message.text());
      REQUIRE(played.text_chunks == 2);
      REQUIRE(message.finish_reason == "STOP");
    }
    CHECK(play(text_stream, 1, 1).result->message.text() == "Grüße 😀");
  }

  TEST_CASE("usage has OpenAI's meaning: thoughts in the completion, tool use in the prompt") {
    const auto usage = play(text_stream, 100).result->message.usage;
    CHECK(usage.prompt_tokens == 16);
    CHECK(usage.completion_tokens == 10);
    CHECK(usage.reasoning_tokens == 3);
    CHECK(usage.cached_prompt_tokens == 2);
    CHECK(usage.total_tokens == 26);
  }

  TEST_CASE("fault 51: a stream without a finish reason is an error that carries what came") {
    const auto cut = text_stream.substr(0, text_stream.rfind("data: "));
    const auto played = play(cut, 10);
    REQUIRE(played.result.has_error());
    CHECK(played.result.error().kind() == ErrorKind::incomplete_reply);
    CHECK(played.partial.text() == "Grüße 😀");
    CHECK(play(std::string(cut) + "data: [DONE]\n\n", 10).result.has_value());
  }

  TEST_CASE("fault 77: a blocked prompt without candidates is a refusal, streamed or not") {
    const std::string body =
        R"({"promptFeedback":{"blockReason":"PROHIBITED_CONTENT","blockReasonMessage":"no"},"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4},"modelVersion":"g"})";
    for (const auto& result : {decode(body), play("data: " + body + "\r\n\r\n", 3).result}) {
      REQUIRE(result.has_value());
      CHECK(result->message.text().empty());
      REQUIRE(result->message.parts.size() == 1);
      CHECK(std::holds_alternative<RefusalPart>(result->message.parts[0]));
      CHECK(as_text(find(result->message.metadata, "finish_detail")) == "PROHIBITED_CONTENT");
      CHECK(as_text(find(result->message.metadata, "finish_message")) == "no");
      CHECK(result->message.usage.prompt_tokens == 4);
    }
    const auto safety = decode(R"({"candidates":[{"finishReason":"SAFETY","index":0}]})");
    REQUIRE(safety.has_value());
    CHECK(safety->message.finish_reason == "SAFETY");
    CHECK(std::holds_alternative<RefusalPart>(safety->message.parts.at(0)));
  }

  TEST_CASE("fault 69: calls without ids get stable ones that never go back") {
    const char* body =
        R"({"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"name":"weather","args":{"city":"Bern"}},"thoughtSignature":"QUJD"},{"functionCall":{"name":"weather"}}]},"finishReason":"STOP"}],"responseId":"r"})";
    const auto first = decode(body);
    const auto again = decode(body);
    REQUIRE(first.has_value());
    const auto& calls = first->message.tool_calls;
    REQUIRE(calls.size() == 2);
    CHECK_FALSE(calls[0].id.empty());
    CHECK(calls[0].id != calls[1].id);
    CHECK(calls[0].id == again->message.tool_calls[0].id);
    CHECK_FALSE(calls[0].provider_id.has_value());
    CHECK(calls[1].parsed_arguments()->empty());

    Dialog dialog;
    dialog.put_text("Weather?");
    dialog.append(first->message);
    dialog.put_tool_result(calls[0].id, "weather", R"({"degrees":20})");
    dialog.put_tool_result(calls[1].id, "weather", "no such city", true);
    const auto encoded = encode(dialog, "gemini-2.5-pro");
    CHECK(
        at(encoded, "/contents/1") ==
        R"({"role":"model","parts":[{"functionCall":{"name":"weather","args":{"city":"Bern"}},"thoughtSignature":"QUJD"},{"functionCall":{"name":"weather"}}]})");
    // All results of a step stand in one content.
    CHECK(
        at(encoded, "/contents/2") ==
        R"({"role":"user","parts":[{"functionResponse":{"name":"weather","response":{"degrees":20}}},{"functionResponse":{"name":"weather","response":{"error":"no such city"}}}]})");
    CHECK(encoded.request.body.find(calls[0].id) == std::string::npos);
  }

  TEST_CASE("an id that the provider gives goes back with the result") {
    const auto result = decode(
        R"({"candidates":[{"content":{"parts":[{"functionCall":{"id":"c7","name":"weather","args":{}}}]},"finishReason":"STOP"}]})");
    REQUIRE(result.has_value());
    CHECK(result->message.tool_calls[0].id == "c7");
    Dialog dialog;
    dialog.append(result->message);
    dialog.put_tool_result("c7", "", "fine");
    CHECK(at(encode(dialog, "gemini-3-pro-preview"), "/contents/1/parts/0") ==
          R"({"functionResponse":{"id":"c7","name":"weather","response":{"output":"fine"}}})");
  }

  TEST_CASE("signatures go back unchanged, on empty text parts too; signed words are not joined") {
    const auto played = play(text_stream, 33);
    Dialog dialog;
    dialog.put_text("hi");
    dialog.append(played.result->message);
    CHECK(at(encode(dialog, "gemini-3-flash-preview"), "/contents/1/parts") ==
          "[{\"text\":\"think\",\"thought\":true},{\"text\":\"Grüße "
          "😀\"},{\"text\":\"\",\"thoughtSignature\":\"c2ln\"}]");
    // … and survive being written down.
    const auto copy = Dialog::from_json(dialog.to_json());
    REQUIRE(copy.has_value());
    CHECK(encode(*copy, "gemini-3-flash-preview").request.body ==
          encode(dialog, "gemini-3-flash-preview").request.body);
  }

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

  TEST_CASE("streamed arguments are assembled by their paths, several calls in a row") {
    const std::string stream =
        "data: "
        "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"weather\",\"willContinue\":"
        "true},\"thoughtSignature\":\"QQ==\"}]}}]}\n\n"
        "data: "
        "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"partialArgs\":[{\"jsonPath\":\"$."
        "city\",\"stringValue\":\"Be\",\"willContinue\":true}],\"willContinue\":true}}]}}]}\n\n"
        "data: "
        "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"partialArgs\":[{\"jsonPath\":\"$."
        "city\",\"stringValue\":\"rn\"}],\"willContinue\":true}}]}}]}\n\n"
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{}}]}}]}\n\n"
        "data: "
        "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"weather\",\"partialArgs\":[{"
        "\"jsonPath\":\"$.days[0]\",\"numberValue\":2}],\"willContinue\":true}}]}}]}\n\n"
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}]},\"finishReason\":\"STOP\"}]}\n\n";
    for (const auto& played : {play(stream, 50), play(stream, 1, 1)}) {
      REQUIRE(played.result.has_value());
      const auto& calls = played.result->message.tool_calls;
      REQUIRE(calls.size() == 2);
      CHECK(calls[0].arguments == R"({"city":"Bern"})");
      CHECK(calls[1].arguments == R"({"days":[2]})");
      CHECK(
          to_json(played.result->message.wire_state->content) ==
          R"([{"functionCall":{"name":"weather","args":{"city":"Bern"}},"thoughtSignature":"QQ=="},{"functionCall":{"name":"weather","args":{"days":[2]}}}])");
    }
  }

  TEST_CASE("a streamed and an unstreamed reply are equal") {
    const auto streamed = play(text_stream, 40).result;
    const auto whole = decode(to_json(streamed->raw_response()));
    REQUIRE(whole.has_value());
    CHECK(to_json(to_json_value(whole->message)) == to_json(to_json_value(streamed->message)));
    CHECK(whole->message.text() == "Grüße 😀");
  }

  TEST_CASE("fault 75: unknown parts and members are skipped and kept; further candidates are not ours") {
    const auto result = decode(
        R"({"candidates":[{"content":{"parts":[{"hologram":{"x":1}},{"text":"a"},{"executableCode":{"code":"1"}},{"codeExecutionResult":{"output":"1"}},{"text":"b"}]},"finishReason":"NEW_REASON","surprise":true},{"index":1,"content":{"parts":[{"text":"other"}]},"finishReason":"STOP"}],"fresh":{}})");
    REQUIRE(result.has_value());
    CHECK(result->message.text() == "ab");
    CHECK(result->message.finish_reason == "NEW_REASON");
    CHECK(result->message.tool_calls.empty());
    CHECK(find_at(result->raw_response(), "/candidates/0/surprise") != nullptr);
    CHECK(to_json(result->message.metadata.at("server_tools")) == R"(["code_execution"])");
    CHECK(array_at(json::value{{"parts", result->message.wire_state->content}}, "parts") != nullptr);
    CHECK(find_at(result->message.wire_state->content, "/0/hologram/x") != nullptr);
  }

  TEST_CASE("fault 78: absurd counts do not overflow") {
    const auto result = decode(
        R"({"candidates":[{"content":{"parts":[]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":9223372036854775807,"toolUsePromptTokenCount":9,"candidatesTokenCount":-5,"thoughtsTokenCount":2.0,"totalTokenCount":1e300}})");
    REQUIRE(result.has_value());
    CHECK(result->message.usage.prompt_tokens == std::numeric_limits<std::int64_t>::max());
    CHECK(result->message.usage.completion_tokens == 2);
    CHECK(result->message.usage.total_tokens == std::numeric_limits<std::int64_t>::max());
  }

  TEST_CASE("a picture in the answer is a media part") {
    const auto result = decode(
        R"({"candidates":[{"content":{"parts":[{"text":"see:"},{"inlineData":{"mimeType":"image/png","data":"QUJD"}}]},"finishReason":"STOP"}]})");
    REQUIRE(result.has_value());
    CHECK(result->message.modality() == Modality::image);
    CHECK(std::get<MediaPart>(result->message.parts.at(1)).data() == "QUJD");
  }

  TEST_CASE("log probabilities are read") {
    const auto result = decode(
        R"({"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP","logprobsResult":{"chosenCandidates":[{"token":"Hi","logProbability":-0.5}],"topCandidates":[{"candidates":[{"token":"Hi","logProbability":-0.5},{"token":"Yo","logProbability":-2}]}]}}]})");
    REQUIRE(result.has_value());
    REQUIRE(result->message.logprobs.size() == 1);
    CHECK(result->message.logprobs[0].logprob == -0.5);
    CHECK(result->message.logprobs[0].top.size() == 2);
  }

  TEST_CASE("errors: before, inside a stream, and inside a list") {
    const std::string overloaded =
        R"({"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}})";
    CHECK(codec().decode_error(503, overloaded).kind() == ErrorKind::overloaded);
    CHECK(codec().decode_error(503, overloaded).provider_type() == "UNAVAILABLE");
    CHECK(codec().decode_error(503, "[" + overloaded + "]").provider_text() == "The model is overloaded.");
    const auto played = play(
        std::string(text_stream.substr(0, text_stream.rfind("data: "))) + "data: " + overloaded + "\r\n\r\n",
        10);
    REQUIRE(played.result.has_error());
    CHECK(played.result.error().kind() == ErrorKind::overloaded);
    CHECK(played.partial.text() == "Grüße 😀");
    CHECK(decode(overloaded).error().kind() == ErrorKind::overloaded);
  }

  TEST_CASE("a wrong key is an authentication error, though Google answers 400") {
    const auto error = codec().decode_error(
        400,
        R"({"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}})");
    CHECK(error.kind() == ErrorKind::authentication);
    CHECK(error.status() == 400);
    CHECK(error.provider_type() == "INVALID_ARGUMENT");
  }

  TEST_CASE("fault 59: Google's retryDelay in the body is honoured") {
    const auto error = codec().decode_error(
        429,
        R"({"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"17.5s"}]}})");
    CHECK(error.kind() == ErrorKind::rate_limited);
    CHECK(error.retry_after() == std::chrono::milliseconds(17'500));
  }

  TEST_CASE("fault 57, 66: what is no reply is an error; a list of events is an answer") {
    CHECK(decode("<html>").error().kind() == ErrorKind::bad_reply);
    CHECK(decode("{}").error().kind() == ErrorKind::bad_reply);
    CHECK(decode("[]").error().kind() == ErrorKind::bad_reply);
    CHECK(play("data: nonsense\n\n", 3).result.error().kind() == ErrorKind::bad_reply);
    const auto list = decode(
        R"([{"candidates":[{"content":{"parts":[{"text":"a"}]}}]},{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}]}])");
    REQUIRE(list.has_value());
    CHECK(list->message.text() == "ab");
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

}  // namespace lllm
