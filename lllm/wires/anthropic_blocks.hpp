#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "lllm/wires/alternating_turns.hpp"

namespace lllm::anthropic {

/// Writes the content blocks of Anthropic's Messages, with their cache marks.
class Blocks final : public TurnBlocks {
 public:
  Blocks(std::string& out, const Dialog& dialog);

  /// Empty words are left out: the API refuses them.
  void text(bool& first, std::string_view words, const std::optional<std::string>& cache_ttl = {});
  Result<> tool_result(bool& first, const Message& message) override;
  Result<> user_part(bool& first, const ContentPart& part) override;
  void reply(bool& first, const Message& message, bool last) override;

  /// A block names an uploaded file, which wants its beta header.
  [[nodiscard]] bool names_upload() const { return names_upload_; }

 private:
  void cache_mark(const std::optional<std::string>& ttl);
  Result<> media(bool& first, const MediaPart& media);
  void reply_parts(bool& first, const Message& message, bool last);

  std::size_t marks_to_skip_ = 0;
  bool names_upload_ = false;
};

}  // namespace lllm::anthropic
