#include "lllm/core/cost.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace lllm;

namespace {
Money dollars(const char* text) {
  return Money::parse(text).value();
}
}  // namespace

TEST_SUITE("core/cost") {
  TEST_CASE("prices are read as exact decimals") {
    CHECK(dollars("0.15").picodollars() == 150'000'000'000);
    CHECK(dollars("1.5e-7").picodollars() == 150'000);
    CHECK(dollars("3.75E-08").picodollars() == 37'500);
    CHECK(dollars("-2").to_string() == "-$2.00");
    CHECK(dollars("0.00123400").to_string() == "$0.001234");
    CHECK(dollars("0").to_string() == "$0.00");
    CHECK_FALSE(Money::parse("1e-13").has_value());
    CHECK_FALSE(Money::parse("x").has_value());
    CHECK_FALSE(Money::parse("1.2.3").has_value());
    CHECK_FALSE(Money::parse("99999999999999").has_value());
  }

  TEST_CASE("cached, cache-write and reasoning tokens are priced by their own rates, each token once") {
    ModelPrice price;
    price.base = {dollars("1e-6"), dollars("4e-6"), dollars("5e-7"), dollars("1.25e-6"), dollars("3e-6")};
    Usage usage;
    usage.prompt_tokens = 100;
    usage.cached_prompt_tokens = 40;
    usage.cache_write_tokens = 10;
    usage.completion_tokens = 20;
    usage.reasoning_tokens = 5;
    const auto cost = cost_of(usage, price);
    REQUIRE(cost.has_value());
    CHECK(cost->total() == dollars("0.0001575"));  // 50 + 20 + 12.5 + 60 + 15 µ$
  }

  TEST_CASE("a longer prompt is priced by its tier") {
    ModelPrice price;
    price.base = {dollars("1e-6"), dollars("1e-6"), {}, {}, {}};
    price.tiers.push_back({200, {dollars("2e-6"), dollars("3e-6"), {}, {}, {}}});
    Usage usage;
    usage.prompt_tokens = 200;
    usage.completion_tokens = 1;
    CHECK(cost_of(usage, price)->total() == dollars("201e-6"));
    usage.prompt_tokens = 201;
    CHECK(cost_of(usage, price)->total() == dollars("405e-6"));
  }

  TEST_CASE("without usage a cost is unknown, never zero") {
    CHECK_FALSE(cost_of(Usage(), ModelPrice()).has_value());
  }

  TEST_CASE("fault 78: absurd token counts saturate and never go negative") {
    ModelPrice price;
    price.base = {dollars("1"), dollars("1"), {}, {}, {}};
    Usage usage;
    usage.prompt_tokens = std::numeric_limits<std::int64_t>::max();
    usage.completion_tokens = -5;
    usage.reasoning_tokens = 7;
    const auto cost = cost_of(usage, price);
    CHECK(cost->total().picodollars() == std::numeric_limits<std::int64_t>::max());
    CHECK(cost->output == Money());
    usage += usage;
    CHECK(usage.prompt_tokens == std::numeric_limits<std::int64_t>::max());
  }

  TEST_CASE("a million small sums do not drift") {
    Money sum;
    for (int i = 0; i < 1'000'000; ++i) sum += dollars("3.75e-08");
    CHECK(sum == dollars("0.0375"));
  }
}
