#include "lllm/runtime/auth.hpp"

#include <cstdlib>

namespace lllm {

Result<> add_auth(HttpRequest& request, const AuthHeader& auth, const std::string& server,
                  const std::function<std::optional<std::string>(std::string_view)>& variable) {
  if (auth.header.empty()) return {};
  const auto key = variable(auth.env);
  if (!key || key->empty())
    return Error(ErrorKind::configuration,
                 "the variable " + auth.env + " is not set, which holds the key for " + server);
  request.headers.set(auth.header, auth.prefix + *key);
  return {};
}

std::optional<std::string> process_variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

}  // namespace lllm
