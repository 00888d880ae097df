// What a user writes first. The echo model answers in process, so this needs no key and no network.
#include <iostream>

#include <lllm/lllm.hpp>

namespace asio = boost::asio;

asio::awaitable<void> hello() {
  lllm::LiteLLMInvoker invoker(co_await asio::this_coro::executor);
  lllm::Dialog dialog;
  dialog.put_text("consumer of lllm " LLLM_VERSION);
  const lllm::InvokeResult result = co_await invoker.call(dialog, "echo/anything");
  std::cout << result.message.text() << '\n';
}

int main() {
  return lllm::run(hello());
}
