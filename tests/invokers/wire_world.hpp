#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/invokers/fake_world.hpp"
#include "tests/support/made_answers.hpp"

namespace lllm::test {

/// A server that answers every request with the same bytes, and an invoker that speaks one of the wires to
/// it.
class WireWorld {
 public:
  using Setup = std::function<void(InvokerOptions&)>;
  explicit WireWorld(const WireRow& wire, const Setup& setup = {})
      : row(wire),
        server(loop.get_executor(), [this](const HttpServerRequest& request, HttpResponder& responder) {
          requests.push_back(request);
          HttpHeaders with_type = headers;
          with_type.set("Content-Type", type);
          return responder.send(status, std::move(with_type), body);
        }) {
    InvokerOptions options = towards(server.url() + row.base);
    if (setup) setup(options);
    invoker = std::make_unique<LiteLLMInvoker>(loop.get_executor(), std::move(options));
  }

  /// What the server says from now on.
  void says(const Made& made, bool streamed) {
    body = streamed ? made.stream : made.whole;
    type = streamed ? row.stream_type : "application/json";
  }

  InvokeResult call(const Dialog& dialog, BaseStreamHandler* sink = nullptr) {
    return run_on(loop, invoker->call(dialog, row.model, options(sink)));
  }
  Error failure(const Dialog& dialog, BaseStreamHandler* sink = nullptr) {
    return error_on(loop, invoker->call(dialog, row.model, options(sink)));
  }

  const WireRow& row;
  int status = 200;
  std::string type = "application/json";
  std::string body;
  HttpHeaders headers;
  std::vector<HttpServerRequest> requests;
  asio::io_context loop{1};
  HttpServer server;
  std::unique_ptr<LiteLLMInvoker> invoker;

 private:
  [[nodiscard]] CallOptions options(BaseStreamHandler* sink) const {
    CallOptions made;
    made.api_type(row.api);
    if (sink != nullptr) made.stream_handler(sink);
    return made;
  }
};

}  // namespace lllm::test
