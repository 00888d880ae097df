#pragma once

#include <cstdint>
#include <string>

#include "benchmarks/child.hpp"

namespace bench {

/// The fake provider as a process of its own on the server's core, streaming `words` words at
/// `words_per_second`.
class FakeServer {
 public:
  FakeServer(bool tls, int words, int words_per_second);
  [[nodiscard]] const std::string& base_url() const { return base_url_; }
  /// The authority to trust; empty without TLS.
  [[nodiscard]] const std::string& ca_pem() const { return ca_pem_; }

 private:
  Child child_;
  std::string base_url_;
  std::string ca_pem_;
};

/// For main(): when the arguments are those of a fake server, runs it and does not come back.
void serve_fake_if_asked(int argc, char** argv);

/// As many open files as the system lets us have. @returns  how many that is.
std::size_t raise_file_limit();

}  // namespace bench
