// Delays that servers ask for: any text is taken, none makes a wait that is negative, endless or longer than
// allowed.
#include <algorithm>
#include <chrono>
#include <string>

#include "lllm/formats/http_message.hpp"
#include "lllm/formats/retry.hpp"
#include "tests/fuzz/fuzz.hpp"

using lllm::test::must;
using namespace std::chrono_literals;

namespace {

/// As RFC 9110 would have every server write it.
std::string date_text(std::chrono::system_clock::time_point when) {
  constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(when - day));
  return "Sun, " + std::to_string(static_cast<unsigned>(date.day())) + ' ' +
         months[static_cast<unsigned>(date.month()) - 1] + ' ' +
         std::to_string(static_cast<int>(date.year())) + ' ' + std::to_string(clock.hours().count()) + ':' +
         std::to_string(clock.minutes().count()) + ':' + std::to_string(clock.seconds().count()) + " GMT";
}

void check_decision(const lllm::HttpHeaders& headers, int status,
                    std::optional<std::chrono::milliseconds> in_body) {
  const lllm::RetryPolicy policy;
  lllm::FailedAttempt attempt;
  attempt.status = status;
  attempt.headers = &headers;
  attempt.body_delay = in_body;
  const auto now = std::chrono::system_clock::time_point(1000000h);
  const auto soonest = lllm::next_delay(policy, attempt, 0.999, now);
  const auto latest = lllm::next_delay(policy, attempt, 0.0, now);
  must(soonest.retry == latest.retry && soonest.reason == latest.reason && !latest.reason.empty());
  must(soonest.delay >= 0ms && soonest.delay <= latest.delay && latest.delay <= policy.longest_wait);
  must(latest.delay > 0ms || !latest.retry);
  must(!latest.server_delay || *latest.server_delay > 0ms);
  if (latest.retry && latest.server_delay) must(latest.delay == *latest.server_delay);
  // What is asked for the last time is not made again, and what was delivered never.
  attempt.attempts = policy.max_retries + 1;
  must(!lllm::next_delay(policy, attempt, 0.0, now).retry);
  attempt.attempts = 1;
  attempt.delivered = true;
  must(!lllm::next_delay(policy, attempt, 0.0, now).retry);
}

}  // namespace

LLLM_FUZZ(retry) {
  const lllm::HttpHeaders in_seconds{{"Retry-After", input}};
  const lllm::HttpHeaders in_milliseconds{{"retry-after-ms", input}};
  const lllm::HttpHeaders wish{{"x-should-retry", input}, {"Retry-After", input}, {"retry-after-ms", input}};
  const auto in_body = lllm::parse_delay(input);
  if (in_body) must(*in_body > 0ms && *in_body <= 8760h);
  for (const int status : {0, 200, 400, 429, 503, 529})
    for (const auto* headers : {&in_seconds, &in_milliseconds, &wish})
      check_decision(*headers, status, in_body);

  // A delay in seconds means the same in a body, and a thousand times as much as in milliseconds.
  const auto seconds = lllm::retry_after(in_seconds, std::chrono::system_clock::time_point(1000000h));
  const auto milliseconds = lllm::retry_after(in_milliseconds, std::chrono::system_clock::time_point());
  if (milliseconds && *milliseconds < 8h) {
    must(seconds.has_value());
    must(*seconds >= *milliseconds && *seconds <= *milliseconds * 1000);
    must(in_body == seconds);
  }

  const auto date = lllm::parse_http_date(input);
  if (!date) return;
  must(lllm::parse_http_date(date_text(*date)) == date);
  const lllm::HttpHeaders as_date{{"Retry-After", input}};
  must(!lllm::retry_after(as_date, *date));
  must(lllm::retry_after(as_date, *date - 5s) == 5s);
}
