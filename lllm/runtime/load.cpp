#include "lllm/runtime/load.hpp"

#include <exception>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lllm/async/worker_pool.hpp"
#include "lllm/runtime/reload.hpp"

namespace lllm {
namespace {

/// Whoever leaves the loading coroutine, by return or by exception, leaves no load running behind it.
struct CancelOnExit {
  std::shared_ptr<Loader> loader;
  ~CancelOnExit() { loader->cancel(); }
};

asio::awaitable<void> publish_on_worker(Runtime& runtime,
                                        std::shared_ptr<std::vector<LoadOutcome>> outcomes) {
  auto publish = [&runtime, outcomes] { return runtime.publish(*outcomes); };
  auto pending = WorkerPool::shared().run(std::move(publish));
  const auto published = co_await std::move(pending);
  if (!published) throw_error(published.error());
}

/// Building the next state of a large registry takes milliseconds, which is too long for a loop. The worker
/// holds the runtime and "cancelled" must mean "nothing was published", so this is waited for whoever
/// cancels: it runs beside the caller, with a slot that nobody signals. (Disabling cancellation would do so
/// for the caller's caller, too.)
asio::awaitable<void> publish_all(Runtime& runtime, std::shared_ptr<std::vector<LoadOutcome>> outcomes) {
  const auto executor = co_await asio::this_coro::executor;
  const asio::cancellation_slot nobody;
  co_await asio::co_spawn(executor, publish_on_worker(runtime, std::move(outcomes)),
                          asio::bind_cancellation_slot(nobody, asio::use_awaitable));
}

template <class T>
asio::awaitable<std::shared_ptr<const T>> load_as(std::string ref, const char* type, const Runtime& runtime) {
  if (auto ready = runtime.find_value<T>(type, ref)) co_return ready;
  const auto node = runtime.get_node(ref, type).value();
  auto pending = ResourceNode::load(node);
  co_await std::move(pending);
  co_return node->template value_as<T>().value();
}

template <class T>
asio::awaitable<T> load_copy(std::string ref, const char* type, const Runtime& runtime) {
  auto pending = load_as<T>(std::move(ref), type, runtime);
  const auto held = co_await std::move(pending);
  co_return *held;
}

/// A deployment, or a person who saves a file, is through in a moment; what changes for longer is for its
/// author to know.
constexpr int most_attempts = 3;

asio::awaitable<LoadOutcome> run_once(LoadOptions options, std::shared_ptr<const LoadRecord> previous) {
  const auto progress = options.progress;
  const auto loader = std::make_shared<Loader>(std::move(options), std::move(previous));
  const CancelOnExit guard{loader};
  loader->start();
  // A coroutine that ends before it has suspended once is posted by co_spawn, with a co_await that throws
  // where `progress` has cancelled: past the caller's handler and out of io_context::run(). So it suspends
  // once.
  co_await asio::post(asio::use_awaitable);
  for (;;) {
    const bool finished = loader->finished();
    if (progress) progress(loader->progress());  // the last time, too: with everything done
    if (finished) break;
    auto step = loader->changed.wait();
    co_await std::move(step);
    loader->changed.reset();
  }
  co_return loader->take();
}

}  // namespace

asio::awaitable<LoadOutcome> detail::run_loader(LoadOptions options,
                                                std::shared_ptr<const LoadRecord> previous) {
  for (int attempt = 1;; ++attempt) {
    auto running = run_once(options, previous);
    auto outcome = co_await std::move(running);
    if (!outcome.unsettled || attempt == most_attempts) co_return outcome;
  }
}

asio::awaitable<LoadReport> load_runtime(Runtime& runtime, LoadOptions options) {
  auto running = detail::run_loader(std::move(options), nullptr);
  const auto outcomes = std::make_shared<std::vector<LoadOutcome>>();
  outcomes->push_back(co_await std::move(running));
  if (outcomes->front().failure) throw_error(*outcomes->front().failure);
  auto publishing = publish_all(runtime, outcomes);
  co_await std::move(publishing);
  co_return std::move(outcomes->front().report);
}

asio::awaitable<LoadReport> Runtime::reload() {
  auto pending = detail::try_reload(*this);
  auto attempt = co_await std::move(pending);
  if (attempt.failure) throw_error(*attempt.failure);
  co_return std::move(attempt.report);
}

asio::awaitable<detail::ReloadAttempt> detail::try_reload(Runtime& runtime) {
  ReloadAttempt attempt;
  const auto outcomes = std::make_shared<std::vector<LoadOutcome>>();
  for (const auto& record : runtime.load_records()) {
    auto options = record->options;
    options.progress = nullptr;
    auto running = detail::run_loader(std::move(options), record);
    outcomes->push_back(co_await std::move(running));
    auto& outcome = outcomes->back();
    if (outcome.failure && outcome.failure->kind() == ErrorKind::cancelled) throw_error(*outcome.failure);
    if (!attempt.failure) attempt.failure = outcome.failure;
    attempt.unsettled = attempt.unsettled || outcome.unsettled;
    if (!attempt.failure && !outcome.new_errors.empty()) attempt.failure = outcome.new_errors.front();
    if (outcome.record)
      attempt.folders.insert(attempt.folders.end(), outcome.record->folders.begin(),
                             outcome.record->folders.end());
  }
  if (!attempt.failure && !outcomes->empty()) {
    try {
      auto publishing = publish_all(runtime, outcomes);
      co_await std::move(publishing);
    } catch (const Exception& failure) {
      attempt.failure = failure.error();
    }
  }
  for (auto& outcome : *outcomes) {
    auto& from = outcome.report;
    auto& to = attempt.report;
    if (to.default_package.empty()) to.default_package = from.default_package;
    to.packages.insert(to.packages.end(), from.packages.begin(), from.packages.end());
    for (const auto& [type, count] : from.resources) to.resources[type] += count;
    to.warnings.insert(to.warnings.end(), from.warnings.begin(), from.warnings.end());
    to.errors.insert(to.errors.end(), from.errors.begin(), from.errors.end());
    to.changed.insert(to.changed.end(), from.changed.begin(), from.changed.end());
    to.files_read += from.files_read;
    to.files_reused += from.files_reused;
    to.elapsed += from.elapsed;
    to.published = to.published || from.published;
  }
  attempt.report.published = attempt.report.published && !attempt.report.changed.empty();
  co_return attempt;
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
  return load_as<Prompt>(std::move(ref), "prompt", runtime);
}

asio::awaitable<Tool> load_tool(std::string ref, const Runtime& runtime) {
  return load_copy<Tool>(std::move(ref), "tool", runtime);
}

asio::awaitable<json::value> load_config(std::string ref, const Runtime& runtime) {
  return load_copy<json::value>(std::move(ref), "config", runtime);
}

asio::awaitable<AssetPtr> load_asset(std::string ref, const Runtime& runtime) {
  return load_as<Asset>(std::move(ref), "asset", runtime);
}

asio::awaitable<ProxyPtr> load_proxy(std::string ref, const Runtime& runtime) {
  return load_as<Proxy>(std::move(ref), "proxy", runtime);
}

asio::awaitable<TacticPtr> load_tactic(std::string ref, const Runtime& runtime) {
  return load_as<Tactic>(std::move(ref), "tactic", runtime);
}

asio::awaitable<ServicePtr> load_service(std::string ref, const Runtime& runtime) {
  return load_as<Service>(std::move(ref), "service", runtime);
}

asio::awaitable<ContextManagerPtr> load_context_manager(std::string ref, const Runtime& runtime) {
  return load_copy<ContextManagerPtr>(std::move(ref), "context_manager", runtime);
}

asio::awaitable<ResourceValue> load_resource(std::string section_and_path, const Runtime& runtime) {
  auto pending = ResourceNode::load(runtime.get_section_node(section_and_path).value());
  co_return co_await std::move(pending);
}

}  // namespace lllm
