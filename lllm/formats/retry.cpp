#include "lllm/formats/retry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "lllm/base/text.hpp"

namespace lllm {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr double seconds_per_year = 365.0 * 24 * 3600;

std::optional<milliseconds> positive(double amount, double per_millisecond) {
  const double ms = amount * per_millisecond;
  if (!std::isfinite(ms) || ms <= 0) return std::nullopt;
  return milliseconds(static_cast<std::int64_t>(std::ceil(std::min(ms, seconds_per_year * 1000))));
}

std::optional<double> number(std::string_view text) {
  text = trim(text);
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<int> whole(std::string_view text) {
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failure != std::errc() || end != text.data() + text.size() || value < 0)
    return std::nullopt;
  return value;
}

std::optional<unsigned> month_number(std::string_view name) {
  constexpr std::array<std::string_view, 12> names{"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
  for (unsigned i = 0; i < names.size(); ++i)
    if (iequals(name, names[i])) return i + 1;
  return std::nullopt;
}

std::optional<system_clock::time_point> point_in_time(std::optional<int> year, std::optional<unsigned> month,
                                                      std::optional<int> day, std::string_view clock) {
  const auto parts = split(clock, ':');
  if (parts.size() != 3) return std::nullopt;
  const auto hour = whole(parts[0]);
  const auto minute = whole(parts[1]);
  const auto second = whole(parts[2]);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(*month),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *year > 9999 || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  // In nanoseconds the clock ends in 2262, and "31 Dec 9999" is how some say never.
  constexpr int first_year = 1970;
  constexpr int end_year = 2262;
  if (*year < first_year) return system_clock::time_point();
  if (*year >= end_year) return std::chrono::sys_days(std::chrono::year(end_year) / 1 / 1);
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second);
}

milliseconds backoff(const RetryPolicy& policy, int retries_done, double jitter) {
  const double doubled =
      static_cast<double>(policy.first_delay.count()) * std::pow(2.0, std::clamp(retries_done, 0, 60));
  const double capped = std::min(doubled, static_cast<double>(policy.longest_delay.count()));
  return milliseconds(static_cast<std::int64_t>(capped * (1.0 - 0.25 * std::clamp(jitter, 0.0, 1.0))));
}

bool is_retryable(int status) {
  return status == 408 || status == 409 || status == 429 || status >= 500;
}

}  // namespace

std::optional<milliseconds> parse_delay(std::string_view seconds) {
  seconds = trim(seconds);
  if (!seconds.empty() && seconds.back() == 's') seconds.remove_suffix(1);
  const auto value = number(seconds);
  return value ? positive(*value, 1000.0) : std::nullopt;
}

std::optional<system_clock::time_point> parse_http_date(std::string_view text) {
  std::vector<std::string_view> words;
  for (const auto word : split(trim(text), ' '))
    if (!word.empty()) words.push_back(word);
  // "Sun, 06 Nov 1994 08:49:37 GMT"
  if (words.size() == 6)
    return point_in_time(whole(words[3]), month_number(words[2]), whole(words[1]), words[4]);
  // "Sun Nov  6 08:49:37 1994"
  if (words.size() == 5)
    return point_in_time(whole(words[4]), month_number(words[1]), whole(words[2]), words[3]);
  // "Sunday, 06-Nov-94 08:49:37 GMT": two digits are a year from 1970 to 2069
  if (words.size() == 4) {
    const auto parts = split(words[1], '-');
    if (parts.size() != 3) return std::nullopt;
    auto year = whole(parts[2]);
    if (year && *year < 100) *year += *year < 70 ? 2000 : 1900;
    return point_in_time(year, month_number(parts[1]), whole(parts[0]), words[2]);
  }
  return std::nullopt;
}

std::optional<milliseconds> retry_after(const HttpHeaders& headers, system_clock::time_point now) {
  if (const auto text = headers.find("retry-after-ms")) {
    const auto value = number(*text);
    const auto delay = value ? positive(*value, 1.0) : std::nullopt;
    if (delay) return delay;
  }
  const auto text = headers.find("retry-after");
  if (!text) return std::nullopt;
  if (const auto seconds = number(*text)) return positive(*seconds, 1000.0);
  const auto date = parse_http_date(*text);
  if (!date || *date <= now) return std::nullopt;
  return positive(std::chrono::duration<double>(*date - now).count(), 1000.0);
}

RetryDecision next_delay(const RetryPolicy& policy, const FailedAttempt& attempt, double jitter,
                         system_clock::time_point now) {
  RetryDecision decision;
  if (attempt.headers != nullptr) decision.server_delay = retry_after(*attempt.headers, now);
  if (!decision.server_delay) decision.server_delay = attempt.body_delay;
  const auto give_up = [&decision](std::string_view reason) {
    decision.reason = reason;
    return decision;
  };

  if (attempt.delivered) return give_up("part of the answer was delivered");
  if (attempt.kind == ErrorKind::quota_exceeded) return give_up("the quota is used up");
  const auto wish = attempt.headers == nullptr ? std::string_view() : attempt.headers->get("x-should-retry");
  if (iequals(wish, "false")) return give_up("the server said not to");
  const bool worth_it = attempt.status == 0 ? is_transient(attempt.kind) : is_retryable(attempt.status);
  if (!worth_it && !iequals(wish, "true")) return give_up("the same call would fail again");
  if (attempt.attempts > policy.max_retries) return give_up("no retry is left");
  if (decision.server_delay && *decision.server_delay > policy.longest_wait)
    return give_up("the server asks for a longer wait than allowed");

  decision.retry = true;
  decision.reason = decision.server_delay ? "the server named the delay" : "backoff";
  decision.delay = decision.server_delay.value_or(backoff(policy, attempt.attempts - 1, jitter));
  return decision;
}

bool RetryBudget::take_retry(Clock::time_point now) {
  if (refilled_ != Clock::time_point{}) {
    const double elapsed = std::chrono::duration<double>(now - refilled_).count();
    tokens_ = std::min(tokens_ + std::max(elapsed, 0.0) * per_second, most);
  }
  refilled_ = now;
  if (tokens_ < 1.0) return false;
  tokens_ -= 1.0;
  return true;
}

}  // namespace lllm
