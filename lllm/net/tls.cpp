#include "lllm/net/tls.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <unordered_map>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <boost/asio/ip/address.hpp>

namespace lllm {

/// OpenSSL's view of a TlsStream: reads come from the bytes in hand, writes go to the socket.
struct TlsBio {
  static int write(BIO* bio, const char* data, std::size_t size, std::size_t* written) {
    auto* stream = static_cast<TlsStream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    long sent = -1;
    try {
      sent = stream->send_now(data, size);
    } catch (const std::bad_alloc&) {  // nothing may be thrown through OpenSSL
      stream->send_errno_ = ENOMEM;
    }
    *written = sent < 0 ? 0 : size;
    return sent < 0 ? 0 : 1;
  }
  static int read(BIO* bio, char* data, std::size_t size, std::size_t* taken) {
    auto* stream = static_cast<TlsStream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    *taken = std::min(size, stream->input_.size());
    if (*taken == 0) return BIO_set_retry_read(bio), 0;
    std::memcpy(data, stream->input_.data(), *taken);
    stream->input_.remove_prefix(*taken);
    return 1;
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }
  static int create(BIO* bio) { return BIO_set_init(bio, 1), 1; }

  static BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "lllm");
      BIO_meth_set_write_ex(fresh, write);
      BIO_meth_set_read_ex(fresh, read);
      BIO_meth_set_ctrl(fresh, control);
      BIO_meth_set_create(fresh, create);
      return fresh;
    }();
    return made;
  }
};

namespace {

std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return reason == nullptr ? "unknown reason" : reason;
}

[[noreturn]] void refuse(const std::string& what) {
  throw_error(ErrorKind::configuration, "TLS: " + what + ": " + openssl_reason());
}

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPtr = std::unique_ptr<BIO, BioDeleter>;

BioPtr memory_bio(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

void trust_pem(SSL_CTX* context, const std::string& pem) {
  const BioPtr bio = memory_bio(pem);
  int count = 0;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
    X509_free(certificate);
    ++count;
  }
  ERR_clear_error();  // the end of the text counts as an error
  if (count == 0) throw_error(ErrorKind::configuration, "TLS: no certificate was found in the given CA text");
}

void show_certificate(SSL_CTX* context, const std::string& certificate_pem, const Secret& key_pem) {
  const BioPtr certificates = memory_bio(certificate_pem);
  X509* leaf = PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr);
  if (leaf == nullptr) refuse("our certificate cannot be read");
  const int used = SSL_CTX_use_certificate(context, leaf);
  X509_free(leaf);
  if (used != 1) refuse("our certificate cannot be used");
  while (X509* link = PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr))
    SSL_CTX_add_extra_chain_cert(context, link);  // takes it over
  ERR_clear_error();

  const BioPtr text = memory_bio(key_pem.reveal());
  EVP_PKEY* key = PEM_read_bio_PrivateKey(text.get(), nullptr, nullptr, nullptr);
  if (key == nullptr) refuse("our private key cannot be read");
  const int fits = SSL_CTX_use_PrivateKey(context, key);
  EVP_PKEY_free(key);
  if (fits != 1 || SSL_CTX_check_private_key(context) != 1)
    refuse("our private key does not fit our certificate");
}

/// The system's certificates: 50 ms of reading, once for the whole process.
X509_STORE* system_trust() {
  static X509_STORE* const store = [] {
    X509_STORE* fresh = X509_STORE_new();
    if (fresh != nullptr) X509_STORE_set_default_paths(fresh);
    return fresh;
  }();
  return store;
}

/// What a peer's alert says about the certificate that we showed, or did not; empty where it is about
/// something else.
/// TLS 1.3 takes the handshake to be over before the server has looked at it.
std::string refusal_of_ours(const std::string& host, bool established) {
  const int reason = ERR_GET_REASON(ERR_peek_last_error());
  switch (reason - SSL_AD_REASON_OFFSET) {
    case SSL_AD_CERTIFICATE_REQUIRED:
      return host + " wants a certificate of ours (TlsOptions::certificate_pem)";
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
      return host + " refused our certificate: " + openssl_reason();
    case SSL_AD_DECRYPT_ERROR:  // its signature is not of whom the server trusts by that name
      return established ? host + " refused our certificate: " + openssl_reason() : std::string();
    default:
      return {};
  }
}

