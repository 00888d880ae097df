#include "lllm/formats/json_rpc.hpp"

#include <doctest/doctest.h>

using namespace lllm;

namespace {

RpcMessage one(std::string_view text) {
  auto messages = read_rpc(text);
  REQUIRE_MESSAGE(messages.has_value(), messages.error().message());
  REQUIRE(messages->size() == 1);
  return std::move(messages->front());
}

ErrorKind refusal(std::string_view text) {
  const auto messages = read_rpc(text);
  REQUIRE(messages.has_error());
  return messages.error().kind();
}

}  // namespace

TEST_SUITE("formats/json_rpc") {
  TEST_CASE("what is written reads as the same, in one line") {
    const auto request = write_rpc_request(std::int64_t{7}, "tools/call", json::object{{"text", "a\nb"}});
    CHECK(request.find('\n') == request.npos);
    const auto call = one(request);
    CHECK(call.kind == RpcMessage::Kind::request);
    CHECK(call.id == RpcId(std::int64_t{7}));
    CHECK(call.method == "tools/call");
    CHECK(text_at(call.value, "text") == "a\nb");
    CHECK(one(write_rpc_notification("notifications/initialized")).kind == RpcMessage::Kind::notification);
    const auto result = one(write_rpc_result(std::string("seven"), json::object{{"ok", true}}));
    CHECK(result.kind == RpcMessage::Kind::result);
    CHECK(result.id == RpcId(std::string("seven")));
    const auto error = one(write_rpc_error(std::int64_t{7}, rpc_method_not_found, "no such method"));
    CHECK(error.kind == RpcMessage::Kind::error);
    CHECK(error.code == -32601);
    CHECK(error.text == "no such method");
  }

  TEST_CASE("ids are integers or strings, and a number is no string") {
    CHECK(one(R"({"jsonrpc":"2.0","id":2.0,"result":null})").id == RpcId(std::int64_t{2}));
    CHECK(one(R"({"jsonrpc":"2.0","id":"2","result":null})").id != RpcId(std::int64_t{2}));
    CHECK(one(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700}})").id == RpcId());
    for (const auto* id : {"1.5", "true", "{}", "[1]", "18446744073709551615", "1e300"}) {
      CAPTURE(id);
      CHECK(refusal(std::string(R"({"jsonrpc":"2.0","result":1,"id":)") + id + '}') == ErrorKind::bad_reply);
    }
  }

  TEST_CASE("a batch is read in order, and bounded") {
    const auto batch = read_rpc(R"([{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","id":1,"result":{}}])");
    REQUIRE(batch.has_value());
    REQUIRE(batch->size() == 2);
    CHECK((*batch)[0].method == "a");
    CHECK((*batch)[1].kind == RpcMessage::Kind::result);
    CHECK(refusal("[]") == ErrorKind::bad_reply);
    std::string many = "[";
    for (std::size_t i = 0; i <= most_rpc_batch; ++i) many += i == 0 ? "1" : ",1";
    CHECK(refusal(many + ']') == ErrorKind::limit_exceeded);
  }

  TEST_CASE("what is no message is an error of its own kind") {
    CHECK(refusal("") == ErrorKind::parse_failed);
    CHECK(refusal("Listening on port 3000") == ErrorKind::parse_failed);
    CHECK(refusal("{\"jsonrpc\":\"2.0\",") == ErrorKind::parse_failed);
    CHECK(refusal(std::string(100'000, '[')) == ErrorKind::limit_exceeded);
    for (const auto* text :
         {"1", "\"text\"", "null", "{}", R"({"id":1,"result":1})", R"({"jsonrpc":"1.0","id":1,"result":1})",
          R"({"jsonrpc":"2.0"})", R"({"jsonrpc":"2.0","id":1})", R"({"jsonrpc":"2.0","result":1})",
          R"({"jsonrpc":"2.0","id":1,"method":3})", R"([{"jsonrpc":"2.0","method":"a"},7])"}) {
      CAPTURE(text);
      CHECK(refusal(text) == ErrorKind::bad_reply);
    }
  }
}
