#include "lllm/invokers/litellm_invoker.hpp"

#include <atomic>
#include <chrono>
#include <optional>
#include <unordered_map>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lllm/base/base64.hpp"
#include "lllm/base/text.hpp"
#include "lllm/formats/retry.hpp"
#include "lllm/formats/url.hpp"
#include "lllm/invokers/aws_credentials.hpp"
#include "lllm/invokers/finish_reply.hpp"
#include "lllm/invokers/google_auth.hpp"
#include "lllm/invokers/http_call.hpp"
#include "lllm/invokers/observation.hpp"
#include "lllm/invokers/price_cache.hpp"
#include "lllm/invokers/scripted_invoker.hpp"
#include "lllm/wires/call_ids.hpp"
#include "lllm/wires/codec.hpp"
#include "lllm/wires/prices.hpp"
#include "lllm/wires/routing.hpp"

namespace lllm {
namespace {

using Clock = std::chrono::steady_clock;

// A header that tells who asks; the key itself is looked at nowhere else.
Result<> authorize(HttpHeaders& headers, const ProviderAccess& access) {
  const std::string& key = access.key.reveal();
  // Google's is a file's text or path, of which a token is made when the call is: see plan.authorize.
  if (key.empty() || access.auth == Auth::google_oauth) return {};
  if (has_control_break(key))
    return Error(ErrorKind::invalid_argument, "the API key holds a line break or NUL; it was not sent");
  switch (access.auth) {
    case Auth::none:
    case Auth::bearer:
      headers.set("Authorization", "Bearer " + key);
      break;
    case Auth::x_api_key:
      headers.set("x-api-key", key);
      break;
    case Auth::api_key:
      headers.set("api-key", key);
      break;
    case Auth::google_api_key:
      headers.set("x-goog-api-key", key);
      break;
    case Auth::google_oauth:
    case Auth::aws_sigv4:  // a key would have made it Auth::bearer
      break;
  }
  return {};
}

std::uint64_t next_number() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

}  // namespace

// What calls share. They hold it too, so it outlives an invoker that is destroyed with calls in flight.
class LiteLLMInvoker::Core {
 public:
  Core(asio::any_io_executor executor, InvokerOptions options);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  /// On our executor, wherever it is awaited. It holds `self`: the invoker may be destroyed meanwhile.
  static asio::awaitable<InvokeResult> call(std::shared_ptr<Core> self, Dialog dialog, std::string model,
                                            CallOptions options);
  void close();

  asio::any_io_executor executor_;
  HttpClient client_;

 private:
  // A provider as this invoker reaches it, looked up once.
  struct Reach {
    ProviderAccess access;
    std::unique_ptr<GoogleTokenSource> google;  // with Auth::google_oauth
  };

  // Parts of call(), awaited by it.
  static asio::awaitable<void> call_there(std::shared_ptr<Core>& self, Dialog& dialog, std::string& model,
                                          CallOptions& options, std::unique_ptr<InvokeResult>& result);
  static asio::awaitable<void> call_echo(Dialog& dialog, std::string& model, CallOptions& options,
                                         std::unique_ptr<InvokeResult>& result);
  void complete(HttpCallPlan& plan, InvokeResult& result, const Dialog& dialog, const CallOptions& options);

  // Where a model's name leads, looked up once: a server asks for the same few again and again.
  struct Destination {
    Route route;
    const Codec* codec = nullptr;
    Reach* reach = nullptr;
    Url url;
    RetryBudget* budget = nullptr;

    // The head of the last request: the next one is mostly the same but for its body.
    struct {
      std::string method, path;
      HttpHeaders headers;
      std::shared_ptr<const PreparedRequest> prepared;
    } last;
  };

  Result<Reach*> reach(const std::shared_ptr<const Provider>& provider);
  Result<Destination> find_destination(const std::string& model, ApiType api_type);
  /// The pointer is valid until the next call.
  Result<Destination*> destination(const std::string& model, ApiType api_type);
  static Result<std::shared_ptr<const PreparedRequest>> prepare(Destination& to, EncodedRequest& encoded,
                                                                const CallOptions& options);
  /// Fills `plan`, which is left half filled where it fails.
  Result<> make_plan(HttpCallPlan& plan, const Dialog& dialog, const std::string& model,
                     const CallOptions& options);

