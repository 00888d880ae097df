#include "tests/wires/openai_chat_wire.hpp"

#include "lllm/wires/model_args.hpp"

using namespace lllm;
using namespace lllm::test::chat_wire;
using test::decode;
using test::Outcome;

TEST_SUITE("wires/openai_chat_request") {
  TEST_CASE("those who want reasoning back get it where they want it, and once") {
    const Provider& deepseek = *find_provider("deepseek");
    Message thought(Role::assistant, "");
    thought.parts = {ReasoningPart("Hm."), TextPart("4")};
    CHECK(message_of(thought, deepseek).at("reasoning_content") == "Hm.");
    CHECK(find(message_of(thought), "reasoning_content") == nullptr);
    // A call without the member is refused with status 400, even when nothing was thought.
    Message call(Role::assistant, "");
    CHECK(find(message_of(Message::assistant("4"), deepseek), "reasoning_content") == nullptr);
    call.tool_calls.emplace_back("c1", "f", "{}");
    CHECK(message_of(call, deepseek).at("reasoning_content") == "");
    const Dialog dialog = dialog_from_openai(parse_json(R"([{"role":"assistant","content":"4",
                                             "reasoning_content":"Hm."}])")
                                                 .value()
                                                 .as_array())
                              .value();
    const auto sent = encode(dialog, {}, deepseek).value().body;
    CHECK(sent.find("reasoning_content") == sent.rfind("reasoning_content"));
  }

  TEST_CASE("Mistral's tool calls have ids of nine letters and digits, whoever made the call") {
    const Provider& mistral = *find_provider("mistral");
    Message call(Role::assistant, "");
    call.tool_calls.emplace_back("call_0123456789abcdef", "f", "{}");
    call.tool_calls.emplace_back("0G84QFMp3", "f", "{}");
    const json::value sent = message_of(call, mistral);
    const std::string mapped(as_text(find_at(sent, "/tool_calls/0/id")));
    CHECK(mapped.size() == 9);
    CHECK(*find_at(sent, "/tool_calls/1/id") == "0G84QFMp3");
    CHECK(message_of(Message::tool("call_0123456789abcdef", "f", "r"), mistral).at("tool_call_id") ==
          json::string(mapped));
  }

  TEST_CASE("quirks of providers: documents by address, cache marks, arguments that would be refused") {
    Message message(Role::user, "see");
    message.parts.emplace_back(media_from_url(MediaKind::file, "https://x/y.pdf").value());
    CHECK(*find_at(message_of(message, *find_provider("mistral")), "/content/1") ==
          parse_json(R"({"type":"document_url","document_url":"https://x/y.pdf"})").value());
    TextPart marked("long");
    marked.cache_ttl = "1h";
    message.parts = {marked};
    CHECK(*find_at(message_of(message, *find_provider("openrouter")), "/content/0/cache_control") ==
          parse_json(R"({"type":"ephemeral","ttl":"1h"})").value());
    CHECK(message_of(message).at("content") == "long");
    Dialog dialog;
    dialog.put_text("a");
    CallOptions options;
    options.model_args({{"logprobs", true}, {"temperature", 0}});
    const auto request = encode(dialog, options, *find_provider("groq")).value();
    CHECK(request.dropped == std::vector<std::string>{"logprobs"});
    CHECK(request.model_args.contains("temperature"));
  }

  TEST_CASE("messages go out with their roles, names, parts, calls and results") {
    Dialog dialog;
    dialog.append(Message::system("Be brief."));
    dialog.put_text("Hi \"there\"\n\xFF", Role::user, "Ann Lee");
    Message asked(Role::assistant, "");
    asked.tool_calls.emplace_back("c1", "weather", "");
    dialog.append(asked);
    dialog.put_tool_result("c1", "weather", "rain");
    const json::value body = body_of(dialog, {}, openai(), "gpt-4o-mini", true);
    CHECK(body.at("messages") == parse_json(R"([{"role":"system","content":"Be brief."},
            {"role":"user","name":"Ann_Lee","content":"Hi \"there\"\n�"},
            {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"weather","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"c1","content":"rain"}])")
                                     .value());
    Provider with_developers = openai();
    with_developers.quirks.developer_role = true;
    CHECK(message_of(Message::system("Be brief."), with_developers).at("role") == "developer");
    CHECK(body.at("stream") == true);
    CHECK(body.at("stream_options").at("include_usage") == true);
    CHECK(find(message_of(
                   [] {
                     Message m(Role::user, "x");
                     m.name = "n";
                     return m;
                   }(),
                   *find_provider("mistral")),
               "name") == nullptr);
  }

  TEST_CASE("a tool message without its call id is an error that says which") {
    Dialog dialog;
    dialog.put_text("a");
    dialog.append(Message::tool("", "f", "x"));
    const auto request = encode(dialog);
    REQUIRE(request.has_error());
    CHECK(request.error().kind() == ErrorKind::invalid_argument);
    CHECK(request.error().message().find("message 1") != std::string::npos);
  }

  TEST_CASE("media go out as the parts that the wire has") {
    Message message(Role::user, "see");
    MediaPart image(MediaKind::image, "image/png");
    image.base64 = std::make_shared<const std::string>("QUJD");
    image.detail = "low";
    message.parts.emplace_back(image);
    message.parts.emplace_back(media_from_url(MediaKind::image, "https://x/y.png").value());
    MediaPart sound(MediaKind::audio, "audio/mpeg");
    sound.base64 = std::make_shared<const std::string>("QUJD");
    message.parts.emplace_back(sound);
    MediaPart pdf(MediaKind::file, "application/pdf");
    pdf.base64 = std::make_shared<const std::string>("QUJD");
    pdf.name = "a.pdf";
    message.parts.emplace_back(pdf);
    CHECK(message_of(message).at("content") == parse_json(R"([{"type":"text","text":"see"},
            {"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD","detail":"low"}},
            {"type":"image_url","image_url":{"url":"https://x/y.png"}},
            {"type":"input_audio","input_audio":{"data":"QUJD","format":"mp3"}},
            {"type":"file","file":{"file_data":"data:application/pdf;base64,QUJD","filename":"a.pdf"}}])")
                                                   .value());
  }

  TEST_CASE("a file's address is refused with the way out, except where the provider fetches it") {
    Message message(Role::user, "see");
    message.parts.emplace_back(media_from_url(MediaKind::file, "https://x/y.pdf").value());
    Dialog dialog;
    dialog.append(message);
    for (const char* name : {"openai", "azure", "groq"}) {
      const auto refused = encode(dialog, {}, *find_provider(name));
      REQUIRE(refused.has_error());
      CHECK(refused.error().kind() == ErrorKind::unsupported);
      CHECK(refused.error().message().find("message 0") != std::string::npos);
      CHECK(refused.error().message().find("Responses API") != std::string::npos);
    }
    for (const char* name : {"openrouter", "openai_like"})
      CHECK(*find_at(message_of(message, *find_provider(name)), "/content/1/file/file_data") ==
            "https://x/y.pdf");
    MediaPart upload(MediaKind::file, "");
    upload.file_id = "file-1";
    message.parts = {upload};
    CHECK(*find_at(message_of(message), "/content/0/file/file_id") == "file-1");
  }

  TEST_CASE("arguments are mapped, dropped and recorded") {
    Dialog dialog;
    dialog.put_text("a");
    CallOptions options;
    options.model_args({{"temperature", 0.5},
                        {"max_tokens", 7},
                        {"n", 3},
                        {"stream", true},
                        {"extra_headers", {{"X-A", "b"}}},
                        {"extra_body", {{"provider", {{"order", {"x"}}}}, {"temperature", 1}}}});
    const auto request = encode(dialog, options, openai(), "gpt-5-mini").value();
    const json::value body = parse_json(request.body).value();
    CHECK(body.at("max_completion_tokens") == 7);
    CHECK(body.at("temperature") == 1);
    CHECK(body.at("provider").at("order").at(0) == "x");
    CHECK(find(body, "n") == nullptr);
    CHECK(find(body, "stream") == nullptr);
    CHECK(request.headers.get("x-a") == "b");
    CHECK(request.dropped == std::vector<std::string>{"temperature", "n", "stream"});  // it reasons
    CHECK(request.model_args.at("max_completion_tokens") == 7);

    options.model_args({{"seed", 3}});
    CHECK(body_of(dialog, options, *find_provider("mistral")).at("random_seed") == 3);
  }

  TEST_CASE("structured output is a strict schema, or a forced call whose arguments are the answer") {
    Dialog dialog;
    dialog.put_text("a");
    CallOptions options;
    options.format(Schema(
        parse_json(
            R"({"type":"object","title":"City","properties":{"name":{"type":"string"}},"required":["name"]})")
            .value()
            .as_object()));
    const json::value strict = body_of(dialog, options).at("response_format");
    CHECK(find_at(strict, "/json_schema/strict")->as_bool());
    CHECK(find_at(strict, "/json_schema/schema/additionalProperties")->as_bool() == false);
    CHECK(text_at(strict.at("json_schema"), "name") == "City");

    Provider plain = openai();
    plain.quirks.strict_schema = false;
    const json::value forced = body_of(dialog, options, plain);
    CHECK(find_at(forced, "/tools/0/function/name")->as_string() == answer_tool);
    CHECK(find_at(forced, "/tool_choice/function/name")->as_string() == answer_tool);
    const Outcome answer = streamed({
        delta(R"({"tool_calls":[{"index":0,"id":"a","function":{"name":")" + std::string(answer_tool) +
              R"(","arguments":"{\"na"}}]})"),
        delta(R"({"tool_calls":[{"index":0,"function":{"arguments":"me\":\"Rome\"}"}}]})"),
    });
    CHECK(answer.message.text() == R"({"name":"Rome"})");
    CHECK(answer.message.tool_calls.empty());
    CHECK(answer.text_chunks == 2);
  }

  TEST_CASE("message arrays of OpenAI's format go both ways without loss") {
    const json::array messages = parse_json(R"([
        {"role":"system","content":[{"type":"text","text":"S","cache_control":{"type":"ephemeral","ttl":"1h"}}]},
        {"role":"user","content":[{"type":"text","text":"see"},{"type":"document_url","document_url":"https://x"}]},
        {"role":"assistant","content":"w","reasoning_content":"hm","prefix":false,
         "tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"a","content":"r"},
        {"role":"assistant","content":null,"refusal":"no"}])")
                                     .value()
                                     .as_array();
    const Dialog dialog = dialog_from_openai(messages).value();
    CHECK(dialog.size() == 5);
    CHECK(dialog.messages()[2]->reasoning() == "hm");
    CHECK(json::value(dialog_to_openai(dialog).value()) == json::value(messages));
    CHECK(dialog_from_openai(parse_json(R"([{"role":"robot"}])").value().as_array()).has_error());
    CHECK(dialog_from_openai(parse_json(R"([7])").value().as_array()).has_error());
  }
}
