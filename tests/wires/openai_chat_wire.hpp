#pragma once

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>

#include "lllm/core/prompt.hpp"
#include "lllm/wires/openai_chat.hpp"
#include "lllm/wires/providers.hpp"
#include "tests/support/codec_contract.hpp"

// What the tests of this wire share.
namespace lllm::test::chat_wire {

inline constexpr const char* wire = "openai-chat";

inline std::string events(std::initializer_list<std::string_view> data) {
  std::string stream;
  for (const auto one : data) stream.append("data: ").append(one).append("\n\n");
  return stream;
}

// The events of `data` and the end mark.
inline Outcome streamed(std::initializer_list<std::string_view> data) {
  return decode(wire, true, events(data) + "data: [DONE]\n\n");
}

inline Message whole(std::string_view message, std::string_view more = "") {
  const Outcome outcome =
      decode(wire, false,
             R"({"id":"r1","object":"chat.completion","model":"m","choices":[{"index":0,"message":)" +
                 std::string(message) + R"(,"finish_reason":"stop"}])" + std::string(more) + "}");
  REQUIRE_MESSAGE(!outcome.error, (outcome.error ? outcome.error->to_string() : ""));
  return outcome.message;
}

inline std::string delta(std::string_view inner) {
  return R"({"id":"r1","choices":[{"index":0,"delta":)" + std::string(inner) + R"(,"finish_reason":null}]})";
}

inline const Provider& openai() {
  static const Provider row = *find_provider("openai");
  return row;
}

inline Result<EncodedRequest> encode(const Dialog& dialog, const CallOptions& options = {},
                                     const Provider& row = openai(), std::string_view model = "gpt-4o-mini",
                                     bool stream = false) {
  const Schema none;
  const Schema& format = !options.format().empty() ? options.format()
                         : dialog.top_prompt()     ? dialog.top_prompt()->format
                                                   : none;
  return openai_chat_codec().encode({dialog, row, model, options, options.tools(), format, stream});
}

inline json::value body_of(const Dialog& dialog, const CallOptions& options = {},
                           const Provider& row = openai(), std::string_view model = "gpt-4o-mini",
                           bool stream = false) {
  auto request = encode(dialog, options, row, model, stream);
  REQUIRE_MESSAGE(request.has_value(), (request ? "" : request.error().message()));
  return parse_json(request->body).value();
}

// Who answered in made recordings.
inline const Provider& whoever_answered() {
  static const Provider row = [] {
    Provider made = openai();
    made.name = "made";
    return made;
  }();
  return row;
}

inline json::value message_of(Message message, const Provider& row = openai()) {
  Dialog dialog;
  dialog.append(std::move(message));
  return body_of(dialog, {}, row).at("messages").at(0);
}

}  // namespace lllm::test::chat_wire