  InvokerOptions options_;
  Router router_;
  PriceCache prices_;
  std::unordered_map<std::string, std::unique_ptr<Reach>> reaches_;
  std::unordered_map<Origin, RetryBudget> budgets_;
  static constexpr std::size_t most_destinations = 1024;
  std::unordered_map<std::string, Destination> completions_, responses_;  // by the name that the caller uses
  std::uint64_t number_ = next_number();                                  // among the process's invokers
};

LiteLLMInvoker::Core::Core(asio::any_io_executor executor, InvokerOptions options)
    : executor_(executor),
      client_(executor, options.http()),
      options_(std::move(options)),
      prices_(options_.prices()) {
  options_.environment().check().value();
  for (const auto& row : options_.providers()) router_.add_provider(row).value();
  for (const auto& [name, model] : options_.aliases()) router_.add_alias(name, model);
  // With a base URL of one's own every bare name is a model there.
  if (!options_.base_url().empty()) router_.fallback("openai").value();
}

LiteLLMInvoker::Core::~Core() {
  for (const auto& observer : options_.observers()) observer->pool_closed(number_, client_.stats());
}

Result<LiteLLMInvoker::Core::Reach*> LiteLLMInvoker::Core::reach(
    const std::shared_ptr<const Provider>& provider) {
  // A model may name a region of its own (Bedrock): then the same provider is at another place.
  const std::string place = provider->name + '\n' + provider->base_url;
  if (const auto known = reaches_.find(place); known != reaches_.end()) return known->second.get();
  AccessOverrides given;
  given.base_url = options_.base_url();
  given.key = options_.api_key();
  if (const auto own = options_.base_urls().find(provider->name); own != options_.base_urls().end())
    given.base_url = own->second;
  if (const auto own = options_.api_keys().find(provider->name); own != options_.api_keys().end())
    given.key = own->second;
  auto access = options_.environment().access(*provider, given);
  if (!access) return access.error();
  auto made = std::make_unique<Reach>();
  made->access = std::move(*access);
  if (made->access.auth == Auth::google_oauth)
    made->google = std::make_unique<GoogleTokenSource>(client_, made->access.key);
  return reaches_.emplace(place, std::move(made)).first->second.get();
}

Result<LiteLLMInvoker::Core::Destination> LiteLLMInvoker::Core::find_destination(const std::string& model,
                                                                                 ApiType api_type) {
  Destination found;
  auto route = router_.route(model, api_type);
  if (!route) return route.error();
  found.route = std::move(*route);
  found.codec = find_codec(found.route.wire);
  if (found.codec == nullptr)
    return Error(ErrorKind::unsupported, "the wire '" + found.route.wire + "' is not part of this build");
  const auto reached = reach(found.route.provider);
  if (!reached) return reached.error();
  found.reach = *reached;
  auto url = parse_url(found.reach->access.base_for(found.route.wire, found.route.model));
  if (!url)
    return Error(ErrorKind::configuration,
                 found.route.provider->name + ": the base URL is of no use: " + url.error().message());
  found.url = std::move(*url);
  found.budget = &budgets_[found.url.origin];
  return found;
}

Result<LiteLLMInvoker::Core::Destination*> LiteLLMInvoker::Core::destination(const std::string& model,
                                                                             ApiType api_type) {
  auto& known = api_type == ApiType::response ? responses_ : completions_;
  if (const auto there = known.find(model); there != known.end()) return &there->second;
  auto found = find_destination(model, api_type);
  if (!found) return found.error();
  if (known.size() == most_destinations) known.clear();  // a program that makes names up
  return &known.emplace(model, std::move(*found)).first->second;
}

Result<std::shared_ptr<const PreparedRequest>> LiteLLMInvoker::Core::prepare(Destination& to,
                                                                             EncodedRequest& encoded,
                                                                             const CallOptions& options) {
  const auto* extra = as_object(find(options.model_args(), "extra_headers"));
  auto& last = to.last;
  if (extra == nullptr && last.prepared && last.method == encoded.method && last.path == encoded.path &&
      last.headers == encoded.headers)
    return last.prepared;

  const ProviderAccess& access = to.reach->access;
  HttpRequest request(encoded.method, to.url.origin, to.url.target_for(encoded.path), encoded.headers);
  if (!access.query.empty()) {
    request.target += request.target.find('?') == std::string::npos ? '?' : '&';
    request.target += access.query;
  }
  if (!request.headers.contains("content-type")) request.headers.add("Content-Type", "application/json");
  if (const auto authorized = authorize(request.headers, access); !authorized) return authorized.error();
  // "https://user:password@gateway/v1": whoever writes it there means it, as in every other client.
  if (!to.url.user.empty())
    request.headers.set("Authorization", "Basic " + base64_encode(to.url.user + ':' + to.url.password));
  if (extra != nullptr)
    for (const auto& [name, value] : *extra) request.headers.set(name, as_text(&value));
  auto made = PreparedRequest::make(std::move(request));
  if (!made) return made.error();
  auto prepared = std::make_shared<const PreparedRequest>(std::move(*made));
  if (extra == nullptr)
    last = {std::move(encoded.method), std::move(encoded.path), std::move(encoded.headers), prepared};
  return prepared;
}

Result<> LiteLLMInvoker::Core::make_plan(HttpCallPlan& plan, const Dialog& dialog, const std::string& model,
                                         const CallOptions& options) {
  plan.start = Clock::now();
  plan.deadline = options.deadline_from(plan.start);
  const auto found = destination(model, options.api_type());
  if (!found) return found.error();
  Destination& to = **found;
  const ProviderAccess& access = to.reach->access;
  plan.provider = to.route.provider;
  plan.model = model;
  plan.wire_model = to.route.model;
  plan.codec = to.codec;

  const auto tools = offered_tools(dialog, options);
  if (!tools) return tools.error();
  plan.handler = options.stream_handler().get();
  const EncodeInput input{dialog,
                          *to.route.provider,
                          to.route.model,
                          options,
                          *tools,
                          wanted_format(dialog, options),
                          plan.handler != nullptr};
  auto encoded = plan.codec->encode(input);
  if (!encoded) return encoded.error();
  plan.model_args = std::move(encoded->model_args);
  plan.dropped_args = std::move(encoded->dropped);

  auto prepared = prepare(to, *encoded, options);
  if (!prepared) return prepared.error();
  plan.request = std::move(*prepared);
  plan.body = std::move(encoded->body);

  if (GoogleTokenSource* google = to.reach->google.get())
    plan.authorize = [google](HttpRequest& request) { return google->authorize(request); };
  if (access.auth == Auth::aws_sigv4)
    plan.authorize = [variables = options_.environment(), region = access.region](HttpRequest& request) {
      return sign_for_bedrock(variables, region, request);
    };
  plan.key_source = access.key_source;
  plan.client = &client_;
  plan.timeouts = options_.timeouts();
  plan.timeouts.deadline = plan.deadline;
  plan.retries.max_retries = options.max_retries().value_or(options_.max_retries());
  plan.max_reply_bytes = options_.max_reply_bytes();
  plan.budget = to.budget;
  plan.on_attempt = options_.on_attempt();
  if (options_.on_exchange())
    plan.recorder = std::make_shared<ExchangeRecorder>(std::string(plan.codec->name()), plan.provider->name,
                                                       options_.on_exchange());
  return {};
}

// The rare ways have frames of their own, and hand their result over in place: the frame of call() lives as
// long as its stream, and would be larger by all that they pass on.
asio::awaitable<void> LiteLLMInvoker::Core::call_there(std::shared_ptr<Core>& self, Dialog& dialog,
                                                       std::string& model, CallOptions& options,
                                                       std::unique_ptr<InvokeResult>& result) {
  auto moved = call(self, std::move(dialog), std::move(model), std::move(options));
  auto there = asio::co_spawn(self->executor_, std::move(moved), asio::use_awaitable);
  InvokeResult reply = co_await std::move(there);
  result = std::make_unique<InvokeResult>(std::move(reply));
}

asio::awaitable<void> LiteLLMInvoker::Core::call_echo(Dialog& dialog, std::string& model,
                                                      CallOptions& options,
                                                      std::unique_ptr<InvokeResult>& result) {
  auto pending = echo_call(std::move(dialog), std::move(model), std::move(options));
  InvokeResult reply = co_await std::move(pending);
  result = std::make_unique<InvokeResult>(std::move(reply));
}

// The reply has come: what the caller and the prompt add to it.
void LiteLLMInvoker::Core::complete(HttpCallPlan& plan, InvokeResult& result, const Dialog& dialog,
                                    const CallOptions& options) {
  Message& message = result.message;
  message.provider = plan.provider->name;
  if (message.model.empty()) message.model = plan.model;
  make_call_ids_unique(message, dialog);
  // The provider may name a dated version; the name that was asked for is the fallback.
  const auto* price = prices_.find(message.provider, message.model);
  if (price == nullptr) price = prices_.find(message.provider, plan.wire_model);
  if (price != nullptr) message.cost_breakdown = cost_of(message.usage, *price);
  finish_reply(result, dialog, options);
}

asio::awaitable<InvokeResult> LiteLLMInvoker::Core::call(std::shared_ptr<Core> self, Dialog dialog,
                                                         std::string model, CallOptions options) {
  std::unique_ptr<InvokeResult> result;  // the frame lives as long as its stream, and stays small
  const auto here = co_await asio::this_coro::executor;
  if (here != self->executor_) {
    auto pending = call_there(self, dialog, model, options, result);
    co_await std::move(pending);
    co_return std::move(*result);
  }
  std::unique_ptr<Observation> observation;  // most have none
  if (!self->options_.observers().empty())
    observation = std::make_unique<Observation>(self->options_.observers(), self->client_, self->number_);
  try {
    if (model.starts_with("echo/")) {
      if (observation) observation->start("echo", model, static_cast<bool>(options.stream_handler()));
      auto pending = call_echo(dialog, model, options, result);
      co_await std::move(pending);
    } else {
      HttpCallPlan plan;
      const auto made = self->make_plan(plan, dialog, model, options);
      if (observation)
        observation->start(plan.provider ? plan.provider->name : "", model,
                           static_cast<bool>(options.stream_handler()));
      if (!made) throw_error(Error(made.error()).model(model));
      plan.observation = observation.get();
      HttpCall http_call(plan);
      auto pending = http_call.run();
      co_await std::move(pending);
      result = http_call.take_result();
      self->complete(plan, *result, dialog, options);
      if (plan.handler != nullptr)
        if (auto ending = http_call.end_delivery(*result); ending.valid()) co_await std::move(ending);
    }
    if (observation) observation->succeed(*result);
    co_return std::move(*result);
  } catch (...) {
    const Error error = error_from(std::current_exception());
    if (observation) observation->fail(error);
    // A cancellation that Asio itself reported, from a wait between two steps or from a sink.
    if (error.kind() == ErrorKind::cancelled && error.model().empty()) throw_error(Error(error).model(model));
    throw;
  }
}

void LiteLLMInvoker::Core::close() {
  client_.close();
  for (const auto& observer : options_.observers()) observer->pool_state(number_, client_.stats());
}

LiteLLMInvoker::LiteLLMInvoker(asio::any_io_executor executor, InvokerOptions options)
    : core_(std::make_shared<Core>(std::move(executor), std::move(options))) {}

LiteLLMInvoker::~LiteLLMInvoker() {
  core_->close();
}

asio::awaitable<InvokeResult> LiteLLMInvoker::call(Dialog dialog, std::string model, CallOptions options) {
  return Core::call(core_, std::move(dialog), std::move(model), std::move(options));
}

HttpClientStats LiteLLMInvoker::stats() const {
  return core_->client_.stats();
}

}  // namespace lllm
