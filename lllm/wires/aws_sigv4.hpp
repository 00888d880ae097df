#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "lllm/base/secret.hpp"
#include "lllm/formats/http_message.hpp"

namespace lllm {

/// Who signs a request to AWS.
struct AwsCredentials {
  AwsCredentials() = default;
  AwsCredentials(std::string id, Secret secret, Secret token = {})
      : access_key_id(std::move(id)), secret_access_key(std::move(secret)), session_token(std::move(token)) {}
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;  ///< of temporary credentials; empty otherwise
  friend bool operator==(const AwsCredentials&, const AwsCredentials&) = default;
};

/// Adds `x-amz-date`, `x-amz-security-token` (with a session token) and `authorization` to the request, in
/// place of what it had. Host, body, target and all other headers must be final; those that a proxy may touch
/// (user-agent, connection, …) are not signed. Pure: the same arguments give the same signature.
/// @param now  AWS refuses a signature whose time is off by more than five minutes.
/// Spec: AWS "Signature Version 4 signing process", with the path encoded once more, as every service but S3
/// wants it.
void sign_aws_request(HttpRequest& request, const AwsCredentials& credentials, std::string_view region,
                      std::string_view service, std::chrono::system_clock::time_point now);

/// Everything but A-Z a-z 0-9 - . _ ~ as %XX, upper-case (RFC 3986); `/` stays when `keep_slash`.
std::string aws_uri_encode(std::string_view text, bool keep_slash);

}  // namespace lllm
