#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/core/prompt.hpp"
#include "lllm/core/tool.hpp"
#include "lllm/runtime/asset.hpp"
#include "lllm/runtime/registry.hpp"
#include "lllm/runtime/resource_node.hpp"
#include "lllm/runtime/snapshot_cell.hpp"

namespace lllm {

class ContextManager;  // agent/context_manager.hpp
using ContextManagerPtr = std::shared_ptr<ContextManager>;
class Proxy;     // proxy.hpp
struct Service;  // service.hpp
class Tactic;    // tactic.hpp
using ProxyPtr = std::shared_ptr<const Proxy>;
using ServicePtr = std::shared_ptr<const Service>;
using TacticPtr = std::shared_ptr<const Tactic>;
struct LoadOutcome;
struct LoadRecord;
struct LoadReport;
struct WatchOptions;

/// A registry of resources under qualified refs `<package>.<section>:<path>`.
///
/// Thread-safety: everything may be called from any thread. Reading never blocks and takes no lock: readers
/// see an immutable snapshot; registering and loading publish a new one at once. What was read stays as it
/// was: a dialog in flight keeps the version of the prompt it started with. Registering takes a short lock
/// among writers.
///
/// A ref is resolved in this order: the exact key; a bare key (without `:`) in the default package, for a
/// typed lookup in its own section first, then in tactics, services, configs, assets, prompts, tools,
/// proxies; `package:path` in a typed lookup, with the section put in.
class Runtime {
 public:
  Runtime();
  /// @param default_package  Where bare keys are looked up, until a load says otherwise.
  explicit Runtime(std::string default_package);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Registering. `ns` is `<package>.<section>`; empty: the section in the default package.
  // All throw Exception: `bad_ref` for a malformed namespace or path, `resource_conflict` when the key is
  // taken and may not be overwritten (both origins are named).

  /// Under `prompt.path`; the registered copy's `ref` is set.
  void register_prompt(Prompt prompt, std::string_view ns = {}, bool overwrite = true);
  /// Under `path`, whose last part must be the tool's name (`invalid_argument` otherwise).
  void register_tool(std::string_view path, Tool tool, std::string_view ns = {}, bool overwrite = true);
  void register_config(std::string_view path, json::value config, std::string_view ns = {},
                       bool overwrite = true);
  void register_asset(std::string_view path, std::string bytes, std::string_view ns = {},
                      bool overwrite = true);
  /// Proxies and tactics do not replace one another unless told to: code calls them by name.
  void register_proxy(std::string_view path, Proxy proxy, std::string_view ns = {}, bool overwrite = false);
  void register_tactic(std::string_view path, Tactic tactic, std::string_view ns = {},
                       bool overwrite = false);
  /// `invalid_argument` for a service that could not be served (check_service).
  void register_service(std::string_view path, Service service, std::string_view ns = {},
                        bool overwrite = true);
  void register_context_manager(std::string_view path, ContextManagerPtr manager, std::string_view ns = {},
                                bool overwrite = true);
  /// Any other type, your own included: `type` names it, `value` is what `get_value<T>` gives back. The
  /// defaults of `overwrite` differ by type, so it has none here.
  void register_value(std::string_view type, std::string_view path, ResourceValue value, std::string_view ns,
                      bool overwrite);
  /// A node made elsewhere, a lazy one for example; its namespace and path are checked.
  void register_node(NodePtr node, bool overwrite = true);
  /// False when there was none.
  bool unregister(std::string_view key);

  // Reading without waiting: a lazy resource that is not loaded yet is an error that says so (see load.hpp).

