#include "lllm/core/message.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace lllm;

TEST_SUITE("core/message") {
  TEST_CASE("a sender's name goes out as providers take it: letters, digits, _ and -, 64 at most") {
    CHECK(sanitize_name("Ann-Marie_2") == "Ann-Marie_2");
    CHECK(sanitize_name("Dr. Müller <x>") == "Dr__M__ller__x_");
    CHECK(sanitize_name(std::string("a\0\r\nb", 5)) == "a___b");
    const std::string longest = sanitize_name(std::string(200, '\xC3'));
    CHECK(longest == std::string(64, '_'));
    for (int byte = 0; byte < 256; ++byte) {
      const std::string clean = sanitize_name(std::string(1, static_cast<char>(byte)));
      REQUIRE(clean.size() == 1);
      CHECK((std::isalnum(static_cast<unsigned char>(clean[0])) != 0 || clean == "_" || clean == "-"));
    }
  }

  TEST_CASE("the modality is that of the first thing that is no words") {
    Message message(Role::user, "Look");
    CHECK(message.modality() == Modality::text);
    message.parts.emplace_back(ReasoningPart("hm"));
    CHECK(message.modality() == Modality::text);
    const std::pair<MediaKind, Modality> kinds[] = {{MediaKind::image, Modality::image},
                                                    {MediaKind::audio, Modality::audio},
                                                    {MediaKind::video, Modality::video},
                                                    {MediaKind::file, Modality::file}};
    for (const auto& [kind, modality] : kinds) {
      Message shown = message;
      shown.parts.emplace_back(MediaPart(kind, ""));
      CHECK(shown.modality() == modality);
    }
  }

  TEST_CASE("text, reasoning and refusal are told apart, and none is part of another") {
    Message message(Role::assistant, "one");
    message.parts.emplace_back(ReasoningPart("hm"));
    message.parts.emplace_back(RefusalPart());
    std::get<RefusalPart>(message.parts.back()).text = "no";
    message.append_text(" two");
    CHECK(message.text() == "one two");
    CHECK(message.reasoning() == "hm");
    CHECK(message.refusal() == "no");
  }

  TEST_CASE("every member of a message goes to JSON and back") {
    Message message(Role::tool_call, "words");
    message.name = "Ann";
    MediaPart picture(MediaKind::image, "image/png");
    picture.base64 = std::make_shared<const std::string>("QUJD");
    picture.name = "a.png";
    picture.detail = "low";
    picture.cache_ttl = "1h";
    message.parts.emplace_back(picture);
    MediaPart sound(MediaKind::audio, "audio/wav");
    sound.url = "https://example.com/a.wav";
    sound.file_id = "file_1";
    message.parts.emplace_back(sound);
    ReasoningPart thought("hm");
    thought.redacted = true;
    thought.signature = "sig";
    thought.id = "rs_1";
    message.parts.emplace_back(thought);
    message.parts.emplace_back(RefusalPart());
    std::get<RefusalPart>(message.parts.back()).text = "no";
    message.tool_calls.emplace_back("c1", "f", "{");
    message.tool_calls.back().custom = true;
    message.tool_calls.emplace_back("c2", "g", "{}");
    message.tool_calls.back().provider_id = "c2";
    message.tool_call_id = "c0";
    message.is_error = true;
    message.logprobs.push_back({"a", -0.5, {{"b", -1.5}}});
    message.citations.emplace_back(json::object{{"url", "u"}});
    message.parsed = json::array{1, nullptr};
    message.model = "m";
    message.provider = "p";
    message.finish_reason = "stop";
    message.usage.prompt_tokens = 1;
    message.usage.completion_tokens = 2;
    message.usage.total_tokens = 3;
    message.usage.cached_prompt_tokens = 0;
    message.usage.cache_write_tokens = 4;
    message.usage.reasoning_tokens = 5;
    message.cost_breakdown =
        Cost{Money::picodollars(1), Money::picodollars(2), Money::picodollars(3), Money::picodollars(4), {}};
    message.metadata = {{"k", json::array{1}}};
    message.api_type = ApiType::response;
    message.vectors = {0.25F, -1.0F};
    message.wire_state = std::make_shared<const WireState>("gemini-generate", json::array{1});
    const json::value written = to_json_value(message);
    const auto back = message_from_json(written);
    REQUIRE(back.has_value());
    CHECK(to_json_value(*back) == written);
    CHECK(back->role == message.role);
    CHECK(back->name == message.name);
    CHECK(back->parts.size() == message.parts.size());
    CHECK(back->tool_calls == message.tool_calls);
    CHECK(back->tool_call_id == message.tool_call_id);
    CHECK(back->is_error);
    CHECK(back->logprobs == message.logprobs);
    CHECK(back->citations == message.citations);
    CHECK(back->parsed == message.parsed);
    CHECK(back->model == message.model);
    CHECK(back->provider == message.provider);
    CHECK(back->finish_reason == message.finish_reason);
    CHECK(back->usage == message.usage);
    CHECK(back->cost() == message.cost());
    CHECK(back->metadata == message.metadata);
    CHECK(back->api_type == message.api_type);
    CHECK(back->vectors == message.vectors);
    CHECK(back->wire_state->content == message.wire_state->content);
    const auto& shown = std::get<MediaPart>(back->parts[1]);
    CHECK(shown.data() == "QUJD");
    CHECK(shown.name == picture.name);
    CHECK(shown.detail == picture.detail);
    CHECK(shown.cache_ttl == picture.cache_ttl);
    CHECK(std::get<MediaPart>(back->parts[2]).url == sound.url);
    CHECK(std::get<MediaPart>(back->parts[2]).file_id == sound.file_id);
    const auto& thinking = std::get<ReasoningPart>(back->parts[3]);
    CHECK(thinking.redacted);
    CHECK(thinking.signature == "sig");
    CHECK(thinking.id == "rs_1");
    CHECK(back->refusal() == "no");
  }

  TEST_CASE("what is no message is refused with a word about what is wrong") {
    for (const char* text : {"7", "[]", "{}", R"({"role":"nobody"})", R"({"role":"user","parts":7})"}) {
      CAPTURE(text);
      const auto read = message_from_json(parse_json(text).value());
      if (read) continue;  // what is merely missing may have a default
      CHECK(read.error().kind() == ErrorKind::parse_failed);
      CHECK_FALSE(read.error().message().empty());
    }
    CHECK(message_from_json(parse_json(R"({"role":"nobody"})").value()).has_error());
    CHECK(message_from_json(parse_json("7").value()).has_error());
  }
}
