#include "lllm/invokers/handlers.hpp"

#include <algorithm>
#include <deque>
#include <ostream>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "lllm/base/json.hpp"
#include "lllm/core/invoke_result.hpp"

namespace lllm {

asio::awaitable<void> PrintHandler::handle_chunk(std::string_view content, const StreamChunk&) {
  if (strip_)
    out_ << stripper_.take(content);
  else
    out_ << content;
  out_ << std::flush;
  return {};
}
asio::awaitable<void> PrintHandler::on_start() {
  stripper_.reset();  // what an earlier answer left open is not this one's
  return {};
}

OwnedChunk::OwnedChunk(const StreamChunk& chunk)
    : kind(chunk.kind),
      content(chunk.content),
      tool_index(chunk.tool_index),
      tool_id(chunk.tool_id),
      tool_name(chunk.tool_name) {}

// A timer that never fires on its own is Asio's condition variable: cancelling it wakes the waiters.
struct ChannelHandler::Queue {
  Queue(const asio::any_io_executor& executor, std::size_t limit)
      : capacity(limit), changed(executor, asio::steady_timer::time_point::max()) {}

  std::size_t capacity;
  std::deque<OwnedChunk> chunks;
  bool closed = false;
  asio::steady_timer changed;

  // Own cancellation throws; a wake-up returns.
  static asio::awaitable<void> wait(std::shared_ptr<Queue> queue) {
    boost::system::error_code woken;
    co_await queue->changed.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
      throw boost::system::system_error(asio::error::operation_aborted);
  }

  static asio::awaitable<void> push(std::shared_ptr<Queue> queue, StreamChunk chunk) {
    while (queue->chunks.size() >= queue->capacity && !queue->closed) co_await wait(queue);
    if (queue->closed) throw_error(ErrorKind::cancelled, "the reader of the stream's channel has closed it");
    queue->chunks.emplace_back(chunk);
    queue->changed.cancel();
  }

  static asio::awaitable<std::optional<OwnedChunk>> pop(std::shared_ptr<Queue> queue) {
    while (queue->chunks.empty() && !queue->closed) co_await wait(queue);
    if (queue->chunks.empty()) co_return std::nullopt;
    OwnedChunk chunk = std::move(queue->chunks.front());
    queue->chunks.pop_front();
    queue->changed.cancel();
    co_return chunk;
  }
};

ChannelHandler::ChannelHandler(const asio::any_io_executor& executor, std::size_t capacity)
    : queue_(std::make_shared<Queue>(executor, std::max<std::size_t>(1, capacity))) {}
ChannelHandler::~ChannelHandler() {
  close();
}

asio::awaitable<void> ChannelHandler::handle_chunk(std::string_view, const StreamChunk& chunk) {
  return Queue::push(queue_, chunk);
}
asio::awaitable<void> ChannelHandler::handle_reasoning(std::string_view, const StreamChunk& chunk) {
  return Queue::push(queue_, chunk);
}
asio::awaitable<void> ChannelHandler::handle_refusal(std::string_view, const StreamChunk& chunk) {
  return Queue::push(queue_, chunk);
}
asio::awaitable<void> ChannelHandler::handle_tool_call(const StreamChunk& chunk) {
  return Queue::push(queue_, chunk);
}
asio::awaitable<void> ChannelHandler::on_finish(const InvokeResult&) {
  close();
  return {};
}

asio::awaitable<std::optional<OwnedChunk>> ChannelHandler::async_receive() {
  return Queue::pop(queue_);
}

void ChannelHandler::close() {
  queue_->closed = true;
  queue_->changed.cancel();
}

asio::awaitable<void> SseRelayHandler::send(std::string_view field, std::string_view content) {
  std::string event = "data: {\"";
  event.append(field).append("\":");
  append_json_string(event, content);
  event += "}\n\n";
  if (auto pending = write_(event); pending.valid()) co_await std::move(pending);
}

asio::awaitable<void> SseRelayHandler::handle_chunk(std::string_view content, const StreamChunk&) {
  return send("delta", content);
}
asio::awaitable<void> SseRelayHandler::handle_reasoning(std::string_view content, const StreamChunk&) {
  return send("reasoning", content);
}

asio::awaitable<void> SseRelayHandler::on_finish(const InvokeResult& result) {
  const json::object data{{"finish_reason", json::string(result.message.finish_reason)},
                          {"usage", to_json_value(result.message.usage)}};
  const std::string event = "event: done\ndata: " + to_json(data) + "\n\n";
  if (auto pending = write_(event); pending.valid()) co_await std::move(pending);
}

std::string SseRelayHandler::response_head() {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nConnection: "
         "close\r\n\r\n";
}

asio::awaitable<void> TeeHandler::to_all(const StreamChunk& chunk) {
  for (const auto& handler : handlers_)
    if (auto pending = dispatch(*handler, chunk); pending.valid()) co_await std::move(pending);
}

asio::awaitable<void> TeeHandler::handle_chunk(std::string_view, const StreamChunk& chunk) {
  return to_all(chunk);
}
asio::awaitable<void> TeeHandler::handle_reasoning(std::string_view, const StreamChunk& chunk) {
  return to_all(chunk);
}
asio::awaitable<void> TeeHandler::handle_refusal(std::string_view, const StreamChunk& chunk) {
  return to_all(chunk);
}
asio::awaitable<void> TeeHandler::handle_tool_call(const StreamChunk& chunk) {
  return to_all(chunk);
}

asio::awaitable<void> TeeHandler::on_start() {
  for (const auto& handler : handlers_)
    if (auto pending = handler->on_start(); pending.valid()) co_await std::move(pending);
}

asio::awaitable<void> TeeHandler::on_finish(const InvokeResult& result) {
  for (const auto& handler : handlers_)
    if (auto pending = handler->on_finish(result); pending.valid()) co_await std::move(pending);
}

}  // namespace lllm
