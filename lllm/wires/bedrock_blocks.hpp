#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "lllm/wires/alternating_turns.hpp"

namespace lllm::bedrock {

/// Whose model it is behind the wire, as far as its id or address tells.
enum class Maker { anthropic, nova, other, unknown };
Maker maker_of(std::string_view model);

/// Writes the content blocks of Bedrock's Converse, with the cache points behind them where the model takes
/// any.
class Blocks final : public TurnBlocks {
 public:
  Blocks(std::string& out, std::string_view model) : TurnBlocks(out), maker_(maker_of(model)) {}

  /// Empty words are left out: the API refuses them.
  void text(bool& first, std::string_view words);
  /// Marks what stands before it; nothing where there is nothing yet.
  void cache_point(const bool& first, const std::optional<std::string>& ttl);
  Result<> tool_result(bool& first, const Message& message) override;
  Result<> user_part(bool& first, const ContentPart& part) override;
  void reply(bool& first, const Message& message, bool last) override;

 private:
  Result<> part(bool& first, const ContentPart& part);
  Result<> media(bool& first, const MediaPart& media);
  std::string document_name(std::string_view given);

  /// Thoughts of Claude's and those of others do not go to each other.
  [[nodiscard]] bool takes_thoughts_of(const Message& message) const;

  const Maker maker_;
  std::set<std::string> document_names_;
  std::size_t documents_ = 0;
};

}  // namespace lllm::bedrock
