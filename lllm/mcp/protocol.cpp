#include "lllm/mcp/protocol.hpp"

#include <algorithm>

#include "lllm/base/text.hpp"
#include "lllm/version.hpp"

namespace lllm {
namespace {

constexpr std::size_t excerpt_bytes = 2000;
constexpr std::size_t longest_tool_name = 64;

Error broken(const char* what) {
  return Error(ErrorKind::bad_reply, std::string("the server broke the protocol: ") + what);
}

std::string known_versions() {
  std::vector<std::string> versions(mcp_versions.begin(), mcp_versions.end());
  return join(versions, ", ");
}

std::string size_of_base64(std::string_view data) {
  return std::to_string(data.size() / 4 * 3) + " bytes";
}

/// A picture that a model can be shown; otherwise words for it.
void take_bytes(ToolResult& result, std::string& text, std::string_view what, std::string_view mime,
                std::string_view data) {
  if (mime.starts_with("image/"))
    if (auto image = image_from_base64(data)) {
      result.media.push_back(std::move(*image));
      return;
    }
  text = '[' + std::string(what) + (mime.empty() ? "" : " of type " + excerpt(mime, 100)) + ", " +
         size_of_base64(data) + ", which cannot be shown]";
}

std::string words_of(ToolResult& result, const json::value& part) {
  const auto type = text_at(part, "type");
  std::string text;
  if (type == "text") {
    text = text_at(part, "text");
  } else if (type == "image" || type == "audio") {
    take_bytes(result, text, type == "image" ? "an image" : "audio", text_at(part, "mimeType"),
               text_at(part, "data"));
  } else if (type == "resource") {
    const auto* resource = find(part, "resource");
    if (resource == nullptr) return text;
    if (const auto* words = find(*resource, "text"); words != nullptr && words->is_string())
      text = as_text(words);
    else
      take_bytes(result, text, "the resource " + excerpt(text_at(*resource, "uri"), 500),
                 text_at(*resource, "mimeType"), text_at(*resource, "blob"));
  } else if (type == "resource_link") {
    text = "[a link to the resource " + excerpt(text_at(part, "name"), 200) + ": " +
           excerpt(text_at(part, "uri"), 2000) + ']';
  } else {
    text = "[content of the unknown type '" + excerpt(type, 100) + "']";
  }
  return text;
}

bool may_stand_in_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

}  // namespace

std::string mcp_excerpt(std::string_view words) {
  return excerpt(trim(strip_terminal_escapes(to_valid_utf8(words))), excerpt_bytes);
}

json::object mcp_initialize_params() {
  return {{"protocolVersion", json::string(mcp_versions.front())},
          {"capabilities", json::object()},
          {"clientInfo", json::object{{"name", "lllm"}, {"version", LLLM_VERSION}}}};
}

Result<McpServerInfo> read_mcp_initialize(const json::value& result) {
  if (!result.is_object()) return broken("its answer to 'initialize' is no object");
  McpServerInfo info;
  info.protocol_version = text_at(result, "protocolVersion");
  if (std::find(mcp_versions.begin(), mcp_versions.end(), info.protocol_version) == mcp_versions.end())
    return Error(ErrorKind::unsupported,
                 info.protocol_version.empty()
                     ? "it names no 'protocolVersion'; lllm speaks " + known_versions()
                     : "it wants revision '" + strip_terminal_escapes(excerpt(info.protocol_version, 40)) +
                           "' of the protocol; lllm speaks " + known_versions());
  if (const auto* server = find(result, "serverInfo")) {
    info.name = text_at(*server, "name");
    info.title = text_at(*server, "title");
    info.version = text_at(*server, "version");
  }
  info.instructions = text_at(result, "instructions");
  if (const auto* tools = find_at(result, "/capabilities/tools"); tools != nullptr && tools->is_object()) {
    info.has_tools = true;
    info.tells_tool_changes = as_boolean(find(*tools, "listChanged")).value_or(false);
  }
  return info;
}

json::object mcp_list_params(const std::optional<std::string>& cursor) {
  json::object params;
  if (cursor) params["cursor"] = json::string(*cursor);
  return params;
}

Result<McpToolPage> read_mcp_tools(const json::value& result) {
  const auto* tools = array_at(result, "tools");
  if (tools == nullptr) return broken("its answer to 'tools/list' has no list of tools");
  McpToolPage page;
  for (const auto& tool : *tools) {
    McpListedTool listed;
    listed.name = text_at(tool, "name");
    if (listed.name.empty()) continue;
    listed.description = text_at(tool, "description");
    if (listed.description.empty()) listed.description = text_at(tool, "title");
    if (const auto* schema = object_at(tool, "inputSchema")) listed.input_schema = *schema;
    page.tools.push_back(std::move(listed));
  }
  // An empty cursor is one, too; but nobody would list from there for ever.
  if (const auto* cursor = find(result, "nextCursor"); cursor != nullptr && cursor->is_string())
    page.next_cursor = std::string(as_text(cursor));
  return page;
}

std::string mcp_tool_name(std::string_view wanted, std::set<std::string>& taken) {
  std::string name(wanted.substr(0, longest_tool_name));
  for (auto& c : name)
    if (!may_stand_in_name(c)) c = '_';
  std::string own = name;
  for (int number = 2; !taken.insert(own).second; ++number) {
    const std::string ending = '_' + std::to_string(number);
    own = name.substr(0, longest_tool_name - ending.size()) + ending;
  }
  return own;
}

Result<ToolResult> read_mcp_tool_result(const json::value& value) {
  if (!value.is_object()) return broken("its answer to 'tools/call' is no object");
  ToolResult result;
  const auto* content = array_at(value, "content");
  const auto* structured = find(value, "structuredContent");
  if (content == nullptr && structured == nullptr)
    return broken("its answer to 'tools/call' has no 'content'");
  if (content != nullptr)
    for (const auto& part : *content) {
      const auto words = words_of(result, part);
      if (words.empty()) continue;
      if (!result.text.empty()) result.text += '\n';
      result.text += words;
    }
  // A server repeats what is structured as text, for clients that know no other content; where it does not,
  // this is the text.
  if (result.text.empty() && structured != nullptr && !structured->is_null())
    result.text = to_json(*structured);
  result.is_error = as_boolean(find(value, "isError")).value_or(false);
  return result;
}

std::string answer_mcp_request(const RpcMessage& request) {
  if (request.method == "ping") return write_rpc_result(request.id, json::object());
  return write_rpc_error(request.id, rpc_method_not_found, "lllm has no such method");
}

ToolResult mcp_failure(const Error& error) {
  std::string words = error.message();
  if (!error.provider_text().empty()) words += ": " + error.provider_text();
  return ToolResult::failure(std::move(words));
}

Error mcp_error(std::string_view server, std::string_view method, const RpcMessage& error) {
  ErrorKind kind = ErrorKind::provider_error;
  if (method == "initialize")
    kind = ErrorKind::unsupported;
  else if (error.code == rpc_method_not_found)
    kind = ErrorKind::not_found;
  else if (error.code == rpc_invalid_params || error.code == rpc_invalid_request)
    kind = ErrorKind::invalid_request;
  std::string message = std::string(server) + " answered '" + std::string(method) + "' with error " +
                        std::to_string(error.code);
  // A server that speaks other revisions only says which.
  if (const auto* supported = array_at(error.value, "supported"); supported != nullptr) {
    std::vector<std::string> versions;
    for (const auto& version : *supported)
      if (versions.size() < 10) versions.push_back(strip_terminal_escapes(excerpt(as_text(&version), 40)));
    message += ": it speaks " + join(versions, ", ") + "; lllm speaks " + known_versions();
  }
  return Error(kind, std::move(message))
      .provider_text(mcp_excerpt(error.text))
      .provider_code(std::to_string(error.code));
}

}  // namespace lllm
