#include "tests/recordings/recording.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <toml++/toml.h>

#include "lllm/base/base64.hpp"
#include "lllm/base/text.hpp"

namespace lllm::test {
namespace {

std::string read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  if (!in) throw std::runtime_error("cannot read " + file.string());
  return std::move(bytes).str();
}

bool has_text(const json::value& value, std::string_view key) {
  return !text_at(value, key).empty();
}

// Opaque values that have to go back unchanged, counted as the recordings' README says.
std::int64_t signatures_in(const json::value& value, std::string_view wire) {
  std::int64_t count = 0;
  if (const auto* list = value.if_array()) {
    for (const auto& element : *list) count += signatures_in(element, wire);
  } else if (const auto* object = value.if_object()) {
    const auto type = text_at(value, "type");
    if (wire == "gemini-generate")
      count += has_text(value, "thoughtSignature") ? 1 : 0;
    else if (wire == "openai-responses")
      count += type == "reasoning" && has_text(value, "encrypted_content") ? 1 : 0;
    else if (wire == "openai-chat")
      count +=
          type.starts_with("reasoning.") && (has_text(value, "signature") || has_text(value, "data")) ? 1 : 0;
    else
      count +=
          has_text(value, "signature") || has_text(value, "redactedContent") || type == "redacted_thinking";
    for (const auto& [key, member] : *object) count += signatures_in(member, wire);
  }
  return count;
}

std::int64_t signatures_of(const Message& message, std::string_view wire) {
  if (message.wire_state && message.wire_state->wire == wire)
    return signatures_in(message.wire_state->content, wire);
  std::int64_t count = 0;
  for (const auto& part : message.parts)
    if (const auto* reasoning = std::get_if<ReasoningPart>(&part))
      count += reasoning->signature.empty() ? 0 : 1;
  return count;
}

json::value tokens(const std::optional<std::int64_t>& count) {
  return count ? json::value(*count) : json::value();
}

// Null, "" and absent are one: a Message has one word for "the provider said nothing".
bool says_nothing(const json::value* value) {
  return value == nullptr || value->is_null() || (value->is_string() && value->get_string().empty());
}

bool same(const json::value* a, const json::value* b) {
  if (says_nothing(a) || says_nothing(b)) return says_nothing(a) && says_nothing(b);
  if (a->is_number() && b->is_number()) {
    const double x = *as_number(a);
    const double y = *as_number(b);
    return x == y || std::fabs(x - y) <= 1e-9 * std::max(std::fabs(x), std::fabs(y));
  }
  if (a->is_array() && b->is_array()) {
    const auto& x = a->get_array();
    const auto& y = b->get_array();
    return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                      [](const json::value& p, const json::value& q) { return same(&p, &q); });
  }
  if (a->is_object() && b->is_object()) {
    const auto covers = [](const json::object& p, const json::object& q) {
      return std::all_of(p.begin(), p.end(),
                         [&q](const auto& member) { return same(&member.value(), find(q, member.key())); });
    };
    return covers(a->get_object(), b->get_object()) && covers(b->get_object(), a->get_object());
  }
  return *a == *b;
}

// As same(), but an id that the wire does not give (null) is not an id that it gives empty ("").
bool same_calls(const json::value* a, const json::value* b) {
  if (!same(a, b)) return false;
  const auto* x = as_array(a);
  const auto* y = as_array(b);
  if (x == nullptr || y == nullptr) return true;
  for (std::size_t i = 0; i < x->size(); ++i) {
    const auto* p = find((*x)[i], "id");
    const auto* q = find((*y)[i], "id");
    if ((p != nullptr && p->is_string()) != (q != nullptr && q->is_string())) return false;
  }
  return true;
}

std::string shown(const json::value* value) {
  return value == nullptr ? "nothing" : excerpt(to_json(*value), 600);
}

}  // namespace

