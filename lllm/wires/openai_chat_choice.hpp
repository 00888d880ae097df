#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "lllm/base/json_reader.hpp"
#include "lllm/core/stream_handler.hpp"
#include "lllm/wires/accumulator.hpp"

namespace lllm::openai_chat {

using RawMember = std::pair<std::string_view, std::string_view>;  // key, raw value

/// A piece of a tool call, and its members that lllm has no place for.
struct ToolDelta {
  ToolCallDelta call;
  std::vector<RawMember> extras;
};

/// What one choice of one event, or of a whole answer, says. Views point into the event or the reader's
/// arena. Reused from event to event, so that they cost no allocation.
struct Choice {
  std::optional<std::int64_t> index;
  std::optional<std::string_view> finish_reason;
  std::string_view logprobs, reasoning_content, reasoning, reasoning_details, refusal, error, annotations;
  std::vector<std::pair<ChunkKind, std::string_view>> content;
  std::string_view content_blocks;  ///< as they stand, when the content is a list
  std::vector<ToolDelta> tools;     ///< the first `tool_count` are this event's
  std::size_t tool_count = 0;
  std::vector<RawMember> extras;          ///< of the choice
  std::vector<RawMember> message_extras;  ///< of the message or delta

  /// Forgets the last event and reads one choice; false when there is no object.
  bool read(JsonReader& in);

  /// It brings words of the answer and nothing else.
  [[nodiscard]] bool is_only_words() const;

 private:
  void clear();
  void read_message_member(JsonReader& in, std::string_view key);
  void read_content(JsonReader& in);
  void read_tool_call(JsonReader& in);
};

}  // namespace lllm::openai_chat
