#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"
#include "lllm/formats/http_message.hpp"
#include "lllm/runtime/backends.hpp"

namespace lllm {

/// The request that a declaration and its arguments make. Pure.
/// @param variable  Looks up the variable that holds the key; empty values count as not set.
/// `missing_variable` for an argument that the path needs, `invalid_argument` for one that would leave the
/// path
/// ("..") or break a header, `configuration` when the key's variable is not set.
Result<HttpRequest> make_http_request(
    const HttpBackend& backend, const json::object& arguments,
    const std::function<std::optional<std::string>(std::string_view)>& variable);

/// What an answer means: JSON parsed, all else as text, and of it the part that `backend.result` names.
/// `tool_failed` for a status of 400 and more, for a redirect, and for JSON that is none. Pure.
Result<json::value> read_http_answer(const HttpBackend& backend, const HttpRequest& request,
                                     const HttpResponseHead& head, std::string_view body);

}  // namespace lllm