Recording load_recording(const std::filesystem::path& file) {
  auto parsed = parse_json(read_file(file));
  if (!parsed) throw std::runtime_error(file.string() + ": " + parsed.error().message());
  const json::value& all = *parsed;
  Recording recording;
  recording.file = file;
  recording.id = text_at(all, "id");
  recording.conversation = text_at(all, "conversation");
  recording.turn = static_cast<int>(integer_at(all, "turn").value_or(0));
  recording.wire = text_at(all, "wire");
  recording.provider = text_at(all, "provider");
  recording.streaming = as_boolean(find(all, "streaming")).value_or(false);
  if (const auto* request = find(all, "request")) recording.request = *request;
  if (const auto* expect = find(all, "expect")) recording.expect = *expect;
  const auto* response = find(all, "response");
  if (response == nullptr) throw std::runtime_error(file.string() + ": no response");
  recording.status = static_cast<int>(integer_at(*response, "status").value_or(200));
  if (const auto* headers = object_at(*response, "headers"))
    for (const auto& [name, value] : *headers) {
      if (value.is_string()) recording.headers.emplace_back(name, as_text(&value));
      if (const auto* list = value.if_array())
        for (const auto& one : *list) recording.headers.emplace_back(name, as_text(&one));
    }
  if (const auto* raw = find(*response, "raw"); raw != nullptr && raw->is_string())
    recording.body = as_text(raw);
  else if (const auto* b64 = find(*response, "raw_b64"); b64 != nullptr && b64->is_string())
    recording.body = base64_decode(as_text(b64)).value();
  else if (const auto* body = find(*response, "body"); body != nullptr && !body->is_null())
    recording.body = to_json(*body);
  return recording;
}

std::vector<std::filesystem::path> recording_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

json::object described(const Recording& recording, const Outcome& outcome) {
  const Message& message = outcome.message;
  json::object actual{{"text", json::string(message.text())},
                      {"reasoning", json::string(message.reasoning())},
                      {"refusal", json::string(message.refusal())},
                      {"finish_reason", json::string(message.finish_reason)}};
  json::array calls;
  for (const auto& call : message.tool_calls) {
    json::object one{{"name", json::string(call.name)}};
    one["id"] = call.provider_id ? json::value(json::string(*call.provider_id)) : json::value();
    if (auto arguments = call.parsed_arguments())
      one["arguments"] = std::move(*arguments);
    else
      one["arguments"] = json::string(call.arguments);
    calls.push_back(std::move(one));
  }
  actual["tool_calls"] = std::move(calls);
  if (!message.usage.empty())
    actual["usage"] = json::object{{"prompt_tokens", tokens(message.usage.prompt_tokens)},
                                   {"completion_tokens", tokens(message.usage.completion_tokens)},
                                   {"total_tokens", tokens(message.usage.total_tokens)},
                                   {"cached_prompt_tokens", tokens(message.usage.cached_prompt_tokens)},
                                   {"reasoning_tokens", tokens(message.usage.reasoning_tokens)}};
  else
    actual["usage"] = nullptr;
  actual["signatures"] = signatures_of(message, recording.wire);
  actual["citations"] = message.citations.size();
  if (recording.streaming) actual["chunks"] = outcome.text_chunks;
  if (outcome.error) {
    const Error& error = *outcome.error;
    json::object told{{"status", error.status() == 0 ? recording.status : error.status()},
                      {"type", json::string(error.provider_type())},
                      {"message", json::string(error.provider_text())}};
    const auto* expected = find(recording.expect, "error");
    if (const auto* code = expected == nullptr ? nullptr : find(*expected, "code")) {
      // Codes are numbers at some providers and words at others; an Error has the text of either.
      const bool same_number = code->is_number() && to_json(*code) == error.provider_code();
      told["code"] = same_number ? *code : json::value(json::string(error.provider_code()));
    }
    actual["error"] = std::move(told);
  }
  return actual;
}

std::vector<std::string> differences(const Recording& recording, const Outcome& outcome) {
  static constexpr std::array<std::string_view, 10> fields{
      "error",         "text",  "reasoning",  "refusal",   "tool_calls",
      "finish_reason", "usage", "signatures", "citations", "chunks"};
  const json::object actual = described(recording, outcome);
  std::vector<std::string> found;
  const json::value zero = 0;
  for (const auto field : fields) {
    const auto* expected = find(recording.expect, field);
    const auto* got = find(actual, field);
    // Counts that are not given are zero.
    if ((field == "signatures" || field == "citations") && expected == nullptr) expected = &zero;
    if (field == "tool_calls" ? same_calls(expected, got) : same(expected, got)) continue;
    found.push_back(std::string(field) + "\n      expected " + shown(expected) + "\n      got      " +
                    shown(got));
  }
  return found;
}

std::vector<std::pair<std::string, std::string>> load_deviations(const std::filesystem::path& file) {
  std::vector<std::pair<std::string, std::string>> deviations;
  const toml::table table = toml::parse_file(file.string());
  if (const auto* list = table["deviation"].as_array())
    for (const auto& one : *list)
      if (const auto* entry = one.as_table())
        deviations.emplace_back((*entry)["id"].value_or(std::string()),
                                (*entry)["why"].value_or(std::string()));
  return deviations;
}

}  // namespace lllm::test
