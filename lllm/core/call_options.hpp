#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lllm/base/json.hpp"
#include "lllm/base/time.hpp"
#include "lllm/core/message.hpp"
#include "lllm/core/schema.hpp"
#include "lllm/core/stream_handler.hpp"
#include "lllm/core/tool.hpp"

namespace lllm {

/// How one call is made. Setters chain: CallOptions{}.model_args({{"temperature", 0.2}}).deadline(30s).
/// A copy costs next to nothing. Thread-safety: as a std::vector; copies are independent of each other.
class CallOptions {
 public:
  using Clock = std::chrono::steady_clock;
  using Duration = std::chrono::milliseconds;

  CallOptions() = default;

  /// OpenAI-style arguments (temperature, top_p, max_tokens, stop, seed, tool_choice, response_format,
  /// logprobs, reasoning_effort, extra_headers, extra_body …), mapped to each wire; what it cannot take is
  /// dropped and recorded.
  CallOptions& model_args(json::object args) { return own().model_args = std::move(args), *this; }
  CallOptions& model_arg(std::string_view name, json::value value) {
    return own().model_args[name] = std::move(value), *this;
  }
  /// Handed to the prompt's parser.
  CallOptions& parser_args(json::object args) { return own().parser_args = std::move(args), *this; }
  /// The name that the reply's message gets. Default: "assistant".
  CallOptions& responder(std::string name) { return own().responder = std::move(name), *this; }
  /// Copied into the reply's `Message::metadata`.
  CallOptions& metadata(json::object data) { return own().metadata = std::move(data), *this; }
  CallOptions& api_type(ApiType type) { return own().api_type = type, *this; }
  /// Streams the reply into the handler, which must outlive the call unless it is held shared.
  CallOptions& stream_handler(StreamHandlerPtr handler) {
    return own().stream_handler = std::move(handler), *this;
  }
  /// The whole call, retries and waits included. Default: ten minutes. The time is counted from the call's
  /// start.
  CallOptions& deadline(Duration whole_call) {
    own().deadline_at.reset();
    return own().deadline = whole_call, *this;
  }
  /// The same as a point in time, for a call that is part of something with a deadline of its own.
  CallOptions& deadline_at(Clock::time_point when) { return own().deadline_at = when, *this; }
  /// Retries of requests that failed before anything of the answer was delivered. Default: the invoker's (2).
  CallOptions& max_retries(int count) { return own().max_retries = count, *this; }
  /// Offered to the model beside those of the dialog's top prompt.
  CallOptions& tools(std::vector<Tool> offered) { return own().tools = std::move(offered), *this; }
  /// Structured output, in place of the top prompt's.
  CallOptions& format(Schema schema) { return own().format = std::move(schema), *this; }

  // What the references lead to lives until the options change or die.
  [[nodiscard]] const json::object& model_args() const { return state().model_args; }
  [[nodiscard]] const json::object& parser_args() const { return state().parser_args; }
  [[nodiscard]] const std::string& responder() const { return state().responder; }
  [[nodiscard]] const json::object& metadata() const { return state().metadata; }
  [[nodiscard]] ApiType api_type() const { return state().api_type; }
  [[nodiscard]] const StreamHandlerPtr& stream_handler() const { return state().stream_handler; }
  [[nodiscard]] std::optional<int> max_retries() const { return state().max_retries; }
  [[nodiscard]] const std::vector<Tool>& tools() const { return state().tools; }
  [[nodiscard]] const Schema& format() const { return state().format; }
  /// When a call that starts at `start` must have ended.
  [[nodiscard]] Clock::time_point deadline_from(Clock::time_point start) const {
    return state().deadline_at ? *state().deadline_at : time_after(start, state().deadline);
  }

 private:
  struct State {
    json::object model_args;
    json::object parser_args;
    std::string responder = "assistant";
    json::object metadata;
    ApiType api_type = ApiType::completion;
    StreamHandlerPtr stream_handler;
    Duration deadline = std::chrono::minutes(10);
    std::optional<Clock::time_point> deadline_at;
    std::optional<int> max_retries;
    std::vector<Tool> tools;
    Schema format;
  };
  static const State& defaults();
  [[nodiscard]] const State& state() const { return state_ ? *state_ : defaults(); }
  State& own();  // copy on write: a server gives the same options to every call

  std::shared_ptr<State> state_;
};

}  // namespace lllm
