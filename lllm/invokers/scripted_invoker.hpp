#pragma once

#include <deque>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "lllm/invokers/invoker.hpp"

namespace lllm {

/// Answers from a script, in process and without a provider: for tests of what is built on an invoker.
/// Streams its text word by word when a handler is given. Thread-safety: none; one executor.
class ScriptedInvoker final : public BaseInvoker {
 public:
  /// A reply, an error to throw, or a function that makes the reply from the dialog.
  using Step = std::variant<Message, Error, std::function<Message(const Dialog&)>>;

  ScriptedInvoker() = default;
  explicit ScriptedInvoker(std::vector<Step> steps) : steps_(steps.begin(), steps.end()) {}

  ScriptedInvoker& then(std::string text);
  ScriptedInvoker& then(Step step);

  /// @throws Exception invalid_argument when the script is used up.
  asio::awaitable<InvokeResult> call(Dialog dialog, std::string model, CallOptions options = {}) override;

  /// Every dialog it was called with, in order.
  [[nodiscard]] const std::vector<Dialog>& calls() const { return calls_; }

 private:
  std::deque<Step> steps_;
  std::vector<Dialog> calls_;
};

/// What `echo/…` models answer: the last user message, in process. Streams word by word.
asio::awaitable<InvokeResult> echo_call(Dialog dialog, std::string model, CallOptions options);

}  // namespace lllm
