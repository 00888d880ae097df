#include "lllm/wires/openai_chat.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "lllm/core/prompt.hpp"
#include "lllm/wires/model_args.hpp"
#include "lllm/wires/providers.hpp"
#include "tests/support/codec_contract.hpp"

using namespace lllm;
using test::decode;
using test::Outcome;

namespace {

constexpr const char* wire = "openai-chat";

std::string events(std::initializer_list<std::string_view> data) {
  std::string stream;
  for (const auto one : data) stream.append("data: ").append(one).append("\n\n");
  return stream;
}

// The events of `data` and the end mark.
Outcome streamed(std::initializer_list<std::string_view> data) {
  return decode(wire, true, events(data) + "data: [DONE]\n\n");
}

Message whole(std::string_view message, std::string_view more = "") {
  const Outcome outcome =
      decode(wire, false,
             R"({"id":"r1","object":"chat.completion","model":"m","choices":[{"index":0,"message":)" +
                 std::string(message) + R"(,"finish_reason":"stop"}])" + std::string(more) + "}");
  REQUIRE_MESSAGE(!outcome.error, (outcome.error ? outcome.error->to_string() : ""));
  return outcome.message;
}

std::string delta(std::string_view inner) {
  return R"({"id":"r1","choices":[{"index":0,"delta":)" + std::string(inner) + R"(,"finish_reason":null}]})";
}

const Provider& openai() {
  static const Provider row = *find_provider("openai");
  return row;
}

Result<EncodedRequest> encode(const Dialog& dialog, const CallOptions& options = {},
                              const Provider& row = openai(), std::string_view model = "gpt-4o-mini",
                              bool stream = false) {
  const Schema none;
  const Schema& format = !options.format().empty() ? options.format()
                         : dialog.top_prompt()     ? dialog.top_prompt()->format
                                                   : none;
  return openai_chat_codec().encode({dialog, row, model, options, options.tools(), format, stream});
}

json::value body_of(const Dialog& dialog, const CallOptions& options = {}, const Provider& row = openai(),
                    std::string_view model = "gpt-4o-mini", bool stream = false) {
  auto request = encode(dialog, options, row, model, stream);
  REQUIRE_MESSAGE(request.has_value(), (request ? "" : request.error().message()));
  return parse_json(request->body).value();
}

// Who answered in made recordings.
const Provider& whoever_answered() {
  static const Provider row = [] {
    Provider made = openai();
    made.name = "made";
    return made;
  }();
  return row;
}

json::value message_of(Message message, const Provider& row = openai()) {
  Dialog dialog;
  dialog.append(std::move(message));
  return body_of(dialog, {}, row).at("messages").at(0);
}

}  // namespace

