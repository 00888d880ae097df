#include "lllm/testing/fake_reply.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace lllm {
namespace {

// Adds the words of `text` as steps: a blank belongs to the word behind it, as tokenizers have it.
void add_words(std::vector<FakeStep>& steps, FakeStep::Kind kind, std::string_view text,
               std::size_t index = 0) {
  std::size_t start = 0;
  while (start < text.size()) {
    const auto blank = text.find(' ', start + 1);
    const auto end = blank == text.npos ? text.size() : blank;
    steps.push_back({kind, index, text.substr(start, end - start)});
    start = end;
  }
}

std::int64_t words_in(std::string_view text) {
  return static_cast<std::int64_t>(std::count(text.begin(), text.end(), ' ')) + (text.empty() ? 0 : 1);
}

}  // namespace

FakeReply FakeReply::error(int status, std::string type, std::string message) {
  FakeReply reply;
  reply.status = status;
  reply.error_type = std::move(type);
  reply.error_message = std::move(message);
  return reply;
}

FakeReply FakeReply::call(std::string tool, json::object arguments) {
  FakeReply reply;
  reply.tool_calls.emplace_back("", std::move(tool), to_json(arguments));
  return reply;
}

std::vector<FakeStep> steps_of(const FakeReply& reply) {
  std::vector<FakeStep> steps;
  add_words(steps, FakeStep::Kind::reasoning, reply.reasoning);
  add_words(steps, FakeStep::Kind::text, reply.text);
  for (std::size_t i = 0; i < reply.tool_calls.size(); ++i) {
    steps.push_back({FakeStep::Kind::tool_start, i, reply.tool_calls[i].name});
    // Arguments arrive in pieces that respect no token of JSON.
    const std::string_view arguments = reply.tool_calls[i].arguments;
    for (std::size_t at = 0; at < arguments.size(); at += 9)
      steps.push_back({FakeStep::Kind::tool_arguments, i, arguments.substr(at, 9)});
  }
  return steps;
}

Usage usage_of(const FakeReply& reply, const FakeRequest& request) {
  Usage usage = reply.usage;
  if (!usage.prompt_tokens) usage.prompt_tokens = std::max<std::int64_t>(1, words_in(request.last_user_text));
  std::int64_t said = words_in(reply.text) + words_in(reply.reasoning);
  for (const auto& call : reply.tool_calls) said += 1 + words_in(call.arguments);
  if (!usage.completion_tokens) usage.completion_tokens = said;
  if (!usage.total_tokens) usage.total_tokens = *usage.prompt_tokens + *usage.completion_tokens;
  if (!usage.cached_prompt_tokens) usage.cached_prompt_tokens = 0;
  if (!usage.reasoning_tokens) usage.reasoning_tokens = words_in(reply.reasoning);
  return usage;
}

json::value sample_of(const json::object& schema) {
  if (const auto* options = schema.if_contains("enum"); options != nullptr && options->is_array())
    if (!options->get_array().empty()) return options->get_array().front();
  std::string_view type;
  if (const auto* named = schema.if_contains("type")) {
    const auto* several = named->if_array();
    type = several != nullptr && !several->empty() ? as_text(&several->front()) : as_text(named);
  }
  if (type == "integer" || type == "number") return integer_at(schema, "minimum").value_or(1);
  if (type == "boolean") return true;
  if (type == "array") return json::array();
  if (type == "object" || schema.contains("properties")) {
    json::object object;
    const auto* properties = object_at(schema, "properties");
    if (const auto* required = array_at(schema, "required"); required != nullptr && properties != nullptr)
      for (const auto& name : *required)
        if (const auto* member = as_object(find(*properties, as_text(&name))))
          object[as_text(&name)] = sample_of(*member);
    return object;
  }
  return "example";
}

std::string filler_text(std::size_t words, std::uint64_t seed) {
  static constexpr std::array<std::string_view, 32> vocabulary{
      "the",     "report", "shows", "that",    "most",   "readers", "prefer", "short",
      "answers", "with",   "clear", "sources", "and",    "a",       "plain",  "summary",
      "of",      "what",   "was",   "found",   "while",  "others",  "asked",  "for",
      "numbers", "dates",  "names", "places",  "before", "they",    "decide", "anything"};
  std::string text;
  std::uint64_t state = seed * 2654435761U + 1;
  for (std::size_t i = 0; i < words; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    if (i > 0) text += ' ';
    text += vocabulary[state >> 59];
  }
  if (!text.empty()) {
    text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
    text += '.';
  }
  return text;
}

}  // namespace lllm
