#include "lllm/invokers/google_auth.hpp"

#include <optional>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "lllm/async/event.hpp"
#include "lllm/async/file_io.hpp"
#include "lllm/async/worker_pool.hpp"
#include "lllm/base/base64.hpp"
#include "lllm/base/json.hpp"
#include "lllm/base/text.hpp"
#include "lllm/formats/percent.hpp"
#include "lllm/formats/url.hpp"
#include "lllm/net/http_client.hpp"

namespace lllm {
namespace {

using Clock = std::chrono::system_clock;

constexpr std::string_view scope = "https://www.googleapis.com/auth/cloud-platform";
constexpr std::string_view default_token_uri = "https://oauth2.googleapis.com/token";
constexpr auto renew_before = std::chrono::minutes(5);  // of a token's hour
constexpr auto least_left = std::chrono::seconds(30);   // for a call that is being made
constexpr std::size_t largest_answer = 1 << 20;
constexpr std::int64_t largest_file = 1 << 20;

Error wrong(const std::string& what) {
  return Error(ErrorKind::configuration, "Google credentials: " + what).provider("vertex_ai");
}

std::int64_t seconds_since_1970(Clock::time_point when) {
  return std::chrono::duration_cast<std::chrono::seconds>(when.time_since_epoch()).count();
}

struct Freed {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

/// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, RS256).
Result<std::string> sign_rs256(const Secret& pem, std::string_view text) {
  const auto failed = [](const char* what) {
    ERR_clear_error();  // OpenSSL's own words may quote the key
    return wrong(what);
  };
  const std::string& bytes = pem.reveal();
  const std::unique_ptr<BIO, Freed> source(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  if (!source) return failed("out of memory");
  const std::unique_ptr<EVP_PKEY, Freed> key(
      PEM_read_bio_PrivateKey(source.get(), nullptr, [](char*, int, int, void*) { return 0; }, nullptr));
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA)
    return failed("'private_key' is no RSA key in PEM");
  const std::unique_ptr<EVP_MD_CTX, Freed> context(EVP_MD_CTX_new());
  std::size_t size = 0;
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, data, text.size()) != 1)
    return failed("'private_key' cannot sign");
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data,
                     text.size()) != 1)
    return failed("'private_key' cannot sign");
  signature.resize(size);
  return signature;
}

}  // namespace

Result<GoogleCredentials> parse_google_credentials(std::string_view json) {
  const auto value = parse_json(json);
  if (!value || !value->is_object()) return wrong("the file is no JSON object");
  const auto type = text_at(*value, "type");
  GoogleCredentials found;
  std::vector<std::string> missing;
  const auto text = [&](std::string_view key) {
    std::string member(text_at(*value, key));
    if (member.empty()) missing.push_back("'" + std::string(key) + "'");
    return member;
  };
  if (type == "service_account") {
    found.client_email = text("client_email");
    found.private_key = Secret(text("private_key"));
    found.private_key_id = text_at(*value, "private_key_id");
  } else if (type == "authorized_user") {
    found.kind = GoogleCredentials::Kind::authorized_user;
    found.client_id = text("client_id");
    found.client_secret = Secret(text("client_secret"));
    found.refresh_token = Secret(text("refresh_token"));
  } else {
    return wrong("only the types service_account and authorized_user are supported");
  }
  if (!missing.empty())
    return wrong(join(missing, ", ") + (missing.size() == 1 ? " is" : " are") + " missing");
  found.token_uri = text_at(*value, "token_uri");
  if (found.token_uri.empty()) found.token_uri = default_token_uri;
  const auto url = parse_url(found.token_uri);
  if (!url) return wrong("'token_uri' is no URL");
  // The assertion is as good as a key: in clear only to this machine.
  const std::string& host = url->origin.host;
  if (!url->origin.is_tls() && host != "127.0.0.1" && host != "localhost" && host != "::1")
    return wrong("'token_uri' must be https");
  return found;
}

