#include "lllm/runtime/runtime.hpp"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "lllm/base/text.hpp"
#include "lllm/runtime/loader.hpp"
#include "lllm/runtime/proxy.hpp"
#include "lllm/runtime/resource_ref.hpp"
#include "lllm/runtime/service.hpp"
#include "lllm/runtime/tactic.hpp"

namespace lllm {
namespace {

std::shared_ptr<const Registry> first_state(std::string default_package) {
  auto registry = std::make_shared<Registry>();
  registry->default_package(std::move(default_package));
  return registry;
}

std::string origin(const ResourceNode& node) {
  return node.file().empty() ? "C++ code" : "'" + node.file() + "'";
}

Error conflict(const ResourceNode& present, const ResourceNode& added) {
  return Error(ErrorKind::resource_conflict, "'" + added.key() + "' (" + added.type() + ") from " +
                                                 origin(added) + " is already registered, from " +
                                                 origin(present))
      .at(added.file());
}

ResourceNode::Parts parts_for(std::string ns, std::string_view path, std::string_view type) {
  ResourceNode::Parts parts;
  parts.ns = std::move(ns);
  parts.path = path;
  parts.type = type;
  return parts;
}

}  // namespace

Runtime::Runtime() : Runtime(std::string()) {}
Runtime::Runtime(std::string default_package) : cell_(first_state(std::move(default_package))) {}
Runtime::~Runtime() = default;

void Runtime::change(const std::function<void(Registry&)>& edit) {
  const std::lock_guard lock(writers_);
  auto next = std::make_shared<Registry>(*cell_.load());
  edit(*next);
  cell_.store(std::move(next));
}

std::string Runtime::namespace_or_default(std::string_view ns, std::string_view type) const {
  if (!ns.empty()) return std::string(ns);
  auto package = default_package();
  if (package.empty())
    throw_error(ErrorKind::bad_ref,
                "no default package is set: give a namespace such as \"demo." + section_of_type(type) + "\"");
  return package + '.' + section_of_type(type);
}

void Runtime::register_node(NodePtr node, bool overwrite) {
  check_namespace(node->ns()).value();
  check_resource_path(node->path()).value();
  change([&](Registry& registry) {
    if (const auto* present = registry.find(node->key()); present != nullptr && !overwrite)
      throw_error(conflict(**present, *node));
    registry.put(std::move(node));
  });
}

void Runtime::register_value(std::string_view type, std::string_view path, ResourceValue value,
                             std::string_view ns, bool overwrite) {
  auto parts = parts_for(namespace_or_default(ns, type), path, type);
  register_node(ResourceNode::eager(std::move(parts), std::move(value)), overwrite);
}

void Runtime::register_prompt(Prompt prompt, std::string_view ns, bool overwrite) {
  auto space = namespace_or_default(ns, "prompt");
  prompt.ref = space + ':' + prompt.path;
  const std::string path = prompt.path;
  register_value("prompt", path, ResourceValue::of(std::move(prompt)), space, overwrite);
}

void Runtime::register_tool(std::string_view path, Tool tool, std::string_view ns, bool overwrite) {
  if (path.substr(path.rfind('/') + 1) != tool.name())
    throw_error(ErrorKind::invalid_argument, "tool '" + tool.name() + "' cannot be registered as '" +
                                                 std::string(path) + "': the last part must be its name");
  register_value("tool", path, ResourceValue::of(std::move(tool)), ns, overwrite);
}

void Runtime::register_config(std::string_view path, json::value config, std::string_view ns,
                              bool overwrite) {
  register_value("config", path, ResourceValue::of(std::move(config)), ns, overwrite);
}

void Runtime::register_asset(std::string_view path, std::string bytes, std::string_view ns, bool overwrite) {
  Asset asset;
  asset.bytes = std::move(bytes);
  register_value("asset", path, ResourceValue::of(std::move(asset)), ns, overwrite);
}

void Runtime::register_proxy(std::string_view path, Proxy proxy, std::string_view ns, bool overwrite) {
  const auto space = namespace_or_default(ns, "proxy");
  proxy.ref = space + ':' + std::string(path);
  register_value("proxy", path, ResourceValue::of(std::move(proxy)), space, overwrite);
}

void Runtime::register_tactic(std::string_view path, Tactic tactic, std::string_view ns, bool overwrite) {
  const auto space = namespace_or_default(ns, "tactic");
  tactic.ref = space + ':' + std::string(path);
  register_value("tactic", path, ResourceValue::of(std::move(tactic)), space, overwrite);
}

void Runtime::register_service(std::string_view path, Service service, std::string_view ns, bool overwrite) {
  check_service(service).value();
  const auto space = namespace_or_default(ns, "service");
  service.ref = space + ':' + std::string(path);
  register_value("service", path, ResourceValue::of(std::move(service)), space, overwrite);
}

void Runtime::register_context_manager(std::string_view path, ContextManagerPtr manager, std::string_view ns,
                                       bool overwrite) {
  if (!manager) throw_error(ErrorKind::invalid_argument, "a null context manager cannot be registered");
  register_value("context_manager", path, ResourceValue::of(std::move(manager)), ns, overwrite);
}

bool Runtime::unregister(std::string_view key) {
  bool found = false;
  change([&](Registry& registry) { found = registry.erase(key); });
  return found;
}

Result<PromptPtr> Runtime::get_prompt(std::string_view ref) const {
  return get_value<Prompt>("prompt", ref);
}

Result<Tool> Runtime::get_tool(std::string_view ref) const {
  const auto tool = get_value<Tool>("tool", ref);
  if (!tool) return tool.error();
  return **tool;
}

Result<json::value> Runtime::get_config(std::string_view ref) const {
  const auto config = get_value<json::value>("config", ref);
  if (!config) return config.error();
  return **config;
}

Result<AssetPtr> Runtime::get_asset(std::string_view ref) const {
  return get_value<Asset>("asset", ref);
}

Result<ProxyPtr> Runtime::get_proxy(std::string_view ref) const {
  return get_value<Proxy>("proxy", ref);
}
Result<TacticPtr> Runtime::get_tactic(std::string_view ref) const {
  return get_value<Tactic>("tactic", ref);
}
Result<ServicePtr> Runtime::get_service(std::string_view ref) const {
  return get_value<Service>("service", ref);
}

Result<ContextManagerPtr> Runtime::get_context_manager(std::string_view ref) const {
  const auto manager = get_value<ContextManagerPtr>("context_manager", ref);
  if (!manager) return manager.error();
  return **manager;
}

Result<NodePtr> Runtime::get_node(std::string_view ref, std::string_view type) const {
  return cell_.read([&](const Registry& registry) -> Result<NodePtr> {
    const auto node = registry.resolve(ref, type);
    if (!node) return node.error();
    return **node;
  });
}

Result<NodePtr> Runtime::get_section_node(std::string_view section_and_path) const {
  const auto colon = section_and_path.find(':');
  if (colon == section_and_path.npos)
    return Error(ErrorKind::bad_ref, "'" + std::string(section_and_path) +
                                         "' has no ':' (the format is \"section:path\", or a whole ref)");
  if (section_and_path.substr(0, colon).find('.') != section_and_path.npos) return get_node(section_and_path);
  const auto package = default_package();
  if (package.empty())
    return Error(ErrorKind::bad_ref, "'" + std::string(section_and_path) + "': no default package is set");
  return get_node(package + '.' + std::string(section_and_path));
}

bool Runtime::has(std::string_view ref, std::string_view type) const {
  return cell_.read([&](const Registry& registry) { return registry.resolve_quietly(ref, type) != nullptr; });
}

std::vector<NodePtr> Runtime::nodes(std::string_view type) const {
  return snapshot()->nodes(type);
}

std::vector<std::string> Runtime::keys(std::string_view type) const {
  std::vector<std::string> keys;
  for (const auto& node : nodes(type)) keys.push_back(node->key());
  return keys;
}

std::size_t Runtime::size() const {
  return cell_.read([](const Registry& registry) { return registry.size(); });
}

std::string Runtime::default_package() const {
  return cell_.read([](const Registry& registry) { return registry.default_package(); });
}

void Runtime::set_default_package(std::string name) {
  if (!name.empty()) check_package_name(name).value();
  change([&](Registry& registry) { registry.default_package(std::move(name)); });
}

std::vector<std::shared_ptr<const LoadRecord>> Runtime::load_records() const {
  const std::lock_guard lock(writers_);
  return records_;
}

Result<> Runtime::publish(std::vector<LoadOutcome>& outcomes) {
  const std::lock_guard lock(writers_);
  auto next = std::make_shared<Registry>(*cell_.load());
  for (auto& outcome : outcomes)
    if (const auto added = add_outcome(*next, outcome); !added) return added.error();
  cell_.store(std::move(next));
  for (auto& outcome : outcomes) {
    const auto same_root = [&](const auto& record) { return record->root == outcome.record->root; };
    const auto before = std::find_if(records_.begin(), records_.end(), same_root);
    if (before != records_.end())
      *before = outcome.record;
    else
      records_.push_back(outcome.record);
    outcome.report.published = true;
  }
  return {};
}

Result<> Runtime::add_outcome(Registry& next, LoadOutcome& outcome) {
  auto& report = outcome.report;
  const auto same_root = [&](const auto& record) { return record->root == outcome.record->root; };
  const auto before = std::find_if(records_.begin(), records_.end(), same_root);
  if (before != records_.end()) {
    std::unordered_set<std::string_view> coming;
    coming.reserve(outcome.nodes.size());
    for (const auto& node : outcome.nodes) coming.insert(node->key());
    const auto forget = [&](const std::string& key) {
      const auto* present = next.find(key);
      // What C++ code registered over a file's resource stays.
      if (present == nullptr || (*present)->file().empty() || coming.contains(key)) return;
      report.changed.push_back(key);
      next.erase(key);
    };
    for (const auto& key : (*before)->keys) forget(key);
    for (const auto& [path, file] : (*before)->files)
      for (const auto& node : file.nodes) forget(node->key());
  }
  for (const auto& node : outcome.nodes) {
    const auto* present = next.find(node->key());
    if (present != nullptr && (*present)->file().empty()) {
      if ((*present)->type() == "proxy" || (*present)->type() == "tactic") return conflict(**present, *node);
      report.warnings.emplace_back("'" + node->key() + "' replaces what was registered from C++ code",
                                   node->file());
    }
    if (present != nullptr && (*present)->same_content(*node)) continue;
    if (before != records_.end()) report.changed.push_back(node->key());
    next.put(node);
  }
  std::sort(report.changed.begin(), report.changed.end());
  if (next.default_package().empty()) next.default_package(report.default_package);
  return {};
}

namespace {
struct NamedRuntimes {
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<Runtime>, std::less<>> runtimes;
};
NamedRuntimes& named_runtimes() {
  static NamedRuntimes& all = *new NamedRuntimes;  // never destroyed: references to them are everywhere
  return all;
}
}  // namespace

Runtime& get_runtime(std::string_view name) {
  auto& all = named_runtimes();
  const std::lock_guard lock(all.mutex);
  auto found = all.runtimes.find(name);
  if (found == all.runtimes.end())
    found = all.runtimes.emplace(std::string(name), std::make_unique<Runtime>()).first;
  return *found->second;
}

std::vector<std::string> runtime_names() {
  auto& all = named_runtimes();
  const std::lock_guard lock(all.mutex);
  std::vector<std::string> names;
  for (const auto& [name, runtime] : all.runtimes) names.push_back(name);
  return names;
}

}  // namespace lllm
