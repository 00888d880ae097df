#include "lllm/formats/json_rpc.hpp"

#include <cmath>
#include <optional>
#include <utility>

namespace lllm {
namespace {

json::value id_value(const RpcId& id) {
  if (const auto* number = std::get_if<std::int64_t>(&id)) return *number;
  if (const auto* text = std::get_if<std::string>(&id)) return json::string(*text);
  return nullptr;
}

std::string written(json::object message) {
  message["jsonrpc"] = "2.0";
  return to_json(message);
}

Error no_message(const char* why) {
  return Error(ErrorKind::bad_reply, std::string("this is no JSON-RPC message: ") + why);
}

/// Nothing where an id is of another type than the specification allows.
std::optional<RpcId> read_id(const json::value* value) {
  if (value == nullptr || value->is_null()) return RpcId();
  if (value->is_string()) return RpcId(std::string(as_text(value)));
  // A number that no int64 holds cannot be one of ours, and would come back as another one from us.
  if (value->is_uint64()) return std::nullopt;
  if (const auto* number = value->if_double(); number != nullptr)
    if (std::abs(*number) >= 9e15 || std::trunc(*number) != *number) return std::nullopt;
  if (const auto number = as_integer(value)) return RpcId(*number);
  return std::nullopt;
}

json::value taken(json::object& from, std::string_view key) {
  auto* value = from.if_contains(key);
  return value == nullptr ? json::value() : std::move(*value);
}

Result<RpcMessage> read_message(json::value& value) {
  auto* object = value.if_object();
  if (object == nullptr) return no_message("it is no object");
  if (text_at(*object, "jsonrpc") != "2.0") return no_message("'jsonrpc' is not \"2.0\"");
  auto id = read_id(find(*object, "id"));
  if (!id) return no_message("its 'id' is neither an integer nor a string");
  RpcMessage message;
  message.id = std::move(*id);
  const bool has_id = !std::holds_alternative<std::monostate>(message.id);
  if (const auto* method = find(*object, "method"); method != nullptr) {
    if (!method->is_string()) return no_message("its 'method' is no string");
    message.kind = has_id ? RpcMessage::Kind::request : RpcMessage::Kind::notification;
    message.method = as_text(method);
    message.value = taken(*object, "params");
    return message;
  }
  if (const auto* error = object_at(*object, "error"); error != nullptr) {
    message.kind = RpcMessage::Kind::error;
    message.code = integer_at(*error, "code").value_or(0);
    message.text = text_at(*error, "message");
    if (const auto* data = find(*error, "data")) message.value = *data;
    return message;
  }
  if (!object->contains("result")) return no_message("it has neither method, result nor error");
  if (!has_id) return no_message("a result without an 'id'");
  message.kind = RpcMessage::Kind::result;
  message.value = taken(*object, "result");
  return message;
}

}  // namespace

std::string write_rpc_request(const RpcId& id, std::string_view method, const json::value& params) {
  json::object message{{"id", id_value(id)}, {"method", json::string(method)}};
  if (!params.is_null()) message["params"] = params;
  return written(std::move(message));
}

std::string write_rpc_notification(std::string_view method, const json::value& params) {
  json::object message{{"method", json::string(method)}};
  if (!params.is_null()) message["params"] = params;
  return written(std::move(message));
}

std::string write_rpc_result(const RpcId& id, const json::value& result) {
  return written({{"id", id_value(id)}, {"result", result}});
}

std::string write_rpc_error(const RpcId& id, std::int64_t code, std::string_view text) {
  return written(
      {{"id", id_value(id)}, {"error", json::object{{"code", code}, {"message", json::string(text)}}}});
}

Result<std::vector<RpcMessage>> read_rpc(std::string_view text) {
  auto parsed = parse_json(text);
  if (!parsed) return parsed.error();
  std::vector<RpcMessage> messages;
  auto* batch = parsed->if_array();
  if (batch == nullptr) {
    auto message = read_message(*parsed);
    if (!message) return message.error();
    messages.push_back(std::move(*message));
    return messages;
  }
  if (batch->empty()) return no_message("an empty batch");
  if (batch->size() > most_rpc_batch)
    return Error(ErrorKind::limit_exceeded,
                 "a JSON-RPC batch of more than " + std::to_string(most_rpc_batch) + " messages");
  for (auto& value : *batch) {
    auto message = read_message(value);
    if (!message) return message.error();
    messages.push_back(std::move(*message));
  }
  return messages;
}

}  // namespace lllm
