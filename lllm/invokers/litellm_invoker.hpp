#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "lllm/base/secret.hpp"
#include "lllm/invokers/environment.hpp"
#include "lllm/invokers/invoker.hpp"
#include "lllm/invokers/observer.hpp"
#include "lllm/net/http_client.hpp"
#include "lllm/wires/prices.hpp"
#include "lllm/wires/providers.hpp"
#include "lllm/wires/recording.hpp"

namespace lllm {

/// How a LiteLLMInvoker reaches its providers. Setters chain; everything has a default.
class InvokerOptions {
 public:
  InvokerOptions() = default;

  /// Every call goes to this base URL ("http://localhost:8000/v1") instead of its provider's own. With
  /// "user:password@" before the host it is shown these as Basic credentials, in place of a key that would go
  /// into the same header.
  InvokerOptions& base_url(std::string url) { return base_url_ = std::move(url), *this; }
  /// … with this key instead of the environment's.
  InvokerOptions& api_key(Secret key) { return api_key_ = std::move(key), *this; }
  /// The same for one provider only.
  InvokerOptions& base_url(std::string provider, std::string url) {
    return base_urls_[std::move(provider)] = std::move(url), *this;
  }
  InvokerOptions& api_key(std::string provider, Secret key) {
    return api_keys_[std::move(provider)] = std::move(key), *this;
  }
  /// A provider of your own, or another row for a known one.
  InvokerOptions& provider(Provider row) { return providers_.push_back(std::move(row)), *this; }
  /// `name` stands for `model`.
  InvokerOptions& alias(std::string name, std::string model) {
    return aliases_.emplace_back(std::move(name), std::move(model)), *this;
  }
  /// Where keys and base URLs are read from. Default: the process environment.
  InvokerOptions& environment(Environment variables) { return environment_ = std::move(variables), *this; }
  /// Connections, TLS, limits, proxies.
  InvokerOptions& http(HttpClientOptions options) { return http_ = std::move(options), *this; }
  /// Of each attempt; the call's own deadline holds beside them.
  InvokerOptions& timeouts(HttpTimeouts timeouts) { return timeouts_ = timeouts, *this; }
  /// Unless a call says otherwise. Default: 2, as the OpenAI SDKs have it.
  InvokerOptions& max_retries(int count) { return max_retries_ = count, *this; }
  /// The largest answer that is accepted, streamed or not, in bytes as they come. Default: 64 MiB.
  InvokerOptions& max_reply_bytes(std::size_t bytes) { return max_reply_bytes_ = bytes, *this; }
  /// What models cost. Default: the compiled table; lay your own prices over it with PriceTable::overlay.
  InvokerOptions& prices(PriceTable table) { return prices_ = std::move(table), *this; }
  /// Sees every attempt as it ends, on the invoker's executor. It must not throw.
  InvokerOptions& on_attempt(std::function<void(const Attempt&)> hook) {
    return on_attempt_ = std::move(hook), *this;
  }
  /// Sees what every call does: see observer.hpp, LogObserver, MetricsObserver. May be given several times.
  InvokerOptions& observe(std::shared_ptr<CallObserver> observer) {
    return observers_.push_back(std::move(observer)), *this;
  }

  /// Sees every exchange that got an answer as a recording without secrets, on the invoker's executor. It
  /// must not throw. Bodies are kept until then: for finding faults, not for production.
  InvokerOptions& on_exchange(std::function<void(const Recording&)> hook) {
    return on_exchange_ = std::move(hook), *this;
  }

  [[nodiscard]] const std::string& base_url() const { return base_url_; }
  [[nodiscard]] const Secret& api_key() const { return api_key_; }
  [[nodiscard]] const std::map<std::string, std::string>& base_urls() const { return base_urls_; }
  [[nodiscard]] const std::map<std::string, Secret>& api_keys() const { return api_keys_; }
  [[nodiscard]] const std::vector<Provider>& providers() const { return providers_; }
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& aliases() const { return aliases_; }
  [[nodiscard]] const Environment& environment() const { return environment_; }
  [[nodiscard]] const HttpClientOptions& http() const { return http_; }
  [[nodiscard]] const HttpTimeouts& timeouts() const { return timeouts_; }
  [[nodiscard]] int max_retries() const { return max_retries_; }
  [[nodiscard]] std::size_t max_reply_bytes() const { return max_reply_bytes_; }
  [[nodiscard]] const PriceTable& prices() const { return prices_; }
  [[nodiscard]] const std::function<void(const Attempt&)>& on_attempt() const { return on_attempt_; }
  [[nodiscard]] const std::function<void(const Recording&)>& on_exchange() const { return on_exchange_; }
  [[nodiscard]] const std::vector<std::shared_ptr<CallObserver>>& observers() const { return observers_; }

 private:
  std::string base_url_;
  Secret api_key_;
  std::map<std::string, std::string> base_urls_;
  std::map<std::string, Secret> api_keys_;
  std::vector<Provider> providers_;
  std::vector<std::pair<std::string, std::string>> aliases_;
  Environment environment_;
  HttpClientOptions http_;
  HttpTimeouts timeouts_;
  int max_retries_ = 2;
  std::size_t max_reply_bytes_ = std::size_t{64} << 20;
  PriceTable prices_;
  std::function<void(const Attempt&)> on_attempt_;
  std::function<void(const Recording&)> on_exchange_;
  std::vector<std::shared_ptr<CallObserver>> observers_;
};

/// Calls any provider by LiteLLM's model names ("openai/gpt-4o", "claude-haiku-4-5", "groq/…",
/// "echo/anything").
///
/// Thread-safety: it lives on one executor: an io_context that one thread runs, or a strand
/// (`asio::make_strand(pool)`) where several do. `call` may be made from any coroutine on any executor, any
/// number of times at once; it moves over by itself. One invoker per io_context, one io_context per core is
/// the shape that scales.
///
/// What must outlive what. The context of the executor outlives the invoker; where it is destroyed with calls
/// under way, these have no completion, and all they hold is released. The invoker itself may be destroyed
/// with calls under way: they end with `cancelled`, as soon as its context runs.
///
/// The context of a caller, where it is another one, outlives the call: the invoker's thread hands the
/// outcome over to it, so it must be there, running or not, until the call has completed. To leave earlier,
/// cancel the call and wait for its end.
///
/// Stream handlers, hooks and observers are called on the invoker's executor, whoever made the call. What
/// they refer to outlives the last call, not only the invoker.
class LiteLLMInvoker final : public BaseInvoker {
 public:
  /// @throws Exception configuration when a provider's group of variables is set in part (Azure, Vertex AI,
  /// NVIDIA NIM),
  ///         naming what is missing.
  explicit LiteLLMInvoker(asio::any_io_executor executor, InvokerOptions options = {});
  ~LiteLLMInvoker() override;
  LiteLLMInvoker(const LiteLLMInvoker&) = delete;
  LiteLLMInvoker& operator=(const LiteLLMInvoker&) = delete;

  /// @throws Exception as BaseInvoker::call; the Error carries provider, model, status, request id, attempts
  /// and what
  ///         had been received.
  asio::awaitable<InvokeResult> call(Dialog dialog, std::string model, CallOptions options = {}) override;

  /// Connections and exchanges so far.
  [[nodiscard]] HttpClientStats stats() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace lllm
