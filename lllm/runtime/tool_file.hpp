#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/core/tool.hpp"
#include "lllm/formats/document.hpp"
#include "lllm/runtime/backends.hpp"
#include "lllm/runtime/table_reader.hpp"

namespace lllm {

/// A tool out of a file, and what is behind it: "http", "exec" or "mcp".
struct DeclaredTool {
  DeclaredTool() = default;
  std::string path;  ///< in its section
  std::string backend;
  Tool tool;
};

/// Reads a tool's declaration (TOML, JSON or YAML):
///
///     name = "weather"                     # default: the file's own
///     description = "Today's weather in a city."
///     [parameters]                         # JSON schema
///     required = ["city"]
///     [parameters.properties.city]
///     type = "string"
///
/// and one backend:
///
/// | Table | Keys |
/// | --- | --- |
/// | `[http]` | `url`, `method`, `query`, `headers`, `body` (`json`, `form`), `auth` (`env`, `header`,
/// `prefix`), `result`, `timeout`, `max_bytes`, `private_addresses` | | `[exec]` | `argv`, `directory`,
/// `env`, `pass_env`, `input` (`json`, `none`), `timeout`, `max_output`, `max_memory` | | `[mcp]` | `url`,
/// `headers`, `auth`, `private_addresses`, or `command`, `directory`, `env`, `pass_env`; `tool` (its name
/// there; default: the tool's own), `timeout` |
///
/// See HttpBackend and its neighbours. Times are seconds, sizes are bytes. Or several, as `[[tool]]` tables.
/// The key is `path` when that ends in the tool's name, else `path`/name.
///
/// @param path    The key of the file: its path without suffix.
/// @param folder  What the directory of a program is relative to: the file's own.
/// @param others  Gets the mistakes after the first, which is the result.
/// `bad_resource` with line and column: unknown keys are refused, too. Pure.
Result<std::vector<DeclaredTool>> parse_tool_file(const std::string& path, const std::string& folder,
                                                  Syntax syntax, std::string_view bytes,
                                                  std::vector<Error>* others = nullptr);

/// The `auth` table of a tool or proxy.
AuthHeader read_auth(const TableReader& owner);
/// Where the arguments of a request go must be a member of `parameters`, and its URL must be one.
void check_http(const TableReader& table, std::string_view key, const HttpBackend& backend,
                const Schema& parameters);
/// A name a model may call; a mistake otherwise.
void check_tool_name(const TableReader& table, std::string_view key, const std::string& name);
/// An HTTP method; upper case.
std::string read_method(const TableReader& table);

}  // namespace lllm
