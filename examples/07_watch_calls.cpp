// Watches what calls do: a log on stderr, and metrics as Prometheus reads them.
//   ./07_watch_calls                      against the fake provider in this process
#include <iostream>

#include <lllm/base/log.hpp>
#include <lllm/invokers/log_observer.hpp>
#include <lllm/invokers/metrics_observer.hpp>
#include <lllm/lllm.hpp>
#include <lllm/testing/fake_provider.hpp>

namespace asio = boost::asio;

// An observer of one's own: any hook may be left out.
struct SlowCalls final : lllm::CallObserver {
  void call_succeeded(const lllm::ObservedCall& call, const lllm::InvokeResult& result) override {
    if (result.timings.last_token > std::chrono::milliseconds(1))
      std::cerr << "slow: call " << call.id << " of " << call.model << '\n';
  }
};

asio::awaitable<void> run() {
  const auto executor = co_await asio::this_coro::executor;
  lllm::FakeProvider provider(executor);
  lllm::FakeReply busy = lllm::FakeReply::error(429, "rate_limit_error", "slow down");
  busy.headers = {{"retry-after-ms", "20"}};
  provider.script(busy);

  const auto metrics = std::make_shared<lllm::MetricsObserver>();
  lllm::InvokerOptions options;
  options.base_url(provider.base_url()).api_key(lllm::Secret("any"));
  options.observe(std::make_shared<lllm::LogObserver>())
      .observe(metrics)
      .observe(std::make_shared<SlowCalls>());
  lllm::LiteLLMInvoker invoker(executor, options);

  lllm::Dialog dialog;
  dialog.put_text("Hello");
  co_await invoker.call(dialog, "openai/gpt-4o-mini");
  std::cout << metrics->text();
}

int main() {
  lllm::set_log_level(lllm::LogLevel::info);
  return lllm::run(run());
}
