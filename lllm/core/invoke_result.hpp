#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"
#include "lllm/core/message.hpp"

namespace lllm {

/// When things happened, counted from the moment the call was made. Empty: it did not happen.
struct CallTimings {
  using Duration = std::chrono::nanoseconds;
  std::optional<Duration> queued;  ///< a connection was at hand (from the pool, or about to be opened)
  std::optional<Duration>
      connected;  ///< DNS, TCP and TLS were done; equal to `queued` on a reused connection
  std::optional<Duration> first_byte;   ///< of the answer
  std::optional<Duration> first_token;  ///< the first delta was given to the handler; only when streaming
  std::optional<Duration> last_token;   ///< the answer was complete
};

/// One try of a call, and why there was another.
struct Attempt {
  int number = 1;
  int status = 0;                     ///< 0: no answer
  std::optional<Error> error;         ///< empty for the one that succeeded
  std::chrono::milliseconds wait{0};  ///< waited before the next
  std::string reason;                 ///< why it was, or was not, made again
};

/// Everything a call brought back.
class InvokeResult {
 public:
  Message message;
  /// Model arguments as they were sent, and the names of those the wire cannot take.
  json::object model_args;
  std::vector<std::string> dropped_args;
  /// What is wrong with a reply that arrived whole: the parser's or schema's refusal, malformed tool
  /// arguments. The agent loop hands these back to the model.
  std::vector<Error> execution_errors;
  CallTimings timings;
  std::vector<Attempt> attempts;
  int replays = 0;         ///< sent again on a fresh connection because a pooled one had gone stale
  std::string request_id;  ///< the provider's id of the request
  std::string prompt_ref;  ///< of the dialog's top prompt, and its content hash
  std::string prompt_hash;

  /// Empty when the model's price or the usage is not known.
  [[nodiscard]] std::optional<Money> cost() const { return message.cost(); }
  [[nodiscard]] const Usage& usage() const { return message.usage; }
  /// The provider's answer; of a stream, reassembled into the shape of an unstreamed one. Parsed when asked
  /// for.
  [[nodiscard]] json::value raw_response() const { return raw ? raw() : json::value(); }
  /// Set by codecs.
  std::function<json::value()> raw;
};

}  // namespace lllm
