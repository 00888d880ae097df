// Prints the answer as it arrives, with a handler of our own, then what it took.
//   OPENAI_API_KEY=... ./02_stream_to_terminal "Why is the sky blue?"
#include <iostream>

#include <lllm/lllm.hpp>

namespace asio = boost::asio;

// A sink is awaited: while it writes, nothing more is read from the provider. This one has nothing to wait
// for, so it returns an empty awaitable instead of being a coroutine.
class PrintStream : public lllm::BaseStreamHandler {
 public:
  asio::awaitable<void> handle_chunk(std::string_view content, const lllm::StreamChunk&) override {
    std::cout << content << std::flush;
    return {};
  }
};

asio::awaitable<void> ask(std::string question) {
  lllm::LiteLLMInvoker invoker(co_await asio::this_coro::executor);
  lllm::Dialog dialog;
  dialog.put_text("You are concise.", lllm::Role::system).put_text(question);
  lllm::CallOptions options;
  options.stream_handler(PrintStream()).model_arg("temperature", 0.2).deadline(std::chrono::seconds(60));
  const lllm::InvokeResult result = co_await invoker.call(dialog, "openai/gpt-4o-mini", options);

  std::cerr << "\n[" << result.usage().completion_tokens.value_or(0) << " tokens, "
            << (result.cost() ? result.cost()->to_string() : "cost unknown") << "]\n";
}

int main(int argc, char** argv) {
  return lllm::run(ask(argc == 2 ? argv[1] : "Why is the sky blue?"));
}
