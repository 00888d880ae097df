#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lllm/base/json.hpp"
#include "lllm/core/cost.hpp"
#include "lllm/core/message.hpp"

namespace lllm {

/// How a fake answer goes wrong, in the middle of it.
enum class FakeFault {
  none,
  reset,       ///< the connection is reset after `fault_after` chunks
  close,       ///< … is closed, as if the answer were complete
  stall,       ///< nothing more comes; the connection stays open
  bad_json,    ///< a chunk is not JSON
  error_event  ///< the wire's error event, inside the stream
};

/// What the fake model says, and how.
class FakeReply {
 public:
  FakeReply() = default;
  explicit FakeReply(std::string words) : text(std::move(words)) {}
  static FakeReply error(int status, std::string type, std::string message);
  static FakeReply call(std::string tool, json::object arguments);

  std::string text;
  std::string reasoning;
  std::vector<ToolCall> tool_calls;
  std::string finish_reason;  ///< empty: "stop", or "tool_calls" when there are any, in the wire's words
  Usage usage;                ///< absent counters are counted from the words
  // An answer other than 200.
  int status = 200;
  std::string error_type;
  std::string error_message;
  std::vector<std::pair<std::string, std::string>> headers;
  // Pacing; absent: the provider's own options.
  std::optional<std::chrono::milliseconds> time_to_first_token;
  std::optional<double> tokens_per_second;
  FakeFault fault = FakeFault::none;
  std::size_t fault_after = 0;
  /// Responses API, not streamed: how many answers say that the model is still at work, the first of them
  /// "queued". The finished one, and any other, is at GET /responses/ID. Absent: none, and one where the
  /// request says `background`.
  std::optional<std::size_t> unfinished;
};

/// A request as the fake model sees it, whatever the wire.
class FakeRequest {
 public:
  std::string wire;  ///< "openai-chat"
  std::string path;  ///< with query
  std::string model;
  std::string api_key;
  bool stream = false;
  std::string last_user_text;
  std::size_t tool_results = 0;  ///< tool results at the end of the dialog
  std::string last_tool_result;
  /// Offered tools: name → JSON schema of the arguments.
  std::vector<std::pair<std::string, json::object>> tools;
  json::value body;
  std::uint64_t number = 0;  ///< 1, 2, 3 … in order of arrival
};

/// One piece of a reply as it is streamed.
struct FakeStep {
  enum class Kind { text, reasoning, tool_start, tool_arguments };
  Kind kind = Kind::text;
  std::size_t index = 0;  ///< of the tool call
  std::string_view text;  ///< a token, or a part of the arguments; points into the reply
};

/// Cuts a reply into steps: one per token-like piece (a word with the blank before it). Views point into
/// `reply`.
std::vector<FakeStep> steps_of(const FakeReply& reply);

/// The usage that is reported: the reply's own, else counted (a word is a token).
Usage usage_of(const FakeReply& reply, const FakeRequest& request);

/// The smallest arguments that satisfy a tool's schema: required members with plausible values.
json::value sample_of(const json::object& schema);

/// `words` words of readable filler, always the same for the same seed.
std::string filler_text(std::size_t words, std::uint64_t seed);

}  // namespace lllm
