#pragma once

#include <string>
#include <utility>

#include "lllm/base/describe.hpp"
#include "lllm/base/error.hpp"
#include "lllm/core/awaitable.hpp"
#include "lllm/core/call_options.hpp"
#include "lllm/core/dialog.hpp"
#include "lllm/core/invoke_result.hpp"

namespace lllm {

/// The provider boundary: sends a dialog to a model and brings back its reply.
class BaseInvoker {
 public:
  virtual ~BaseInvoker() = default;

  /// Asks `model` for the next message of `dialog`.
  /// @param dialog   Taken by value (one reference count); the reply is not appended to the caller's dialog.
  /// @param model    As LiteLLM writes it: "gpt-4o-mini", "anthropic/claude-haiku-4-5".
  /// @param options  See CallOptions. With a stream handler the reply is streamed; the result is the same.
  /// @throws Exception  One typed Error for everything that prevents a result. What is wrong with a whole
  /// reply
  ///                 (parser, schema, tool arguments) is in `InvokeResult::execution_errors` instead. What a
  ///                 stream handler throws passes through unchanged.
  /// Cancellation: terminal, through Asio's cancellation slots, at every await. The connection is closed;
  /// tokens may still be billed. Lifetime: the awaiting coroutine's context outlives the call, also where the
  /// invoker lives on another one.
  virtual asio::awaitable<InvokeResult> call(Dialog dialog, std::string model, CallOptions options = {}) = 0;
};

/// The same for code that avoids exceptions. `invoker` must outlive the call.
asio::awaitable<Result<InvokeResult>> try_call(BaseInvoker& invoker, Dialog dialog, std::string model,
                                               CallOptions options = {});

/// Asks for a described struct: its schema goes out as structured output, the answer comes back as `T`.
/// @throws Exception parse_failed when the answer does not fit, with the reply as `partial`. `invoker` must
/// outlive the call.
template <Described T>
asio::awaitable<T> call_as(BaseInvoker& invoker, Dialog dialog, std::string model, CallOptions options = {}) {
  options.format(Schema(schema_of<T>()));
  const InvokeResult result = co_await invoker.call(std::move(dialog), std::move(model), std::move(options));
  if (!result.execution_errors.empty()) {
    Error error = result.execution_errors.front();
    throw_error(error.partial(std::make_shared<const Message>(result.message)));
  }
  auto value = from_json<T>(result.message.parsed);
  if (!value) throw_error(Error(value.error()).partial(std::make_shared<const Message>(result.message)));
  co_return std::move(*value);
}

}  // namespace lllm
