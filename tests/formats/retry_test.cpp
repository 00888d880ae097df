#include "lllm/formats/retry.hpp"

#include <doctest/doctest.h>

using namespace lllm;
using namespace std::chrono_literals;

namespace {

const auto now = std::chrono::system_clock::from_time_t(784111777);  // Sun, 06 Nov 1994 08:49:37 GMT

RetryDecision decide(int status, const HttpHeaders& headers = {}, int attempts = 1) {
  FailedAttempt attempt;
  attempt.status = status;
  attempt.headers = &headers;
  attempt.attempts = attempts;
  return next_delay(RetryPolicy(), attempt, 0.0, now);
}

}  // namespace

TEST_SUITE("formats/retry") {
  TEST_CASE("fault 59: a delay is read as seconds, fraction, milliseconds, date and from the body") {
    CHECK(decide(429, {{"Retry-After", "3"}}).delay == 3s);
    CHECK(decide(429, {{"Retry-After", "0.25"}}).delay == 250ms);
    CHECK(decide(429, {{"retry-after-ms", "1500"}, {"Retry-After", "9"}}).delay == 1500ms);
    CHECK(decide(503, {{"Retry-After", "Sun, 06 Nov 1994 08:49:47 GMT"}}).delay == 10s);
    CHECK(decide(503, {{"Retry-After", "Sunday, 06-Nov-94 08:49:47 GMT"}}).delay == 10s);
    CHECK(decide(503, {{"Retry-After", "Sun Nov  6 08:49:47 1994"}}).delay == 10s);
    FailedAttempt attempt;
    attempt.status = 429;
    attempt.body_delay = parse_delay("3.5s");
    CHECK(next_delay(RetryPolicy(), attempt, 0.0, now).delay == 3500ms);
  }

  TEST_CASE("fault 60: NaN, negative, past and garbage delays are ignored") {
    for (const char* value : {"nan", "inf", "-3", "0", "", "soon", "Sun, 06 Nov 1994 08:49:27 GMT",
                              "Sun, 99 Foo 1994 08:49:27 GMT", "1e999", "3 4"}) {
      CAPTURE(value);
      const auto decision = decide(429, {{"Retry-After", value}});
      CHECK(decision.retry);
      CHECK(decision.delay == 500ms);
      CHECK_FALSE(decision.server_delay.has_value());
    }
    CHECK(decide(429, {{"retry-after-ms", "-1"}, {"Retry-After", "2"}}).delay == 2s);
    CHECK_FALSE(decide(429, {{"Retry-After", "Sun, 06 Nov 0997 08:08:37 GMT"}}).server_delay);
  }

  TEST_CASE("fault 61: a delay above the cap fails at once and is told") {
    // Further off than the clock can count.
    for (const char* far : {"Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 01 Jan 2262 00:00:00 GMT"}) {
      CHECK_FALSE(decide(429, {{"Retry-After", far}}).retry);
      CHECK(decide(429, {{"Retry-After", far}}).server_delay == 8760h);
    }
    CHECK_FALSE(decide(429, {{"Retry-After", "Sun, 06 Nov 0094 08:49:37 GMT"}}).server_delay.has_value());
    const auto decision = decide(429, {{"Retry-After", "3600"}});
    CHECK_FALSE(decision.retry);
    CHECK(decision.server_delay == 1h);
    CHECK(decide(429, {{"Retry-After", "1e300"}}).server_delay == 8760h);
    // "Never", beyond what a clock of nanoseconds can tell.
    CHECK(decide(429, {{"Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"}}).server_delay == 8760h);
  }

  TEST_CASE("fault 62: 408, 409, 429 and 5xx with 529 back off, doubling to the cap, with jitter below it") {
    for (const int status : {408, 409, 429, 500, 502, 503, 504, 529}) CHECK(decide(status).delay == 500ms);
    RetryPolicy patient;
    patient.max_retries = 10;
    FailedAttempt attempt;
    attempt.status = 529;
    const std::vector<std::chrono::milliseconds> expected{500ms, 1s, 2s, 4s, 8s, 8s};
    for (std::size_t i = 0; i < expected.size(); ++i) {
      attempt.attempts = static_cast<int>(i) + 1;
      CHECK(next_delay(patient, attempt, 0.0, now).delay == expected[i]);
      CHECK(next_delay(patient, attempt, 0.999, now).delay >= expected[i] * 3 / 4);
    }
  }

  TEST_CASE("retries end after the policy's number") {
    CHECK(decide(500, {}, 2).retry);
    CHECK_FALSE(decide(500, {}, 3).retry);
  }

  TEST_CASE("fault 63: x-should-retry is obeyed both ways") {
    CHECK_FALSE(decide(500, {{"x-should-retry", "false"}}).retry);
    CHECK(decide(400, {{"x-should-retry", "true"}}).retry);
  }

  TEST_CASE("fault 64: what would fail again is not tried again") {
    for (const int status : {400, 401, 403, 404, 413, 422}) CHECK_FALSE(decide(status).retry);
    FailedAttempt untrusted;
    untrusted.kind = ErrorKind::tls_untrusted;
    CHECK_FALSE(next_delay(RetryPolicy(), untrusted, 0.0, now).retry);
    FailedAttempt refused;
    refused.kind = ErrorKind::connect_failed;
    CHECK(next_delay(RetryPolicy(), refused, 0.0, now).retry);
  }

  TEST_CASE("fault 65: a used-up quota is not retried, whatever the headers say") {
    const HttpHeaders headers{{"x-should-retry", "true"}};
    FailedAttempt attempt;
    attempt.kind = ErrorKind::quota_exceeded;
    attempt.status = 429;
    attempt.headers = &headers;
    CHECK_FALSE(next_delay(RetryPolicy(), attempt, 0.0, now).retry);
  }

  TEST_CASE("fault 53: nothing is retried once part of the answer was delivered") {
    FailedAttempt attempt;
    attempt.kind = ErrorKind::connection_lost;
    attempt.delivered = true;
    CHECK_FALSE(next_delay(RetryPolicy(), attempt, 0.0, now).retry);
  }

  TEST_CASE("fault 79: an outage costs at most a tenth more requests") {
    RetryBudget budget;
    auto clock = RetryBudget::Clock::time_point(1h);
    int sent = 0;
    constexpr int calls = 10'000;
    for (int call = 0; call < calls; ++call) {
      budget.note_request();
      ++sent;
      for (int retry = 0; retry < 2 && budget.take_retry(clock); ++retry) ++sent;
      clock += 1ms;
    }
    CHECK(sent <= calls * 1.1 + 12);
    CHECK(sent >= calls * 1.09);
    RetryBudget quiet;
    CHECK(quiet.take_retry(clock));
    CHECK(quiet.take_retry(clock));
  }
}
