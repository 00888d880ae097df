#include "lllm/wires/aws_sigv4.hpp"

#include <doctest/doctest.h>

using namespace lllm;

namespace {

// 2015-08-30T12:36:00Z and the keys that AWS's published test suite uses.
const std::chrono::system_clock::time_point suite_time{std::chrono::seconds(1440938160)};

AwsCredentials suite_keys(std::string token = {}) {
  return {"AKIDEXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), Secret(std::move(token))};
}

HttpRequest suite_request(std::string method, std::string target, HttpHeaders headers = {},
                          std::string body = {}) {
  return {std::move(method), Origin("https", "example.amazonaws.com", 443), std::move(target),
          std::move(headers), std::move(body)};
}

std::string signature(HttpRequest request, std::string_view service = "service", std::string token = {}) {
  sign_aws_request(request, suite_keys(std::move(token)), "us-east-1", service, suite_time);
  const auto value = request.headers.get("authorization");
  return std::string(value.substr(value.find("Signature=") + 10));
}

}  // namespace

TEST_SUITE("wires/aws_sigv4") {
  // AWS "Signature Version 4 test suite" (aws-sig-v4-test-suite); each case by its name there.
  TEST_CASE("signatures are those of AWS's published test suite") {
    CHECK_MESSAGE(signature(suite_request("GET", "/")) ==
                      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
                  "get-vanilla");
    CHECK_MESSAGE(signature(suite_request("POST", "/")) ==
                      "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
                  "post-vanilla");
    CHECK_MESSAGE(signature(suite_request("GET", "/?Param2=value2&Param1=value1")) ==
                      "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
                  "get-vanilla-query-order-key-case");
    CHECK_MESSAGE(signature(suite_request("GET", "/?\xE1\x88\xB4=bar")) ==
                      "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
                  "get-vanilla-utf8-query");
    CHECK_MESSAGE(
        signature(suite_request(
            "GET", "/", {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}})) ==
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        "get-header-key-duplicate");
    CHECK_MESSAGE(
        signature(suite_request("GET", "/", {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}})) ==
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        "get-header-value-trim");
    CHECK_MESSAGE(signature(suite_request("GET", "/example/..")) ==
                      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
                  "get-relative");
    CHECK_MESSAGE(signature(suite_request("GET", "//")) ==
                      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
                  "get-slash");
    CHECK_MESSAGE(signature(suite_request(
                      "POST", "/", {{"Content-Type", "application/x-www-form-urlencoded"}},
                      "Param1=value1")) == "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
                  "post-x-www-form-urlencoded");
  }

  // AWS General Reference, "Examples of the complete Signature Version 4 signing process": IAM ListUsers.
  TEST_CASE("the signature of the documentation's example") {
    HttpRequest request("GET", Origin("https", "iam.amazonaws.com", 443),
                        "/?Action=ListUsers&Version=2010-05-08",
                        {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}});
    CHECK(signature(request, "iam") == "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
  }

  TEST_CASE("a session token is sent and signed, and the header names what is signed") {
    auto request = suite_request(
        "POST", "/model/a%3A0/converse",
        {{"content-type", "application/json"}, {"user-agent", "lllm"}, {"authorization", "old"}});
    sign_aws_request(request, suite_keys("TOKEN"), "us-east-1", "bedrock", suite_time);
    CHECK(request.headers.get("x-amz-security-token") == "TOKEN");
    CHECK(request.headers.get("x-amz-date") == "20150830T123600Z");
    CHECK(request.headers.get("authorization")
              .starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/bedrock/aws4_request, "
                           "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="));
    // Signing again (a retry) replaces what was there.
    const std::string first(request.headers.get("authorization"));
    sign_aws_request(request, suite_keys("TOKEN"), "us-east-1", "bedrock", suite_time);
    CHECK(request.headers.get("authorization") == first);
  }

  TEST_CASE("a model's name is encoded once for the path") {
    CHECK(aws_uri_encode("us.anthropic.claude:0/x y", false) == "us.anthropic.claude%3A0%2Fx%20y");
    CHECK(aws_uri_encode("/a%3A/b", true) == "/a%253A/b");
  }
}
