#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/invokers/world.hpp"
#include "tests/support/black_hole.hpp"
#include "tests/support/fault_server.hpp"

// What a network, a proxy and a provider can do to a call, and what must become of it then: one row for each
// of the faults that one request and its answer can show.
namespace lllm::test {

inline const std::string proxy_canary = "proxy-canary-89ab";

/// What must become of the call. `none`: it succeeds all the same.
struct Expected {
  std::optional<ErrorKind> kind;
  int status = 0;
  int attempts = 1;
  std::string request_id;
  std::string partial;
  /// Whether the connection may serve another call; nothing: it is not this fault's matter.
  std::optional<bool> kept = false;
  /// Whether the next call, to a server that has come to its senses, must succeed.
  bool recovers = true;
};

struct Scene {
  std::string name;
  Expected expected;
  std::function<void(FaultPeer&)> act;  ///< what the server does in place of an answer, once per attempt …
  FaultServer::Script script;           ///< … or with the whole of each connection
  std::optional<FaultServer::Tls> tls;
  std::string trusted;  ///< PEM
  bool secure = false;
  bool streamed = false;
  std::string base_url;  ///< instead of the server's
  HttpClientOptions http;
  HttpTimeouts timeouts;
  bool through_proxy = false;
  std::string question = "Hello there";

  Scene(std::string title, Expected outcome) : name(std::move(title)), expected(std::move(outcome)) {
    http.proxies = ProxyRules();
  }
};

using Scenes = std::vector<Scene>;

/// What a server says that has come to its senses: chat_whole.
std::string good_answer();

/// All of them. @param hole      outlives the calls.
///              @param released  ends the look-ups that hang, when it becomes true.
Scenes fault_scenes(const BlackHole& hole, const std::shared_ptr<std::atomic<bool>>& released);

}  // namespace lllm::test
