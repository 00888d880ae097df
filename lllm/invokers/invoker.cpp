#include "lllm/invokers/invoker.hpp"

namespace lllm {

asio::awaitable<Result<InvokeResult>> try_call(BaseInvoker& invoker, Dialog dialog, std::string model,
                                               CallOptions options) {
  std::exception_ptr failure;
  try {
    co_return co_await invoker.call(std::move(dialog), std::move(model), std::move(options));
  } catch (...) {
    failure = std::current_exception();
  }
  co_return error_from(failure);
}

}  // namespace lllm
