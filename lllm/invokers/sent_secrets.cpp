#include "lllm/invokers/sent_secrets.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "lllm/base/base64.hpp"
#include "lllm/base/text.hpp"
#include "lllm/formats/percent.hpp"

namespace lllm {
namespace {

constexpr std::size_t shortest_key = 8;

bool may_hold_a_secret(std::string_view field) {
  constexpr std::array<std::string_view, 8> words{"auth",   "key",        "token",    "secret",
                                                  "cookie", "credential", "password", "sig"};
  const std::string name = to_lower(field);
  return std::any_of(words.begin(), words.end(),
                     [&name](std::string_view word) { return name.find(word) != std::string::npos; });
}

}  // namespace

SentSecrets::SentSecrets(const HttpRequest& request) {
  for (const auto& [name, value] : request.headers) {
    if (!may_hold_a_secret(name)) continue;
    // "Bearer …": the scheme is no secret, and a provider quotes the key without it.
    const std::string_view key = trim(value.substr(value.find(' ') == value.npos ? 0 : value.find(' ')));
    add(key);
    if (!iequals(value.substr(0, 6), "basic ")) continue;
    if (const auto plain = base64_decode(key)) {
      add(*plain);
      add(std::string_view(*plain).substr(std::min(plain->find(':'), plain->size() - 1) + 1));
    }
  }
  const auto mark = request.target.find('?');
  if (mark == std::string::npos) return;
  for (const auto parameter : split(std::string_view(request.target).substr(mark + 1), '&')) {
    const auto equals = parameter.find('=');
    if (equals == parameter.npos || !may_hold_a_secret(parameter.substr(0, equals))) continue;
    add(parameter.substr(equals + 1));
    add(percent_decode(parameter.substr(equals + 1)));
  }
}

void SentSecrets::add(std::string_view secret) {
  if (secret.size() >= shortest_key) all_.emplace_back(std::string(secret));
}

std::string SentSecrets::hidden(std::string text, std::string_view instead) const {
  for (const Secret& one : all_)
    if (text.find(one.reveal()) != std::string::npos)
      text = replace_all(std::move(text), one.reveal(), instead);
  return text;
}

}  // namespace lllm