Result<std::string> make_google_jwt(const GoogleCredentials& credentials, Clock::time_point now) {
  json::object header{{"alg", "RS256"}, {"typ", "JWT"}};
  if (!credentials.private_key_id.empty()) header["kid"] = json::string(credentials.private_key_id);
  const std::int64_t issued = seconds_since_1970(now);
  const json::object claims{{"iss", json::string(credentials.client_email)},
                            {"scope", json::string(scope)},
                            {"aud", json::string(credentials.token_uri)},
                            {"iat", issued},
                            {"exp", issued + 3600}};
  std::string token = base64url_encode(to_json(header)) + '.' + base64url_encode(to_json(claims));
  auto signature = sign_rs256(credentials.private_key, token);
  if (!signature) return signature.error();
  return token + '.' + base64url_encode(*signature);
}

Result<HttpRequest> google_token_request(const GoogleCredentials& credentials, Clock::time_point now) {
  std::string body;
  if (credentials.kind == GoogleCredentials::Kind::service_account) {
    auto assertion = make_google_jwt(credentials, now);
    if (!assertion) return assertion.error();
    body = "grant_type=" + percent_encode("urn:ietf:params:oauth:grant-type:jwt-bearer") +
           "&assertion=" + percent_encode(*assertion);
  } else {
    body = "grant_type=refresh_token&client_id=" + percent_encode(credentials.client_id) +
           "&client_secret=" + percent_encode(credentials.client_secret.reveal()) +
           "&refresh_token=" + percent_encode(credentials.refresh_token.reveal());
  }
  auto url = parse_url(credentials.token_uri);
  if (!url) return wrong("'token_uri' is no URL");
  HttpHeaders headers;
  headers.set("Content-Type", "application/x-www-form-urlencoded");
  headers.set("Accept", "application/json");
  return HttpRequest("POST", url->origin, url->target, std::move(headers), std::move(body));
}

