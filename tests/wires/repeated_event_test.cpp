#include "lllm/wires/repeated_event.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "lllm/wires/codec.hpp"
#include "lllm/wires/providers.hpp"

using namespace lllm;

namespace {

std::string chat_event(const std::string& delta, const std::string& tail = "",
                       const std::string& finish_reason = "null") {
  return R"({"id":"c1","model":"m","choices":[{"index":0,"delta":)" + delta + R"(,"finish_reason":)" +
         finish_reason + "}]" + tail + "}";
}

std::string view_of(std::optional<std::string_view> words) {
  return words ? std::string(*words) : "(no match)";
}

// What a decoder makes of the events: the chunks, and the text at the end.
std::string told(const std::vector<std::string>& events) {
  const Provider provider = *find_provider("openai");
  const auto decoder = find_codec("openai-chat")->stream_decoder(provider);
  std::string said;
  for (const auto& event : events) {
    std::vector<StreamChunk> chunks;
    const auto fed = decoder->feed({"", event}, chunks);
    if (!fed) said += "error " + std::string(to_string(fed.error().kind())) + ';';
    for (const auto& chunk : chunks)
      said += std::to_string(static_cast<int>(chunk.kind)) + ' ' + std::string(chunk.content) +
              (chunk.raw == event ? ";" : " with another's raw;");
  }
  const Message message = decoder->partial();
  return said + " = " + message.text() + '|' + message.refusal() + '|' + message.finish_reason;
}

}  // namespace

TEST_SUITE("wires/repeated_event") {
  TEST_CASE("an event that differs in its words alone is known by the one before") {
    RepeatedEvent known;
    const std::string first = R"({"a":1,"content":"one","b":2})";
    CHECK(view_of(known.match(first)) == "(no match)");
    known.learn(first, std::string_view(first).substr(18, 3), {});
    CHECK(view_of(known.match(first)) == "one");
    CHECK(view_of(known.match(R"({"a":1,"content":" another ✓","b":2})")) == " another ✓");
    CHECK(view_of(known.match(R"({"a":1,"content":"","b":2})")) == "");
  }

  TEST_CASE("whatever else differs, it is not known") {
    RepeatedEvent known;
    const std::string first = R"({"a":1,"content":"one","b":2})";
    known.learn(first, std::string_view(first).substr(18, 3), {});
    for (const std::string other :
         {R"({"a":2,"content":"one","b":2})", R"({"a":1,"content":"one","b":3})",
          R"({"a":1,"content":"one","b":2} )", R"({"a":1,"content":"one","b":2)",
          R"({"a":1,"content":"o\ne","b":2})", R"({"a":1,"content":"one)",
          R"({"a":1,"content":"x","content":"one","b":2})", R"({"a":1,"content":null,"b":2})", ""})
      CHECK_MESSAGE(view_of(known.match(other)) == "(no match)", other);
    CHECK(view_of(known.match("{\"a\":1,\"content\":\"on\ne\",\"b\":2}")) ==
          "(no match)");  // a bare line end
    CHECK(view_of(known.match("{\"a\":1,\"content\":\"on\xFF\",\"b\":2}")) == "(no match)");  // no UTF-8
  }

  TEST_CASE("padding may differ too") {
    RepeatedEvent known;
    const std::string first = R"({"content":"one","pad":"abcd"})";
    known.learn(first, std::string_view(first).substr(12, 3), std::string_view(first).substr(24, 4));
    CHECK(view_of(known.match(R"({"content":"two","pad":"x"})")) == "two");
    CHECK(view_of(known.match(R"({"content":"two","pad":"x","more":1})")) == "(no match)");
    CHECK(view_of(known.match(R"({"content":"two","pad":3})")) == "(no match)");
  }

  TEST_CASE("words that are no part of the event teach nothing") {
    RepeatedEvent known;
    const std::string event = R"({"content":"o\ne"})";
    const std::string decoded = "o\ne";
    known.learn(event, decoded, {});
    CHECK(view_of(known.match(event)) == "(no match)");
  }

  TEST_CASE("a chat stream reads the same whether its events are known or not") {
    const std::vector<std::string> events = {
        chat_event(R"({"role":"assistant","content":""})"),
        chat_event(R"({"content":"Hel"})"),
        chat_event(R"({"content":"lo"})"),
        chat_event(R"({"content":" \"you\""})"),
        chat_event(R"({"content":" there"})"),
        chat_event(R"({"content":"…"})"),
        chat_event(R"({"refusal":"no"})"),
        chat_event(R"({"content":"!"})", "", R"("stop")"),
        chat_event(R"({"content":"again"})"),
        chat_event(R"({"content":"padded"})", R"(,"obfuscation":"a1")"),
        chat_event(R"({"content":"twice"})", R"(,"obfuscation":"b23")"),
        chat_event(R"({"content":"used"})", R"(,"usage":{"prompt_tokens":1})"),
        chat_event(R"({"content":"more"})", R"(,"usage":{"prompt_tokens":2})"),
    };
    // Each event by itself is read in full; together they are recognised.
    std::string chunks, text;
    for (const auto& event : events) {
      const std::string one = told({event});
      chunks += one.substr(0, one.find(" = "));
      const auto words = one.find(" = ") + 3;
      text += one.substr(words, one.find('|', words) - words);
    }
    const std::string whole = told(events);
    CHECK(whole.substr(0, whole.find(" = ")) == chunks);
    CHECK(whole.substr(whole.find(" = ") + 3) == text + "|no|stop");
  }
}
