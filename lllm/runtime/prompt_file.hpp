#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/core/prompt.hpp"

namespace lllm {

/// Reads a prompt out of a text file. The body is the template; front matter may say:
///
/// | Key | Value |
/// | --- | --- |
/// | `tools` | refs of tools: `["shared.tools:search", "lint"]` |
/// | `format` | a JSON schema: what the answer must be |
/// | `parser` | `json`, or `{xml_tags, md_tags, signal_tags, required_xml_tags, required_md_tags}` |
/// | `mcp_servers` | `[{name, url}]` or `[{name, command: [argv…]}]`; more keys are options |
/// | `addon_args` | `{web_search: {…}, computer_use: {…}}` |
/// | `handler` | `{exception_prompt, repeated_call_notice, final_answer_prompt}` |
/// | anything else | goes to `Prompt::metadata` |
///
/// `bad_resource` with line and column in the file. Pure.
/// @param others  Gets the mistakes after the first, which is the result.
Result<Prompt> parse_prompt_text(std::string path, std::string_view bytes,
                                 std::vector<Error>* others = nullptr);

/// Reads a `.toml` file of `[[prompt]]` tables: `prompt` is the template, `path` the key below the file's own
/// (it may be missing when the file has one table: then the key is the file's), and the keys above.
/// @param path  The key of the file itself: its path without suffix.
Result<std::vector<Prompt>> parse_prompt_tables(const std::string& path, std::string_view bytes,
                                                std::vector<Error>* others = nullptr);

}  // namespace lllm
