#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lllm {

/// Knows the next event of a stream by the last one. Events that bring words differ in the words alone, and
/// in the padding that some providers add: whatever stands around them is the same, byte for byte, from one
/// event to the next. So it need not be read again, and reading such an event costs two comparisons.
///
/// A decoder that has read an event and found that it was nothing but words says so with learn(); match()
/// then gives the words of each event that is the learned one with other words. What it does not know it does
/// not match, and the decoder reads it as ever.
class RepeatedEvent {
 public:
  /// @param event    as text.
  /// @param words    its words, and @param padding what else differs from event to event (it may be empty):
  /// views into
  ///                 `event`, of JSON strings without escapes, the padding behind the words.
  /// @returns  whether the event is the one that is known now.
  bool learn(std::string_view event, std::string_view words, std::string_view padding);
  /// The words of `event`, a view into it.
  [[nodiscard]] std::optional<std::string_view> match(std::string_view event);

 private:
  // A stream whose events always differ elsewhere (a time, a number) is not learned again and again.
  static constexpr int most_lessons = 4;
  int lessons_ = 0;
  bool padded_ = false;
  std::string before_;   // up to the words
  std::string between_;  // from the words to the padding, or to the end
  std::string after_;    // behind the padding
};

}  // namespace lllm
