#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "lllm/formats/json_rpc.hpp"
#include "lllm/net/http_server.hpp"
#include "tests/mcp/support.hpp"
#include "tests/support/gate.hpp"

namespace lllm::test {

/// An MCP server over streamable HTTP that does as it is told, by the name of the tool that is called, and
/// remembers what it was sent.
class McpOverHttp {
 public:
  explicit McpOverHttp(asio::io_context& loop, HttpServerOptions options = HttpServerOptions())
      : gate(loop.get_executor()),
        server(
            loop.get_executor(),
            [this](const HttpServerRequest& request, HttpResponder& responder) {
              return serve(request, responder);
            },
            std::move(options)) {}

  /// A client of it.
  [[nodiscard]] McpClientOptions options() const {
    McpClientOptions options;
    options.server.url = server.url() + "/mcp?tenant=canary-path";
    options.server.private_addresses = true;
    options.timeout = std::chrono::seconds(20);
    options.tls.ca_pem = server.ca_pem();
    return options;
  }

  // What it does.
  bool as_events = false;      ///< answers come in event streams
  bool gives_sessions = true;  ///< … and are refused with 404 once these are forgotten
  bool forgets_at_once = false;
  bool answers_initialize = true;
  int refuses_with = 0;  ///< this status, and nothing else
  std::string refusal = "{\"error\":\"why\"}";
  Gate gate;  ///< for the tool "wait"

  // What it has seen.
  std::set<std::string> sessions;
  int initializes = 0;
  int deletes = 0;
  std::vector<HttpServerRequest> requests;
  std::vector<std::string> cancelled;
  std::vector<std::string> answers;  ///< to what it asked

  HttpServer server;

 private:
  static json::object text_result(std::string_view text) {
    return {{"content", json::array{json::object{{"type", "text"}, {"text", json::string(text)}}}}};
  }
  static std::string event(const std::string& data) { return "event: message\ndata: " + data + "\n\n"; }

