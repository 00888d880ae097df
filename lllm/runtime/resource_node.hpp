#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"

namespace lllm {

namespace asio = boost::asio;

/// Any immutable value, shared.
class ResourceValue {
 public:
  ResourceValue() = default;
  template <class T>
  explicit ResourceValue(std::shared_ptr<const T> value) : pointer_(std::move(value)), type_(&typeid(T)) {}
  template <class T>
  static ResourceValue of(T value) {
    return ResourceValue(std::make_shared<const T>(std::move(value)));
  }

  /// Null when it holds another C++ type.
  template <class T>
  [[nodiscard]] std::shared_ptr<const T> get() const {
    if (type_ == nullptr || *type_ != typeid(T)) return nullptr;
    return std::static_pointer_cast<const T>(pointer_);
  }
  explicit operator bool() const { return pointer_ != nullptr; }

  /// Where it is, for those who know by `type` what it is; null when there is none.
  [[nodiscard]] const void* address() const { return pointer_.get(); }
  [[nodiscard]] const std::type_info* type() const { return type_; }

 private:
  std::shared_ptr<const void> pointer_;
  const std::type_info* type_ = nullptr;
};

class ResourceNode;
using NodePtr = std::shared_ptr<const ResourceNode>;

/// One entry of a Runtime: where it is, what it is, and its value or the way to get it.
///
/// Immutable but for the value of a lazy one, which appears once. Any thread may use it.
class ResourceNode {
  struct Content;
  struct Whole;

 public:
  /// Runs on a worker thread, so it may block; it may be called again after a failure.
  using Loader = std::function<Result<ResourceValue>()>;

  /// What a node is made of. `metadata` gets `file_path` from `file`.
  struct Parts {
    Parts() = default;
    std::string ns;    ///< `<package>.<section>`
    std::string path;  ///< inside the section
    std::string type;
    std::string file;  ///< empty when it came from C++
    json::object metadata;
  };

  static NodePtr eager(Parts parts, ResourceValue value);
  static NodePtr lazy(Parts parts, Loader loader);
  /// Known to exist and known to be unusable: every read gives `error`.
  static NodePtr broken(Parts parts, Error error);
  /// The same content under another namespace; a lazy value is loaded once for both.
  static NodePtr alias(NodePtr node, std::string_view ns);

  [[nodiscard]] const std::string& key() const { return key_; }
  [[nodiscard]] std::string_view ns() const { return std::string_view(key_).substr(0, colon_); }
  [[nodiscard]] std::string_view path() const { return std::string_view(key_).substr(colon_ + 1); }
  [[nodiscard]] const std::string& type() const;
  [[nodiscard]] const std::string& file() const;
  /// What was given at registration, `file_path`, and `alias_of` for an alias.
  [[nodiscard]] json::object metadata() const;
  [[nodiscard]] bool is_alias() const { return original_ != nullptr; }
  [[nodiscard]] bool is_lazy() const;
  [[nodiscard]] bool is_loaded() const;
  /// Set for a broken node.
  [[nodiscard]] const Error* failure() const;
  /// True for a node and its aliases.
  [[nodiscard]] bool same_content(const ResourceNode& other) const { return content_ == other.content_; }
  [[nodiscard]] std::size_t hash() const { return hash_; }
  /// The value where it is, if it is there; it stays there as long as the node. Never blocks, never locks.
  [[nodiscard]] const ResourceValue* ready() const;

  /// The value without waiting: an error for a broken node, and for a lazy one that is not loaded yet.
  /// Never blocks, never locks.
  [[nodiscard]] Result<ResourceValue> value() const;
  template <class T>
  [[nodiscard]] Result<std::shared_ptr<const T>> value_as() const;

  /// The value, loaded first when it has to be. Concurrent first readers share one load; its failure is
  /// thrown to all of them, names the ref and the file, and the next read tries again.
  /// @throws Exception what the loader failed with; `cancelled`. Cancellation: terminal, the others keep
  /// waiting.
  [[nodiscard]] static asio::awaitable<ResourceValue> load(NodePtr node);
  /// For programs without a loop, and for loaders that need another node: blocks, and shares no load.
  [[nodiscard]] Result<ResourceValue> load_blocking() const;

  /// `content` belongs to the node that this one is made with, or to `original`.
  ResourceNode(std::string key, std::size_t colon, Content& content, NodePtr original = {});

 private:
  [[nodiscard]] Error named(const Error& error) const;
  [[nodiscard]] Error other_type() const;

  static std::shared_ptr<Whole> make(Parts parts);
  static NodePtr node_of(std::shared_ptr<Whole> whole);

  std::string key_;
  Content* content_;
  std::size_t hash_;
  std::size_t colon_;
  NodePtr original_;  ///< of an alias
};

template <class T>
Result<std::shared_ptr<const T>> ResourceNode::value_as() const {
  const auto* held = ready();
  if (held == nullptr) return value().error();
  auto typed = held->template get<T>();
  if (!typed) return other_type();
  return typed;
}

}  // namespace lllm
