#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "lllm/net/certificates.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace lllm::test {

class FaultServer;

/// The server's end of one connection, for a script to drive: raw bytes, pauses, resets, half-closes. Every
/// function throws FaultServer::Stopped when the server is stopped, which ends the script.
class FaultPeer {
 public:
  /// Reads one HTTP request (head, and a body of Content-Length) and returns its bytes; empty when the client
  /// hung up.
  std::string read_request();
  /// Reads up to `size` bytes; fewer only at the end.
  std::string read(std::size_t size);
  void send(std::string_view bytes);
  /// One byte at a time, with a pause before each.
  void send_slowly(std::string_view bytes, std::chrono::milliseconds pause);
  void pause(std::chrono::milliseconds time);
  /// Does nothing until the server stops.
  void hang();
  /// Waits for the client to hang up; gives what it sent meanwhile.
  std::string read_to_end();
  /// Ends the sending side (FIN), without a TLS goodbye.
  void half_close();
  /// Ends the connection with a TCP reset.
  void reset();
  /// Ends the TLS conversation properly.
  void close_notify();
  /// The connection's number, from 0.
  [[nodiscard]] int number() const { return number_; }
  /// Sends as fast as the client takes it until `total` bytes are out; `sent` counts along, for another
  /// thread.
  void flood(std::size_t total, std::atomic<std::size_t>& sent);

 private:
  friend class FaultServer;
  FaultPeer(FaultServer& server, int socket, int number)
      : server_(server), socket_(socket), number_(number) {}
  void wait_for(short events);
  std::size_t receive(char* into, std::size_t room);

  FaultServer& server_;
  int socket_;
  int number_;
  ssl_st* ssl_ = nullptr;
  std::string unread_;
};

/// A server on loopback that does to each connection what a script says, on a thread per connection.
class FaultServer {
 public:
  using Script = std::function<void(FaultPeer&)>;
  struct Stopped {};
  struct Tls {
    Certificate certificate;
    int newest_version = 0;  ///< TLS1_1_VERSION and so on; 0: the newest there is.
  };

  /// @param script   Run once per connection; the connection is closed at its end. What it throws ends it.
  explicit FaultServer(Script script, std::optional<Tls> tls = std::nullopt);
  ~FaultServer();
  FaultServer(const FaultServer&) = delete;
  FaultServer& operator=(const FaultServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Connections accepted so far.
  [[nodiscard]] int accepted() const { return accepted_; }
  /// All bytes that clients sent, after decryption; of every connection, in the order they were read.
  [[nodiscard]] std::string received() const;
  void stop();

 private:
  friend class FaultPeer;
  void accept_all();
  void serve(int socket, int number);

  Script script_;
  ssl_ctx_st* tls_ = nullptr;
  int listener_ = -1;
  int wake_[2] = {-1, -1};  // a pipe whose closing ends every wait
  std::uint16_t port_ = 0;
  std::atomic<int> accepted_{0};
  mutable std::mutex mutex_;
  std::string received_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

/// An answer with this status, content type text/plain, a Content-Length and the body.
std::string plain_answer(int status, std::string_view body, std::string_view more_headers = "");

}  // namespace lllm::test
