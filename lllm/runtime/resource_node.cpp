#include "lllm/runtime/resource_node.hpp"

#include "lllm/async/event.hpp"
#include "lllm/async/worker_pool.hpp"
#include "lllm/runtime/resource_ref.hpp"

namespace lllm {
namespace {

/// Copying one shared_ptr from many threads makes them fight for its count. Each value therefore has a few
/// handles with counts of their own, made when a thread first asks; a thread keeps to one of them.
constexpr std::size_t stripe_count = 8;

std::size_t stripe_of_this_thread() {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed) % stripe_count;
  return mine;
}

/// One attempt at loading, shared by those who wait for it.
struct Attempt {
  Event done;
  Result<ResourceValue> result{ResourceValue()};
};

}  // namespace

ResourceValue ResourceValue::with_own_count() const {
  struct alignas(64) Holder {  // a cache line of its own, or the counts would still share one
    explicit Holder(std::shared_ptr<const void> value) : held(std::move(value)) {}
    std::shared_ptr<const void> held;
  };
  ResourceValue copy;
  copy.pointer_ = std::shared_ptr<const void>(std::make_shared<const Holder>(pointer_), pointer_.get());
  copy.type_ = type_;
  return copy;
}

struct ResourceNode::Content {
  std::string type;
  std::string file;
  json::object metadata;
  std::optional<Error> failure;
  Loader loader;  // empty: eager

  std::atomic<bool> loaded{false};
  ResourceValue value;  // written before `loaded` is set, never after
  mutable std::array<std::atomic<const ResourceValue*>, stripe_count> stripes{};

  std::mutex mutex;  // guards `attempt`
  std::shared_ptr<Attempt> attempt;

  Content() = default;
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;
  ~Content() {
    for (const auto& handle : stripes) delete handle.load();
  }

  [[nodiscard]] ResourceValue striped() const {
    auto& slot = stripes[stripe_of_this_thread()];
    const ResourceValue* handle = slot.load(std::memory_order_acquire);
    if (handle == nullptr) {
      const auto* fresh = new ResourceValue(value.with_own_count());
      if (slot.compare_exchange_strong(handle, fresh, std::memory_order_acq_rel))
        handle = fresh;
      else
        delete fresh;
    }
    return *handle;
  }
};

ResourceNode::ResourceNode(std::string key, std::size_t colon, std::shared_ptr<Content> content,
                           std::string alias_of)
    : key_(std::move(key)),
      alias_of_(std::move(alias_of)),
      colon_(colon),
      hash_(std::hash<std::string_view>()(key_)),
      content_(std::move(content)) {}

NodePtr ResourceNode::make(Parts parts, std::shared_ptr<Content> content) {
  content->type = std::move(parts.type);
  content->file = std::move(parts.file);
  content->metadata = std::move(parts.metadata);
  return std::make_shared<const ResourceNode>(parts.ns + ':' + parts.path, parts.ns.size(),
                                              std::move(content));
}

NodePtr ResourceNode::eager(Parts parts, ResourceValue value) {
  auto content = std::make_shared<Content>();
  content->value = std::move(value);
  content->loaded.store(true, std::memory_order_release);
  return make(std::move(parts), std::move(content));
}

NodePtr ResourceNode::lazy(Parts parts, Loader loader) {
  auto content = std::make_shared<Content>();
  content->loader = std::move(loader);
  return make(std::move(parts), std::move(content));
}

NodePtr ResourceNode::broken(Parts parts, Error error) {
  auto content = std::make_shared<Content>();
  content->failure = std::move(error);
  return make(std::move(parts), std::move(content));
}

NodePtr ResourceNode::alias(std::string_view ns) const {
  std::string key(ns);
  key.append(":").append(path());
  return std::make_shared<const ResourceNode>(std::move(key), ns.size(), content_, key_);
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
  if (is_alias()) metadata["alias_of"] = json::string(alias_of_);
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

Result<ResourceValue> ResourceNode::value() const {
  if (is_loaded()) return content_->striped();
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
  if (!is_loaded()) {
    content_->value = *loaded;
    content_->loaded.store(true, std::memory_order_release);
  }
  return content_->striped();
}

asio::awaitable<ResourceValue> ResourceNode::load(NodePtr node) {
  const auto& content = node->content_;
  if (node->is_loaded() || content->failure) co_return node->value().value();
  std::shared_ptr<Attempt> attempt;
  {
    const std::lock_guard lock(content->mutex);
    if (!content->attempt && !node->is_loaded()) {
      content->attempt = std::make_shared<Attempt>();
      // The job belongs to the content, not to this reader: it may be cancelled while others wait.
      WorkerPool::shared().post([content, attempt = content->attempt] {
        try {
          attempt->result = content->loader();
        } catch (...) {
          attempt->result = error_from(std::current_exception());
        }
        {
          const std::lock_guard guard(content->mutex);
          if (attempt->result && !content->loaded.load()) {
            content->value = *attempt->result;
            content->loaded.store(true, std::memory_order_release);
          }
          content->attempt.reset();
        }
        attempt->done.open();
      });
    }
    attempt = content->attempt;
  }
  if (!attempt) co_return node->value().value();
  co_await attempt->done.wait();
  if (!attempt->result) throw_error(node->named(attempt->result.error()));
  co_return node->value().value();
}

}  // namespace lllm
