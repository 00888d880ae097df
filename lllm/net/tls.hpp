#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lllm/base/error.hpp"
#include "lllm/base/secret.hpp"

// OpenSSL's own types, so that this header does not drag its headers in.
struct ssl_st;
struct ssl_ctx_st;

namespace lllm {

/// How a client checks its peers and shows itself.
struct TlsOptions {
  /// False accepts any certificate: for a test against a server of one's own. Nothing but code can set it.
  bool verify = true;
  std::string ca_file;  ///< PEM file to trust instead of the system's store, which is read once per process.
  std::string ca_pem;   ///< PEM text to trust, beside ca_file; together they replace the system's store.
  std::string certificate_pem;  ///< Our own certificate with its chain, for servers that ask for one (mTLS).
  Secret private_key_pem;       ///< Its key.

  TlsOptions() = default;
};

/// What all TLS connections of one client, or of one server, share. TLS 1.2 at least. May be shared by
/// threads as long as each uses streams of its own on one executor per context.
class TlsContext {
 public:
  /// @throws Exception `configuration` when a certificate or key cannot be read.
  static std::shared_ptr<TlsContext> client(const TlsOptions& options);
  /// `certificate_pem` is the server's certificate with its chain. With `client_ca_pem`, clients must show a
  /// certificate that it signed.
  static std::shared_ptr<TlsContext> server(const std::string& certificate_pem, const Secret& private_key_pem,
                                            const std::string& client_ca_pem = {});

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  [[nodiscard]] ssl_ctx_st* handle() const { return context_; }
  [[nodiscard]] bool verifies() const { return verifies_; }

 private:
  friend class TlsStream;
  struct Sessions;
  TlsContext();

  ssl_ctx_st* context_ = nullptr;
  bool verifies_ = true;
  std::unique_ptr<Sessions> sessions_;  // the newest session of each host, to resume
};

/// One TLS conversation over a non-blocking socket. It reads from bytes that its owner received and writes to
/// the socket by itself; what the socket does not take at once waits in `unsent()`. It owns no buffer while
/// idle.
class TlsStream {
 public:
  enum class Status {
    ok,
    want_input,  ///< Feed more bytes.
    closed,      ///< The peer said goodbye (close_notify).
    failed,      ///< See error().
  };

  /// @param host  The name or address the certificate must be for; sent as SNI when it is a name. For a
  /// server:
  ///              empty.
  TlsStream(std::shared_ptr<TlsContext> context, int socket, std::string host);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  /// Bytes received from the socket. They must stay until reading says want_input.
  void feed(std::string_view ciphertext) {
    input_ = ciphertext;
    if (first_byte_ == 0 && !ciphertext.empty()) first_byte_ = ciphertext.front();
  }
  Status handshake();
  /// Decrypts into `out` until it is full or the input is used up. `size` becomes what was written; bytes may
  /// come along with any status.
  Status read(char* out, std::size_t& size);
  /// Encrypts and sends; call again only when `unsent()` is empty. At most 16 KiB go into one record.
  Status write(std::string_view plaintext);
  /// Sends what waited; false while something still waits, or after a failure.
  bool flush();
  [[nodiscard]] bool has_unsent() const { return !unsent_.empty(); }
  /// Says goodbye, best effort.
  void shutdown();
  [[nodiscard]] bool resumed() const;
  [[nodiscard]] bool established() const { return established_; }
  /// Why the last call failed: `tls_untrusted`, `tls_failed` or `connection_lost`.
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  friend class TlsContext;
  friend struct TlsBio;
  Status conclude(int outcome, const char* what);
  void note_failure(int ssl_error, const char* what);
  long send_now(const char* data, std::size_t size);

  std::shared_ptr<TlsContext> context_;
  Error error_;            // allocates: a constructor that fails once ssl_ is there would lose it
  ssl_st* ssl_ = nullptr;  // ours
  int socket_;
  int send_errno_ = 0;
  bool established_ = false;
  char first_byte_ = 0;  // of all that the peer sent: it tells TLS from anything else
  std::string host_;
  std::string_view input_;
  std::string unsent_;
};

}  // namespace lllm
