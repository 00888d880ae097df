#pragma once

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "lllm/base/escape_stripper.hpp"
#include "lllm/core/stream_handler.hpp"

namespace lllm {

/// Writes the answer's words as they arrive and leaves the rest to the finished reply.
/// `out` must outlive the handler. @param plain_terminal  strip escapes, for output that goes to a terminal.
class PrintHandler final : public BaseStreamHandler {
 public:
  explicit PrintHandler(std::ostream& out, bool plain_terminal = false) : out_(out), strip_(plain_terminal) {}
  asio::awaitable<void> handle_chunk(std::string_view content, const StreamChunk& chunk) override;
  asio::awaitable<void> on_start() override;

 private:
  std::ostream& out_;
  bool strip_;
  EscapeStripper stripper_;
};

/// A chunk that owns its text, for readers on the other end of a channel.
struct OwnedChunk {
  OwnedChunk() = default;
  explicit OwnedChunk(const StreamChunk& chunk);
  ChunkKind kind = ChunkKind::text;
  std::string content;
  std::size_t tool_index = 0;
  std::string tool_id;
  std::string tool_name;
};

/// Pull style: a bounded queue between the call and a reader.
///
///     auto channel = std::make_shared<ChannelHandler>(executor);
///     // one coroutine: co_await invoker.call(dialog, model, CallOptions{}.stream_handler(channel));
///     channel->close();
///     // another:       while (auto chunk = co_await channel->async_receive()) use(chunk->content);
///
/// The call waits while the queue is full, and with it the provider. Thread-safety: both ends on one
/// executor.
class ChannelHandler final : public BaseStreamHandler {
 public:
  explicit ChannelHandler(const asio::any_io_executor& executor, std::size_t capacity = 16);
  ~ChannelHandler() override;

  asio::awaitable<void> handle_chunk(std::string_view content, const StreamChunk& chunk) override;
  asio::awaitable<void> handle_reasoning(std::string_view content, const StreamChunk& chunk) override;
  asio::awaitable<void> handle_refusal(std::string_view content, const StreamChunk& chunk) override;
  asio::awaitable<void> handle_tool_call(const StreamChunk& chunk) override;
  asio::awaitable<void> on_finish(const InvokeResult& result) override;

  /// The next chunk; empty at the end of the stream.
  asio::awaitable<std::optional<OwnedChunk>> async_receive();
  /// No more will come. on_finish does it for a call that succeeds; do it where a call failed. A call that
  /// still sends is told that its reader is gone (cancelled).
  void close();

 private:
  struct Queue;
  std::shared_ptr<Queue> queue_;
};

/// Relays the answer to a client as server-sent events: `data: {"delta":"…"}` per chunk, `event: done` with
/// usage at the end. `write` sends bytes to the client and is awaited, so a slow client slows the provider;
/// with Beast:
///
///     SseRelayHandler relay([&stream](std::string_view bytes) -> asio::awaitable<void> {
///       co_await asio::async_write(stream, asio::buffer(bytes), asio::use_awaitable);
///     });
class SseRelayHandler final : public BaseStreamHandler {
 public:
  /// The bytes are valid until the awaitable completes. `{}` when there is nothing to wait for.
  using Write = std::function<asio::awaitable<void>(std::string_view bytes)>;
  explicit SseRelayHandler(Write write) : write_(std::move(write)) {}

  asio::awaitable<void> handle_chunk(std::string_view content, const StreamChunk& chunk) override;
  asio::awaitable<void> handle_reasoning(std::string_view content, const StreamChunk& chunk) override;
  asio::awaitable<void> on_finish(const InvokeResult& result) override;

  /// The status line and headers of such a response, HTTP/1.1 and chunk-free (ended by close).
  static std::string response_head();

 private:
  asio::awaitable<void> send(std::string_view field, std::string_view content);
  Write write_;
};

/// Gives everything to several handlers, one after the other.
class TeeHandler final : public BaseStreamHandler {
 public:
  explicit TeeHandler(std::vector<StreamHandlerPtr> handlers) : handlers_(std::move(handlers)) {}
  asio::awaitable<void> handle_chunk(std::string_view content, const StreamChunk& chunk) override;
  asio::awaitable<void> handle_reasoning(std::string_view content, const StreamChunk& chunk) override;
  asio::awaitable<void> handle_refusal(std::string_view content, const StreamChunk& chunk) override;
  asio::awaitable<void> handle_tool_call(const StreamChunk& chunk) override;
  asio::awaitable<void> on_start() override;
  asio::awaitable<void> on_finish(const InvokeResult& result) override;

 private:
  asio::awaitable<void> to_all(const StreamChunk& chunk);
  std::vector<StreamHandlerPtr> handlers_;
};

}  // namespace lllm
