#include "lllm/core/cost.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace lllm {
namespace {

constexpr auto largest = std::numeric_limits<std::int64_t>::max();
constexpr auto smallest = std::numeric_limits<std::int64_t>::min();

std::int64_t saturating_add(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a > 0 ? largest : smallest;
}

std::int64_t saturating_multiply(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (!__builtin_mul_overflow(a, b, &product)) return product;
  return (a > 0) == (b > 0) ? largest : smallest;
}

void add(std::optional<std::int64_t>& to, const std::optional<std::int64_t>& from) {
  if (from) to = saturating_add(to.value_or(0), *from);
}

struct Counter {
  const char* name;
  std::optional<std::int64_t> Usage::* member;
};

constexpr Counter counters[] = {
    {"prompt_tokens", &Usage::prompt_tokens},
    {"completion_tokens", &Usage::completion_tokens},
    {"total_tokens", &Usage::total_tokens},
    {"cached_prompt_tokens", &Usage::cached_prompt_tokens},
    {"cache_write_tokens", &Usage::cache_write_tokens},
    {"reasoning_tokens", &Usage::reasoning_tokens},
};

struct Item {
  const char* name;
  Money Cost::* member;
};

constexpr Item items[] = {
    {"input", &Cost::input},   {"cached", &Cost::cached},       {"cache_write", &Cost::cache_write},
    {"output", &Cost::output}, {"reasoning", &Cost::reasoning},
};

}  // namespace

Usage& Usage::operator+=(const Usage& other) {
  for (const auto& [name, member] : counters) add(this->*member, other.*member);
  return *this;
}

json::value to_json_value(const Usage& usage) {
  json::object object;
  for (const auto& [name, member] : counters)
    if (usage.*member) object[name] = *(usage.*member);
  return object;
}

Usage usage_from_json(const json::value& value) {
  Usage usage;
  for (const auto& [name, member] : counters) usage.*member = integer_at(value, name);
  return usage;
}

std::optional<Money> Money::parse(std::string_view dollars) {
  // digits [. digits] [e exponent], shifted to a whole number of picodollars without floating point.
  std::string digits;
  int exponent = 12;
  std::size_t i = 0;
  const bool negative = dollars.starts_with('-');
  if (negative) ++i;
  bool point = false;
  for (; i < dollars.size(); ++i) {
    const char c = dollars[i];
    if (c >= '0' && c <= '9') {
      digits += c;
      if (point) --exponent;
    } else if (c == '.' && !point) {
      point = true;
    } else {
      break;
    }
  }
  if (digits.empty()) return std::nullopt;
  if (i < dollars.size()) {
    if (dollars[i] != 'e' && dollars[i] != 'E') return std::nullopt;
    if (++i < dollars.size() && dollars[i] == '+') ++i;
    int shift = 0;
    const auto [end, failure] = std::from_chars(dollars.data() + i, dollars.data() + dollars.size(), shift);
    if (failure != std::errc() || end != dollars.data() + dollars.size() || shift < -30 || shift > 30)
      return std::nullopt;
    exponent += shift;
  }
  for (; exponent < 0; ++exponent) {
    if (digits.empty() || digits.back() != '0') {
      if (digits.find_first_not_of('0') == digits.npos) return Money();
      return std::nullopt;
    }
    digits.pop_back();
  }
  if (exponent > 0) digits.append(static_cast<std::size_t>(exponent), '0');
  if (digits.empty()) return Money();
  std::int64_t pico = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), pico);
  if (failure != std::errc()) return std::nullopt;
  return Money(negative ? -pico : pico);
}

std::string Money::to_string() const {
  const bool negative = pico_ < 0;
  // The magnitude of the smallest int64 has no int64, hence unsigned.
  const std::uint64_t magnitude =
      negative ? 0 - static_cast<std::uint64_t>(pico_) : static_cast<std::uint64_t>(pico_);
  std::string fraction = std::to_string(magnitude % 1'000'000'000'000);
  fraction.insert(0, 12 - fraction.size(), '0');
  while (fraction.size() > 2 && fraction.back() == '0') fraction.pop_back();
  return std::string(negative ? "-$" : "$") + std::to_string(magnitude / 1'000'000'000'000) + '.' + fraction;
}

Money operator+(Money a, Money b) {
  return Money(saturating_add(a.pico_, b.pico_));
}
Money operator*(Money rate, std::int64_t count) {
  return Money(saturating_multiply(rate.pico_, count));
}

Cost& Cost::operator+=(const Cost& other) {
  for (const auto& [name, member] : items) this->*member += other.*member;
  return *this;
}

std::optional<Cost> cost_of(const Usage& usage, const ModelPrice& price) {
  if (!usage.prompt_tokens || !usage.completion_tokens) return std::nullopt;
  const std::int64_t prompt = std::max<std::int64_t>(0, *usage.prompt_tokens);
  const std::int64_t completion = std::max<std::int64_t>(0, *usage.completion_tokens);
  // Providers have reported more cached than prompt tokens and more reasoning than completion: clamped, so
  // that no part of a bill is negative.
  const std::int64_t cached = std::clamp<std::int64_t>(usage.cached_prompt_tokens.value_or(0), 0, prompt);
  const std::int64_t written =
      std::clamp<std::int64_t>(usage.cache_write_tokens.value_or(0), 0, prompt - cached);
  const std::int64_t reasoning = std::clamp<std::int64_t>(usage.reasoning_tokens.value_or(0), 0, completion);

  const TokenRates* rates = &price.base;
  for (const auto& tier : price.tiers)
    if (prompt > tier.above_prompt_tokens) rates = &tier.rates;

  Cost cost;
  cost.input = rates->input * (prompt - cached - written);
  cost.cached = rates->cached_input.value_or(rates->input) * cached;
  cost.cache_write = rates->cache_write.value_or(rates->input) * written;
  cost.output = rates->output * (completion - reasoning);
  cost.reasoning = rates->reasoning.value_or(rates->output) * reasoning;
  return cost;
}

json::value to_json_value(const Cost& cost) {
  json::object object;
  for (const auto& [name, member] : items)
    object[std::string(name) + "_picodollars"] = (cost.*member).picodollars();
  return object;
}

Cost cost_from_json(const json::value& value) {
  Cost cost;
  for (const auto& [name, member] : items)
    cost.*member = Money::picodollars(integer_at(value, std::string(name) + "_picodollars").value_or(0));
  return cost;
}

}  // namespace lllm
