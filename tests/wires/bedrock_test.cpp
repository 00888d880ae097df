#include "lllm/wires/bedrock.hpp"

#include <limits>

#include "lllm/formats/aws_frames.hpp"
#include "tests/wires/wire_test.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

const Codec& codec() {
  return bedrock_codec();
}

constexpr auto claude = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

std::string frame(std::string_view type, std::string_view data) {
  std::string bytes;
  append_aws_event(bytes, type, data);
  return bytes;
}
std::string delta(int index, std::string_view content) {
  return frame("contentBlockDelta", R"({"contentBlockIndex":)" + std::to_string(index) + R"(,"delta":)" +
                                        std::string(content) + R"(,"p":"abcdefgh"})");
}
std::string start(int index, std::string_view content) {
  return frame("contentBlockStart", R"({"contentBlockIndex":)" + std::to_string(index) + R"(,"start":)" +
                                        std::string(content) + R"(,"p":"ab"})");
}
std::string stop(std::string_view reason = "end_turn") {
  return frame("messageStop", R"({"p":"abc","stopReason":")" + std::string(reason) + "\"}");
}
std::string metadata() {
  return frame("metadata", R"({"metrics":{"latencyMs":7},"p":"a","usage":{"inputTokens":5,"outputTokens":9,
                              "totalTokens":14,"cacheReadInputTokens":3}})");
}

// Text without a start, as every model but Claude sends it, signed thoughts and two calls.
std::string long_stream() {
  return frame("messageStart", R"({"p":"abcd","role":"assistant"})") +
         delta(0, R"({"reasoningContent":{"text":"Let me "}})") +
         delta(0, R"({"reasoningContent":{"text":"see"}})") +
         delta(0, R"({"reasoningContent":{"signature":"SIG=="}})") +
         frame("contentBlockStop", R"({"contentBlockIndex":0,"p":"x"})") +
         delta(1, R"({"reasoningContent":{"redactedContent":"T1BBUVVF"}})") +
         delta(2, R"({"text":"Gr\u00fc"})") + delta(2, R"({"text":"ße"})") +
         start(3, R"({"toolUse":{"toolUseId":"tooluse_1","name":"weather"}})") +
         delta(3, R"({"toolUse":{"input":"{\"city\": \"M\\u00"}})") +
         delta(3, R"({"toolUse":{"input":"fcnchen\"}"}})") +
         start(4, R"({"toolUse":{"toolUseId":"tooluse_2","name":"time"}})") + stop("tool_use") + metadata();
}

constexpr std::string_view long_reply =
    R"({"output":{"message":{"role":"assistant","content":[)"
    R"({"reasoningContent":{"reasoningText":{"text":"Let me see","signature":"SIG=="}}},)"
    R"({"reasoningContent":{"redactedContent":"T1BBUVVF"}},{"text":"Grüße"},)"
    R"({"toolUse":{"toolUseId":"tooluse_1","name":"weather","input":{"city":"München"}}},)"
    R"({"toolUse":{"toolUseId":"tooluse_2","name":"time","input":{}}}]}},"stopReason":"tool_use",)"
    R"("metrics":{"latencyMs":7},"usage":{"inputTokens":5,"outputTokens":9,"totalTokens":14,"cacheReadInputTokens":3}})";

Result<InvokeResult> decode(std::string_view body) {
  return codec().decode(a_provider(), body);
}

json::value next_turn(const Message& reply, std::string model = claude) {
  Dialog dialog = asked();
  dialog.append(reply);
  for (const auto& call : reply.tool_calls) dialog.put_tool_result(call.id, call.name, "done");
  dialog.put_text("Go on");
  return *find(Call(dialog, std::move(model)).body(codec()), "messages");
}

}  // namespace

