#include "lllm/invokers/google_auth.hpp"

#include <fstream>
#include <vector>

#include <doctest/doctest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "lllm/base/base64.hpp"
#include "lllm/base/json.hpp"
#include "lllm/base/text.hpp"
#include "lllm/invokers/litellm_invoker.hpp"
#include "lllm/net/http_client.hpp"
#include "lllm/net/http_server.hpp"
#include "tests/support/loop.hpp"
#include "tests/support/temp_dir.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::system_clock;

struct KeyPair {
  std::string private_pem, public_pem;
};

const KeyPair& keys() {
  static const KeyPair pair = [] {
    KeyPair made;
    EVP_PKEY* key = EVP_RSA_gen(2048);
    const auto text_of = [](BIO* bio) {
      char* data = nullptr;
      const auto size = BIO_get_mem_data(bio, &data);
      std::string text(data, static_cast<std::size_t>(size));
      BIO_free(bio);
      return text;
    };
    BIO* out = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    made.private_pem = text_of(out);
    out = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(out, key);
    made.public_pem = text_of(out);
    EVP_PKEY_free(key);
    return made;
  }();
  return pair;
}

bool verifies(std::string_view text, const std::string& signature) {
  BIO* in = BIO_new_mem_buf(keys().public_pem.data(), static_cast<int>(keys().public_pem.size()));
  EVP_PKEY* key = PEM_read_bio_PUBKEY(in, nullptr, nullptr, nullptr);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key);
  const bool good =
      EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                       reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  BIO_free(in);
  return good;
}

std::string account(const std::string& token_uri) {
  return to_json(json::object{{"type", "service_account"},
                              {"client_email", "me@project.iam.gserviceaccount.com"},
                              {"private_key_id", "k1"},
                              {"private_key", json::string(keys().private_pem)},
                              {"token_uri", json::string(token_uri)}});
}

/// Google's token endpoint: counts, and answers after a moment with token-1, token-2, …
struct TokenServer {
  asio::io_context& loop;
  int asked = 0;
  int status = 200;
  std::string last_body;
  HttpServer server;
  HttpClient client;

  explicit TokenServer(asio::io_context& context)
      : loop(context),
        server(context.get_executor(),
               [this](const HttpServerRequest& request, HttpResponder& responder) {
                 return answer(this, &request, &responder);
               }),
        client(context.get_executor()) {}

  static asio::awaitable<void> answer(TokenServer* self, const HttpServerRequest* request,
                                      HttpResponder* responder) {
    const int number = ++self->asked;
    self->last_body = request->body;
    HttpHeaders headers{{"Content-Type", "application/json"}};
    std::string body = R"({"access_token":"token-)" + std::to_string(number) + R"(","expires_in":3600})";
    if (self->status != 200) body = R"({"error":"invalid_grant","error_description":"Invalid JWT"})";
    co_await responder->send(self->status, std::move(headers), std::move(body));
  }
  [[nodiscard]] std::string credentials() const { return account(server.url() + "/token"); }
};

}  // namespace

