#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "lllm/core/awaitable.hpp"
#include "lllm/testing/fake_reply.hpp"

namespace lllm {

/// How a FakeProvider listens and paces. Setters chain.
class FakeOptions {
 public:
  FakeOptions() = default;
  FakeOptions& host(std::string address) { return host_ = std::move(address), *this; }
  /// 0: any free one; see FakeProvider::port().
  FakeOptions& port(std::uint16_t number) { return port_ = number, *this; }
  /// HTTPS with a certificate made at start; see FakeProvider::ca_pem().
  FakeOptions& tls(bool on) { return tls_ = on, *this; }
  FakeOptions& time_to_first_token(std::chrono::milliseconds time) { return ttft_ = time, *this; }
  /// 0: as fast as the reader takes them.
  FakeOptions& tokens_per_second(double rate) { return rate_ = rate, *this; }
  /// Each pause is varied by up to this share of itself (0 … 1), always the same for the same seed.
  FakeOptions& jitter(double share) { return jitter_ = share, *this; }
  FakeOptions& seed(std::uint64_t number) { return seed_ = number, *this; }
  /// Length of generated answers, in words.
  FakeOptions& answer_words(std::size_t count) { return answer_words_ = count, *this; }
  /// Only this key is accepted; anything else is answered with 401. Empty: any.
  FakeOptions& require_key(std::string key) { return key_ = std::move(key), *this; }
  /// Only these models exist; others are answered with 404. Empty: any.
  FakeOptions& models(std::vector<std::string> names) { return models_ = std::move(names), *this; }

  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] bool tls() const { return tls_; }
  [[nodiscard]] std::chrono::milliseconds time_to_first_token() const { return ttft_; }
  [[nodiscard]] double tokens_per_second() const { return rate_; }
  [[nodiscard]] double jitter() const { return jitter_; }
  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  [[nodiscard]] std::size_t answer_words() const { return answer_words_; }
  [[nodiscard]] const std::string& require_key() const { return key_; }
  [[nodiscard]] const std::vector<std::string>& models() const { return models_; }

 private:
  std::string host_ = "127.0.0.1";
  std::uint16_t port_ = 0;
  bool tls_ = false;
  std::chrono::milliseconds ttft_{0};
  double rate_ = 0;
  double jitter_ = 0;
  std::uint64_t seed_ = 1;
  std::size_t answer_words_ = 40;
  std::string key_;
  std::vector<std::string> models_;
};

struct FakeStats {
  std::uint64_t requests = 0;
  std::uint64_t streams = 0;
  std::uint64_t chunks = 0;
  std::uint64_t connections = 0;
  std::uint64_t refused = 0;         ///< answered with 4xx
  std::uint64_t in_flight = 0;       ///< right now
  std::uint64_t most_in_flight = 0;  ///< at once
};

/// A real HTTP(S) server on loopback that speaks the providers' wires: for tests of what is built with lllm,
/// and of any other client. It answers scripted replies in order, then what `respond_with` says, then by
/// itself: a call of the first offered tool when no tool result is there yet, else generated words.
///
/// Thread-safety: everything on the one executor, except port() and stats().
class FakeProvider {
 public:
  /// Listens at once. @throws Exception io_failed when the port is taken.
  explicit FakeProvider(asio::any_io_executor executor, FakeOptions options = {});
  ~FakeProvider();
  FakeProvider(const FakeProvider&) = delete;
  FakeProvider& operator=(const FakeProvider&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  /// For `base_url`: "http://127.0.0.1:PORT/v1".
  [[nodiscard]] std::string base_url() const;
  /// "http://127.0.0.1:PORT", for wires whose paths differ.
  [[nodiscard]] std::string origin() const;
  /// The certificate authority to trust, PEM; empty without TLS.
  [[nodiscard]] const std::string& ca_pem() const;

  /// The next requests get these, first come, first served.
  void script(FakeReply reply);
  void respond_with(std::function<FakeReply(const FakeRequest&)> model);

  /// The last requests (at most 1,000), oldest first.
  [[nodiscard]] const std::deque<FakeRequest>& requests() const;
  [[nodiscard]] FakeStats stats() const;

  /// Closes the port and every connection.
  void stop();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lllm
