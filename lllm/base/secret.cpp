#include "lllm/base/secret.hpp"

#include <openssl/crypto.h>

namespace lllm {

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) {
    wipe();
    value_ = other.value_;
  }
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    value_ = std::move(other.value_);
    other.wipe();
  }
  return *this;
}

std::string Secret::describe() const {
  return value_.empty() ? "not set" : "set (" + std::to_string(value_.size()) + " characters)";
}

void Secret::wipe() noexcept {
  // Up to the capacity: a moved-from short string keeps its characters beyond size().
  value_.resize(value_.capacity());
  OPENSSL_cleanse(value_.data(), value_.size());
  value_.clear();
}

}  // namespace lllm
