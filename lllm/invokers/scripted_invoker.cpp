#include "lllm/invokers/scripted_invoker.hpp"

#include "lllm/invokers/finish_reply.hpp"

namespace lllm {
namespace {

// Words keep the blank behind them, so that the chunks join to the text.
asio::awaitable<void> stream_words(const std::string& text, BaseStreamHandler& handler) {
  if (auto pending = handler.on_start(); pending.valid()) co_await std::move(pending);
  for (std::size_t start = 0; start < text.size();) {
    const auto blank = text.find(' ', start);
    const auto end = blank == text.npos ? text.size() : blank + 1;
    const StreamChunk chunk(ChunkKind::text, std::string_view(text).substr(start, end - start));
    if (auto pending = handler.handle_chunk(chunk.content, chunk); pending.valid())
      co_await std::move(pending);
    start = end;
  }
}

asio::awaitable<InvokeResult> answer(Message message, Dialog dialog, std::string model, CallOptions options) {
  const auto start = std::chrono::steady_clock::now();
  InvokeResult result;
  result.message = std::move(message);
  result.model_args = options.model_args();
  if (result.message.model.empty()) result.message.model = std::move(model);
  result.attempts.emplace_back();
  const auto& handler = options.stream_handler();
  if (handler) {
    const std::string text = result.message.text();
    co_await stream_words(text, *handler);
  }
  finish_reply(result, dialog, options);
  result.raw = [message = result.message] { return to_json_value(message); };
  result.timings.last_token = std::chrono::steady_clock::now() - start;
  if (handler)
    if (auto pending = handler->on_finish(result); pending.valid()) co_await std::move(pending);
  co_return result;
}

}  // namespace

ScriptedInvoker& ScriptedInvoker::then(std::string text) {
  return then(Message::assistant(std::move(text)));
}

ScriptedInvoker& ScriptedInvoker::then(Step step) {
  steps_.push_back(std::move(step));
  return *this;
}

asio::awaitable<InvokeResult> ScriptedInvoker::call(Dialog dialog, std::string model, CallOptions options) {
  calls_.push_back(dialog);
  if (steps_.empty())
    throw_error(ErrorKind::invalid_argument, "the script of this ScriptedInvoker is used up");
  Step step = std::move(steps_.front());
  steps_.pop_front();
  if (auto* error = std::get_if<Error>(&step)) throw_error(std::move(*error));
  Message message = std::holds_alternative<Message>(step)
                        ? std::move(std::get<Message>(step))
                        : std::get<std::function<Message(const Dialog&)>>(step)(dialog);
  auto pending = answer(std::move(message), std::move(dialog), std::move(model), std::move(options));
  co_return co_await std::move(pending);
}

asio::awaitable<InvokeResult> echo_call(Dialog dialog, std::string model, CallOptions options) {
  std::string said;
  for (const auto& message : dialog.messages())
    if (message->role == Role::user) said = message->text();
  Message reply = Message::assistant(std::move(said));
  reply.provider = "echo";
  reply.finish_reason = "stop";
  return answer(std::move(reply), std::move(dialog), std::move(model), std::move(options));
}

}  // namespace lllm
