// Any text is read or refused, and what was read means the same when it is written and read again.
#include "lllm/formats/json_rpc.hpp"
#include "tests/fuzz/fuzz.hpp"

using lllm::RpcMessage;
using lllm::test::must;

namespace {

std::string written(const RpcMessage& message) {
  switch (message.kind) {
    case RpcMessage::Kind::request:
      return lllm::write_rpc_request(message.id, message.method, message.value);
    case RpcMessage::Kind::notification:
      return lllm::write_rpc_notification(message.method, message.value);
    case RpcMessage::Kind::result:
      return lllm::write_rpc_result(message.id, message.value);
    case RpcMessage::Kind::error:
      return lllm::write_rpc_error(message.id, message.code, message.text);
  }
  return {};
}

}  // namespace

LLLM_FUZZ(json_rpc) {
  const auto messages = lllm::read_rpc(input);
  if (!messages) {
    must(!messages.error().message().empty());
    return;
  }
  must(!messages->empty() && messages->size() <= lllm::most_rpc_batch);
  for (const auto& message : *messages) {
    const auto text = written(message);
    must(text.find('\n') == text.npos);
    const auto again = lllm::read_rpc(text);
    must(again.has_value() && again->size() == 1);
    const auto& same = again->front();
    must(same.kind == message.kind && same.id == message.id && same.method == message.method);
    must(same.code == message.code);
    if (message.kind == RpcMessage::Kind::error)
      must(same.text == message.text);
    else
      must(lllm::to_json(same.value) == lllm::to_json(message.value));
  }
}
