#pragma once

#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "lllm/base/error.hpp"
#include "lllm/formats/http_message.hpp"
#include "lllm/invokers/environment.hpp"
#include "lllm/wires/aws_sigv4.hpp"

namespace lllm {

namespace asio = boost::asio;

/// The keys of one profile in the text of an AWS credentials or config file ("[default]", "[profile dev]").
/// `configuration` names the profile when it is missing or holds no keys; it never quotes the text.
/// Spec: AWS SDKs and Tools Reference Guide, "Shared config and credentials files".
Result<AwsCredentials> aws_credentials_from_profile(std::string_view text, std::string_view profile);

/// Credentials for Bedrock: AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), else the
/// profile AWS_PROFILE (or "default") of AWS_SHARED_CREDENTIALS_FILE (or ~/.aws/credentials), else of
/// AWS_CONFIG_FILE (or ~/.aws/config). The files are read off the loop, anew at each call: temporary keys in
/// them change. @param environment  copied.
/// @throws Exception `configuration`, naming what was looked for; io_failed; cancelled.
/// Cancellation: terminal.
asio::awaitable<AwsCredentials> find_aws_credentials(Environment environment);

/// Signs a request to Bedrock in `region`, as it is to be sent now. @param request  must outlive the wait.
/// @throws Exception as find_aws_credentials.
asio::awaitable<void> sign_for_bedrock(Environment environment, std::string region, HttpRequest& request);

}  // namespace lllm
