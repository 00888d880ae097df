#include "lllm/invokers/aws_credentials.hpp"

#include <doctest/doctest.h>
#include <boost/asio/io_context.hpp>

#include "tests/support/loop.hpp"
#include "tests/support/temp_dir.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

using Map = std::map<std::string, std::string, std::less<>>;

AwsCredentials found(Map variables) {
  boost::asio::io_context loop;
  return run_on(loop, find_aws_credentials(Environment(fixed_variables(std::move(variables)))));
}

Error refused(Map variables) {
  boost::asio::io_context loop;
  return error_on(loop, find_aws_credentials(Environment(fixed_variables(std::move(variables)))));
}

constexpr std::string_view file =
    "# a comment\n"
    "[default]\n"
    "aws_access_key_id = AKIADEFAULT\n"
    "aws_secret_access_key=canary1\n"
    "s3 =\n"
    "  aws_access_key_id = nested\n"
    "\n"
    "[profile dev]\r\n"
    "AWS_ACCESS_KEY_ID = AKIADEV\r\n"
    "aws_secret_access_key = canary/2=\r\n"
    "aws_session_token = token\r\n"
    "[empty]\n"
    "region = eu-central-1\n";

}  // namespace

TEST_SUITE("invokers/aws_credentials") {
  TEST_CASE("a profile's keys are read, whichever way its section is written") {
    CHECK(aws_credentials_from_profile(file, "default")->access_key_id == "AKIADEFAULT");
    CHECK(aws_credentials_from_profile(file, "default")->session_token.empty());
    const auto dev = aws_credentials_from_profile(file, "dev");
    REQUIRE(dev.has_value());
    CHECK(dev->access_key_id == "AKIADEV");
    CHECK(dev->secret_access_key == Secret("canary/2="));
    CHECK(dev->session_token == Secret("token"));
  }

  TEST_CASE("a profile that is not there, or without keys, is named and nothing else is") {
    for (const char* profile : {"nobody", "empty"}) {
      const auto none = aws_credentials_from_profile(file, profile);
      REQUIRE(none.has_error());
      CHECK(none.error().kind() == ErrorKind::configuration);
      CHECK(none.error().message().find(profile) != std::string::npos);
      CHECK(none.error().message().find("canary") == std::string::npos);
    }
  }

  TEST_CASE("the environment's keys come first, a named profile before them") {
    const TempDir home;
    home.write(".aws/credentials", file);
    Map variables{{"AWS_ACCESS_KEY_ID", "AKIAENV"}, {"AWS_SECRET_ACCESS_KEY", "s"}, {"HOME", home.path()}};
    CHECK(found(variables).access_key_id == "AKIAENV");
    variables["AWS_PROFILE"] = "dev";
    CHECK(found(variables).access_key_id == "AKIADEV");
    CHECK(found({{"HOME", home.path()}}).access_key_id == "AKIADEFAULT");
    CHECK(found({{"AWS_SHARED_CREDENTIALS_FILE", home.path() / ".aws/credentials"}}).access_key_id ==
          "AKIADEFAULT");
    CHECK(found({{"AWS_CONFIG_FILE", home.path() / ".aws/credentials"}, {"AWS_PROFILE", "dev"}})
              .access_key_id == "AKIADEV");
  }

  TEST_CASE("a request is signed for Bedrock with the keys that are found") {
    boost::asio::io_context loop;
    HttpRequest request("POST", Origin("https", "bedrock-runtime.eu-central-1.amazonaws.com", 443),
                        "/model/m/converse", {}, "{}");
    const Environment environment(
        fixed_variables({{"AWS_ACCESS_KEY_ID", "AKIAENV"}, {"AWS_SECRET_ACCESS_KEY", "canary"}}));
    run_on(loop, sign_for_bedrock(environment, "eu-central-1", request));
    const auto header = request.headers.get("authorization");
    CHECK(header.starts_with("AWS4-HMAC-SHA256 Credential=AKIAENV/"));
    CHECK(header.find("/eu-central-1/bedrock/aws4_request") != std::string_view::npos);
    CHECK(header.find("canary") == std::string_view::npos);
  }

  TEST_CASE("what is missing is named") {
    CHECK(refused({{"AWS_ACCESS_KEY_ID", "AKIA"}}).message() ==
          "bedrock: AWS_SECRET_ACCESS_KEY is missing, AWS_ACCESS_KEY_ID is set");
    const TempDir home;
    const auto none = refused({{"HOME", home.path()}, {"AWS_PROFILE", "dev"}});
    CHECK(none.kind() == ErrorKind::configuration);
    CHECK(none.message().find("AWS_ACCESS_KEY_ID") != std::string::npos);
    CHECK(none.message().find("'dev'") != std::string::npos);
    CHECK(refused({{"AWS_ACCESS_KEY_ID", "A\r\nB"}, {"AWS_SECRET_ACCESS_KEY", "s"}}).kind() ==
          ErrorKind::configuration);
  }
}
