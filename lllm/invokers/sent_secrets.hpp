#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lllm/base/secret.hpp"
#include "lllm/formats/http_message.hpp"

namespace lllm {

/// What a request tells a provider of who asks, and what the provider may say back: keys, tokens, cookies,
/// passwords, in headers or in the query, whether ours or the caller's own. Taken from what is sent, so that
/// it knows every way to sign in.
class SentSecrets {
 public:
  SentSecrets() = default;
  explicit SentSecrets(const HttpRequest& request);

  /// The text with `instead` wherever it quotes one of them. What is too short to be a key ("k", "none") is a
  /// word like any other.
  [[nodiscard]] std::string hidden(std::string text, std::string_view instead) const;

 private:
  void add(std::string_view secret);
  std::vector<Secret> all_;
};

}  // namespace lllm