bool is_address(const std::string& host) {
  boost::system::error_code failure;
  boost::asio::ip::make_address(host, failure);
  return !failure;
}

}  // namespace

struct TlsContext::Sessions {
  static constexpr std::size_t most = 512;
  std::unordered_map<std::string, SSL_SESSION*> by_host;

  ~Sessions() {
    for (auto& [host, session] : by_host) SSL_SESSION_free(session);
  }
  void keep(const std::string& host, SSL_SESSION* session) {
    if (by_host.size() >= most && by_host.find(host) == by_host.end()) {
      SSL_SESSION_free(by_host.begin()->second);
      by_host.erase(by_host.begin());
    }
    SSL_SESSION*& place = by_host[host];
    SSL_SESSION_free(place);
    place = session;
  }
  /// OpenSSL calls this when the server hands out a session; 1 keeps the reference.
  static int on_new(SSL* ssl, SSL_SESSION* session) {
    auto* stream = static_cast<TlsStream*>(SSL_get_app_data(ssl));
    try {
      stream->context_->sessions_->keep(stream->host_, session);
      return 1;
    } catch (const std::bad_alloc&) {
      return 0;  // nothing to resume, then
    }
  }
};

TlsContext::TlsContext() : context_(SSL_CTX_new(TLS_method())) {
  if (context_ == nullptr) refuse("no context could be made");
  SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
  // Idle connections give their record buffers back, and a write may be repeated from another address.
  SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context_, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
}

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
}

std::shared_ptr<TlsContext> TlsContext::client(const TlsOptions& options) {
  std::shared_ptr<TlsContext> made(new TlsContext());
  SSL_CTX* context = made->context_;
  made->verifies_ = options.verify;
  SSL_CTX_set_verify(context, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (options.ca_file.empty() && options.ca_pem.empty()) {
    if (X509_STORE* store = system_trust(); store != nullptr) SSL_CTX_set1_cert_store(context, store);
  } else {
    if (!options.ca_file.empty() && SSL_CTX_load_verify_file(context, options.ca_file.c_str()) != 1)
      refuse("the CA file " + options.ca_file + " cannot be read");
    if (!options.ca_pem.empty()) trust_pem(context, options.ca_pem);
  }
  if (!options.certificate_pem.empty())
    show_certificate(context, options.certificate_pem, options.private_key_pem);
  made->sessions_ = std::make_unique<Sessions>();
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, &Sessions::on_new);
  return made;
}