TEST_SUITE("wires/bedrock") {
  TEST_CASE("a plain question becomes a Converse request, its model encoded in the path") {
    Dialog dialog;
    dialog.put_text("Be brief.", Role::system).put_text("Hi");
    Call call(dialog, "us.amazon.nova-micro-v1:0");
    call.options.model_args({{"temperature", 0.2},
                             {"top_p", 0.5},
                             {"top_k", 20},
                             {"max_tokens", 100},
                             {"stop", "END"},
                             {"seed", 1}});
    auto request = call.encode(codec());
    REQUIRE(request.has_value());
    CHECK(request->path == "/model/us.amazon.nova-micro-v1%3A0/converse");
    CHECK(request->dropped == std::vector<std::string>{"seed"});
    CHECK(js(request->body) == js(R"({"system":[{"text":"Be brief."}],
      "messages":[{"role":"user","content":[{"text":"Hi"}]}],
      "inferenceConfig":{"temperature":0.2,"topP":0.5,"maxTokens":100,"stopSequences":["END"]},
      "additionalModelRequestFields":{"inferenceConfig":{"topK":20}}})"));
    call.stream = true;
    CHECK(call.encode(codec())->path == "/model/us.amazon.nova-micro-v1%3A0/converse-stream");
  }

  TEST_CASE("roles alternate, results come first, and cache points follow what they cache") {
    Dialog dialog;
    Message rules(Role::system, "Rules");
    std::get<TextPart>(rules.parts[0]).cache_ttl = "";
    dialog.append(rules).put_text("one").put_text("two");
    Message reply(Role::assistant, "");
    reply.tool_calls = {ToolCall("a.b", "weather", "{}")};
    dialog.append(reply).append(Message::assistant("so"));
    dialog.put_text("and?").put_tool_result("a.b", "weather", "rain", true);
    const auto body = Call(dialog, claude).body(codec());
    CHECK(body.at("system") == js(R"([{"text":"Rules"},{"cachePoint":{"type":"default"}}])"));
    const auto& messages = body.at("messages").as_array();
    REQUIRE(messages.size() == 3);
    CHECK(messages[0].at("content") == js(R"([{"text":"one"},{"text":"two"}])"));
    CHECK(messages[1].at("content").as_array().size() == 2);
    const auto& result = messages[2].at("content").at(0).at("toolResult");
    CHECK(result.at("status") == "error");
    CHECK(result.at("toolUseId") == messages[1].at("content").at(0).at("toolUse").at("toolUseId"));
    CHECK(messages[2].at("content").at(1) == js(R"({"text":"and?"})"));
    // The history's tools are declared although none is offered.
    CHECK(body.at("toolConfig").at("tools").at(0).at("toolSpec").at("name") == "weather");
  }

  TEST_CASE("images, documents and videos go out as bytes or from S3") {
    Message message(Role::user, "Look");
    MediaPart image(MediaKind::image, "image/jpeg");
    image.base64 = std::make_shared<const std::string>("aWk=");
    MediaPart pdf(MediaKind::file, "application/pdf");
    pdf.base64 = std::make_shared<const std::string>("cGRm");
    pdf.name = "my_report: 1.pdf";
    MediaPart film(MediaKind::video, "");
    film.url = "s3://bucket/film.mp4";
    message.parts.insert(message.parts.end(), {image, pdf, pdf, film});
    Dialog dialog;
    dialog.append(message);
    CHECK(Call(dialog, claude).body(codec()).at("messages").at(0).at("content") == js(R"json([{"text":"Look"},
      {"image":{"format":"jpeg","source":{"bytes":"aWk="}}},
      {"document":{"format":"pdf","name":"my report 1","source":{"bytes":"cGRm"}}},
      {"document":{"format":"pdf","name":"my report 1 (2)","source":{"bytes":"cGRm"}}},
      {"video":{"format":"mp4","source":{"s3Location":{"uri":"s3://bucket/film.mp4"}}}}])json"));
    MediaPart far(MediaKind::image, "image/png");
    far.url = "https://example.com/a.png";
    Message distant(Role::user, "");
    distant.parts.emplace_back(far);
    Dialog unsupported;
    unsupported.append(distant);
    CHECK(Call(unsupported, claude).encode(codec()).error().kind() == ErrorKind::unsupported);
  }

  TEST_CASE("tools, the choice among them, and what has no word here") {
    Call call(asked(), claude);
    call.tools = {a_tool("weather")};
    call.options.model_args({{"tool_choice", {{"type", "function"}, {"function", {{"name", "weather"}}}}},
                             {"parallel_tool_calls", false}});
    const auto request = call.encode(codec());
    REQUIRE(request.has_value());
    CHECK(js(request->body).at("toolConfig") == js(R"({"tools":[{"toolSpec":{"name":"weather",
      "description":"What a test needs.","inputSchema":{"json":{"type":"object",
      "properties":{"city":{"type":"string"}},"required":["city"]}}}}],"toolChoice":{"tool":{"name":"weather"}}})"));
    CHECK(request->dropped == std::vector<std::string>{"parallel_tool_calls"});
    call.options.model_args({{"tool_choice", "required"}});
    CHECK(call.body(codec()).at("toolConfig").at("toolChoice") == js(R"({"any":{}})"));
    call.options.model_args({{"tool_choice", "none"}});
    CHECK(call.encode(codec())->dropped == std::vector<std::string>{"tool_choice"});
  }

  TEST_CASE("a choice that the model cannot be given is dropped and named") {
    Call call(asked(), "us.meta.llama3-3-70b-instruct-v1:0");
    call.tools = {a_tool("weather")};
    for (const json::value& choice :
         {json::value("required"), js(R"({"type":"function","function":{"name":"weather"}})")}) {
      call.model = "us.meta.llama3-3-70b-instruct-v1:0";
      call.options.model_args({{"tool_choice", choice}});
      CHECK(call.encode(codec())->dropped == std::vector<std::string>{"tool_choice"});
      call.model = "us.anthropic.claude-3-7-sonnet-20250219-v1:0";
      CHECK(call.encode(codec())->dropped.empty());
      call.options.model_args({{"tool_choice", choice}, {"reasoning_effort", "low"}});
      CHECK(call.encode(codec())->dropped == std::vector<std::string>{"tool_choice"});
    }
  }

  TEST_CASE(
      "a dialog moves from model to model: neither cache points nor thoughts go where they are refused") {
    const auto reply =
        decode(R"({"output":{"message":{"content":[{"reasoningContent":{"reasoningText":{"text":"Hm.",)"
               R"("signature":"SIG"}}},{"text":"Hello"}]}},"stopReason":"end_turn"})");
    REQUIRE(reply.has_value());
    Message thoughtful = reply->message;
    thoughtful.model = claude;
    Message question(Role::user, "long");
    std::get<TextPart>(question.parts[0]).cache_ttl = "";
    Dialog dialog;
    dialog.append(question).append(thoughtful).put_text("And?");
    const auto body = [&](const char* model) { return Call(dialog, model).encode(codec()).value().body; };
    for (const auto* same : {"eu.anthropic.claude-opus-4-6-v1", "arn:aws:bedrock:eu-west-1:1:profile/k3x9"}) {
      CHECK(body(same).find("SIG") != std::string::npos);
      CHECK(body(same).find("cachePoint") != std::string::npos);
    }
    const auto nova = body("us.amazon.nova-pro-v1:0");
    CHECK(nova.find("reasoningContent") == std::string::npos);
    CHECK(nova.find("cachePoint") != std::string::npos);
    const auto llama = body("meta.llama3-70b-instruct-v1:0");
    CHECK(llama.find("reasoningContent") == std::string::npos);
    CHECK(llama.find("cachePoint") == std::string::npos);
    CHECK(llama.find("Hello") != std::string::npos);
  }

  TEST_CASE("an effort becomes what the model behind the wire calls it") {
    const auto fields = [](const char* model) {
      Call call(asked(), model);
      call.options.model_args({{"reasoning_effort", "high"}});
      const auto body = call.body(codec());
      const auto* found = find(body, "additionalModelRequestFields");
      return found != nullptr ? *found : json::value();
    };
    CHECK(fields("us.anthropic.claude-3-7-sonnet-20250219-v1:0") ==
          js(R"({"thinking":{"type":"enabled","budget_tokens":16384}})"));
    CHECK(fields("us.anthropic.claude-sonnet-4-6") ==
          js(R"({"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}})"));
    CHECK(fields("qwen.qwen3-32b-v1:0") == js(R"({"reasoning_config":"high"})"));
    CHECK(fields("openai.gpt-oss-120b-1:0") == js(R"({"reasoning_effort":"high"})"));
    CHECK(fields("meta.llama3-70b-instruct-v1:0").is_null());
  }

  TEST_CASE("a schema is native where the model takes it, else a forced tool whose call is the answer") {
    Call call(asked(), claude);
    call.format = Schema({{"type", "object"},
                          {"title", "City"},
                          {"properties", {{"n", {{"type", "integer"}}}}},
                          {"required", {"n"}}});
    const auto config = call.body(codec()).at("outputConfig").at("textFormat");
    CHECK(config.at("structure").at("jsonSchema").at("name") == "City");
    CHECK(js(config.at("structure").at("jsonSchema").at("schema").as_string()).at("additionalProperties") ==
          false);

    call.model = "us.amazon.nova-pro-v1:0";
    const auto tools = call.body(codec()).at("toolConfig");
    const std::string name(as_text(find_at(tools, "/tools/0/toolSpec/name")));
    CHECK(as_text(find_at(tools, "/toolChoice/tool/name")) == name);
    const auto whole = decode(R"({"output":{"message":{"content":[{"toolUse":{"toolUseId":"t","name":")" +
                              name + R"(","input":{"n":3}}}]}},"stopReason":"tool_use"})");
    const auto streamed =
        stream(codec(), {start(0, R"({"toolUse":{"toolUseId":"t","name":")" + name + "\"}}") +
                         delta(0, R"({"toolUse":{"input":"{\"n\": 3}"}})") + stop("tool_use")});
    REQUIRE(whole.has_value());
    CHECK(whole->message.text() == R"({"n":3})");
    CHECK(whole->message.tool_calls.empty());
    CHECK(streamed.text == R"({"n": 3})");
    CHECK(comparable(streamed.result) == comparable(whole));
  }

  TEST_CASE("a streamed reply equals the unstreamed one") {
    const auto streamed = stream(codec(), {long_stream()});
    const auto whole = decode(long_reply);
    CHECK(comparable(streamed.result) == comparable(whole));
    CHECK(streamed.text == "Grüße");
    const auto& message = whole->message;
    CHECK(message.reasoning() == "Let me see");
    CHECK(message.tool_calls.at(0).arguments == R"({"city":"München"})");
    CHECK(message.usage.prompt_tokens == 8);
    CHECK(message.usage.cached_prompt_tokens == 3);
    CHECK(message.usage.total_tokens == 17);
  }

  TEST_CASE("a stream cut at any byte gives the same reply and the same chunks") {
    check_cuts(codec(), long_stream());
  }

  TEST_CASE("fault 51: a stream without messageStop is incomplete and carries what came") {
    check_truncation(codec(), delta(0, R"({"text":"one"})") + delta(0, R"({"text":"two"})") + stop());
    const auto part = stream(codec(), {delta(0, R"({"text":"half"})")});
    REQUIRE(part.result.has_error());
    CHECK(part.result.error().kind() == ErrorKind::incomplete_reply);
    CHECK(part.result.error().partial()->text() == "half");
  }

  TEST_CASE("usage may come before the stop, after it, or not at all") {
    const auto words = delta(0, R"({"text":"x"})");
    CHECK(stream(codec(), {words + metadata() + stop()}).result->message.usage.completion_tokens == 9);
    CHECK(stream(codec(), {words + stop() + metadata()}).result->message.usage.completion_tokens == 9);
    CHECK(stream(codec(), {words + stop()}).result->message.usage.empty());
  }

  TEST_CASE("fault 53: an exception frame ends the stream as the error it is, with the partial text") {
    std::string body = delta(0, R"({"text":"half"})");
    append_aws_exception(body, "throttlingException", R"({"message":"Too many"})");
    const auto streamed = stream(codec(), {body});
    REQUIRE(streamed.result.has_error());
    CHECK(streamed.result.error().kind() == ErrorKind::rate_limited);
    CHECK(streamed.result.error().provider_type() == "throttlingException");
    CHECK(streamed.result.error().provider_text() == "Too many");
    CHECK(streamed.result.error().partial()->text() == "half");
  }

  TEST_CASE("fault 54: garbage in an event is a broken protocol") {
    for (const auto& bad :
         {frame("contentBlockDelta", R"({"delta":{"text":"a)"), frame("metadata", "{nonsense")}) {
      const auto streamed = stream(codec(), {bad});
      REQUIRE(streamed.result.has_error());
      CHECK(streamed.result.error().kind() == ErrorKind::bad_reply);
    }
  }

  TEST_CASE("fault 66: an error body inside a 200 is an error") {
    CHECK(decode(R"({"message":"no"})").error().provider_text() == "no");
    CHECK(decode("{}").error().kind() == ErrorKind::bad_reply);
    CHECK(decode("<html>").error().kind() == ErrorKind::bad_reply);
  }

  TEST_CASE("fault 69: a missing call id is synthesised, stable, and goes out with its result") {
    const auto body = R"({"output":{"message":{"content":[{"toolUse":{"name":"x","input":{}}}]}}})";
    const auto first = decode(body);
    REQUIRE(first.has_value());
    CHECK(first->message.tool_calls.at(0).id == decode(body)->message.tool_calls.at(0).id);
    const auto messages = next_turn(first->message);
    CHECK(messages.at(1).at("content").at(0).at("toolUse").at("toolUseId") ==
          messages.at(2).at("content").at(0).at("toolResult").at("toolUseId"));
  }

  TEST_CASE("fault 70: malformed arguments are kept as written and the history stays sendable") {
    const auto streamed =
        stream(codec(), {start(0, R"({"toolUse":{"toolUseId":"a","name":"x"}})") +
                         delta(0, R"({"toolUse":{"input":"{\"p\": tru"}})") + stop("max_tokens")});
    REQUIRE(streamed.result.has_value());
    CHECK(streamed.result->message.tool_calls.at(0).parsed_arguments().has_error());
    CHECK(next_turn(streamed.result->message).at(1).at("content").at(0).at("toolUse").at("input") ==
          js(R"({"invalid_json":"{\"p\": tru"})"));
  }

  TEST_CASE("fault 75: unknown events and blocks are kept and fail nothing") {
    const auto streamed =
        stream(codec(), {frame("novelty", "not even JSON") + start(0, R"({"hologram":{"x":1}})") +
                         delta(0, R"({"hologram":{"y":2}})") + delta(1, R"({"text":"ok"})") + stop()});
    REQUIRE(streamed.result.has_value());
    CHECK(streamed.result->message.text() == "ok");
    CHECK(*find_at(streamed.result->raw_response(), "/output/message/content/0") ==
          js(R"({"hologram":{"x":1,"y":2}})"));
  }

  TEST_CASE(
      "signed and redacted thoughts and the provider's own tools come back verbatim and in their place") {
    const auto content = js(R"([{"reasoningContent":{"redactedContent":"T1BBUVVF"}},
      {"reasoningContent":{"reasoningText":{"text":"hm","signature":"SIG"}}},
      {"toolUse":{"toolUseId":"s","name":"nova_code_interpreter","input":{"snippet":"1+1"},"type":"server_tool_use"}},
      {"toolResult":{"toolUseId":"s","status":"success","content":[{"json":{"out":"2"}}],"type":"nova_result"}},
      {"toolUse":{"toolUseId":"t","name":"x","input":{}}}])");
    auto reply_content = content;
    reply_content.at(4).at("toolUse").as_object()["type"] = "tool_use";  // which a request may not have
    const auto reply = decode(R"({"output":{"message":{"content":)" + to_json(reply_content) + "}}}");
    REQUIRE(reply.has_value());
    CHECK(reply->message.tool_calls.size() == 1);
    CHECK(next_turn(reply->message).at(1).at("content") == content);
    CHECK(next_turn(*message_from_json(to_json_value(reply->message))).at(1).at("content") == content);
  }

  TEST_CASE("unsigned thoughts are shown and not sent back") {
    const auto reply = decode(R"({"output":{"message":{"content":[
      {"reasoningContent":{"reasoningText":{"text":"hm"}}},{"text":"Yes"}]}}})");
    REQUIRE(reply.has_value());
    CHECK(reply->message.reasoning() == "hm");
    CHECK(next_turn(reply->message).at(1).at("content") == js(R"([{"text":"Yes"}])"));
  }
}
