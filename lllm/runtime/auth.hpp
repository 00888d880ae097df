#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "lllm/base/error.hpp"
#include "lllm/formats/http_message.hpp"
#include "lllm/runtime/backends.hpp"

namespace lllm {

/// Adds the header that says who the request is from, if there is one. Pure.
/// @param variable  Looks up the variable that holds the key; empty values count as not set.
/// `configuration` names the variable that is not set, and `server`, which wants it.
Result<> add_auth(HttpRequest& request, const AuthHeader& auth, const std::string& server,
                  const std::function<std::optional<std::string>(std::string_view)>& variable);

/// As this process has it.
std::optional<std::string> process_variable(std::string_view name);

}  // namespace lllm
