#include "lllm/runtime/load.hpp"

#include <exception>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "lllm/async/worker_pool.hpp"

namespace lllm {
namespace {

/// Whoever leaves the loading coroutine, by return or by exception, leaves no load running behind it.
struct CancelOnExit {
  std::shared_ptr<Loader> loader;
  ~CancelOnExit() { loader->cancel(); }
};

template <class T>
asio::awaitable<std::shared_ptr<const T>> load_as(std::string ref, const char* type, const Runtime& runtime) {
  const auto node = runtime.get_node(ref, type).value();
  auto pending = ResourceNode::load(node);
  co_await std::move(pending);
  co_return node->template value_as<T>().value();
}

}  // namespace

asio::awaitable<LoadReport> load_runtime(Runtime& runtime, LoadOptions options) {
  const auto progress = options.progress;
  const auto loader = std::make_shared<Loader>(std::move(options), nullptr);
  const CancelOnExit guard{loader};
  loader->start();
  while (!loader->finished()) {
    auto step = loader->changed.wait();
    co_await std::move(step);
    loader->changed.reset();
    if (progress) progress(loader->progress());
  }
  const auto outcome = std::make_shared<LoadOutcome>(loader->take());
  if (outcome->failure) throw_error(*outcome->failure);
  // Building the next snapshot of a large registry takes milliseconds, which is too long for a loop. The
  // worker holds the runtime: this coroutine does not leave before it is done, whoever cancels.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  auto publish = [&runtime, outcome] { return runtime.publish(*outcome); };
  auto pending = WorkerPool::shared().run(std::move(publish));
  const auto published = co_await std::move(pending);
  if (!published) throw_error(published.error());
  co_return std::move(outcome->report);
}

LoadReport load_runtime_blocking(Runtime& runtime, LoadOptions options) {
  asio::io_context context(1);
  LoadReport report;
  std::exception_ptr failure;
  asio::co_spawn(context, load_runtime(runtime, std::move(options)), [&](std::exception_ptr e, LoadReport r) {
    failure = std::move(e);
    report = std::move(r);
  });
  context.run();
  if (failure) std::rethrow_exception(failure);
  return report;
}

asio::awaitable<PromptPtr> load_prompt(std::string ref, const Runtime& runtime) {
  auto pending = load_as<Prompt>(std::move(ref), "prompt", runtime);
  co_return co_await std::move(pending);
}

asio::awaitable<Tool> load_tool(std::string ref, const Runtime& runtime) {
  auto pending = load_as<Tool>(std::move(ref), "tool", runtime);
  const auto tool = co_await std::move(pending);
  co_return *tool;
}

asio::awaitable<json::value> load_config(std::string ref, const Runtime& runtime) {
  auto pending = load_as<json::value>(std::move(ref), "config", runtime);
  const auto config = co_await std::move(pending);
  co_return *config;
}

asio::awaitable<AssetPtr> load_asset(std::string ref, const Runtime& runtime) {
  auto pending = load_as<Asset>(std::move(ref), "asset", runtime);
  co_return co_await std::move(pending);
}

asio::awaitable<ResourceValue> load_resource(std::string section_and_path, const Runtime& runtime) {
  auto pending = ResourceNode::load(runtime.get_section_node(section_and_path).value());
  co_return co_await std::move(pending);
}

}  // namespace lllm
