#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "lllm/base/error.hpp"
#include "lllm/formats/http_message.hpp"

namespace lllm {

/// How often and how soon a failed call is made again. The defaults are the OpenAI SDKs'.
struct RetryPolicy {
  int max_retries = 2;
  std::chrono::milliseconds first_delay{500};  ///< Doubles with every retry, less up to a quarter at random …
  std::chrono::milliseconds longest_delay{8'000};  ///< … up to this.
  /// The longest delay that a server may ask for. A longer one fails the call at once, with the delay in its
  /// error.
  std::chrono::milliseconds longest_wait{60'000};

  RetryPolicy() = default;
};

/// What is known about an attempt that failed.
struct FailedAttempt {
  int attempts = 1;  ///< Made so far, this one included.
  ErrorKind kind = ErrorKind::provider_error;
  int status = 0;                        ///< 0 when no answer came.
  const HttpHeaders* headers = nullptr;  ///< The answer's; null when none came.
  /// A delay that the answer's body named (Gemini's `retryDelay`). Headers come first.
  std::optional<std::chrono::milliseconds> body_delay;
  bool delivered = false;  ///< Something of the answer has reached the caller: never again then.

  FailedAttempt() = default;
};

struct RetryDecision {
  bool retry = false;
  std::chrono::milliseconds delay{0};  ///< How long to wait before the next attempt.
  /// What the server asked for, also when it is too long to wait: for Error::retry_after.
  std::optional<std::chrono::milliseconds> server_delay;
  std::string_view reason;  ///< Why, in a few words: for the record of attempts.
};

/// Whether to make the call again, and when.
/// @param jitter  Random, from [0, 1).
/// @param now     The wall clock, for Retry-After given as a date.
RetryDecision next_delay(const RetryPolicy& policy, const FailedAttempt& attempt, double jitter,
                         std::chrono::system_clock::time_point now);

/// The delay that an answer's headers ask for: `retry-after-ms`, or `retry-after` in seconds (a fraction is
/// allowed) or as an HTTP date. Nothing when there is none, or when it is not a number, not positive, or
/// past.
std::optional<std::chrono::milliseconds> retry_after(const HttpHeaders& headers,
                                                     std::chrono::system_clock::time_point now);

/// A delay in seconds as text: "3", "0.25", and "3.5s" as protobuf writes durations. At most a year is
/// believed.
std::optional<std::chrono::milliseconds> parse_delay(std::string_view seconds);

/// An HTTP date (RFC 9110 §5.6.7), in any of its three forms. One before 1970, or after what the clock can
/// tell (2261), is the nearest that it can.
std::optional<std::chrono::system_clock::time_point> parse_http_date(std::string_view text);

/// Keeps an outage from being made worse by its victims: retries may add a tenth to the requests of an
/// origin, and a small reserve lets a quiet client retry at all. A plain value; guard it as you guard what it
/// belongs to.
class RetryBudget {
 public:
  using Clock = std::chrono::steady_clock;

  /// Counts a first attempt.
  void note_request() { tokens_ = std::min(tokens_ + share, most); }
  /// Takes what one retry costs; false when nothing is left.
  bool take_retry(Clock::time_point now);
  [[nodiscard]] double left() const { return tokens_; }

 private:
  static constexpr double share = 0.1;
  static constexpr double most = 10.0;
  static constexpr double per_second = 2.0 / 60.0;
  double tokens_ = most;
  Clock::time_point refilled_{};
};

}  // namespace lllm
