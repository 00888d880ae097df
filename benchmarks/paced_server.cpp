#include "benchmarks/paced_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "benchmarks/fake_server.hpp"

namespace bench {
namespace {

constexpr std::string_view flag = "--paced-server";
constexpr std::string_view stamp = "0000000000000000000";  // room for nanoseconds since the machine's start
constexpr std::string_view head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

struct Stream {
  int fd = -1;
  int sent = -1;  // events so far; -1: no request is being answered
  std::string request;
};

std::string chunked(const std::string& event) {
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", event.size());
  return size + event + "\r\n";
}

std::string event_text(const std::string& choices, const std::string& usage) {
  return R"(data: {"id":"chatcmpl-B1x","object":"chat.completion.chunk","created":1740000000,)"
         R"("model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_0705bf87c0",)"
         R"("choices":[)" +
         choices + R"(],"usage":)" + usage + R"(,"obfuscation":")" + std::string(stamp) + "\"}\n\n";
}

class Server {
 public:
  explicit Server(const Pace& pace) : pace_(pace), slots_(static_cast<std::size_t>(pace.period_ms)) {
    word_ = chunked(event_text(
        R"({"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":null})", "null"));
    last_ =
        chunked(event_text(R"({"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"})", "null")) +
        chunked(event_text("", R"({"prompt_tokens":9,"completion_tokens":)" + std::to_string(pace.events) +
                                   R"(,"total_tokens":)" + std::to_string(pace.events + 9) + "}")) +
        chunked("data: [DONE]\n\n") + "0\r\n\r\n";
    stamp_at_ = word_.find(stamp);
  }

  void run() {
    listen();
    poll_ = ::epoll_create1(EPOLL_CLOEXEC);
    watch(listener_);
    const int timer = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    itimerspec every_ms{{0, 1'000'000}, {0, 1'000'000}};
    ::timerfd_settime(timer, 0, &every_ms, nullptr);
    watch(timer);
    epoll_event ready[256];
    for (;;) {
      const int count = ::epoll_wait(poll_, ready, 256, -1);
      for (int i = 0; i < count; ++i) {
        const int fd = ready[i].data.fd;
        std::uint64_t ticks = 0;
        if (fd == listener_)
          accept_all();
        else if (fd != timer)
          receive(fd);
        else if (::read(timer, &ticks, sizeof ticks) == sizeof ticks)
          for (; ticks > 0; --ticks) tick();
      }
    }
  }

 private:
  void listen() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 16384) != 0)
      std::exit(1);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    std::printf("%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
  }

  void watch(int fd) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ::epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event);
  }

  void accept_all() {
    for (int fd = -1; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      Stream& stream = streams_[fd];
      stream = {};
      stream.fd = fd;
      slots_[next_slot_++ % slots_.size()].push_back(fd);
      watch(fd);
    }
  }

  void receive(int fd) {
    char buffer[8192];
    const auto got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return drop(fd);
    Stream& stream = streams_[fd];
    stream.request.append(buffer, static_cast<std::size_t>(got));
    const auto end = stream.request.find("\r\n\r\n");
    const auto length = stream.request.find("Content-Length: ");
    if (end == std::string::npos || length == std::string::npos) return;
    if (stream.request.size() < end + 4 + std::strtoul(stream.request.c_str() + length + 16, nullptr, 10))
      return;
    stream.request.clear();
    stream.sent = 0;
    (void)::send(fd, head.data(), head.size(), MSG_NOSIGNAL);
  }

  void drop(int fd) {
    streams_.erase(fd);
    for (auto& slot : slots_) std::erase(slot, fd);
    ::close(fd);
  }

  void tick() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    char text[32];
    std::snprintf(text, sizeof text, "%019lld",
                  static_cast<long long>(time.tv_sec) * 1'000'000'000 + time.tv_nsec);
    std::memcpy(word_.data() + stamp_at_, text, stamp.size());
    for (const int fd : slots_[ticks_++ % slots_.size()]) {
      Stream& stream = streams_[fd];
      if (stream.sent < 0) continue;
      const std::string& event = stream.sent == pace_.events ? last_ : word_;
      stream.sent = stream.sent == pace_.events ? -1 : stream.sent + 1;
      (void)::send(fd, event.data(), event.size(), MSG_NOSIGNAL);
    }
  }

  Pace pace_;
  std::vector<std::vector<int>> slots_;  // which connections are served in which millisecond of the period
  std::unordered_map<int, Stream> streams_;
  std::string word_, last_;
  std::size_t stamp_at_ = 0;
  std::size_t next_slot_ = 0;
  std::size_t ticks_ = 0;
  int listener_ = -1;
  int poll_ = -1;
};

}  // namespace

PacedServer::PacedServer(const Pace& pace)
    : child_(
          {"/proc/self/exe", std::string(flag), std::to_string(pace.events), std::to_string(pace.period_ms)},
          server_core(), true),
      port_(static_cast<std::uint16_t>(std::atoi(child_.read_line().c_str()))) {
  if (port_ == 0) throw std::runtime_error("the paced server did not start");
}

void serve_if_asked(int argc, char** argv) {
  if (argc != 4 || argv[1] != flag) return;
  raise_file_limit();
  Server(Pace{std::atoi(argv[2]), std::atoi(argv[3])}).run();
}

}  // namespace bench
