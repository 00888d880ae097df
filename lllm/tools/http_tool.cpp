#include <memory>
#include <mutex>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lllm/async/strand.hpp"
#include "lllm/base/time.hpp"
#include "lllm/net/http_client.hpp"
#include "lllm/runtime/auth.hpp"
#include "lllm/runtime/backends.hpp"
#include "lllm/tools/http_request.hpp"

namespace lllm {
namespace {

/// The clients of all tools that run on one io_context: they keep connections and TLS settings between calls,
/// and end with it. On a strand of their own, because several threads may run the context.
class ToolClients final : public asio::execution_context::service {
 public:
  using key_type = ToolClients;
  static const asio::execution_context::id id;

  explicit ToolClients(asio::execution_context& context) : service(context) {}

  struct Client {
    Client(const asio::any_io_executor& executor, HttpClientOptions options)
        : strand(strand_on(executor)), http(strand, std::move(options)) {}
    asio::any_io_executor strand;
    HttpClient http;
  };

  /// The client for hosts of anyone's, or the one that may also reach private addresses.
  std::shared_ptr<Client> client(const asio::any_io_executor& executor, bool private_addresses) {
    const std::lock_guard lock(mutex_);
    auto& slot = clients_[private_addresses ? 1 : 0];
    if (!slot) {
      HttpClientOptions options;
      options.public_addresses_only = !private_addresses;
      slot = std::make_shared<Client>(executor, std::move(options));
    }
    return slot;
  }

 private:
  void shutdown() override {
    for (auto& slot : clients_) slot.reset();
  }

  std::mutex mutex_;
  std::shared_ptr<Client> clients_[2];
};

const asio::execution_context::id ToolClients::id;

asio::awaitable<json::value> exchange(std::shared_ptr<ToolClients::Client> client,
                                      std::shared_ptr<const HttpBackend> backend, HttpRequest request) {
  HttpTimeouts timeouts;
  timeouts.deadline = time_after(std::chrono::steady_clock::now(), backend->timeout);
  auto sending = client->http.send(request, timeouts);
  auto answer = co_await std::move(sending);
  auto reading = answer.read_all(backend->max_bytes);
  const auto body = co_await std::move(reading);
  co_return read_http_answer(*backend, request, answer.head(), body).value();
}

}  // namespace

asio::awaitable<json::value> call_http(std::shared_ptr<const HttpBackend> backend, json::object arguments) {
  auto request = make_http_request(*backend, arguments, process_variable).value();
  const auto executor = co_await asio::this_coro::executor;
  auto& context = asio::query(executor, asio::execution::context);
  const auto client = asio::use_service<ToolClients>(context).client(executor, backend->private_addresses);
  auto pending =
      asio::co_spawn(client->strand, exchange(client, backend, std::move(request)), asio::use_awaitable);
  try {
    co_return co_await std::move(pending);
  } catch (const Exception& failure) {
    // The call's own limit is the tool's failure, which the model may hear of; the caller's deadline is not.
    if (failure.kind() != ErrorKind::deadline_exceeded) throw;
    throw_error(Error(ErrorKind::tool_failed,
                      "no answer within " + std::to_string(backend->timeout.count()) + " ms"));
  }
}

}  // namespace lllm
