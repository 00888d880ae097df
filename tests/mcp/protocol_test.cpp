#include "lllm/mcp/protocol.hpp"

#include <doctest/doctest.h>

#include "lllm/base/text.hpp"

using namespace lllm;

namespace {

json::value js(std::string_view text) {
  return parse_json(text).value();
}

ToolResult result_of(std::string_view text) {
  auto result = read_mcp_tool_result(js(text));
  REQUIRE_MESSAGE(result.has_value(), result.error().message());
  return std::move(*result);
}

// A PNG of one pixel.
constexpr std::string_view pixel =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

bool holds(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

}  // namespace

TEST_SUITE("mcp/protocol") {
  TEST_CASE("initialize: every known revision is accepted, another is an error that names both sides'") {
    const auto params = mcp_initialize_params();
    CHECK(text_at(params, "protocolVersion") == "2025-11-25");
    CHECK(params.at("capabilities").as_object().empty());
    CHECK(as_text(find_at(json::value(params), "/clientInfo/name")) == "lllm");
    for (const auto version : mcp_versions) {
      const auto info =
          read_mcp_initialize(json::object{{"protocolVersion", json::string(version)},
                                           {"capabilities", {{"tools", {{"listChanged", true}}}}},
                                           {"serverInfo", {{"name", "s"}, {"title", "S"}, {"version", "1"}}},
                                           {"instructions", "i"}});
      REQUIRE(info.has_value());
      CHECK(info->protocol_version == version);
      CHECK(info->name == "s");
      CHECK(info->title == "S");
      CHECK(info->instructions == "i");
      CHECK(info->has_tools);
      CHECK(info->tells_tool_changes);
    }
    const auto other = read_mcp_initialize(js(R"({"protocolVersion":"2030-01-01"})"));
    REQUIRE(other.has_error());
    CHECK(other.error().kind() == ErrorKind::unsupported);
    CHECK(holds(other.error().message(), "2030-01-01"));
    CHECK(holds(other.error().message(), "2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05"));
    CHECK(read_mcp_initialize(js("{}")).error().kind() == ErrorKind::unsupported);
    CHECK(read_mcp_initialize(js("[]")).error().kind() == ErrorKind::bad_reply);
    const auto bare =
        read_mcp_initialize(js(R"({"protocolVersion":"2024-11-05","capabilities":{"tools":{}}})"));
    REQUIRE(bare.has_value());
    CHECK(bare->has_tools);
    CHECK_FALSE(bare->tells_tool_changes);
  }

  TEST_CASE("a list of tools: what lacks a name is left out, a title stands in for a description") {
    const auto page =
        read_mcp_tools(js(R"({"tools":[{"name":"a","description":"A.","inputSchema":{"type":"object"}},
      {"description":"nameless"},7,{"name":"b","title":"B","inputSchema":null}],"nextCursor":"c"})"));
    REQUIRE(page.has_value());
    REQUIRE(page->tools.size() == 2);
    CHECK(page->tools[0].description == "A.");
    CHECK(text_at(page->tools[0].input_schema, "type") == "object");
    CHECK(page->tools[1].description == "B");
    CHECK(page->next_cursor == "c");
    CHECK(read_mcp_tools(js(R"({"tools":{}})")).error().kind() == ErrorKind::bad_reply);
    CHECK(mcp_list_params(std::nullopt).empty());
    CHECK(text_at(mcp_list_params("c"), "cursor") == "c");
  }

  TEST_CASE("tools get names that models may call, all different") {
    std::set<std::string> taken;
    CHECK(mcp_tool_name("admin.tools/list", taken) == "admin_tools_list");
    CHECK(mcp_tool_name("admin_tools_list", taken) == "admin_tools_list_2");
    CHECK(mcp_tool_name(std::string(100, 'n'), taken) == std::string(64, 'n'));
    CHECK(mcp_tool_name(std::string(110, 'n'), taken) == std::string(62, 'n') + "_2");
    CHECK(mcp_tool_name("größe", taken) == "gr____e");
    CHECK(taken.size() == 5);
  }