  asio::awaitable<void> serve(const HttpServerRequest& request, HttpResponder& responder) {
    requests.push_back(request);
    const HttpHeaders json_type{{"Content-Type", "application/json"}};
    if (refuses_with != 0) {
      const HttpHeaders headers{{"Content-Type", "application/json"},
                                {"Location", "https://elsewhere.example"}};
      co_await responder.send(refuses_with, headers, refusal);
      co_return;
    }
    const std::string session(request.headers.get("Mcp-Session-Id"));
    if (request.method == "DELETE") {
      ++deletes;
      sessions.erase(session);
      co_await responder.send(200, json_type, "");
      co_return;
    }
    const auto messages = read_rpc(request.body);
    if (request.method != "POST" || !messages) {
      co_await responder.send(400, json_type, "{}");
      co_return;
    }
    const RpcMessage message = messages->front();
    if (message.method == "initialize") {
      auto answering = initialize(message, responder);
      co_await std::move(answering);
      co_return;
    }
    if (gives_sessions && !sessions.contains(session)) {
      co_await responder.send(404, json_type,
                              R"({"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"?"}})");
      co_return;
    }
    if (message.kind != RpcMessage::Kind::request) {
      if (message.method == "notifications/cancelled")
        cancelled.push_back(std::to_string(integer_at(message.value, "requestId").value_or(-1)));
      if (message.kind != RpcMessage::Kind::notification) answers.push_back(request.body);
      const HttpHeaders none;
      co_await responder.send(202, none, "");
      co_return;
    }
    auto answering = message.method == "tools/list" ? list(message, responder) : call(message, responder);
    co_await std::move(answering);
  }

  asio::awaitable<void> initialize(const RpcMessage& message, HttpResponder& responder) {
    ++initializes;
    if (!answers_initialize) co_await gate.pass();
    HttpHeaders headers;
    if (gives_sessions) {
      const auto session = "canary-session-" + std::to_string(initializes);
      if (!forgets_at_once) sessions.insert(session);
      headers.add("Mcp-Session-Id", session);
    }
    const json::object result{{"protocolVersion", "2025-11-25"},
                              {"capabilities", {{"tools", json::object()}}},
                              {"serverInfo", {{"name", "over http"}, {"version", "1"}}}};
    auto giving = give(responder, write_rpc_result(message.id, result), std::move(headers));
    co_await std::move(giving);
  }

  asio::awaitable<void> list(const RpcMessage& message, HttpResponder& responder) {
    const json::object tool{{"name", "echo"}, {"inputSchema", {{"type", "object"}}}};
    const json::object result{{"tools", json::array{tool}}};
    auto giving = give(responder, write_rpc_result(message.id, result));
    co_await std::move(giving);
  }

  /// One answer, in the form of the day.
  asio::awaitable<void> give(HttpResponder& responder, std::string answer,
                             HttpHeaders headers = HttpHeaders()) {
    headers.add("Content-Type", as_events ? "text/event-stream" : "application/json");
    if (!as_events) {
      co_await responder.send(200, headers, answer);
      co_return;
    }
    co_await responder.start(200, headers);
    const std::string text = "id: 1\nretry: 100\ndata:\n\n: heartbeat\n\n" + event(answer);
    co_await responder.write(text);
    co_await responder.finish();
  }

  asio::awaitable<void> stream(HttpResponder& responder, std::string text) {
    const HttpHeaders headers{{"Content-Type", "text/event-stream"}};
    co_await responder.start(200, headers);
    co_await responder.write(text);
  }

  asio::awaitable<void> call(const RpcMessage& message, HttpResponder& responder) {
    const auto name = std::string(text_at(message.value, "name"));
    const auto* arguments = object_at(message.value, "arguments");
    const auto mine = [&](std::string_view text) { return write_rpc_result(message.id, text_result(text)); };
    const auto theirs = write_rpc_result(std::int64_t{987654321}, text_result("not yours"));
    const HttpHeaders json_type{{"Content-Type", "application/json; charset=utf-8"}};
    if (name == "echo") {
      auto giving = give(responder, mine(text_at(*arguments, "text")));
      co_await std::move(giving);
    } else if (name == "wait") {
      co_await gate.pass();
      auto giving = give(responder, mine("waited"));
      co_await std::move(giving);
    } else if (name == "strangers") {
      const auto text = event(theirs) + event(write_rpc_notification("notifications/progress")) +
                        event(write_rpc_result(std::string("1"), nullptr)) + event(mine("yours")) +
                        event(mine("again")) + event(theirs);
      auto streaming = stream(responder, text);
      co_await std::move(streaming);
    } else if (name == "late_strangers") {
      auto streaming = stream(responder, event(mine("yours")));
      co_await std::move(streaming);
      const std::string more = event(mine("again"));
      co_await responder.write(more);
    } else if (name == "batch") {
      const std::string body = '[' + theirs + ',' + mine("yours") + ',' + mine("again") + ']';
      co_await responder.send(200, json_type, body);
    } else if (name == "ask_back") {
      const auto text = event(write_rpc_request(std::string("ping-1"), "ping", nullptr)) +
                        event(write_rpc_request(std::int64_t{7}, "roots/list", nullptr)) +
                        event(mine("asked"));
      auto streaming = stream(responder, text);
      co_await std::move(streaming);
    } else if (name == "keep_open") {
      auto streaming = stream(responder, event(mine("open")));
      co_await std::move(streaming);
      co_await gate.pass();
    } else if (name == "stop_early") {
      auto streaming = stream(responder, ": nothing\n\n" + event(theirs) + "data: {\"jsonrpc\"");
      co_await std::move(streaming);
    } else if (name == "garbage") {
      auto streaming = stream(responder, event("no JSON"));
      co_await std::move(streaming);
    } else if (name == "large") {
      const std::string large(100'000, 'x');
      auto giving = give(responder, mine(large));
      co_await std::move(giving);
    } else if (name == "web_page") {
      const HttpHeaders html{{"Content-Type", "text/html"}};
      co_await responder.send(200, html, "<html>");
    } else if (name == "nothing") {
      const HttpHeaders none;
      co_await responder.send(202, none, "");
    } else if (name == "another") {
      co_await responder.send(200, json_type, theirs);
    } else if (name == "broken") {
      co_await responder.send(200, json_type, "{\"jsonrpc\":");
    } else if (name == "hang_up") {
      responder.abort();
    } else {
      auto giving =
          give(responder, write_rpc_error(message.id, rpc_invalid_params, "no tool is called that"));
      co_await std::move(giving);
    }
  }
};

}  // namespace lllm::test
