#pragma once

#include <string>

#include "lllm/net/http_server.hpp"
#include "lllm/runtime/load.hpp"
#include "tests/runtime/support.hpp"
#include "tests/support/loop.hpp"
#include "tests/support/temp_dir.hpp"

namespace lllm::test {

/// A package "demo" of one file, loaded.
class DemoPackage {
 public:
  DemoPackage(const std::string& file, const std::string& text) {
    const auto section = file.substr(0, file.find('/'));
    dir_.write("lllm.toml", "[package]\nname = 'demo'\n[" + section + "]\n");
    dir_.write(file, text);
  }
  LoadReport load(bool plugins = false) {
    auto options = only(dir_.path());
    options.plugins = plugins;
    return load_runtime_blocking(runtime, std::move(options));
  }
  [[nodiscard]] const TempDir& dir() const { return dir_; }

  Runtime runtime;

 private:
  TempDir dir_;
};

/// What a tool says.
inline ToolResult call(asio::io_context& loop, const Tool& tool, json::object arguments = {}) {
  return run_on(loop, tool.call(std::move(arguments)));
}

/// Answers what it was asked: method, target, body and two headers, as JSON.
inline asio::awaitable<void> echo_request(const HttpServerRequest& request, HttpResponder& responder) {
  if (request.path() == "/missing") {
    const HttpHeaders plain{{"Content-Type", "text/plain"}};
    co_await responder.send(404, plain, "no such thing");
    co_return;
  }
  if (request.path() == "/away") {
    const HttpHeaders away{{"Location", "http://169.254.169.254/"}};
    co_await responder.send(302, away, "");
    co_return;
  }
  const json::object seen{{"method", json::string(request.method)},
                          {"target", json::string(request.target)},
                          {"body", json::string(request.body)},
                          {"key", json::string(request.headers.get("X-Api-Key"))},
                          {"authorization", json::string(request.headers.get("Authorization"))}};
  const HttpHeaders headers{{"Content-Type", "application/json"}};
  co_await responder.send(200, headers, to_json(seen));
}

}  // namespace lllm::test
