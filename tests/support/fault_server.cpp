#include "tests/support/fault_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "lllm/base/text.hpp"

namespace lllm::test {
namespace {

ssl_ctx_st* make_context(const FaultServer::Tls& tls) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  BIO* certificate = BIO_new_mem_buf(tls.certificate.certificate_pem.data(), -1);
  X509* leaf = PEM_read_bio_X509(certificate, nullptr, nullptr, nullptr);
  BIO* key_text = BIO_new_mem_buf(tls.certificate.private_key_pem.reveal().data(), -1);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(key_text, nullptr, nullptr, nullptr);
  SSL_CTX_set_security_level(context,
                             0);  // else the old versions that a fault asks for are refused on our side
  SSL_CTX_use_certificate(context, leaf);
  SSL_CTX_use_PrivateKey(context, key);
  if (tls.newest_version != 0) {
    SSL_CTX_set_min_proto_version(context, 0);
    SSL_CTX_set_max_proto_version(context, tls.newest_version);
  }
  EVP_PKEY_free(key);
  X509_free(leaf);
  BIO_free(key_text);
  BIO_free(certificate);
  return context;
}

}  // namespace

// --- one connection
// -----------------------------------------------------------------------------------------

void FaultPeer::wait_for(short events) {
  std::array<pollfd, 2> watched{{{socket_, events, 0}, {server_.wake_[0], POLLIN, 0}}};
  while (::poll(watched.data(), watched.size(), -1) < 0 && errno == EINTR) {
  }
  if (watched[1].revents != 0) throw FaultServer::Stopped();
}

std::size_t FaultPeer::receive(char* into, std::size_t room) {
  while (true) {
    long count = 0;
    if (ssl_ == nullptr) {
      count = ::recv(socket_, into, room, 0);
      if (count < 0 && errno == EAGAIN) {
        wait_for(POLLIN);
        continue;
      }
    } else {
      count = SSL_read(ssl_, into, static_cast<int>(room));
      if (count <= 0 && SSL_get_error(ssl_, static_cast<int>(count)) == SSL_ERROR_WANT_READ) {
        wait_for(POLLIN);
        continue;
      }
    }
    if (count <= 0) return 0;
    const std::lock_guard lock(server_.mutex_);
    server_.received_.append(into, static_cast<std::size_t>(count));
    return static_cast<std::size_t>(count);
  }
}

std::string FaultPeer::read(std::size_t size) {
  std::array<char, 16384> chunk{};
  while (unread_.size() < size) {
    const auto count = receive(chunk.data(), chunk.size());
    if (count == 0) break;
    unread_.append(chunk.data(), count);
  }
  std::string taken = unread_.substr(0, size);
  unread_.erase(0, taken.size());
  return taken;
}

std::string FaultPeer::read_request() {
  std::array<char, 16384> chunk{};
  std::size_t end = std::string::npos;
  while ((end = unread_.find("\r\n\r\n")) == std::string::npos) {
    const auto count = receive(chunk.data(), chunk.size());
    if (count == 0) return {};
    unread_.append(chunk.data(), count);
  }
  std::size_t body = 0;
  const auto head = to_lower(unread_.substr(0, end));
  if (const auto at = head.find("content-length:"); at != std::string::npos)
    body = std::stoul(head.substr(at + 15));
  return read(end + 4 + body);
}

std::string FaultPeer::read_to_end() {
  return read(static_cast<std::size_t>(-1));
}

void FaultPeer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    long count = 0;
    if (ssl_ == nullptr) {
      count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EAGAIN) {
        wait_for(POLLOUT);
        continue;
      }
    } else {
      count = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
      if (count <= 0 && SSL_get_error(ssl_, static_cast<int>(count)) == SSL_ERROR_WANT_WRITE) {
        wait_for(POLLOUT);
        continue;
      }
    }
    if (count <= 0) throw std::runtime_error("the client hung up");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void FaultPeer::flood(std::size_t total, std::atomic<std::size_t>& sent) {
  const std::string block(16 * 1024, 'x');
  while (sent < total) {
    const auto count = ::send(socket_, block.data(), block.size(), MSG_NOSIGNAL);
    if (count > 0) {
      sent += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN) {
      wait_for(POLLOUT);
    } else {
      throw std::runtime_error("the client hung up");
    }
  }
}