  [[nodiscard]] Result<PromptPtr> get_prompt(std::string_view ref) const;
  [[nodiscard]] Result<Tool> get_tool(std::string_view ref) const;
  [[nodiscard]] Result<json::value> get_config(std::string_view ref) const;
  [[nodiscard]] Result<AssetPtr> get_asset(std::string_view ref) const;
  [[nodiscard]] Result<ProxyPtr> get_proxy(std::string_view ref) const;
  [[nodiscard]] Result<TacticPtr> get_tactic(std::string_view ref) const;
  [[nodiscard]] Result<ServicePtr> get_service(std::string_view ref) const;
  [[nodiscard]] Result<ContextManagerPtr> get_context_manager(std::string_view ref) const;
  /// `resource_type_mismatch` when the value is another C++ type than `T`.
  template <class T>
  [[nodiscard]] Result<std::shared_ptr<const T>> get_value(std::string_view type, std::string_view ref) const;

  /// As get_value where `ref` is a whole ref and its value is there; null in every other case.
  template <class T>
  [[nodiscard]] std::shared_ptr<const T> find_value(std::string_view type, std::string_view ref) const {
    return cell_.read([&](const Registry& registry) { return registry.find_value<T>(ref, type); });
  }

  /// The node itself. `type` empty: any.
  [[nodiscard]] Result<NodePtr> get_node(std::string_view ref, std::string_view type = {}) const;
  /// `section:path` in the default package. `bad_ref` without a ':'.
  [[nodiscard]] Result<NodePtr> get_section_node(std::string_view section_and_path) const;
  [[nodiscard]] bool has(std::string_view ref, std::string_view type = {}) const;
  /// In order. `type` empty: all.
  [[nodiscard]] std::vector<std::string> keys(std::string_view type = {}) const;
  /// In the order of their keys.
  [[nodiscard]] std::vector<NodePtr> nodes(std::string_view type = {}) const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::string default_package() const;
  void set_default_package(std::string name);

  /// The present state, kept as long as you keep it: for reading many things that must belong together.
  [[nodiscard]] std::shared_ptr<const Registry> snapshot() const { return cell_.load(); }

  // Keeping up with files (see load.hpp and watch.hpp).

  /// Reads again what has changed in the packages loaded so far, and publishes all of it or nothing. Files
  /// that have not changed are not opened. What was read before stays valid for those who hold it.
  /// @throws Exception the failure of the load, or the first new error in a file: then the state before
  /// remains. Cancellation: terminal; nothing is published.
  asio::awaitable<LoadReport> reload();
  /// reload() whenever files change, until cancelled (`cancelled` is thrown then). Failed reloads are told to
  /// `options.on_change` and leave the last good state. Must be cancelled before the Runtime dies.
  asio::awaitable<void> watch(WatchOptions options);

  /// Publishes what loads found, in one step, in place of what the same roots gave before. Blocks while it
  /// builds the next state. `resource_conflict` when something registered from C++ is in the way; then
  /// nothing is published.
  Result<> publish(std::vector<LoadOutcome>& outcomes);
  [[nodiscard]] std::vector<std::shared_ptr<const LoadRecord>> load_records() const;

 private:
  Result<> add_outcome(Registry& next, LoadOutcome& outcome);
  void change(const std::function<void(Registry&)>& edit);
  [[nodiscard]] std::string namespace_or_default(std::string_view ns, std::string_view type) const;

  SnapshotCell cell_;
  mutable std::mutex writers_;
  std::vector<std::shared_ptr<const LoadRecord>> records_;  // guarded by writers_
};

/// The process's default runtime, or a named one, made when first asked for; both live until the process
/// ends.
Runtime& get_runtime(std::string_view name = "default");
/// The names asked for so far, in order.
std::vector<std::string> runtime_names();

template <class T>
Result<std::shared_ptr<const T>> Runtime::get_value(std::string_view type, std::string_view ref) const {
  return cell_.read([&](const Registry& registry) -> Result<std::shared_ptr<const T>> {
    if (auto exact = registry.find_value<T>(ref, type)) return exact;
    const auto node = registry.resolve(ref, type);
    if (!node) return node.error();
    if (auto found = registry.find_value<T>((**node)->key(), type)) return found;
    return (**node)->template value_as<T>();
  });
}

}  // namespace lllm
