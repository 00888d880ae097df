// Any text is read or refused, and what was read means the same when it is written and read again.
#include "lllm/formats/json_rpc.hpp"

#include <algorithm>
#include <cmath>

#include "tests/fuzz/fuzz.hpp"

namespace json = boost::json;
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

/// Equal but for the last digits of numbers: Boost.JSON reads a number of very many digits to the nearest
/// double but one.
bool alike(const json::value& a, const json::value& b) {
  if (a.is_object() && b.is_object()) {
    const auto& left = a.get_object();
    return left.size() == b.get_object().size() &&
           std::all_of(left.begin(), left.end(), [&](const auto& member) {
             const auto* other = b.get_object().if_contains(member.key());
             return other != nullptr && alike(member.value(), *other);
           });
  }
  if (a.is_array() && b.is_array())
    return std::equal(a.get_array().begin(), a.get_array().end(), b.get_array().begin(), b.get_array().end(),
                      alike);
  if (a.is_number() && b.is_number() && (a.is_double() || b.is_double())) {
    const double left = a.to_number<double>();
    const double right = b.to_number<double>();
    return left == right || std::abs(left - right) <= std::abs(left) * 1e-14;
  }
  return lllm::to_json(a) == lllm::to_json(b);  // an endless number is written as null
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
      must(alike(same.value, message.value));
  }
}
