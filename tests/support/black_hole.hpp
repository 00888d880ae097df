#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>

namespace lllm::test {

/// A port on which connecting gets no answer: its queue of unaccepted connections is full, so SYNs are
/// dropped.
class BlackHole {
 public:
  explicit BlackHole(in_addr_t host = INADDR_LOOPBACK) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(host);
    socklen_t size = sizeof address_;
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address_), size);
    ::listen(listener_, 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address_), &size);
    for (int& filler : fillers_) {
      filler = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      ::connect(filler, reinterpret_cast<sockaddr*>(&address_), size);
    }
  }
  ~BlackHole() {
    for (const int filler : fillers_) ::close(filler);
    ::close(listener_);
  }
  BlackHole(const BlackHole&) = delete;
  BlackHole& operator=(const BlackHole&) = delete;
  [[nodiscard]] std::uint16_t port() const { return ntohs(address_.sin_port); }

 private:
  sockaddr_in address_{};
  int listener_ = -1;
  int fillers_[4] = {};
};

}  // namespace lllm::test
