#pragma once

#include <string>

#include <boost/asio/awaitable.hpp>

#include "lllm/base/json.hpp"
#include "lllm/runtime/runtime.hpp"

namespace lllm {

/// A config with everything it inherits: `base = "<config ref>"` names the config it builds on, which may
/// have a base of its own. Objects merge key by key, lists and scalars replace; `base` itself is left out of
/// the result. A base without a package is looked for in the package of the config that names it, then as any
/// bare key.
///
/// @param runtime  Must outlive the call. All files of the chain come from one snapshot.
/// @throws Exception `bad_resource` for circular inheritance (the chain is shown) and for a base that is no
/// ref;
///         what load_config throws, with the chain that led there; `cancelled`. Cancellation: terminal.
asio::awaitable<json::value> resolve_config(std::string ref, const Runtime& runtime = get_runtime());

/// resolve_config with `overrides` merged over it: a config of another package, adapted by its user.
asio::awaitable<json::value> vendor_config(std::string ref, json::object overrides,
                                           const Runtime& runtime = get_runtime());

}  // namespace lllm