TEST_SUITE("invokers/google_auth") {
  TEST_CASE("an assertion is signed with the account's key and says who, what for, to whom and how long") {
    const auto credentials = parse_google_credentials(account("https://oauth2.googleapis.com/token"));
    REQUIRE(credentials.has_value());
    const auto token = make_google_jwt(*credentials, Clock::time_point(1'700'000'000s));
    REQUIRE(token.has_value());
    const auto parts = split(*token, '.');
    REQUIRE(parts.size() == 3);
    CHECK(*base64_decode(parts[0]) == R"({"alg":"RS256","typ":"JWT","kid":"k1"})");
    CHECK(
        *base64_decode(parts[1]) ==
        R"({"iss":"me@project.iam.gserviceaccount.com","scope":"https://www.googleapis.com/auth/cloud-platform","aud":"https://oauth2.googleapis.com/token","iat":1700000000,"exp":1700003600})");
    const auto signature = base64_decode(parts[2]);
    REQUIRE(signature.has_value());
    CHECK(verifies(std::string(parts[0]) + "." + std::string(parts[1]), *signature));
  }

  TEST_CASE("credentials that cannot work are refused, and not quoted") {
    for (const std::string& broken : {std::string("canary"), std::string(R"({"type":"canary"})"),
                                      std::string(R"({"type":"service_account","private_key":"canary"})"),
                                      std::string(R"({"type":"authorized_user","client_id":"canary"})"),
                                      account("http://evil.example/canary"), account("ftp://canary")}) {
      const auto credentials = parse_google_credentials(broken);
      REQUIRE(credentials.has_error());
      CHECK(credentials.error().kind() == ErrorKind::configuration);
      CHECK(credentials.error().to_string().find("canary") == std::string::npos);
    }
    GoogleCredentials bad;
    bad.private_key = Secret("canary");
    const auto token = make_google_jwt(bad, Clock::now());
    REQUIRE(token.has_error());
    CHECK(token.error().to_string().find("canary") == std::string::npos);
  }

  TEST_CASE("a user's credentials ask with their refresh token") {
    const auto user = parse_google_credentials(
        R"({"type":"authorized_user","client_id":"id","client_secret":"s&","refresh_token":"r=1"})");
    REQUIRE(user.has_value());
    const auto request = google_token_request(*user, Clock::now());
    REQUIRE(request.has_value());
    CHECK(request->origin.host == "oauth2.googleapis.com");
    CHECK(request->body == "grant_type=refresh_token&client_id=id&client_secret=s%26&refresh_token=r%3D1");
  }

  TEST_CASE("a token is fetched once, kept, and renewed before it expires") {
    asio::io_context loop;
    TokenServer google(loop);
    auto now = Clock::now();
    GoogleTokenSource source(google.client, Secret(google.credentials()), [&] { return now; });
    CHECK(run_on(loop, source.token()) == Secret("token-1"));
    CHECK(run_on(loop, source.token()) == Secret("token-1"));
    CHECK(google.asked == 1);
    CHECK(google.last_body.starts_with(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="));
    now += 54min;
    CHECK(run_on(loop, source.token()) == Secret("token-1"));
    now += 2min;  // four minutes before the end
    CHECK(run_on(loop, source.token()) == Secret("token-2"));
    CHECK(google.asked == 2);

    HttpRequest request("POST", Origin("https", "vertex.example", 443), "/");
    run_on(loop, source.authorize(request));
    CHECK(request.headers.get("authorization") == "Bearer token-2");
  }

  TEST_CASE("calls that need a token at the same time share one request") {
    asio::io_context loop;
    TokenServer google(loop);
    GoogleTokenSource source(google.client, Secret(google.credentials()));
    std::vector<std::string> got;
    for (int i = 0; i < 20; ++i)
      asio::co_spawn(loop, source.token(), [&](const std::exception_ptr& failure, const Secret& token) {
        got.push_back(failure ? "failed" : token.reveal());
        if (got.size() == 20) loop.stop();
      });
    loop.run();
    CHECK(google.asked == 1);
    CHECK(got == std::vector<std::string>(20, "token-1"));
  }

  TEST_CASE("all who wait hear of a refusal, and the next call asks again") {
    asio::io_context loop;
    TokenServer google(loop);
    google.status = 400;
    GoogleTokenSource source(google.client, Secret(google.credentials()));
    std::vector<ErrorKind> kinds;
    for (int i = 0; i < 3; ++i)
      asio::co_spawn(loop, source.token(), [&](const std::exception_ptr& failure, const Secret&) {
        kinds.push_back(error_from(failure).kind());
        CHECK(error_from(failure).provider_type() == "invalid_grant");
        if (kinds.size() == 3) loop.stop();
      });
    loop.run();
    loop.restart();
    CHECK(kinds == std::vector<ErrorKind>(3, ErrorKind::authentication));
    CHECK(google.asked == 1);
    google.status = 200;
    CHECK(run_on(loop, source.token()) == Secret("token-2"));
  }

  TEST_CASE("credentials are read from a file, and a missing one is named") {
    asio::io_context loop;
    TokenServer google(loop);
    const TempDir folder;
    const std::string path = folder.path() / "account.json";
    GoogleTokenSource missing(google.client, Secret(path));
    try {
      run_on(loop, missing.token());
      FAIL("no file, no token");
    } catch (const Exception& failure) {
      CHECK(failure.kind() == ErrorKind::io_failed);
      CHECK(failure.error().message().find(path) != std::string::npos);
    }
    std::ofstream(path) << R"({"type":"service_account","client_email":"a@b"})";
    try {
      run_on(loop, missing.token());
      FAIL("no key, no token");
    } catch (const Exception& failure) {
      CHECK(failure.kind() == ErrorKind::configuration);
      CHECK(failure.error().message().find(path + "': ") != std::string::npos);
      CHECK(failure.error().message().find("'private_key'") != std::string::npos);
    }
    std::ofstream(path) << google.credentials();
    GoogleTokenSource source(google.client, Secret(path));
    CHECK(run_on(loop, source.token()) == Secret("token-1"));
  }

  TEST_CASE(
      "through a call, a missing file is named by its path, and a key in the file's place is not shown") {
    asio::io_context loop;
    const auto failure_with = [&](const std::string& credentials) {
      InvokerOptions options;
      options.environment(Environment(fixed_variables({{"VERTEXAI_PROJECT", "p"},
                                                       {"VERTEXAI_LOCATION", "global"},
                                                       {"VERTEXAI_CREDENTIALS", credentials}})));
      LiteLLMInvoker invoker(loop.get_executor(), std::move(options));
      Dialog dialog;
      dialog.put_text("Hi");
      try {
        run_on(loop, invoker.call(dialog, "vertex_ai/gemini-2.5-flash"));
      } catch (const Exception& failure) {
        return failure.error();
      }
      return Error();
    };
    const TempDir folder;
    const std::string path = folder.path() / "no-such-account.json";
    const Error missing = failure_with(path);
    CHECK(missing.kind() == ErrorKind::io_failed);
    CHECK(missing.to_string().starts_with("cannot open '" + path + "': No such file"));  // and says it once
    CHECK(missing.to_string().find(path) == missing.to_string().rfind(path));
    for (const char* misplaced : {"QVBJLWNhbmFyeS9rZXk", "/QVBJLWNhbmFyeS9rZXk", "/QVBJLWNh/bmFyeS9rZXk",
                                  ".QVBJLWNhbmFyeS9rZXk", "./QVBJLWNhbmFyeS9rZXk", "QVBJLWNhbmFyeS9rZXk.json",
                                  "/QVBJLWNhbmFyeS9rZXk.json", "..QVBJ/LWNhbmFyeS9rZXk", "QVBJ\n/LWNh"}) {
      CAPTURE(misplaced);
      const Error key = failure_with(misplaced);
      CHECK(key.kind() == ErrorKind::configuration);
      CHECK(key.to_string().find("QVBJ") == std::string::npos);
      CHECK(key.file().empty());
      CHECK(key.to_string().find("neither JSON nor the path") != std::string::npos);
    }
    // Of a file that is there but is none of Google's the path is said, however it looks.
    const std::string empty = folder.path() / "empty";
    std::ofstream(empty) << "{}";
    CHECK(failure_with(empty).to_string().find("'" + empty + "': ") != std::string::npos);
  }
}
