#include "lllm/runtime/config.hpp"

#include <algorithm>
#include <vector>

#include "lllm/base/text.hpp"

namespace lllm {
namespace {

/// The node that `base` means inside the config `from`.
Result<NodePtr> base_node(const Registry& registry, const ResourceNode& from, std::string_view base) {
  if (base.find(':') == base.npos) {
    std::string key(from.ns());
    key.append(":").append(base);
    if (const auto* own = registry.find(key)) return *own;
  }
  const auto node = registry.resolve(base, "config");
  if (!node) return node.error();
  return **node;
}

Error in_chain(const Error& error, const std::vector<std::string>& chain) {
  if (chain.size() < 2) return error;
  Error copy = error;
  return copy.message(error.message() + " (inherited: " + join(chain, " -> ") + ")");
}

}  // namespace

asio::awaitable<json::value> resolve_config(std::string ref, const Runtime& runtime) {
  const auto registry = runtime.snapshot();
  const auto found = registry->resolve(ref, "config");
  if (!found) throw_error(found.error());
  NodePtr node = **found;
  std::vector<std::string> chain;    // keys, the derived one first
  std::vector<json::value> configs;  // in the same order
  while (true) {
    const bool circular = std::find(chain.begin(), chain.end(), node->key()) != chain.end();
    chain.push_back(node->key());
    if (circular)
      throw_error(Error(ErrorKind::bad_resource, "circular inheritance of configs: " + join(chain, " -> "))
                      .at(node->file()));
    try {
      auto pending = ResourceNode::load(node);
      co_await std::move(pending);
    } catch (const Exception& failure) {
      throw_error(in_chain(failure.error(), chain));
    }
    configs.push_back(*node->value_as<json::value>().value());
    auto& config = configs.back();
    const auto* base = find(config, "base");
    if (base == nullptr) break;
    if (!base->is_string())
      throw_error(
          Error(ErrorKind::bad_resource, "config '" + node->key() + "': 'base' must be the ref of a config")
              .at(node->file()));
    const std::string base_ref(as_text(base));
    config.get_object().erase("base");
    const auto next = base_node(*registry, *node, base_ref);
    if (!next) {
      Error error = next.error();
      error.message("config '" + node->key() + "': base '" + base_ref + "': " + error.message())
          .at(node->file());
      throw_error(in_chain(error, chain));
    }
    node = *next;
  }
  json::value resolved = std::move(configs.back());
  for (auto derived = configs.rbegin() + 1; derived != configs.rend(); ++derived)
    deep_merge(resolved, *derived);
  co_return resolved;
}

asio::awaitable<json::value> vendor_config(std::string ref, json::object overrides, const Runtime& runtime) {
  auto pending = resolve_config(std::move(ref), runtime);
  auto config = co_await std::move(pending);
  deep_merge(config, json::value(std::move(overrides)));
  co_return config;
}

}  // namespace lllm