  TEST_CASE("a tool's result: texts joined, images as media, all else in words") {
    const auto texts =
        result_of(R"({"content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]})");
    CHECK(texts.text == "one\ntwo");
    CHECK_FALSE(texts.is_error);
    CHECK(result_of(R"({"content":[{"type":"text","text":"no"}],"isError":true})").is_error);
    const auto image = result_of(R"({"content":[{"type":"image","mimeType":"image/png","data":")" +
                                 std::string(pixel) + R"("}]})");
    REQUIRE(image.media.size() == 1);
    CHECK(image.media[0].mime == "image/png");
    CHECK(image.text.empty());
    CHECK(holds(result_of(R"({"content":[{"type":"image","mimeType":"image/png","data":"AAAA"}]})").text,
                "an image of type image/png, 3 bytes"));
    CHECK(holds(result_of(R"({"content":[{"type":"audio","mimeType":"audio/wav","data":"AAAA"}]})").text,
                "audio of type audio/wav"));
    CHECK(result_of(R"({"content":[{"type":"resource","resource":{"uri":"file:///a","text":"inside"}}]})")
              .text == "inside");
    CHECK(holds(
        result_of(R"({"content":[{"type":"resource","resource":{"uri":"file:///a","blob":"AAAA"}}]})").text,
        "the resource file:///a"));
    CHECK(holds(result_of(R"({"content":[{"type":"resource_link","uri":"file:///b","name":"b"}]})").text,
                "b: file:///b"));
    CHECK(holds(result_of(R"({"content":[{"type":"hologram"}]})").text, "hologram"));
  }

  TEST_CASE("structured content is the text where there is no other") {
    CHECK(result_of(R"({"content":[],"structuredContent":{"a":1}})").text == R"({"a":1})");
    CHECK(result_of(R"({"structuredContent":[1]})").text == "[1]");
    CHECK(result_of(R"({"content":[{"type":"text","text":"said"}],"structuredContent":{"a":1}})").text ==
          "said");
    CHECK(result_of(R"({"content":[]})").text.empty());
    CHECK(read_mcp_tool_result(js("{}")).error().kind() == ErrorKind::bad_reply);
    CHECK(read_mcp_tool_result(js("\"text\"")).error().kind() == ErrorKind::bad_reply);
  }

  TEST_CASE("a server's ping is answered, under its own id, and nothing else is there") {
    RpcMessage request;
    request.kind = RpcMessage::Kind::request;
    request.id = std::string("abc");
    request.method = "ping";
    CHECK(js(answer_mcp_request(request)) == js(R"({"jsonrpc":"2.0","id":"abc","result":{}})"));
    for (const auto* method : {"roots/list", "sampling/createMessage", "elicitation/create"}) {
      request.method = method;
      CHECK(*find_at(js(answer_mcp_request(request)), "/error/code") == -32601);
    }
  }

  TEST_CASE("errors have a kind by their code, and a server's words stay out of the message") {
    RpcMessage error;
    error.kind = RpcMessage::Kind::error;
    error.text = "\x1b[31mits words";
    const auto kind = [&](std::int64_t code) {
      error.code = code;
      return mcp_error("the server", "tools/call", error).kind();
    };
    CHECK(kind(-32601) == ErrorKind::not_found);
    CHECK(kind(-32602) == ErrorKind::invalid_request);
    CHECK(kind(-32603) == ErrorKind::provider_error);
    const auto told = mcp_error("the server", "tools/call", error);
    CHECK(told.message() == "the server answered 'tools/call' with error -32603");
    CHECK(told.provider_text() == "its words");
    CHECK(told.provider_code() == "-32603");
    CHECK(mcp_failure(told).text == "the server answered 'tools/call' with error -32603: its words");
    error.value = js(R"({"supported":["2026-07-28"]})");
    const auto refused = mcp_error("the server", "initialize", error);
    CHECK(refused.kind() == ErrorKind::unsupported);
    CHECK(holds(refused.message(), "it speaks 2026-07-28; lllm speaks 2025-11-25"));
  }
}
