// Asks one question and prints the answer.
//   OPENAI_API_KEY=... ./01_hello_call "Why is the sky blue?"
#include <iostream>

#include <lllm/lllm.hpp>

namespace asio = boost::asio;

asio::awaitable<void> ask(std::string question) {
  lllm::LiteLLMInvoker invoker(co_await asio::this_coro::executor);
  lllm::Dialog dialog;
  dialog.put_text(question);
  const lllm::InvokeResult result = co_await invoker.call(dialog, "openai/gpt-4o-mini");
  std::cout << result.message.text() << '\n';
}

int main(int argc, char** argv) {
  return lllm::run(ask(argc == 2 ? argv[1] : "Why is the sky blue?"));
}
