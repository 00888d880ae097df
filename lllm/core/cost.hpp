#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lllm/base/json.hpp"

namespace lllm {

/// Tokens of one call, with OpenAI's meaning on every wire: `prompt_tokens` includes the cached ones,
/// `completion_tokens` includes the reasoning. Empty where the provider says nothing. Never negative.
struct Usage {
  std::optional<std::int64_t> prompt_tokens;
  std::optional<std::int64_t> completion_tokens;
  std::optional<std::int64_t> total_tokens;
  std::optional<std::int64_t> cached_prompt_tokens;
  std::optional<std::int64_t> cache_write_tokens;
  std::optional<std::int64_t> reasoning_tokens;

  [[nodiscard]] bool empty() const { return *this == Usage(); }
  /// Adds what `other` has; sums stop at the largest int64 instead of wrapping.
  Usage& operator+=(const Usage& other);
  friend bool operator==(const Usage&, const Usage&) = default;
};

json::value to_json_value(const Usage& usage);
Usage usage_from_json(const json::value& value);

/// US dollars, counted in whole picodollars (1e-12 $), so sums never drift; saturates at ±9.2 million
/// dollars.
class Money {
 public:
  constexpr Money() = default;
  static constexpr Money picodollars(std::int64_t count) { return Money(count); }
  /// From a decimal as price lists write it ("0.15", "1e-6"); nullopt when it is not one, or finer than
  /// 1e-12.
  static std::optional<Money> parse(std::string_view dollars);

  [[nodiscard]] constexpr std::int64_t picodollars() const { return pico_; }
  /// For display and statistics only.
  [[nodiscard]] constexpr double dollars() const { return static_cast<double>(pico_) / 1e12; }
  /// "$0.001234": as many decimals as it has, at least two.
  [[nodiscard]] std::string to_string() const;

  friend Money operator+(Money a, Money b);
  friend Money operator*(Money rate, std::int64_t count);
  Money& operator+=(Money other) { return *this = *this + other; }
  friend constexpr auto operator<=>(Money, Money) = default;

 private:
  explicit constexpr Money(std::int64_t count) : pico_(count) {}
  std::int64_t pico_ = 0;
};

/// Dollars per token. An absent rate falls back: cached and cache-write to input, reasoning to output.
struct TokenRates {
  Money input;
  Money output;
  std::optional<Money> cached_input;
  std::optional<Money> cache_write;
  std::optional<Money> reasoning;
};

/// The rates of one model; `tiers` replace the base rates for the whole call once its prompt is longer.
struct ModelPrice {
  struct Tier {
    std::int64_t above_prompt_tokens = 0;
    TokenRates rates;
  };
  TokenRates base;
  std::vector<Tier> tiers;  ///< ascending by above_prompt_tokens
};

/// What a call cost, by what was counted.
struct Cost {
  Money input;        ///< prompt tokens that were neither cached nor written to the cache
  Money cached;       ///< prompt tokens read from the cache
  Money cache_write;  ///< prompt tokens written to the cache
  Money output;       ///< completion tokens without reasoning
  Money reasoning;    ///< reasoning tokens

  [[nodiscard]] Money total() const { return input + cached + cache_write + output + reasoning; }
  Cost& operator+=(const Cost& other);
  friend bool operator==(const Cost&, const Cost&) = default;
};

/// Empty when the usage does not say how many prompt or completion tokens there were.
std::optional<Cost> cost_of(const Usage& usage, const ModelPrice& price);

json::value to_json_value(const Cost& cost);
Cost cost_from_json(const json::value& value);

}  // namespace lllm
