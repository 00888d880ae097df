#pragma once

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <stdexcept>

#include <boost/asio/io_context.hpp>

#include "lllm/net/http_server.hpp"
#include "tests/support/gate.hpp"

namespace lllm::test {

/// A server in a process of its own, which has as many descriptors as this one.
class ServerProcess {
 public:
  using Answer = asio::awaitable<void> (*)(Gate& gate, const HttpServerRequest& request,
                                           HttpResponder& responder);

  /// @param together  The gate that `answer` is given opens when so many have come to it.
  ServerProcess(Answer answer, int together) {
    int channel[2] = {-1, -1};
    if (::pipe(channel) != 0) throw std::runtime_error("no pipe");
    child_ = ::fork();
    if (child_ == 0) {
      asio::io_context loop;
      Gate gate(loop.get_executor(), together);
      HttpServer server(loop.get_executor(), [&](const HttpServerRequest& request, HttpResponder& responder) {
        return answer(gate, request, responder);
      });
      const std::uint16_t port = server.port();
      if (::write(channel[1], &port, sizeof port) != sizeof port) ::_exit(1);
      ::close(channel[1]);
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      loop.run();
      ::_exit(0);
    }
    ::close(channel[1]);
    if (::read(channel[0], &port_, sizeof port_) != sizeof port_) throw std::runtime_error("no server");
    ::close(channel[0]);
  }
  ~ServerProcess() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  pid_t child_ = -1;
  std::uint16_t port_ = 0;
};

/// Raises the number of descriptors that this process may have, for as long as this lives.
class ManyDescriptors {
 public:
  explicit ManyDescriptors(rlim_t needed) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    enough_ = before_.rlim_max >= needed;
    if (!enough_) return;
    rlimit raised = before_;
    raised.rlim_cur = std::max(raised.rlim_cur, needed);
    ::setrlimit(RLIMIT_NOFILE, &raised);
  }
  ~ManyDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  ManyDescriptors(const ManyDescriptors&) = delete;
  ManyDescriptors& operator=(const ManyDescriptors&) = delete;
  [[nodiscard]] bool enough() const { return enough_; }

 private:
  rlimit before_{};
  bool enough_ = false;
};

}  // namespace lllm::test
