// Holds many dialogs at once on one thread: each is a coroutine, none has a thread.
//   OPENAI_API_KEY=... ./05_many_dialogs 200
#include <iostream>

#include <lllm/async/gather.hpp>
#include <lllm/lllm.hpp>

namespace asio = boost::asio;

asio::awaitable<std::int64_t> hold(lllm::BaseInvoker& invoker, int number) {
  lllm::Dialog dialog;
  dialog.put_text("Tell me fact number " + std::to_string(number) + " about sockets.");
  const lllm::InvokeResult first = co_await invoker.call(dialog, "openai/gpt-4o-mini");
  dialog.append(first.message).put_text("And why is that so?");
  const lllm::InvokeResult second = co_await invoker.call(dialog, "openai/gpt-4o-mini");
  co_return first.usage().completion_tokens.value_or(0) + second.usage().completion_tokens.value_or(0);
}

asio::awaitable<void> run(int count) {
  lllm::LiteLLMInvoker invoker(co_await asio::this_coro::executor);
  std::vector<asio::awaitable<std::int64_t>> dialogs;
  for (int i = 1; i <= count; ++i) dialogs.push_back(hold(invoker, i));
  // At most 500 under way at a time; the first failure would end the others.
  const auto tokens = co_await lllm::gather(std::move(dialogs), 500);
  std::int64_t sum = 0;
  for (const auto one : tokens) sum += one;
  std::cout << count << " dialogs, " << sum << " tokens\n";
}

int main(int argc, char** argv) {
  return lllm::run(run(argc == 2 ? std::stoi(argv[1]) : 200));
}
