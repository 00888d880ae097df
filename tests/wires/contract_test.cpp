// What every codec must do, whatever it speaks. The provider's side of each wire comes from the fake
// provider, which other people's clients agree with.
#include <string>

#include "lllm/base/text.hpp"
#include "lllm/core/prompt.hpp"
#include "lllm/formats/aws_frames.hpp"
#include "lllm/testing/fake_wire.hpp"
#include "tests/support/codec_contract.hpp"
#include "tests/wires/wire_test.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

struct Row {
  std::string wire;
  const FakeWire& fake;
  const char* model;
};
const Row rows[] = {{"openai-chat", fake_openai_chat(), "gpt-4o-mini"},
                    {"openai-responses", fake_openai_responses(), "gpt-5-mini"},
                    {"anthropic-messages", fake_anthropic(), "claude-sonnet-4-5"},
                    {"gemini-generate", fake_gemini(), "gemini-2.5-flash"},
                    {"bedrock-converse", fake_bedrock(), "anthropic.claude-sonnet-4-5-20250929-v1:0"},
                    {"cohere-chat", fake_cohere(), "command-a-03-2025"},
                    {"ollama-chat", fake_ollama(), "llama3.2"}};

FakeReply a_reply() {
  FakeReply reply("Grüße 😀 from\n\"Bern\" \\ and more.");
  reply.reasoning = "Hm. Let me see.";
  reply.tool_calls.emplace_back("call_1", "look_up", R"({"word":"Bärn","n":1})");
  reply.tool_calls.emplace_back("call_2", "look_up", R"({"word":"two"})");
  return reply;
}

}  // namespace

