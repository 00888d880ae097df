#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"
#include "lllm/core/tool.hpp"
#include "lllm/formats/json_rpc.hpp"

// What the Model Context Protocol says, without saying how it is carried. Pure.
namespace lllm {

/// The revisions that are spoken, newest first. They differ in nothing that a client of tools sends. The
/// revision of 2026-07-28, which has no handshake, is not among them: its servers speak an older one as well,
/// or are told apart by their answer.
inline constexpr std::array<std::string_view, 4> mcp_versions = {"2025-11-25", "2025-06-18", "2025-03-26",
                                                                 "2024-11-05"};

/// Who a server says it is. All of it is the server's own word.
struct McpServerInfo {
  McpServerInfo() = default;
  std::string name;
  std::string title;
  std::string version;
  std::string protocol_version;  ///< one of mcp_versions
  std::string instructions;      ///< what it would have a model know
  bool has_tools = false;
  bool tells_tool_changes = false;  ///< it declares that it sends notifications/tools/list_changed
};

/// The params of `initialize`. No capability is declared: lllm offers servers neither roots, sampling nor
/// elicitation.
json::object mcp_initialize_params();
/// `unsupported` names the revision that the server wants and those that are spoken; `bad_reply`.
Result<McpServerInfo> read_mcp_initialize(const json::value& result);

/// A tool as a server lists it.
struct McpListedTool {
  McpListedTool() = default;
  std::string name;
  std::string description;
  json::object input_schema;
};

/// One page of a list, and where the next one begins.
struct McpToolPage {
  McpToolPage() = default;
  std::vector<McpListedTool> tools;
  std::optional<std::string> next_cursor;
};

/// The params of `tools/list`.
json::object mcp_list_params(const std::optional<std::string>& cursor);
/// `bad_reply`; a single tool without a name is left out.
Result<McpToolPage> read_mcp_tools(const json::value& result);
/// A name that models may call (letters, digits, `_` and `-`, at most 64 of them), as near to `wanted` as can
/// be and not among `taken`, which it joins: servers may also use dots, and twice the length.
std::string mcp_tool_name(std::string_view wanted, std::set<std::string>& taken);

/// Texts are joined, images become media, all else is named in words. Structured content stands in for a
/// text that is not there. `bad_reply`.
Result<ToolResult> read_mcp_tool_result(const json::value& result);

/// What a request of the server's is answered: `ping`, and that no other method is there.
std::string answer_mcp_request(const RpcMessage& request);

/// The error that a server answered to `method`; its words are the provider's text, its code (and what it
/// calls the cause) the provider's code. An `initialize` that it refuses is `unsupported`.
Error mcp_error(std::string_view server, std::string_view method, const RpcMessage& error);

/// What a model is told of such an error: it may be able to mend what the server does not like.
ToolResult mcp_failure(const Error& error);

/// Theirs, for an error: without control characters, at most 2,000 bytes.
std::string mcp_excerpt(std::string_view words);

}  // namespace lllm
