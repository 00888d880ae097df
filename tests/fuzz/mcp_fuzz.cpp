// Whatever a server answers is read or refused; what it asks is answered, and names become such as models may
// call.
#include <set>
#include <string>

#include "lllm/formats/json_rpc.hpp"
#include "lllm/mcp/protocol.hpp"
#include "lllm/runtime/table_reader.hpp"
#include "tests/fuzz/fuzz.hpp"

using lllm::test::must;

namespace {

void check_result(const lllm::json::value& result) {
  if (const auto info = lllm::read_mcp_initialize(result)) must(!info->protocol_version.empty());
  if (const auto page = lllm::read_mcp_tools(result)) {
    std::set<std::string> taken;
    for (const auto& tool : page->tools) must(lllm::is_tool_name(lllm::mcp_tool_name(tool.name, taken)));
    must(taken.size() == page->tools.size());
  }
  if (const auto said = lllm::read_mcp_tool_result(result))
    for (const auto& media : said->media) must(!media.data().empty());
}

}  // namespace

LLLM_FUZZ(mcp) {
  const auto excerpt = lllm::mcp_excerpt(input);
  must(excerpt.size() <= 2004 && excerpt.find('\x1b') == excerpt.npos);
  const auto messages = lllm::read_rpc(input);
  if (!messages) return;
  for (const auto& message : *messages) {
    if (message.kind == lllm::RpcMessage::Kind::result) check_result(message.value);
    if (message.kind == lllm::RpcMessage::Kind::request) {
      const auto answer = lllm::read_rpc(lllm::answer_mcp_request(message));
      must(answer.has_value() && answer->front().id == message.id);
    }
    if (message.kind == lllm::RpcMessage::Kind::error)
      for (const auto* method : {"initialize", "tools/call"}) {
        const auto error = lllm::mcp_error("the server", method, message);
        must(error.message().find('\x1b') == std::string::npos && error.provider_text().size() <= 2004);
      }
  }
}
