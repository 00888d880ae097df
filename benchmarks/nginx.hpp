#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "benchmarks/child.hpp"
#include "benchmarks/streams.hpp"

namespace bench {

/// The neutral server: nginx with fixed answers, plain and TLS 1.3, on the server's core, in a folder of its
/// own.
///
/// | path                  | answers                                                                     |
/// | /v1/chat/completions  | `answer` as application/json                                                |
/// | /stream/PATH          | the stream of that path, in as few pieces as the sockets take               |
class Nginx {
 public:
  /// @throws std::runtime_error when nginx cannot be started.
  explicit Nginx(const std::string& answer, const std::vector<WireStream>& streams = {});
  ~Nginx();
  Nginx(const Nginx&) = delete;
  Nginx& operator=(const Nginx&) = delete;

  [[nodiscard]] std::uint16_t port(bool tls) const { return tls ? tls_port_ : port_; }
  /// "https://localhost:PORT"
  [[nodiscard]] std::string origin(bool tls) const;
  [[nodiscard]] const std::string& ca_pem() const { return ca_pem_; }
  /// The authority's certificate as a file, for other programs.
  [[nodiscard]] std::string ca_file() const { return (folder_ / "ca.pem").string(); }
  /// CPU time that it has used so far, in seconds.
  [[nodiscard]] double cpu_seconds() const { return child_->cpu_seconds(); }
  /// A folder that lives as long as the server.
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
  std::uint16_t port_ = 0;
  std::uint16_t tls_port_ = 0;
  std::string ca_pem_;
  std::unique_ptr<Child> child_;
};

}  // namespace bench
