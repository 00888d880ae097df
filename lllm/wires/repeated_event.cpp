#include "lllm/wires/repeated_event.hpp"

#include "lllm/base/json_plain_run.hpp"
#include "lllm/base/text.hpp"

namespace lllm {
namespace {

// The text of a JSON string without escapes at the front of `text`, which ends before its quote.
std::optional<std::string_view> take_plain_string(std::string_view& text) {
  bool ascii = true;
  const char* const stop = end_of_plain_run(text.data(), text.data() + text.size(), ascii);
  const std::string_view taken(text.data(), static_cast<std::size_t>(stop - text.data()));
  if (!ascii && !is_utf8(taken)) return std::nullopt;
  text.remove_prefix(taken.size());
  return taken;
}

}  // namespace

bool RepeatedEvent::learn(std::string_view event, std::string_view words, std::string_view padding) {
  if (lessons_ == most_lessons) return false;
  const auto is_quoted_part = [&](std::string_view part) {
    if (part.data() <= event.data() || part.data() + part.size() >= event.data() + event.size()) return false;
    return part.data()[-1] == '"' && part.data()[part.size()] == '"';
  };
  const char* const words_end = words.data() + words.size();
  const bool padded = !padding.empty();
  if (!is_quoted_part(words) || (padded && (!is_quoted_part(padding) || padding.data() < words_end)))
    return false;
  ++lessons_;
  padded_ = padded;
  const char* const event_end = event.data() + event.size();
  const char* const between_end = padded_ ? padding.data() : event_end;
  before_.assign(event.data(), words.data());
  between_.assign(words_end, between_end);
  after_.assign(between_end + padding.size(), event_end);
  return true;
}

std::optional<std::string_view> RepeatedEvent::match(std::string_view event) {
  if (before_.empty() || !event.starts_with(before_)) return std::nullopt;
  event.remove_prefix(before_.size());
  const auto words = take_plain_string(event);
  if (!words || !event.starts_with(between_)) return std::nullopt;
  event.remove_prefix(between_.size());
  if (padded_ && !take_plain_string(event)) return std::nullopt;
  if (event != after_) return std::nullopt;
  lessons_ = 0;
  return words;
}

}  // namespace lllm
