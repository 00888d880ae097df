#include "lllm/core/stream_handler.hpp"

namespace lllm {

asio::awaitable<void> BaseStreamHandler::handle_reasoning(std::string_view, const StreamChunk&) {
  return {};
}
asio::awaitable<void> BaseStreamHandler::handle_refusal(std::string_view, const StreamChunk&) {
  return {};
}
asio::awaitable<void> BaseStreamHandler::handle_tool_call(const StreamChunk&) {
  return {};
}
asio::awaitable<void> BaseStreamHandler::on_start() {
  return {};
}
asio::awaitable<void> BaseStreamHandler::on_finish(const InvokeResult&) {
  return {};
}

asio::awaitable<void> dispatch(BaseStreamHandler& handler, const StreamChunk& chunk) {
  switch (chunk.kind) {
    case ChunkKind::text:
      return handler.handle_chunk(chunk.content, chunk);
    case ChunkKind::reasoning:
      return handler.handle_reasoning(chunk.content, chunk);
    case ChunkKind::refusal:
      return handler.handle_refusal(chunk.content, chunk);
    case ChunkKind::tool_call:
      return handler.handle_tool_call(chunk);
  }
  return {};
}

}  // namespace lllm
