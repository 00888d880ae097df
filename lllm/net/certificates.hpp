#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "lllm/base/secret.hpp"

namespace lllm {

/// A certificate with its key, as PEM. `ca_pem` is what a peer must trust.
struct Certificate {
  std::string certificate_pem;  ///< With the chain, the leaf first.
  Secret private_key_pem;
  std::string ca_pem;
};

/// What to write into a certificate. The defaults make one that is good for localhost.
struct CertificateWishes {
  std::string common_name = "localhost";
  std::vector<std::string> dns_names{"localhost"};
  std::vector<std::string> addresses{"127.0.0.1", "::1"};
  std::chrono::seconds valid_from{-3600};  ///< From now.
  std::chrono::seconds valid_for{24 * 3600};
  bool for_server = true;  ///< Else for a client (extended key usage).
  bool self_signed = false;

  CertificateWishes() = default;
};

/// A certificate authority that lives as long as this object: for tests and for the fake provider, whose
/// certificates are made at run time so that none ever lies about in a repository. Keys are ECDSA P-256.
class CertificateAuthority {
 public:
  /// @throws Exception internal when OpenSSL cannot make a key.
  explicit CertificateAuthority(const std::string& name = "lllm test CA");

  [[nodiscard]] const std::string& pem() const { return pem_; }
  [[nodiscard]] Certificate issue(const CertificateWishes& wishes = CertificateWishes()) const;

 private:
  std::string pem_;
  Secret key_pem_;
};

}  // namespace lllm
