#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/core/invoke_result.hpp"
#include "lllm/core/message.hpp"
#include "lllm/core/stream_handler.hpp"

namespace lllm {

/// A piece of a tool call, with what the wire says about which call it belongs to.
struct ToolCallDelta {
  std::optional<std::int64_t> index;   ///< the wire's own number of the call
  std::optional<std::string_view> id;  ///< empty text when the wire gives an empty one
  std::string_view name;
  std::string_view arguments;  ///< appended to what came before
  bool custom = false;
};

/// Puts the deltas of a reply together into a Message, and makes the chunks that a handler gets of them. A
/// whole reply goes through it as one big delta, so that streamed and unstreamed replies are equal.
///
///     reply.begin_event(event.data, &chunks);
///     reply.add_text("Hel");
///     reply.end_event();
///     …
///     InvokeResult result = reply.finish(response_id);
class Accumulator {
 public:
  /// Where a delta goes that is of another kind than the one before.
  enum class Parts {
    merged,   ///< to the one part of its kind: wires that keep reasoning and text in a field each
    in_order  ///< to a new part: wires whose replies are lists of blocks
  };
  explicit Accumulator(Parts parts = Parts::merged) : parts_(parts) {}

  /// What the reply is made of so far. Wires set what is not a delta (usage, model, finish reason …)
  /// directly, and may touch the last part (its signature).
  Message message{Role::assistant, {}};

  /// Chunks of this event are appended to `chunks` with `raw` as their event; null: no chunks are wanted.
  void begin_event(std::string_view raw, std::vector<StreamChunk>* chunks);
  /// Completes the chunks of this event (ids and names that came within it).
  void end_event();

  // Empty deltas change nothing and give no chunk.
  void add_text(std::string_view delta);
  void add_reasoning(std::string_view delta);
  void add_refusal(std::string_view delta);
  /// The next delta begins a new part even when it is of the same kind as the last one (Parts::in_order).
  void break_part() { broken_ = true; }

  /// A piece of a call, assembled by index, by index and id where several calls have one index, and by
  /// position where there is neither. @returns  the call's position in message.tool_calls.
  std::size_t add_tool_call(const ToolCallDelta& delta);
  /// A call that is given whole is a call of its own whatever its index and id are.
  std::size_t add_whole_tool_call(const ToolCallDelta& delta);

  /// The reply is complete: ids are synthesised for calls without one (the same for the same reply), and
  /// calls of `answer_tool` become text. Malformed arguments stay as they are; the invoker reports them.
  /// @param reply_id  the provider's id of the reply; makes synthesised ids differ between replies.
  InvokeResult finish(std::string_view reply_id);
  /// The message as finish() would leave it.
  [[nodiscard]] Message partial(std::string_view reply_id) const;

 private:
  template <class Part>
  std::string& part_text();
  std::size_t locate(const ToolCallDelta& delta) const;
  std::size_t append_call(const ToolCallDelta& delta);
  void extend_call(std::size_t position, const ToolCallDelta& delta);
  void emit(ChunkKind kind, std::string_view delta, std::size_t tool_index = 0);

  Parts parts_;
  bool broken_ = false;
  std::string_view raw_;
  std::vector<StreamChunk>* chunks_ = nullptr;
  std::size_t first_chunk_ = 0;
  std::vector<std::optional<std::int64_t>> call_indexes_;  // the wire's numbers, parallel to tool_calls
  std::size_t calls_before_event_ = 0;
};

}  // namespace lllm
