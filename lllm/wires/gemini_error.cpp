#include "lllm/wires/gemini_error.hpp"

#include "lllm/base/json.hpp"
#include "lllm/wires/codec.hpp"
#include "lllm/wires/reply_json.hpp"

namespace lllm::gemini {

Error google_error(int status, std::string_view body) {
  const Error plain = provider_error(status, body);
  auto value = parse_reply(body.substr(0, std::size_t{1} << 20));
  if (value && value->is_array() && !value->get_array().empty())
    value = json::value(value->get_array().front());
  const json::value* error = value ? find(*value, "error") : nullptr;
  if (error == nullptr) return plain;
  // A wrong key is a 400 there, told apart by its reason.
  bool wrong_key = false;
  if (const auto* details = array_at(*error, "details"))
    for (const auto& detail : *details) wrong_key |= text_at(detail, "reason") == "API_KEY_INVALID";
  Error named = plain;
  if (wrong_key) {
    named = Error(ErrorKind::authentication, plain.message());
    named.status(plain.status()).provider_text(plain.provider_text()).provider_code(plain.provider_code());
  }
  if (plain.provider_type().empty()) named.provider_type(std::string(text_at(*error, "status")));
  return named;
}

}  // namespace lllm::gemini