TEST_SUITE("wires/contract") {
  TEST_CASE("every codec: streams cut anywhere, streamed as unstreamed, early ends, error bodies") {
    for (const auto& row : rows) {
      CAPTURE(row.wire);
      const FakeReply reply = a_reply();
      FakeRequest request = fake_request(row.wire, "/", js(R"({"stream_options":{"include_usage":true}})"));
      request.model = row.model;
      request.number = 1;
      const auto writer = row.fake.stream(request, reply);
      std::string stream;
      writer->begin(stream);
      for (const auto& step : steps_of(reply)) writer->step(stream, step);
      const std::string without_end_mark = stream;
      writer->end(stream);
      const std::string whole = row.fake.whole(request, reply);
      codec_contract(row.wire, {stream, reply.text, whole, without_end_mark});

      const Outcome outcome = decode(row.wire, true, stream);
      CHECK(outcome.message.reasoning() == reply.reasoning);
      REQUIRE(outcome.message.tool_calls.size() == 2);
      for (std::size_t i = 0; i < 2; ++i) {
        CHECK(outcome.message.tool_calls[i].name == "look_up");
        CHECK(outcome.message.tool_calls[i].parsed_arguments().value() ==
              reply.tool_calls[i].parsed_arguments().value());
      }
      CHECK(outcome.message.usage.prompt_tokens == usage_of(reply, request).prompt_tokens);
      CHECK(outcome.message.usage.completion_tokens == usage_of(reply, request).completion_tokens);

      std::string broken = without_end_mark;
      row.fake.stream(request, reply)->error(broken, "server_error", "Broke.");
      const Outcome failed = decode(row.wire, true, broken);
      REQUIRE(failed.error);
      CHECK(failed.error->kind() == ErrorKind::provider_error);
      CHECK(failed.message.text() == reply.text);
    }
  }

  TEST_CASE("every codec: an answer of reasoning alone is whole, and goes on in the next turn") {
    for (const auto& row : rows) {
      CAPTURE(row.wire);
      FakeReply thoughts;
      thoughts.reasoning = "Hm. Let me see.";
      FakeRequest request = fake_request(row.wire, "/", json::object());
      request.model = row.model;
      const auto writer = row.fake.stream(request, thoughts);
      std::string stream;
      writer->begin(stream);
      for (const auto& step : steps_of(thoughts)) writer->step(stream, step);
      writer->end(stream);
      for (const Outcome& outcome :
           {decode(row.wire, true, stream), decode(row.wire, false, row.fake.whole(request, thoughts))}) {
        REQUIRE(!outcome.error);
        CHECK(outcome.message.text().empty());
        CHECK(outcome.message.reasoning() == thoughts.reasoning);
        Dialog dialog = asked_briefly("Question");
        dialog.append(outcome.message).put_text("And?");
        const auto encoded = Call(dialog, row.model).encode(*find_codec(row.wire)).value();
        CHECK(row.fake.read(encoded.path, js(encoded.body)).has_value());
      }
    }
  }

  TEST_CASE("every codec: an event that nobody knows changes nothing, wherever it comes") {
    for (const auto& row : rows) {
      CAPTURE(row.wire);
      const FakeReply reply = a_reply();
      FakeRequest request = fake_request(row.wire, "/", json::object());
      request.model = row.model;
      const std::string data = R"({"type":"novelty","novelty":{"a":[1,{"b":null}]}})";
      std::string novelty = "event: novelty\ndata: " + data + "\n\n";
      if (row.wire == "ollama-chat") novelty = data + "\n";
      if (row.wire == "bedrock-converse") {
        novelty.clear();
        append_aws_event(novelty, "novelty", data);
      }
      const auto streamed = [&](std::string_view between) {
        const auto writer = row.fake.stream(request, reply);
        std::string stream(between);
        writer->begin(stream);
        for (const auto& step : steps_of(reply)) {
          stream += between;
          writer->step(stream, step);
        }
        stream += between;
        writer->end(stream);
        return decode(row.wire, true, stream);
      };
      const Outcome plain = streamed("");
      const Outcome with_novelty = streamed(novelty);
      REQUIRE(!plain.error);
      REQUIRE_MESSAGE(!with_novelty.error,
                      (with_novelty.error ? with_novelty.error->to_string() : std::string()));
      CHECK(with_novelty.message.text() == plain.message.text());
      CHECK(with_novelty.message.reasoning() == plain.message.reasoning());
      CHECK(with_novelty.message.tool_calls == plain.message.tool_calls);
      CHECK(with_novelty.message.usage == plain.message.usage);
    }
  }

  TEST_CASE("every codec: a reply appended to the dialog goes back in an order that the provider accepts") {
    for (const auto& row : rows) {
      CAPTURE(row.wire);
      const Codec& codec = *find_codec(row.wire);
      const FakeReply reply = a_reply();
      FakeRequest request = fake_request(row.wire, "/", json::object());
      request.model = row.model;
      const auto answered = codec.decode(a_provider(), row.fake.whole(request, reply)).value();
      Dialog dialog = asked_briefly("Question");
      dialog.append(answered.message);
      for (const auto& call : answered.message.tool_calls)
        dialog.put_tool_result(call.id, call.name, "Result of " + call.arguments);
      dialog.put_text("Next question");
      Call call(dialog, row.model);
      call.tools = {a_tool("look_up")};
      const auto encoded = call.encode(codec);
      REQUIRE_MESSAGE(encoded.has_value(), (encoded ? "" : encoded.error().to_string()));
      const auto read = row.fake.read(encoded->path, js(encoded->body));
      REQUIRE_MESSAGE(read.has_value(), (read ? "" : read.error().to_string()));
      CHECK(read->last_user_text.ends_with("Next question"));
      CHECK(read->tools.size() == 1);
      // What the provider signed comes back as it was.
      if (row.fake.whole(request, reply).find(fake_signature) != std::string::npos)
        CHECK(encoded->body.find(fake_signature) != std::string::npos);
    }
  }

  TEST_CASE(
      "every pair of codecs: a dialog goes on at another wire, with its calls and results, picture and "
      "words") {
    for (const auto& from : rows) {
      for (const auto& to : rows) {
        CAPTURE(from.wire);
        CAPTURE(to.wire);
        FakeRequest request = fake_request(from.wire, "/", json::object());
        request.model = from.model;
        const std::string reply = from.fake.whole(request, a_reply());
        const auto answered = find_codec(from.wire)->decode(a_provider(), reply).value();
        Dialog dialog = asked_briefly("Question");
        Message look(Role::user, "Look");
        look.parts.emplace_back(image_from_bytes("\x89PNG\r\n\x1a\n").value());
        dialog.append(look).append(answered.message);
        for (const auto& call : answered.message.tool_calls)
          dialog.put_tool_result(call.id, call.name, "Result of " + call.arguments);
        // A dialog that was kept and read again is the same dialog.
        const Dialog kept = Dialog::from_json(dialog.to_json()).value();
        Call call(dialog, to.model);
        call.tools = {a_tool("look_up")};
        const auto encoded = call.encode(*find_codec(to.wire));
        REQUIRE_MESSAGE(encoded.has_value(), (encoded ? "" : encoded.error().to_string()));
        Call again(kept, to.model);
        again.tools = {a_tool("look_up")};
        CHECK(again.encode(*find_codec(to.wire)).value().body == encoded->body);

        const json::value body = js(encoded->body);
        const auto read = to.fake.read(encoded->path, body);
        REQUIRE_MESSAGE(read.has_value(), (read ? "" : read.error().to_string()));
        CHECK(read->tool_results == 2);
        CHECK(read->last_tool_result.find("two") != std::string::npos);
        CHECK(encoded->body.find("iVBORw0KGgo=") != std::string::npos);
        CHECK(encoded->body.find("and more.") != std::string::npos);
        CHECK(encoded->body.find("B\xC3\xA4rn") != std::string::npos);
        // One provider's signature is noise to another.
        if (from.wire != to.wire) CHECK(encoded->body.find(fake_signature) == std::string::npos);
      }
    }
  }

  TEST_CASE("every codec: an argument changes the request or is named as dropped, and never lost") {
    const json::object args = js(R"({"temperature":0.3,"top_p":0.9,"max_tokens":77,"stop":["END"],"seed":7,
      "frequency_penalty":0.1,"presence_penalty":0.2,"logprobs":true,"top_logprobs":2,"reasoning_effort":"low",
      "user":"ann","logit_bias":{"5":1},"parallel_tool_calls":false,"tool_choice":"required","n":2,
      "response_format":{"type":"json_object"},"service_tier":"auto","metadata":{"a":"b"},
      "tools":[{"type":"function","function":{"name":"extra","parameters":{"type":"object"}}}],
      "extra_headers":{"X-Extra":"1"},"extra_body":{"extra_member":true}})")
                                  .as_object();
    for (const auto& row : rows) {
      CAPTURE(row.wire);
      const Codec& codec = *find_codec(row.wire);
      Call plain(asked_briefly("Question"), row.model);
      plain.tools = {a_tool("look_up")};
      const auto before = plain.encode(codec).value();
      CHECK(before.dropped.empty());
      for (const auto& [name, value] : args) {
        CAPTURE(std::string(name));
        Call call = plain;
        call.options.model_args({{name, value}});
        const auto request = call.encode(codec).value();
        const bool dropped =
            std::find(request.dropped.begin(), request.dropped.end(), name) != request.dropped.end();
        const bool changed = request.body != before.body || !(request.headers == before.headers);
        CHECK(dropped != changed);
      }
      // An answer of one choice is what every wire gives.
      Call one = plain;
      one.options.model_args({{"n", 1}});
      CHECK(one.encode(codec).value().dropped.empty());
      // Null is how many callers write "not given".
      for (const auto& [name, value] : args) {
        CAPTURE(std::string(name));
        Call nothing = plain;
        nothing.options.model_args({{name, nullptr}});
        const auto request = nothing.encode(codec).value();
        CHECK(request.body == before.body);
        CHECK(request.dropped.empty());
      }
    }
  }

  TEST_CASE("every codec: parameters without a type are an object's, and keep their members") {
    Call call(asked(), "");
    call.options.model_args(js(R"({"tools":[{"type":"function","function":{"name":"look_up","description":"d",
      "parameters":{"properties":{"untyped_member":{"type":"string"}}}}}]})")
                                .as_object());
    for (const auto& row : rows) {
      CAPTURE(row.wire);
      call.model = row.model;
      CHECK(call.encode(*find_codec(row.wire)).value().body.find("untyped_member") != std::string::npos);
    }
  }

  TEST_CASE("every codec: add-ons and MCP servers reach the provider or are named as dropped") {
    for (const auto& row : rows) {
      CAPTURE(row.wire);
      const Codec& codec = *find_codec(row.wire);
      const auto encoded = [&](json::object addons, std::vector<McpServer> servers) {
        Prompt prompt("p", "Hi");
        prompt.addon_args = std::move(addons);
        prompt.mcp_servers = std::move(servers);
        Dialog dialog;
        dialog.put_prompt(prompt);
        return Call(dialog, row.model).encode(codec).value();
      };
      const auto plain = encoded({}, {});
      const auto is_told = [&](const EncodedRequest& request) {
        const bool changed = request.body != plain.body;
        return changed != !request.dropped.empty();
      };
      CHECK(is_told(encoded({{"web_search", true}}, {})));
      CHECK(is_told(encoded({{"computer_use", json::object()}}, {})));
      CHECK(encoded({{"telepathy", 1}}, {}).dropped == std::vector<std::string>{"telepathy"});
      McpServer remote;
      remote.name = "wiki";
      remote.url = "https://mcp.example.com/mcp";
      CHECK(is_told(encoded({}, {remote})));
      // What is switched off is no wish, and a child process of ours no matter of the provider's.
      McpServer child;
      child.command = {"server"};
      const auto nothing = encoded({{"web_search", false}, {"computer_use", false}}, {child});
      CHECK(nothing.body == plain.body);
      CHECK(nothing.dropped.empty());
    }
  }

  TEST_CASE(
      "every codec: structured output by a schema, or by a forced call whose arguments are the answer") {
    for (const auto& row : rows) {
      CAPTURE(row.wire);
      const Codec& codec = *find_codec(row.wire);
      Call call(asked_briefly("Question"), row.model);
      call.format = Schema(js(R"({"type":"object","title":"City","properties":{"unusual_name":
        {"type":"string"}},"required":["unusual_name"],"additionalProperties":false})")
                               .as_object());
      const auto request = call.encode(codec).value();
      CHECK(request.body.find("unusual_name") != std::string::npos);
      CHECK(request.dropped.empty());
    }
  }

  TEST_CASE("every codec: what is called base64 and is none cannot leave its string") {
    for (const auto& row : rows) {
      CAPTURE(row.wire);
      Message message(Role::user, "Look");
      MediaPart image(MediaKind::image, "image/png");
      image.base64 = std::make_shared<const std::string>("QUJD\",\"injected\":\"yes\\");
      message.parts.emplace_back(image);
      Dialog dialog;
      dialog.append(message);
      const auto request = Call(dialog, row.model).encode(*find_codec(row.wire)).value();
      REQUIRE(parse_json(request.body).has_value());
      CHECK(request.body.find("\"injected\"") == std::string::npos);

      image.mime = "image/png\",\"injected\":\"";
      message.parts.emplace_back(image);
      dialog.append(message);
      const auto odd_type = Call(dialog, row.model).encode(*find_codec(row.wire));
      if (odd_type) CHECK(odd_type->body.find("\"injected\"") == std::string::npos);  // or refused
    }
  }

  TEST_CASE("faults 57 and 67: no codec takes what is no answer, and errors keep a bounded excerpt") {
    const std::string binary("\x89PNG\r\n\x1a\n\0\xFF\xFE", 11);
    for (const auto& row : rows) {
      CAPTURE(row.wire);
      const Codec& codec = *find_codec(row.wire);
      for (const std::string& body : {std::string("<html>no</html>"), std::string("["), std::string("7"),
                                      std::string("\"text\""), std::string("null"), binary}) {
        CAPTURE(body);
        const auto reply = codec.decode(a_provider(), body);
        REQUIRE(reply.has_error());
        CHECK((reply.error().kind() == ErrorKind::bad_reply ||
               reply.error().kind() == ErrorKind::provider_error));
      }
      const Error error = codec.decode_error(500, binary + std::string(std::size_t{10} << 20, '\xFF'));
      CHECK(error.status() == 500);
      CHECK(error.provider_text().size() < 16'384);
      CHECK(is_utf8(error.provider_text()));
    }
  }
}