void FaultPeer::send_slowly(std::string_view bytes, std::chrono::milliseconds gap) {
  for (const char byte : bytes) {
    pause(gap);
    send({&byte, 1});
  }
}

void FaultPeer::pause(std::chrono::milliseconds time) {
  pollfd stopped{server_.wake_[0], POLLIN, 0};
  ::poll(&stopped, 1, static_cast<int>(time.count()));
  if (stopped.revents != 0) throw FaultServer::Stopped();
}

void FaultPeer::hang() {
  pollfd stopped{server_.wake_[0], POLLIN, 0};
  ::poll(&stopped, 1, -1);
  throw FaultServer::Stopped();
}

void FaultPeer::half_close() {
  ::shutdown(socket_, SHUT_WR);
}

void FaultPeer::reset() {
  const linger at_once{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(socket_);
  socket_ = -1;
}

void FaultPeer::close_notify() {
  if (ssl_ != nullptr) SSL_shutdown(ssl_);
}

// --- the server
// ---------------------------------------------------------------------------------------------

FaultServer::FaultServer(Script script, std::optional<Tls> tls) : script_(std::move(script)) {
  if (tls) tls_ = make_context(*tls);
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 1024) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      ::pipe2(wake_, O_CLOEXEC) != 0)
    throw std::runtime_error("the fault server cannot listen");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

FaultServer::~FaultServer() {
  stop();
  ::close(listener_);
  ::close(wake_[0]);
  SSL_CTX_free(tls_);
}

void FaultServer::stop() {
  if (wake_[1] >= 0) ::close(std::exchange(wake_[1], -1));
  if (acceptor_.joinable()) acceptor_.join();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

std::string FaultServer::received() const {
  const std::lock_guard lock(mutex_);
  return received_;
}

void FaultServer::accept_all() {
  while (true) {
    std::array<pollfd, 2> watched{{{listener_, POLLIN, 0}, {wake_[0], POLLIN, 0}}};
    if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) return;
    if (watched[1].revents != 0) return;
    if (watched[0].revents == 0) continue;
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) continue;
    const int number = accepted_++;
    threads_.emplace_back([this, socket, number] { serve(socket, number); });
  }
}

void FaultServer::serve(int socket, int number) {
  // OpenSSL writes without MSG_NOSIGNAL. Only this thread may do without the signal: lllm has to avoid it.
  sigset_t pipe_signal;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, nullptr);
  const int yes = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);  // a byte sent alone shall arrive alone
  FaultPeer peer(*this, socket, number);
  try {
    if (tls_ != nullptr) {
      peer.ssl_ = SSL_new(tls_);
      SSL_set_fd(peer.ssl_, socket);
      while (true) {
        const int outcome = SSL_accept(peer.ssl_);
        if (outcome == 1) break;
        const int reason = SSL_get_error(peer.ssl_, outcome);
        if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE)
          throw std::runtime_error("no handshake");
        peer.wait_for(reason == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT);
      }
    }
    script_(peer);
  } catch (const Stopped&) {
  } catch (const std::exception&) {
    // The client hung up, as many faults make it.
  }
  SSL_free(peer.ssl_);
  if (peer.socket_ >= 0) ::close(peer.socket_);
}

std::string plain_answer(int status, std::string_view body, std::string_view more_headers) {
  return "HTTP/1.1 " + std::to_string(status) + " Whatever\r\nContent-Type: text/plain\r\n" +
         std::string(more_headers) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

}  // namespace lllm::test
