#include "lllm/base/time.hpp"

#include <doctest/doctest.h>

using namespace lllm;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

TEST_SUITE("base/time") {
  TEST_CASE(
      "a wait past the end of time ends there, before its beginning there, and others where they should") {
    const auto now = Clock::now();
    CHECK(time_after(now, milliseconds(1500)) == now + milliseconds(1500));
    CHECK(time_after(now, milliseconds(-5)) == now - milliseconds(5));
    CHECK(time_after(now, milliseconds(0)) == now);
    CHECK(time_after(now, milliseconds::max()) == Clock::time_point::max());
    CHECK(time_after(now, milliseconds::max() / 2) == Clock::time_point::max());
    CHECK(time_after(now, milliseconds::min()) == Clock::time_point());
    const auto century = std::chrono::duration_cast<milliseconds>(std::chrono::hours(24 * 36525));
    CHECK(time_after(now, century) == now + century);
    CHECK(time_after(Clock::time_point::max(), milliseconds(1)) == Clock::time_point::max());
  }
}
