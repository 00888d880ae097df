#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace lllm {

/// A key or token. It has no `operator<<` and no conversion, so it cannot slip into a message, a log or JSON;
/// whoever needs the text says `reveal()`. Wiped when destroyed.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { other.wipe(); }
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret() { wipe(); }

  [[nodiscard]] bool empty() const { return value_.empty(); }
  /// The text itself: only for the header or signature it is meant for.
  [[nodiscard]] const std::string& reveal() const { return value_; }
  /// What may be shown instead: "set (51 characters)" or "not set".
  [[nodiscard]] std::string describe() const;

  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  void wipe() noexcept;
  std::string value_;
};

}  // namespace lllm
