#include "lllm/invokers/sent_secrets.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "lllm/base/text.hpp"

namespace lllm {
namespace {

constexpr std::size_t shortest_key = 8;

bool may_hold_a_secret(std::string_view header) {
  constexpr std::array<std::string_view, 7> words{"auth",   "key",        "token",   "secret",
                                                  "cookie", "credential", "password"};
  const std::string name = to_lower(header);
  return std::any_of(words.begin(), words.end(),
                     [&name](std::string_view word) { return name.find(word) != std::string::npos; });
}

}  // namespace

SentSecrets::SentSecrets(const HttpHeaders& headers) {
  for (const auto& [name, value] : headers) {
    if (!may_hold_a_secret(name)) continue;
    // "Bearer …": the scheme is no secret, and a provider quotes the key without it.
    const std::string_view key = trim(value.substr(value.find(' ') == value.npos ? 0 : value.find(' ')));
    if (key.size() >= shortest_key) all_.emplace_back(std::string(key));
  }
}

std::string SentSecrets::hidden(std::string text, std::string_view instead) const {
  for (const Secret& one : all_)
    if (text.find(one.reveal()) != std::string::npos)
      text = replace_all(std::move(text), one.reveal(), instead);
  return text;
}

}  // namespace lllm
