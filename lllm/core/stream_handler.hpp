#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"
#include "lllm/core/awaitable.hpp"

namespace lllm {

class InvokeResult;

enum class ChunkKind {
  text,       ///< words of the answer
  reasoning,  ///< words of the model's thinking
  refusal,    ///< words of a refusal
  tool_call,  ///< a piece of a tool call's arguments (or its start)
};

/// One delta of a streamed reply. Views are valid until the handler's awaitable completes.
class StreamChunk {
 public:
  StreamChunk() = default;
  StreamChunk(ChunkKind chunk_kind, std::string_view delta) : kind(chunk_kind), content(delta) {}

  ChunkKind kind = ChunkKind::text;
  std::string_view content;
  /// Of a tool_call chunk: which call, as its place in `tool_calls` of the finished message. This relates the
  /// chunks of a call to each other and to what on_finish() shows.
  std::size_t tool_index = 0;
  /// Its id and name as the provider gave them so far. Either may come late; an id may never come, and the
  /// finished call has one of our making then, which depends on the whole call.
  std::string_view tool_id;
  std::string_view tool_name;
  /// The provider's event as it came; parsed only by who asks.
  std::string_view raw;

  /// `raw` as JSON; `parse_failed` if it is none.
  [[nodiscard]] Result<json::value> json() const { return parse_json(raw); }
};

/// A sink for a streamed reply. It is awaited before more bytes are read, so a slow sink slows the provider's
/// socket down instead of filling memory; what it throws ends the call with that exception.
///
/// A handler that has nothing to wait for may return `{}` instead of being a coroutine; that costs nothing.
/// Calls for one reply come one after the other, on the invoker's executor. One handler may serve several
/// calls at once only if it is written for it.
class BaseStreamHandler {
 public:
  virtual ~BaseStreamHandler() = default;

  /// Words of the answer (ChunkKind::text). @param content  the same as `chunk.content`.
  virtual asio::awaitable<void> handle_chunk(std::string_view content, const StreamChunk& chunk) = 0;

  // Hooks that default to nothing.
  virtual asio::awaitable<void> handle_reasoning(std::string_view content, const StreamChunk& chunk);
  virtual asio::awaitable<void> handle_refusal(std::string_view content, const StreamChunk& chunk);
  virtual asio::awaitable<void> handle_tool_call(const StreamChunk& chunk);
  /// The provider accepted the call: its answer begins.
  virtual asio::awaitable<void> on_start();
  /// The whole reply, once, after its last chunk; not called for a call that fails.
  virtual asio::awaitable<void> on_finish(const InvokeResult& result);
};

/// Gives the chunk to the hook that is for its kind. Empty (`!valid()`) when there is nothing to await.
asio::awaitable<void> dispatch(BaseStreamHandler& handler, const StreamChunk& chunk);

/// Holds a handler: shared, borrowed, or moved in by value, so that `agent.stream_handler = PrintStream()`
/// works.
class StreamHandlerPtr {
 public:
  StreamHandlerPtr() = default;
  StreamHandlerPtr(std::nullptr_t) {}  // NOLINT: an empty one
  /// Shared.
  template <std::derived_from<BaseStreamHandler> H>
  StreamHandlerPtr(std::shared_ptr<H> handler) : handler_(std::move(handler)) {}  // NOLINT
  /// Borrowed: `handler` must outlive every call it is given to.
  StreamHandlerPtr(BaseStreamHandler* handler)  // NOLINT
      : handler_(std::shared_ptr<BaseStreamHandler>(), handler) {}
  /// Moved in.
  template <class H>
    requires std::derived_from<std::remove_cvref_t<H>, BaseStreamHandler> && (!std::is_lvalue_reference_v<H>)
  StreamHandlerPtr(H&& handler)  // NOLINT
      : handler_(std::make_shared<std::remove_cvref_t<H>>(std::forward<H>(handler))) {}

  explicit operator bool() const { return handler_ != nullptr; }
  BaseStreamHandler* get() const { return handler_.get(); }
  BaseStreamHandler& operator*() const { return *handler_; }
  BaseStreamHandler* operator->() const { return handler_.get(); }

 private:
  std::shared_ptr<BaseStreamHandler> handler_;
};

}  // namespace lllm
