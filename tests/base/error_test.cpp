#include "lllm/base/error.hpp"

#include <doctest/doctest.h>

#include <new>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "lllm/base/secret.hpp"

using namespace lllm;

TEST_SUITE("base/error") {
  TEST_CASE("one line names file, line, provider, status and attempts, never the provider's text") {
    const Error error = Error(ErrorKind::rate_limited, "too many requests")
                            .status(429)
                            .provider("openai")
                            .model("gpt-4o")
                            .request_id("req_1")
                            .attempts(3)
                            .provider_text("their words");
    CHECK(error.to_string() ==
          "too many requests [provider openai, model gpt-4o, status 429, request req_1, attempts 3]");
    CHECK(Error(ErrorKind::bad_resource, "no '='").at("lllm.toml", 3, 7).to_string() ==
          "lllm.toml:3:7: no '='");
  }

  TEST_CASE("a copy that is changed leaves the original alone") {
    const Error first(ErrorKind::overloaded, "busy");
    const Error second = Error(first).status(529);
    CHECK(first.status() == 0);
    CHECK(second.status() == 529);
  }

  TEST_CASE("value() of a failed Result throws the Error it holds") {
    const Result<int> failed = Error(ErrorKind::bad_ref, "no colon");
    try {
      (void)failed.value();
      FAIL("it did not throw");
    } catch (const Exception& e) {
      CHECK(e.kind() == ErrorKind::bad_ref);
      CHECK(std::string(e.what()) == "no colon");
    }
  }

  TEST_CASE("any exception becomes an Error: a cancellation, a lack of memory, another library's") {
    const auto kind = [](auto e) { return error_from(std::make_exception_ptr(e)).kind(); };
    CHECK(kind(boost::system::system_error(boost::asio::error::operation_aborted)) == ErrorKind::cancelled);
    CHECK(kind(std::bad_alloc()) == ErrorKind::resource_exhausted);
    CHECK(kind(std::runtime_error("x")) == ErrorKind::internal);
    CHECK(kind(Exception(Error(ErrorKind::not_found, "x"))) == ErrorKind::not_found);
  }

  TEST_CASE("a secret says how long it is and nothing else") {
    const Secret key("sk-canary");
    CHECK(key.describe() == "set (9 characters)");
    CHECK(Secret().describe() == "not set");
    CHECK(key.reveal() == "sk-canary");
  }
}