TEST_SUITE("wires/openai_chat") {
  TEST_CASE("the codec contract") {
    const std::string head = events({
        R"({"id":"r1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]})",
        R"({"id":"r1","model":"m","new_field":{"a":[1]},"choices":[{"index":0,"delta":{"content":"Gr\u00fc"},"odd":true}]})",
        R"({"id":"r1","model":"m","choices":[{"index":0,"delta":{"content":"ße \ud83d\ude00\n"}}]})",
        R"({"id":"r1","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}]}}]})",
        R"({"id":"r1","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":1}"}}]}}]})",
        R"({"id":"r1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]})",
    });
    const std::string stream =
        ": hello\r\n\r\n" + head +
        events(
            {R"({"id":"r1","model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}})",
             "[DONE]"});
    const std::string unstreamed =
        R"({"id":"r1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Grüße 😀\n","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7},"new_field":{"a":[1]}})";
    test::codec_contract(wire, {stream, "Grüße 😀\n", unstreamed, head});
  }

  TEST_CASE("fault 51: [DONE] after a null finish reason is complete; nothing at the end is not") {
    CHECK(!streamed({delta(R"({"content":"a"})")}).error);
    const Outcome early = decode(wire, true, events({delta(R"({"content":"half an ans"})")}));
    REQUIRE(early.error);
    CHECK(early.error->kind() == ErrorKind::incomplete_reply);
    CHECK(early.message.text() == "half an ans");
  }

  TEST_CASE("a server that leaves [DONE] out is understood once finish reason and usage are there") {
    const Outcome outcome = decode(
        wire, true,
        events(
            {R"({"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}})"}));
    CHECK(!outcome.error);
  }

  TEST_CASE("fault 52: data after [DONE] is ignored") {
    const Outcome outcome = decode(
        wire, true, events({delta(R"({"content":"a"})"), "[DONE]", delta(R"({"content":"b"})"), "no JSON"}));
    REQUIRE(!outcome.error);
    CHECK(outcome.message.text() == "a");
  }

  TEST_CASE("fault 53: an error inside a stream is that error, with what had come") {
    SUBCASE("as an event of type error (Groq)") {
      const Outcome outcome =
          decode(wire, true,
                 events({delta(R"({"content":"so far"})")}) +
                     "event: error\ndata: {\"error\":{\"message\":\"Tool call validation "
                     "failed\",\"type\":\"invalid_request_error\","
                     "\"code\":\"tool_use_failed\",\"failed_generation\":\"{}\",\"status_code\":400}}\n\n");
      REQUIRE(outcome.error);
      CHECK(outcome.error->kind() == ErrorKind::invalid_request);
      CHECK(outcome.error->provider_code() == "tool_use_failed");
      CHECK(outcome.message.text() == "so far");
    }
    SUBCASE("inside a chunk, with usage (OpenRouter)") {
      const Outcome outcome = streamed(
          {delta(R"({"content":"so far"})"),
           R"({"error":{"code":429,"message":"Slow down"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}})"});
      REQUIRE(outcome.error);
      CHECK(outcome.error->kind() == ErrorKind::rate_limited);
      CHECK(outcome.error->provider_code() == "429");
      CHECK(outcome.message.usage.prompt_tokens == 3);
    }
  }

  TEST_CASE("fault 54: garbage in an event is a broken protocol") {
    const Outcome outcome = streamed({delta(R"({"content":"a"})"), R"({"choices":[{"index":0,"del)"});
    REQUIRE(outcome.error);
    CHECK(outcome.error->kind() == ErrorKind::bad_reply);
    CHECK(outcome.message.text() == "a");
  }

  TEST_CASE("fault 66: an error body with status 200 is an error") {
    const Outcome outcome =
        decode(wire, false, R"({"error":{"message":"No.","type":"insufficient_quota","code":null}})");
    REQUIRE(outcome.error);
    CHECK(outcome.error->kind() == ErrorKind::quota_exceeded);
    CHECK(outcome.error->provider_text() == "No.");
    const Outcome in_choice = decode(
        wire, false,
        R"({"choices":[{"index":0,"message":{"role":"assistant","content":""},"error":{"code":502,"message":"Upstream died"},"finish_reason":"error"}]})");
    REQUIRE(in_choice.error);
    CHECK(in_choice.error->provider_text() == "Upstream died");
    CHECK(decode(wire, false, "{}").error->kind() == ErrorKind::bad_reply);
    CHECK(decode(wire, false, "[]").error->kind() == ErrorKind::bad_reply);
  }

  TEST_CASE("fault 68: interleaved tool calls are put together by index, and by id where the index repeats") {
    const Outcome by_index = streamed({
        delta(
            R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}},{"index":1,"id":"b","function":{"name":"g","arguments":"{"}}]})"),
        delta(R"({"tool_calls":[{"index":1,"function":{"arguments":"}"}}]})"),
        delta(R"({"tool_calls":[{"index":0,"id":"","function":{"name":"","arguments":":1}"}}]})"),
    });
    REQUIRE(by_index.message.tool_calls.size() == 2);
    CHECK(by_index.message.tool_calls[0] == [] {
      ToolCall c("a", "f", "{\"x\":1}");
      c.provider_id = "a";
      return c;
    }());
    CHECK(by_index.message.tool_calls[1].arguments == "{}");

    const Outcome by_id = streamed({
        delta(R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]})"),
        delta(R"({"tool_calls":[{"index":0,"id":"b","function":{"name":"f","arguments":"{\"y\":2}"}}]})"),
    });
    REQUIRE(by_id.message.tool_calls.size() == 2);
    CHECK(by_id.message.tool_calls[1].id == "b");
    CHECK(by_id.message.tool_calls[1].arguments == "{\"y\":2}");

    const Outcome no_index = streamed({
        delta(R"({"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{"}}]})"),
        delta(R"({"tool_calls":[{"function":{"arguments":"}"}}]})"),
        delta(R"({"tool_calls":[{"id":"b","function":{"name":"g","arguments":null}}]})"),
    });
    REQUIRE(no_index.message.tool_calls.size() == 2);
    CHECK(no_index.message.tool_calls[0].arguments == "{}");
    CHECK(no_index.message.tool_calls[1].name == "g");
    CHECK(no_index.message.tool_calls[1].parsed_arguments().value().empty());

    const Outcome new_id_per_delta = streamed({
        delta(R"({"tool_calls":[{"index":0,"id":"a1","function":{"name":"f","arguments":"{"}}]})"),
        delta(R"({"tool_calls":[{"index":0,"id":"a2","function":{"arguments":"}"}}]})"),
    });
    REQUIRE(new_id_per_delta.message.tool_calls.size() == 1);
    CHECK(new_id_per_delta.message.tool_calls[0].id == "a1");
  }

  TEST_CASE("fault 69: a call without id gets one, the same each time; a late one is taken") {
    const std::string without =
        delta(R"({"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{}"}}]})");
    const Outcome first = streamed({without});
    const Outcome second = streamed({without});
    REQUIRE(first.message.tool_calls.size() == 1);
    CHECK(!first.message.tool_calls[0].id.empty());
    CHECK(first.message.tool_calls[0].id == second.message.tool_calls[0].id);
    CHECK(!first.message.tool_calls[0].provider_id);

    const Message empty_id = whole(
        R"({"role":"assistant","content":null,"tool_calls":[{"id":"","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"","type":"function","function":{"name":"f","arguments":"{}"}}]})");
    REQUIRE(empty_id.tool_calls.size() == 2);
    CHECK(empty_id.tool_calls[0].provider_id == "");
    CHECK(empty_id.tool_calls[0].id != empty_id.tool_calls[1].id);

    const Outcome late = streamed({without, delta(R"({"tool_calls":[{"index":0,"id":"late"}]})")});
    REQUIRE(late.message.tool_calls.size() == 1);
    CHECK(late.message.tool_calls[0].id == "late");
  }

  TEST_CASE(
      "ids and names that come late, twice or empty, and arguments that are null, missing or an object") {
    const Outcome late_name = streamed({
        delta(R"({"tool_calls":[{"index":0,"id":"a","function":{"arguments":""}}]})"),
        delta(R"({"tool_calls":[{"index":0,"id":"","function":{"name":"f","arguments":null}}]})"),
        delta(R"({"tool_calls":[{"index":0,"id":"","function":{"name":"","arguments":"{}"}}]})"),
    });
    REQUIRE(late_name.message.tool_calls.size() == 1);
    CHECK(late_name.message.tool_calls[0].id == "a");
    CHECK(late_name.message.tool_calls[0].name == "f");
    CHECK(late_name.message.tool_calls[0].arguments == "{}");
    const Message odd = whole(
        R"({"tool_calls":[{"id":"a","function":{"name":"f","arguments":null}},{"id":"b","function":{"name":"f"}},
            {"id":"c","function":{"name":"f","arguments":{"x":1}}},{"id":"d","function":null},null,7]})");
    REQUIRE(odd.tool_calls.size() == 4);
    CHECK(odd.tool_calls[0].parsed_arguments().value().empty());
    CHECK(odd.tool_calls[1].parsed_arguments().value().empty());
    CHECK(odd.tool_calls[2].parsed_arguments().value().size() == 1);
  }

  TEST_CASE("an answer of reasoning alone is whole, and empty of text") {
    const Outcome outcome = streamed({delta(R"({"reasoning":"Hm."})"),
                                      R"({"choices":[{"index":0,"delta":{},"finish_reason":"length"}]})"});
    REQUIRE(!outcome.error);
    CHECK(outcome.message.reasoning() == "Hm.");
    CHECK(outcome.message.text().empty());
    CHECK(outcome.message.finish_reason == "length");
  }

  TEST_CASE("fault 70: malformed arguments are kept as the model wrote them") {
    const Message message = whole(
        R"({"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\": oops"}}]})");
    CHECK(message.tool_calls.at(0).arguments == "{\"x\": oops");
    CHECK(message.tool_calls.at(0).parsed_arguments().has_error());
  }

  TEST_CASE("fault 71: an escape sequence that is split across argument deltas stays intact") {
    const Outcome outcome = streamed({
        delta(R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":\"a\\"}}]})"),
        delta(R"({"tool_calls":[{"index":0,"function":{"arguments":"nb\\u00"}}]})"),
        delta(R"({"tool_calls":[{"index":0,"function":{"arguments":"fc\"}"}}]})"),
    });
    CHECK(text_at(outcome.message.tool_calls.at(0).parsed_arguments().value(), "x") == "a\nbü");
  }

  TEST_CASE("fault 72: null content is empty text, and a list of parts is its words") {
    CHECK(whole(R"({"role":"assistant","content":null})").text().empty());
    CHECK(whole(R"({"role":"assistant"})").text().empty());
    CHECK(whole(R"({"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]})")
              .text() == "ab");
    const Message thinking = whole(
        R"({"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"yes"}]})");
    CHECK(thinking.text() == "yes");
    CHECK(thinking.reasoning() == "hm");
    CHECK(message_of(thinking, whoever_answered()).at("content").at(0).at("type") == "thinking");
  }

  TEST_CASE("fault 73: chunks without choices are tolerated") {
    const Outcome outcome =
        streamed({R"({"id":"","model":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]})",
                  delta(R"({"content":"a"})"), R"({"id":"r1","choices":null})"});
    REQUIRE(!outcome.error);
    CHECK(outcome.message.text() == "a");
    CHECK(find(outcome.raw, "prompt_filter_results") != nullptr);
  }

  TEST_CASE("fault 74: an unknown, empty, missing or repeated finish reason is no error") {
    const auto finish = [](std::string_view first, std::string_view second) {
      return streamed({R"({"choices":[{"index":0,"delta":{},"finish_reason":)" + std::string(first) + "}]}",
                       R"({"choices":[{"index":0,"delta":{},"finish_reason":)" + std::string(second) + "}]}"})
          .message.finish_reason;
    };
    CHECK(finish("null", "\"eos_token\"") == "eos_token");
    CHECK(finish("\"length\"", "null") == "length");
    CHECK(finish("\"stop\"", "\"stop\"") == "stop");
    CHECK(finish("\"\"", "\"\"").empty());
  }

  TEST_CASE("fault 75: what nobody knows is skipped and kept in the raw response") {
    const Outcome outcome = streamed({
        delta(R"({"content":"a","executed_tools":[{"index":0,"type":"search","arguments":"{}"}]})"),
        delta(R"({"executed_tools":[{"index":0,"type":"search","output":"found"}],"odd":{"n":1}})"),
    });
    REQUIRE(!outcome.error);
    const auto* tools = find_at(outcome.raw, "/choices/0/message/executed_tools");
    REQUIRE(tools != nullptr);
    REQUIRE(tools->as_array().size() == 1);
    CHECK(text_at(tools->at(0), "output") == "found");
    CHECK(find_at(outcome.raw, "/choices/0/message/odd/n") != nullptr);
    CHECK(text_at(outcome.raw, "object") == "chat.completion");
  }

  TEST_CASE("fault 76: cumulative usage is not summed") {
    const Outcome outcome =
        streamed({R"({"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}})",
                  R"({"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":9,"total_tokens":14}})"});
    CHECK(outcome.message.usage.completion_tokens == 9);
    CHECK(outcome.message.usage.total_tokens == 14);
  }

  TEST_CASE("fault 77: a refusal is a refusal and no text") {
    const Outcome outcome = streamed({delta(R"({"refusal":"I can"})"), delta(R"({"refusal":"not."})")});
    CHECK(outcome.message.refusal() == "I cannot.");
    CHECK(outcome.message.text().empty());
  }

  TEST_CASE("fault 78: absurd token counts do not overflow") {
    const Message message = whole(
        R"({"content":"a"})",
        R"(,"usage":{"prompt_tokens":1e300,"completion_tokens":99999999999999999999,"total_tokens":-5,"completion_tokens_details":{"reasoning_tokens":9223372036854775807}})");
    CHECK(message.usage.prompt_tokens == std::numeric_limits<std::int64_t>::max());
    CHECK(message.usage.completion_tokens == std::numeric_limits<std::int64_t>::max());
    CHECK(!message.usage.total_tokens);
  }

  TEST_CASE(
      "usage in every dialect: cached tokens, xAI's reasoning beside the completion, Groq's own place") {
    const auto usage = [](std::string_view json) {
      return whole(R"({"content":"a"})", R"(,"usage":)" + std::string(json)).usage;
    };
    CHECK(usage(R"({"prompt_tokens":9,"completion_tokens":1,"prompt_cache_hit_tokens":4})")
              .cached_prompt_tokens == 4);
    CHECK(usage(R"({"prompt_tokens":9,"completion_tokens":1,"num_cached_tokens":5})").cached_prompt_tokens ==
          5);
    CHECK(usage(R"({"prompt_tokens":9.0,"completion_tokens":1})").prompt_tokens == 9);
    const Usage xai = usage(
        R"({"prompt_tokens":10,"completion_tokens":2,"total_tokens":42,"completion_tokens_details":{"reasoning_tokens":30}})");
    CHECK(xai.completion_tokens == 32);
    const Usage more_reasoning = usage(
        R"({"prompt_tokens":43,"completion_tokens":10,"total_tokens":53,"completion_tokens_details":{"reasoning_tokens":11}})");
    CHECK(more_reasoning.completion_tokens == 10);
    CHECK(more_reasoning.reasoning_tokens == 11);
    const Outcome groq =
        streamed({R"({"choices":[],"x_groq":{"usage":{"prompt_tokens":3,"completion_tokens":2}}})"});
    CHECK(groq.message.usage.prompt_tokens == 3);
  }

  TEST_CASE("<think> inside text stays text, and reasoning is read once wherever it stands") {
    CHECK(whole(R"({"content":"<think>a</think>b"})").text() == "<think>a</think>b");
    const Outcome both = streamed({delta(
        R"({"content":"","reasoning":"We","reasoning_details":[{"type":"reasoning.text","text":"We","index":0}]})")});
    CHECK(both.message.reasoning() == "We");
    CHECK(whole(R"({"content":"a","reasoning_content":"hm"})").reasoning() == "hm");
    const Message details = whole(
        R"({"content":"a","reasoning_details":[{"type":"reasoning.summary","summary":"hm","index":0}]})");
    CHECK(details.reasoning() == "hm");
  }

  TEST_CASE("reasoning_details are put together and go back unchanged with the next turn") {
    const Outcome outcome = streamed({
        delta(
            R"({"reasoning_details":[{"type":"reasoning.text","text":"","signature":"","format":"f","index":0}]})"),
        delta(R"({"reasoning":"Hm","reasoning_details":[{"type":"reasoning.text","text":"Hm","index":0}]})"),
        delta(R"({"reasoning_details":[{"type":"reasoning.text","signature":"SIG","index":0}]})"),
        delta(R"({"content":"4"})"),
    });
    const json::value sent = message_of(outcome.message, whoever_answered());
    CHECK(sent.at("reasoning_details") ==
          parse_json(R"([{"type":"reasoning.text","text":"Hm","signature":"SIG","format":"f","index":0}])")
              .value());
    CHECK(sent.at("content") == "4");
    CHECK(message_of(outcome.message, *find_provider("openai")) ==
          parse_json(R"({"role":"assistant","content":"4"})").value());
  }

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

  TEST_CASE("what Google hides beside a tool call goes back with it") {
    const Message message = whole(
        R"({"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"S"}}}]})");
    CHECK(find_at(message_of(message, whoever_answered()),
                  "/tool_calls/0/extra_content/google/thought_signature") != nullptr);
  }

  TEST_CASE("logprobs are read and add up over a stream") {
    const std::string entry =
        R"([{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[{"token":"a","logprob":-0.5}]}])";
    const std::string chunk =
        R"({"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":)" + entry + "}}]}";
    const Outcome outcome = streamed({chunk, chunk});
    REQUIRE(outcome.message.logprobs.size() == 2);
    CHECK(outcome.message.logprobs[1].top.at(0).second == doctest::Approx(-0.5));
    CHECK(find_at(outcome.raw, "/choices/0/logprobs/content/1/bytes") != nullptr);
  }

  TEST_CASE("citations: annotations add up, a list of addresses is repeated in every chunk") {
    CHECK(streamed({delta(R"({"annotations":[{"type":"url_citation"}]})"),
                    delta(R"({"annotations":[{"type":"url_citation"}]})")})
              .message.citations.size() == 2);
    CHECK(streamed({R"({"citations":["x","y"],"choices":[]})", R"({"citations":["x","y"],"choices":[]})"})
              .message.citations.size() == 2);
  }

  TEST_CASE("a custom tool's call is free text") {
    const Message message = whole(
        R"({"role":"assistant","tool_calls":[{"id":"a","type":"custom","custom":{"name":"sql","input":"select 1"}}]})");
    REQUIRE(message.tool_calls.size() == 1);
    CHECK(message.tool_calls[0].custom);
    CHECK(text_at(message.tool_calls[0].parsed_arguments().value(), "__text__") == "select 1");
    CHECK(find_at(message_of(message), "/tool_calls/0/custom/input") != nullptr);
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
    CHECK(request.dropped == std::vector<std::string>{"n", "stream"});
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
