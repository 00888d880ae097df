#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "lllm/core/awaitable.hpp"
#include "lllm/core/dialog.hpp"

namespace lllm {

/// Transforms the working dialog before each call, so that it fits the model. Registered in a Runtime as
/// `context_manager`. Shared by many calls at once: implementations keep no state of one call.
class ContextManager {
 public:
  virtual ~ContextManager() = default;
  /// @param dialog  a copy: what is returned is what is sent; the agent's own dialog stays whole.
  virtual asio::awaitable<Dialog> prepare(Dialog dialog, std::string model) = 0;
};

using ContextManagerPtr = std::shared_ptr<ContextManager>;

/// Keeps the first message, then the newest that fit the model's window less a safety buffer, and truncates
/// the message at the border. Tool results whose call fell away fall with it: no provider accepts them alone.
class DefaultContextManager final : public ContextManager {
 public:
  /// @param window_tokens  0: the model's own, from the price table; a model of unknown window is sent whole.
  explicit DefaultContextManager(std::size_t window_tokens = 0, std::size_t safety_buffer = 5000)
      : window_(window_tokens), buffer_(safety_buffer) {}
  asio::awaitable<Dialog> prepare(Dialog dialog, std::string model) override;

 private:
  std::size_t window_;
  std::size_t buffer_;
};

/// A rough count, never far below the truth for European text: a token per four bytes, four per message, and
/// a flat sum per image.
std::size_t estimate_tokens(const Message& message);

}  // namespace lllm
