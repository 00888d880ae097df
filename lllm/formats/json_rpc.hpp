#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"

namespace lllm {

/// What a request and its answer have in common: a number or a string. Nothing: an error that answers what
/// could not be read.
using RpcId = std::variant<std::monostate, std::int64_t, std::string>;

/// One message of JSON-RPC 2.0.
struct RpcMessage {
  enum class Kind { request, notification, result, error };

  RpcMessage() = default;

  Kind kind = Kind::notification;
  RpcId id;            ///< Of a request, and of what answers it.
  std::string method;  ///< Of a request or notification.
  json::value value;   ///< The params, the result, or the error's data; null when there are none.
  std::int64_t code = 0;
  std::string text;  ///< The error's message.
};

/// The codes of errors that the specification gives a meaning.
inline constexpr std::int64_t rpc_invalid_request = -32600;
inline constexpr std::int64_t rpc_method_not_found = -32601;
inline constexpr std::int64_t rpc_invalid_params = -32602;

// Each gives one message as compact JSON: one line, without its end.
std::string write_rpc_request(const RpcId& id, std::string_view method, const json::value& params);
/// Null params are left out.
std::string write_rpc_notification(std::string_view method, const json::value& params = nullptr);
std::string write_rpc_result(const RpcId& id, const json::value& result);
std::string write_rpc_error(const RpcId& id, std::int64_t code, std::string_view text);

/// Reads one message, or a batch of them (an array, at most `most_rpc_batch`).
/// Errors: `parse_failed` for what is no JSON, `bad_reply` for what is no message, `limit_exceeded` for
/// nesting and for a longer batch. Pure.
Result<std::vector<RpcMessage>> read_rpc(std::string_view text);
inline constexpr std::size_t most_rpc_batch = 1000;

}  // namespace lllm
