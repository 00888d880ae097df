#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lllm/base/json.hpp"
#include "lllm/core/message.hpp"
#include "lllm/core/schema.hpp"
#include "lllm/core/stream_handler.hpp"
#include "lllm/core/tool.hpp"

namespace lllm {

/// How one call is made. Setters chain: CallOptions{}.model_args({{"temperature", 0.2}}).deadline(30s).
class CallOptions {
 public:
  using Clock = std::chrono::steady_clock;
  using Duration = std::chrono::milliseconds;

  CallOptions() = default;

  /// OpenAI-style arguments (temperature, top_p, max_tokens, stop, seed, tool_choice, response_format,
  /// logprobs, reasoning_effort, extra_headers, extra_body …), mapped to each wire; what it cannot take is
  /// dropped and recorded.
  CallOptions& model_args(json::object args) { return model_args_ = std::move(args), *this; }
  CallOptions& model_arg(std::string_view name, json::value value) {
    return model_args_[name] = std::move(value), *this;
  }
  /// Handed to the prompt's parser.
  CallOptions& parser_args(json::object args) { return parser_args_ = std::move(args), *this; }
  /// The name that the reply's message gets. Default: "assistant".
  CallOptions& responder(std::string name) { return responder_ = std::move(name), *this; }
  /// Copied into the reply's `Message::metadata`.
  CallOptions& metadata(json::object data) { return metadata_ = std::move(data), *this; }
  CallOptions& api_type(ApiType type) { return api_type_ = type, *this; }
  /// Streams the reply into the handler, which must outlive the call unless it is held shared.
  CallOptions& stream_handler(StreamHandlerPtr handler) {
    return stream_handler_ = std::move(handler), *this;
  }
  /// The whole call, retries and waits included. Default: ten minutes. The time is counted from the call's
  /// start.
  CallOptions& deadline(Duration whole_call) { return deadline_ = whole_call, deadline_at_.reset(), *this; }
  /// The same as a point in time, for a call that is part of something with a deadline of its own.
  CallOptions& deadline_at(Clock::time_point when) { return deadline_at_ = when, *this; }
  /// Retries of requests that failed before anything of the answer was delivered. Default: the invoker's (2).
  CallOptions& max_retries(int count) { return max_retries_ = count, *this; }
  /// Offered to the model beside those of the dialog's top prompt.
  CallOptions& tools(std::vector<Tool> offered) { return tools_ = std::move(offered), *this; }
  /// Structured output, in place of the top prompt's.
  CallOptions& format(Schema schema) { return format_ = std::move(schema), *this; }

  [[nodiscard]] const json::object& model_args() const { return model_args_; }
  [[nodiscard]] const json::object& parser_args() const { return parser_args_; }
  [[nodiscard]] const std::string& responder() const { return responder_; }
  [[nodiscard]] const json::object& metadata() const { return metadata_; }
  [[nodiscard]] ApiType api_type() const { return api_type_; }
  [[nodiscard]] const StreamHandlerPtr& stream_handler() const { return stream_handler_; }
  [[nodiscard]] std::optional<int> max_retries() const { return max_retries_; }
  [[nodiscard]] const std::vector<Tool>& tools() const { return tools_; }
  [[nodiscard]] const Schema& format() const { return format_; }
  /// When a call that starts at `start` must have ended.
  [[nodiscard]] Clock::time_point deadline_from(Clock::time_point start) const {
    return deadline_at_ ? *deadline_at_ : start + deadline_;
  }

 private:
  json::object model_args_;
  json::object parser_args_;
  std::string responder_ = "assistant";
  json::object metadata_;
  ApiType api_type_ = ApiType::completion;
  StreamHandlerPtr stream_handler_;
  Duration deadline_ = std::chrono::minutes(10);
  std::optional<Clock::time_point> deadline_at_;
  std::optional<int> max_retries_;
  std::vector<Tool> tools_;
  Schema format_;
};

}  // namespace lllm
