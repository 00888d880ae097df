#include "lllm/invokers/aws_credentials.hpp"

#include <array>
#include <chrono>
#include <utility>

#include "lllm/async/file_io.hpp"
#include "lllm/base/text.hpp"

namespace lllm {
namespace {

constexpr std::int64_t largest_file = 1 << 20;

Error configuration(const std::string& what) {
  return Error(ErrorKind::configuration, "bedrock: " + what).provider("bedrock");
}

/// "[profile dev]" and "[dev]" are the same profile in one file or the other.
std::string_view profile_of(std::string_view header) {
  header = trim(header.substr(1, header.find(']') - 1));
  if (header.starts_with("profile ")) header = trim(header.substr(8));
  return header;
}

}  // namespace

Result<AwsCredentials> aws_credentials_from_profile(std::string_view text, std::string_view profile) {
  AwsCredentials found;
  bool inside = false;
  bool seen = false;
  for (std::string_view line : split(text, '\n')) {
    if (!line.empty() && (line[0] == ' ' || line[0] == '\t')) continue;  // a nested setting, none of ours
    line = trim(line);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      inside = profile_of(line) == profile;
      seen = seen || inside;
      continue;
    }
    const auto equals = line.find('=');
    if (!inside || equals == line.npos) continue;
    const auto name = to_lower(trim(line.substr(0, equals)));
    std::string value(trim(line.substr(equals + 1)));
    if (name == "aws_access_key_id")
      found.access_key_id = std::move(value);
    else if (name == "aws_secret_access_key")
      found.secret_access_key = Secret(std::move(value));
    else if (name == "aws_session_token")
      found.session_token = Secret(std::move(value));
  }
  const std::string who = "the AWS profile '" + excerpt(profile, 64) + "'";
  if (!seen) return configuration(who + " is not there");
  if (found.access_key_id.empty() || found.secret_access_key.empty())
    return configuration(who + " holds no aws_access_key_id with aws_secret_access_key");
  return found;
}

asio::awaitable<AwsCredentials> find_aws_credentials(Environment environment) {
  std::string id = environment.get("AWS_ACCESS_KEY_ID");
  std::string secret = environment.get("AWS_SECRET_ACCESS_KEY");
  std::string profile = environment.get("AWS_PROFILE");
  if (id.empty() != secret.empty())
    throw_error(configuration(id.empty() ? "AWS_ACCESS_KEY_ID is missing, AWS_SECRET_ACCESS_KEY is set"
                                         : "AWS_SECRET_ACCESS_KEY is missing, AWS_ACCESS_KEY_ID is set"));
  if (!id.empty() && profile.empty()) {
    if (has_control_break(id) || has_control_break(secret))
      throw_error(configuration("the AWS keys of the environment hold a line break or a NUL"));
    std::string token = environment.get("AWS_SESSION_TOKEN");
    co_return AwsCredentials(std::move(id), Secret(std::move(secret)), Secret(std::move(token)));
  }
  if (profile.empty()) profile = "default";

  const std::string home = environment.get("HOME");
  std::string credentials_file = environment.get("AWS_SHARED_CREDENTIALS_FILE");
  if (credentials_file.empty() && !home.empty()) credentials_file = home + "/.aws/credentials";
  std::string config_file = environment.get("AWS_CONFIG_FILE");
  if (config_file.empty() && !home.empty()) config_file = home + "/.aws/config";

  for (const std::string* path : std::array<const std::string*, 2>{&credentials_file, &config_file}) {
    if (path->empty()) continue;
    std::string text;
    try {
      FileContents file = co_await read_file(*path, largest_file);
      text = std::move(file.bytes);
    } catch (const Exception& failure) {
      if (failure.kind() != ErrorKind::io_failed) throw;
      continue;  // there may be one of the two files, or none
    }
    auto found = aws_credentials_from_profile(text, profile);
    if (found) co_return std::move(*found);
  }
  throw_error(
      configuration("no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                    "AWS_BEARER_TOKEN_BEDROCK, or give the profile '" +
                    excerpt(profile, 64) + "' keys in ~/.aws/credentials"));
}

asio::awaitable<void> sign_for_bedrock(Environment environment, std::string region, HttpRequest& request) {
  const AwsCredentials credentials = co_await find_aws_credentials(std::move(environment));
  sign_aws_request(request, credentials, region, "bedrock", std::chrono::system_clock::now());
}

}  // namespace lllm