std::shared_ptr<TlsContext> TlsContext::server(const std::string& certificate_pem,
                                               const Secret& private_key_pem,
                                               const std::string& client_ca_pem) {
  std::shared_ptr<TlsContext> made(new TlsContext());
  show_certificate(made->context_, certificate_pem, private_key_pem);
  constexpr std::string_view name = "lllm";
  SSL_CTX_set_session_id_context(made->context_, reinterpret_cast<const unsigned char*>(name.data()),
                                 static_cast<unsigned>(name.size()));
  if (!client_ca_pem.empty()) {
    trust_pem(made->context_, client_ca_pem);
    SSL_CTX_set_verify(made->context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return made;
}

TlsStream::TlsStream(std::shared_ptr<TlsContext> context, int socket, std::string host)
    : context_(std::move(context)),
      ssl_(SSL_new(context_->context_)),
      socket_(socket),
      host_(std::move(host)) {
  BIO* bio = ssl_ == nullptr ? nullptr : BIO_new(TlsBio::method());
  if (bio == nullptr) {
    SSL_free(ssl_);
    throw_error(ErrorKind::resource_exhausted, "TLS: no connection could be made: " + openssl_reason());
  }
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_app_data(ssl_, this);
  if (host_.empty()) {
    SSL_set_accept_state(ssl_);
    return;
  }
  SSL_set_connect_state(ssl_);
  X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl_);
  if (is_address(host_)) {
    X509_VERIFY_PARAM_set1_ip_asc(wanted, host_.c_str());
  } else {
    // A lone "*" or a partial label is no wildcard, and the common name has long ceased to name a host.
    X509_VERIFY_PARAM_set_hostflags(
        wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    X509_VERIFY_PARAM_set1_host(wanted, host_.data(), host_.size());
    SSL_set_tlsext_host_name(ssl_, host_.c_str());
  }
  const auto known = context_->sessions_->by_host.find(host_);
  if (known != context_->sessions_->by_host.end()) SSL_set_session(ssl_, known->second);
}

TlsStream::~TlsStream() {
  SSL_free(ssl_);
}

long TlsStream::send_now(const char* data, std::size_t size) {
  std::size_t sent = 0;
  while (unsent_.empty() && sent < size) {
    const auto count = ::send(socket_, data + sent, size - sent, MSG_NOSIGNAL);
    if (count >= 0) {
      sent += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno != EINTR) {
      send_errno_ = errno;
      return -1;
    }
  }
  unsent_.append(data + sent, size - sent);
  return static_cast<long>(size);
}

bool TlsStream::flush() {
  if (unsent_.empty()) return true;
  std::string waiting;
  waiting.swap(unsent_);
  if (send_now(waiting.data(), waiting.size()) >= 0) return unsent_.empty();
  error_ = Error(ErrorKind::connection_lost, std::string("sending failed: ") + std::strerror(send_errno_));
  return false;
}

TlsStream::Status TlsStream::handshake() {
  ERR_clear_error();
  const int outcome = SSL_do_handshake(ssl_);
  if (outcome == 1) return established_ = true, Status::ok;
  return conclude(outcome, "the TLS handshake failed");
}

TlsStream::Status TlsStream::read(char* out, std::size_t& size) {
  const std::size_t room = size;
  size = 0;
  while (size < room) {
    std::size_t count = 0;
    ERR_clear_error();
    const int outcome = SSL_read_ex(ssl_, out + size, room - size, &count);
    if (outcome != 1) return conclude(outcome, "the TLS connection broke");
    size += count;
  }
  return Status::ok;
}

TlsStream::Status TlsStream::write(std::string_view plaintext) {
  std::size_t written = 0;
  ERR_clear_error();
  const int outcome = SSL_write_ex(ssl_, plaintext.data(), plaintext.size(), &written);
  return outcome == 1 ? Status::ok : conclude(outcome, "sending over TLS failed");
}

TlsStream::Status TlsStream::conclude(int outcome, const char* what) {
  const int ssl_error = SSL_get_error(ssl_, outcome);
  if (ssl_error == SSL_ERROR_WANT_READ) return Status::want_input;
  if (ssl_error == SSL_ERROR_ZERO_RETURN) return Status::closed;
  note_failure(ssl_error, what);
  return Status::failed;
}

void TlsStream::note_failure(int ssl_error, const char* what) {
  const long verdict = SSL_get_verify_result(ssl_);
  const bool is_client = !host_.empty();
  const std::string refusal =
      is_client && ssl_error == SSL_ERROR_SSL ? refusal_of_ours(host_, established_) : std::string();
  constexpr char handshake_record = 0x16;
  constexpr char alert_record = 0x15;
  const bool speaks_tls = first_byte_ == 0 || first_byte_ == handshake_record || first_byte_ == alert_record;
  if (!refusal.empty()) {
    error_ = Error(ErrorKind::tls_untrusted, refusal);
  } else if (is_client && !speaks_tls) {
    error_ = Error(ErrorKind::tls_failed,
                   host_ + " does not speak TLS on this port: should the URL begin with http://?");
  } else if (!established_ && verdict != X509_V_OK && context_->verifies_) {
    error_ =
        Error(ErrorKind::tls_untrusted,
              "the certificate of " + host_ + " is not trusted: " + X509_verify_cert_error_string(verdict));
  } else if (ssl_error == SSL_ERROR_SYSCALL && send_errno_ != 0) {
    error_ = Error(established_ ? ErrorKind::connection_lost : ErrorKind::tls_failed,
                   std::string(what) + ": " + std::strerror(send_errno_));
  } else {
    error_ = Error(established_ ? ErrorKind::connection_lost : ErrorKind::tls_failed,
                   std::string(what) + ": " + openssl_reason());
  }
  ERR_clear_error();
}

void TlsStream::shutdown() {
  if (!established_) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

bool TlsStream::resumed() const {
  return SSL_session_reused(ssl_) == 1;
}

}  // namespace lllm
