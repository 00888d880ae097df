#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>

#include "lllm/invokers/litellm_invoker.hpp"
#include "lllm/net/http_server.hpp"
#include "tests/support/loop.hpp"

namespace lllm::test {

/// The key that must be found nowhere.
inline const std::string canary = "sk-canary-0123456789abcdef";

inline Dialog question(std::string text = "Hello there") {
  Dialog dialog;
  dialog.put_text("Be kind.", Role::system).put_text(std::move(text));
  return dialog;
}

/// Towards a base URL with the canary for a key, without the machine's proxies and keys.
inline InvokerOptions towards(const std::string& base_url, HttpClientOptions http = HttpClientOptions()) {
  http.proxies = ProxyRules();
  InvokerOptions options;
  options.environment(Environment(fixed_variables({}))).http(http);
  options.base_url(base_url).api_key(Secret(canary));
  return options;
}

/// Collects the words it is given.
struct Collector final : BaseStreamHandler {
  std::string text;
  asio::awaitable<void> handle_chunk(std::string_view content, const StreamChunk&) override {
    text += content;
    return {};
  }
};

inline HttpHeaders of_type(std::string_view type) {
  HttpHeaders headers;
  headers.add("Content-Type", type);
  return headers;
}

inline std::string chat_delta(const std::string& words) {
  return "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + words + "\"}}]}\n\n";
}

inline const std::string chat_end =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

inline const std::string chat_whole =
    R"({"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"one two"}}]})";

/// One loop with a server that does as the handler says, and an invoker that calls it on the chat wire.
class World {
 public:
  using Setup = std::function<void(InvokerOptions&)>;

  explicit World(HttpHandler handler, const Setup& setup = {}, HttpServerOptions server_options = {})
      : server(std::make_unique<HttpServer>(loop.get_executor(), std::move(handler),
                                            std::move(server_options))) {
    InvokerOptions options = towards(server->url() + "/v1");
    if (setup) setup(options);
    invoker = std::make_unique<LiteLLMInvoker>(loop.get_executor(), std::move(options));
  }

  InvokeResult call(CallOptions options = {}) {
    return run_on(loop, invoker->call(question(), model, std::move(options)));
  }
  Error failure(CallOptions options = {}) {
    return error_on(loop, invoker->call(question(), model, std::move(options)));
  }

  static constexpr const char* model = "openai/gpt-4o-mini";
  asio::io_context loop{1};
  std::unique_ptr<HttpServer> server;
  std::unique_ptr<LiteLLMInvoker> invoker;
};

}  // namespace lllm::test
