#pragma once

#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "lllm/core/prompt.hpp"
#include "lllm/core/tool.hpp"
#include "lllm/runtime/load_report.hpp"
#include "lllm/runtime/loader.hpp"
#include "lllm/runtime/proxy.hpp"
#include "lllm/runtime/runtime.hpp"
#include "lllm/runtime/service.hpp"
#include "lllm/runtime/tactic.hpp"

namespace lllm {

// Loading packages. Everything that blocks runs on worker threads; the caller's loop is only told.

/// Finds the root package and loads it with everything it depends on into `runtime`, in parallel.
///
/// The manifest (`lllm.toml`, `.lllm.toml`, `LLLM.toml`, in each folder also below `template/`) is looked for
/// in
/// `$LLLM_CONFIG`, then upward from `options.start`, then upward from the working directory; without any, the
/// standard folders of the working directory are an anonymous package, and a warning says so. Shared packages
/// (`<project>/lllm_packages/*/`, `~/.lllm/packages/*/`) are layered below, unless switched off.
///
/// @param runtime  Must outlive the call. Gets everything at once, at the end, or nothing.
/// @throws Exception `bad_resource` for a malformed manifest (file, line, column), `resource_conflict` for
/// two
///         packages of one name, `io_failed` when there is nothing to load or when something kept changing
///         while it was loaded (three attempts are made), `cancelled`, and with `options.strict` the first of
///         `LoadReport::errors`.
/// Cancellation: terminal; nothing is published.
asio::awaitable<LoadReport> load_runtime(Runtime& runtime, LoadOptions options = {});
/// For programs without a loop: runs one of its own until the load has ended.
LoadReport load_runtime_blocking(Runtime& runtime, LoadOptions options = {});

// Reading single resources, lazy ones included. `runtime` must outlive the call; refs as Runtime resolves
// them. All throw Exception: `bad_ref`, `resource_not_found`, `resource_type_mismatch`, what reading the file
// failed with (ref, file, line and column are named), `cancelled`. Cancellation: terminal.

asio::awaitable<PromptPtr> load_prompt(std::string ref, const Runtime& runtime = get_runtime());
asio::awaitable<Tool> load_tool(std::string ref, const Runtime& runtime = get_runtime());
/// As the file has it; `resolve_config` also follows `base`.
asio::awaitable<json::value> load_config(std::string ref, const Runtime& runtime = get_runtime());
asio::awaitable<AssetPtr> load_asset(std::string ref, const Runtime& runtime = get_runtime());
asio::awaitable<ProxyPtr> load_proxy(std::string ref, const Runtime& runtime = get_runtime());
asio::awaitable<TacticPtr> load_tactic(std::string ref, const Runtime& runtime = get_runtime());
asio::awaitable<ServicePtr> load_service(std::string ref, const Runtime& runtime = get_runtime());
asio::awaitable<ContextManagerPtr> load_context_manager(std::string ref,
                                                        const Runtime& runtime = get_runtime());
/// `section:path` in the default package, or a whole ref; any type.
asio::awaitable<ResourceValue> load_resource(std::string section_and_path,
                                             const Runtime& runtime = get_runtime());

}  // namespace lllm
