#include "lllm/runtime/resource_node.hpp"

#include <atomic>
#include <mutex>
#include <optional>

#include "lllm/async/event.hpp"
#include "lllm/async/worker_pool.hpp"
#include "lllm/runtime/resource_ref.hpp"

namespace lllm {
namespace {

/// One attempt at loading, shared by those who wait for it.
struct Attempt {
  Event done;
  Result<ResourceValue> result{ResourceValue()};
};

}  // namespace

/// What a node and its aliases share.
struct ResourceNode::Content {
  std::string type;
  std::atomic<bool> loaded{false};
  ResourceValue value;  // written before `loaded` is set, never after
  std::string file;
  json::object metadata;
  std::optional<Error> failure;
  Loader loader;  // empty: eager

  std::mutex mutex;  // guards `attempt`
  std::shared_ptr<Attempt> attempt;

  explicit Content(Parts&& parts)
      : type(std::move(parts.type)), file(std::move(parts.file)), metadata(std::move(parts.metadata)) {}
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;

  void set(ResourceValue loaded_value) {
    value = std::move(loaded_value);
    loaded.store(true, std::memory_order_release);
  }
};

/// A node and its content, in one piece of memory.
struct ResourceNode::Whole {
  ResourceNode node;
  Content content;

  Whole(std::string key, std::size_t colon, Parts&& parts)
      : node(std::move(key), colon, content), content(std::move(parts)) {}
};

ResourceNode::ResourceNode(std::string key, std::size_t colon, Content& content, NodePtr original)
    : key_(std::move(key)),
      content_(&content),
      hash_(hash_of_ref(key_)),
      colon_(colon),
      original_(std::move(original)) {}

std::shared_ptr<ResourceNode::Whole> ResourceNode::make(Parts parts) {
  auto key = parts.ns + ':' + parts.path;
  const auto colon = parts.ns.size();
  return std::make_shared<Whole>(std::move(key), colon, std::move(parts));
}

NodePtr ResourceNode::node_of(std::shared_ptr<Whole> whole) {
  const auto* node = &whole->node;
  return NodePtr(std::move(whole), node);
}

NodePtr ResourceNode::eager(Parts parts, ResourceValue value) {
  auto whole = make(std::move(parts));
  whole->content.set(std::move(value));
  return node_of(std::move(whole));
}

NodePtr ResourceNode::lazy(Parts parts, Loader loader) {
  auto whole = make(std::move(parts));
  whole->content.loader = std::move(loader);
  return node_of(std::move(whole));
}

NodePtr ResourceNode::broken(Parts parts, Error error) {
  auto whole = make(std::move(parts));
  whole->content.failure = std::move(error);
  return node_of(std::move(whole));
}

NodePtr ResourceNode::alias(NodePtr node, std::string_view ns) {
  std::string key(ns);
  key.append(":").append(node->path());
  auto& content = *node->content_;
  return std::make_shared<const ResourceNode>(std::move(key), ns.size(), content, std::move(node));
}

const std::string& ResourceNode::type() const {
  return content_->type;
}
const std::string& ResourceNode::file() const {
  return content_->file;
}
bool ResourceNode::is_lazy() const {
  return static_cast<bool>(content_->loader);
}
bool ResourceNode::is_loaded() const {
  return content_->loaded.load(std::memory_order_acquire);
}
const Error* ResourceNode::failure() const {
  return content_->failure ? &*content_->failure : nullptr;
}

json::object ResourceNode::metadata() const {
  json::object metadata = content_->metadata;
  if (!content_->file.empty()) metadata["file_path"] = json::string(content_->file);
  if (is_alias()) metadata["alias_of"] = json::string(original_->key());
  return metadata;
}

Error ResourceNode::named(const Error& error) const {
  Error copy = error;
  if (copy.message().find(key_) == std::string::npos)
    copy.message("resource '" + key_ + "': " + error.message());
  if (copy.file().empty() && !content_->file.empty()) copy.at(content_->file, copy.line(), copy.column());
  return copy;
}

Error ResourceNode::other_type() const {
  return Error(ErrorKind::resource_type_mismatch,
               "resource '" + key_ + "' (" + type() + ") holds another C++ type than the one asked for");
}

const ResourceValue* ResourceNode::ready() const {
  return is_loaded() ? &content_->value : nullptr;
}

Result<ResourceValue> ResourceNode::value() const {
  if (const auto* held = ready()) return *held;
  if (content_->failure) return named(*content_->failure);
  return Error(ErrorKind::unsupported, "resource '" + key_ + "' is lazy and not loaded yet: co_await load_" +
                                           type() + " (or load_resource) reads it")
      .at(content_->file);
}

Result<ResourceValue> ResourceNode::load_blocking() const {
  if (is_loaded() || content_->failure) return value();
  const auto loaded = content_->loader();
  if (!loaded) return named(loaded.error());
  const std::lock_guard lock(content_->mutex);
  if (!is_loaded()) content_->set(*loaded);
  return content_->value;
}

asio::awaitable<ResourceValue> ResourceNode::load(NodePtr node) {
  Content& content = *node->content_;
  if (node->is_loaded() || content.failure) co_return node->value().value();
  std::shared_ptr<Attempt> attempt;
  {
    const std::lock_guard lock(content.mutex);
    if (!content.attempt && !node->is_loaded()) {
      content.attempt = std::make_shared<Attempt>();
      // The job belongs to the content, which `node` keeps, and not to this reader: it may be cancelled while
      // others wait.
      WorkerPool::shared().post([node, &content, attempt = content.attempt] {
        try {
          attempt->result = content.loader();
        } catch (...) {
          attempt->result = error_from(std::current_exception());
        }
        {
          const std::lock_guard guard(content.mutex);
          if (attempt->result && !content.loaded.load()) content.set(*attempt->result);
          content.attempt.reset();
        }
        attempt->done.open();
      });
    }
    attempt = content.attempt;
  }
  if (!attempt) co_return node->value().value();
  co_await attempt->done.wait();
  if (!attempt->result) throw_error(node->named(attempt->result.error()));
  co_return node->value().value();
}

}  // namespace lllm
