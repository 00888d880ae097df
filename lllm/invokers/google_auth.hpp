#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "lllm/base/error.hpp"
#include "lllm/base/secret.hpp"
#include "lllm/formats/http_message.hpp"

namespace lllm {

namespace asio = boost::asio;
class HttpClient;  // net/http_client.hpp

/// What Google's credentials files hold: a service account's key, or what `gcloud auth application-default
/// login` leaves.
struct GoogleCredentials {
  enum class Kind { service_account, authorized_user };
  GoogleCredentials() = default;
  Kind kind = Kind::service_account;
  std::string token_uri;  ///< where a token is asked for
  // Of a service account.
  std::string client_email;
  std::string private_key_id;
  Secret private_key;  ///< PEM
  // Of a user.
  std::string client_id;
  Secret client_secret;
  Secret refresh_token;
};

/// `configuration` says what is missing or wrong; it never quotes the text.
Result<GoogleCredentials> parse_google_credentials(std::string_view json);

/// The signed assertion of a service account: RS256 over claims that are good for an hour from `now` on.
/// `configuration` when the private key cannot be read.
/// Spec: RFC 7519, and Google Identity, "Using OAuth 2.0 for server to server applications".
Result<std::string> make_google_jwt(const GoogleCredentials& credentials,
                                    std::chrono::system_clock::time_point now);

struct GoogleToken {
  GoogleToken() = default;
  Secret value;
  std::chrono::system_clock::time_point expires;
};

/// The request that brings a token, and what its answer means. Pure. Errors: `configuration`;
/// `authentication` when Google refuses the credentials, otherwise as the status says.
Result<HttpRequest> google_token_request(const GoogleCredentials& credentials,
                                         std::chrono::system_clock::time_point now);
Result<GoogleToken> read_google_token(int status, std::string_view body,
                                      std::chrono::system_clock::time_point now);

/// Tokens for Vertex AI: fetched when first needed, kept, and renewed before they expire. Calls that need one
/// at the same time share one request; while an old token still holds, they go on with it.
///
/// Thread-safety: confined to one executor, the client's. It may be destroyed with calls in flight.
class GoogleTokenSource {
 public:
  using Now = std::function<std::chrono::system_clock::time_point()>;

  /// @param credentials  the file's JSON, or its path; read (off the loop) at the first call.
  /// @param client       must outlive the calls.
  explicit GoogleTokenSource(HttpClient& client, Secret credentials, Now now = {});

  /// @throws Exception io_failed, configuration, authentication, and what HttpClient::send throws.
  /// Cancellation: terminal; another waiting call then asks in its place.
  asio::awaitable<Secret> token();
  /// Sets the Authorization header.
  asio::awaitable<void> authorize(HttpRequest& request);

 private:
  struct State;
  static asio::awaitable<Secret> token_of(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace lllm