Result<GoogleToken> read_google_token(int status, std::string_view body, Clock::time_point now) {
  const auto value = parse_json(body);
  const json::value none;
  const json::value& answer = value ? *value : none;
  if (status < 200 || status >= 300) {
    ErrorKind kind = ErrorKind::authentication;
    if (status == 429) kind = ErrorKind::rate_limited;
    if (status == 503) kind = ErrorKind::overloaded;
    if (status >= 500 && status != 503) kind = ErrorKind::provider_error;
    Error refused(kind, "Google gave no token for the credentials (status " + std::to_string(status) + ")");
    refused.status(status)
        .provider("vertex_ai")
        .provider_text(excerpt(text_at(answer, "error_description"), 1024))
        .provider_type(std::string(text_at(answer, "error")));
    return refused;
  }
  const auto token = text_at(answer, "access_token");
  if (token.empty() || has_control_break(token))
    return Error(ErrorKind::bad_reply, "Google's answer holds no access token").provider("vertex_ai");
  GoogleToken found;
  found.value = Secret(std::string(token));
  const auto seconds = std::clamp<std::int64_t>(integer_at(answer, "expires_in").value_or(3600), 0, 86'400);
  found.expires = now + std::chrono::seconds(seconds);
  return found;
}

struct GoogleTokenSource::State {
  // One request that several calls wait for.
  struct Flight {
    Event done;
    std::optional<Error> failure;  // none and no token: it was cancelled
  };
  HttpClient* client = nullptr;
  Secret source;
  Now now;
  std::optional<GoogleCredentials> credentials;
  std::optional<GoogleToken> token;
  std::shared_ptr<Flight> flight;
};

namespace {

asio::awaitable<GoogleToken> fetch_token(HttpClient* client, const GoogleCredentials& credentials,
                                         Clock::time_point now) {
  HttpRequest request = google_token_request(credentials, now).value();
  HttpTimeouts timeouts;
  timeouts.first_byte = std::chrono::seconds(30);
  HttpExchange exchange = co_await client->send(std::move(request), timeouts);
  const int status = exchange.head().status;
  const std::string body = co_await exchange.read_all(largest_answer);
  co_return read_google_token(status, body, now).value();
}

// A path that leads to no file may be told in an error when its folder is there. Anything else may be a key
// that was put in the wrong place, and keys may well begin with a slash or end like a file's name.
asio::awaitable<bool> has_a_folder(const std::string& text) {
  const std::string folder = text.substr(0, text.rfind('/') == text.npos ? 0 : text.rfind('/'));
  if (folder.find_first_not_of("./") == folder.npos || has_control_break(folder)) co_return false;
  auto job = [folder] { return stat_file_blocking(folder); };
  auto pending = WorkerPool::shared().run(std::move(job));
  const auto stamp = co_await std::move(pending);
  co_return stamp.has_value();
}

asio::awaitable<GoogleCredentials> read_credentials(Secret source) {
  if (trim(source.reveal()).starts_with('{')) co_return parse_google_credentials(source.reveal()).value();
  FileContents file;
  std::optional<Error> failed;
  try {
    FileContents read = co_await read_file(source.reveal(), largest_file);
    file = std::move(read);
  } catch (const Exception& failure) {
    if (failure.kind() != ErrorKind::io_failed) throw;
    failed = failure.error();
  }
  if (failed) {
    if (co_await has_a_folder(source.reveal())) throw_error(std::move(*failed));
    throw_error(
        wrong("they are neither JSON nor the path of a file that can be read (and are not shown, "
              "because they may be a key)"));
  }
  auto credentials = parse_google_credentials(file.bytes);
  if (!credentials) {  // a file was read: it is a path
    Error named = credentials.error();
    named.message("'" + source.reveal() + "': " + named.message());
    throw_error(std::move(named));
  }
  co_return std::move(credentials).value();
}

}  // namespace

GoogleTokenSource::GoogleTokenSource(HttpClient& client, Secret credentials, Now now)
    : state_(std::make_shared<State>()) {
  state_->client = &client;
  state_->source = std::move(credentials);
  state_->now = now ? std::move(now) : Now([] { return Clock::now(); });
}

asio::awaitable<Secret> GoogleTokenSource::token() {
  return token_of(state_);
}

asio::awaitable<Secret> GoogleTokenSource::token_of(std::shared_ptr<State> state) {
  for (;;) {
    const auto now = state->now();
    const auto left = state->token ? state->token->expires - now : Clock::duration(0);
    if (left > renew_before) co_return state->token->value;
    if (!state->flight) break;
    if (left > least_left) co_return state->token->value;
    const auto flight = state->flight;
    co_await flight->done.wait();
    if (flight->failure) throw_error(*flight->failure);
    // It brought a token; or it was cancelled, and the first who wakes up asks in its place.
  }

  const auto flight = std::make_shared<State::Flight>();
  state->flight = flight;
  struct Landing {  // however this ends, nobody waits for ever
    State& state;
    State::Flight& flight;
    ~Landing() {
      state.flight.reset();
      flight.done.open();
    }
  } landing{*state, *flight};
  try {
    if (!state->credentials) {
      GoogleCredentials read = co_await read_credentials(state->source);
      state->credentials = std::move(read);
    }
    GoogleToken fetched = co_await fetch_token(state->client, *state->credentials, state->now());
    state->token = std::move(fetched);
  } catch (const Exception& failure) {
    if (failure.kind() != ErrorKind::cancelled) flight->failure = failure.error();
    throw;
  }
  co_return state->token->value;
}

asio::awaitable<void> GoogleTokenSource::authorize(HttpRequest& request) {
  const Secret token = co_await token_of(state_);
  request.headers.set("Authorization", "Bearer " + token.reveal());
}

}  // namespace lllm
