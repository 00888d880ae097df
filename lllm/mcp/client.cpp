#include "lllm/mcp/client.hpp"

#include <algorithm>
#include <list>
#include <set>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lllm/async/spawned.hpp"
#include "lllm/base/time.hpp"
#include "lllm/mcp/errands.hpp"
#include "lllm/mcp/stdio.hpp"
#include "lllm/mcp/streamable_http.hpp"
#include "lllm/mcp/wakeup.hpp"
#include "lllm/net/http_client.hpp"

namespace lllm {
namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

constexpr std::size_t most_pages = 1000;

/// Runs `work` where the client lives, whoever waits for it.
template <class T>
asio::awaitable<T> moved_to(asio::any_io_executor there, asio::awaitable<T> work) {
  const auto here = co_await asio::this_coro::executor;
  if (here == there) co_return co_await std::move(work);
  auto pending = asio::co_spawn(there, std::move(work), asio::use_awaitable);
  co_return co_await std::move(pending);
}

/// A session that is being begun, by a job of its own: who waits for it may leave, and it goes on for the
/// others. When the last one has left, it ends.
struct Connecting {
  asio::cancellation_signal signal;
  std::list<Wakeup*> waiting;
  bool over = false;
  std::shared_ptr<McpSession> session;
  McpServerInfo info;
  std::optional<Error> failure;

  void settle(const Error* error = nullptr) {
    if (over) return;
    over = true;
    if (error != nullptr) failure = *error;
    for (auto* waiter : waiting) waiter->wake();
  }
};

}  // namespace

// What calls share. They hold it too, so it outlives a client that is destroyed with calls under way.
struct McpClient::Core {
  Core(asio::any_io_executor where, McpClientOptions given);

  using Self = std::shared_ptr<Core>;
  class Waiting;

  [[nodiscard]] Time deadline_of(std::optional<std::chrono::milliseconds> timeout) const {
    const auto time = timeout.value_or(options.timeout);
    return time.count() == 0 ? Time::max() : time_after(Clock::now(), time);
  }
  [[nodiscard]] std::shared_ptr<McpSession> new_session();
  void begin_connecting(const Self& self);
  void connected(const std::shared_ptr<Connecting>& attempt);
  void stop();

  static asio::awaitable<void> connect(Self self, std::shared_ptr<Connecting> attempt);
  static asio::awaitable<std::shared_ptr<McpSession>> ready_session(Self self, Time deadline);
  static asio::awaitable<json::value> ask(Self self, std::string method, json::value params, Time deadline);
  static asio::awaitable<std::vector<Tool>> list(Self self);
  static asio::awaitable<std::vector<McpListedTool>> list_pages(Self self, Time deadline);
  static asio::awaitable<ToolResult> call(Self self, std::string name, json::object arguments,
                                          std::optional<std::chrono::milliseconds> timeout);
  static asio::awaitable<ToolResult> call_for_model(std::weak_ptr<Core> core, std::string name,
                                                    json::object arguments);
  static asio::awaitable<McpServerInfo> describe(Self self);
  static asio::awaitable<void> close(Self self);

  asio::any_io_executor executor;
  McpClientOptions options;
  std::shared_ptr<const McpEndpoint> endpoint;
  Url url;
  std::string name;  // as errors tell it
  std::shared_ptr<McpNews> news = std::make_shared<McpNews>();
  std::shared_ptr<Errands> errands;
  std::shared_ptr<HttpClient> http;  // null with a child
  std::shared_ptr<McpSession> session;
  McpServerInfo info;
  std::shared_ptr<Connecting> connecting;
  std::int64_t last_id = 0;
  bool closed = false;

  std::vector<Tool> tools;  // they do not hold this
  std::weak_ptr<McpSession> tools_of;
};

McpClient::Core::Core(asio::any_io_executor where, McpClientOptions given)
    : executor(std::move(where)),
      options(std::move(given)),
      endpoint(std::make_shared<const McpEndpoint>(options.server)),
      errands(std::make_shared<Errands>(executor)) {
  if (endpoint->url.empty() == endpoint->command.empty())
    throw_error(ErrorKind::invalid_argument,
                "an MCP server is reached by a URL or by a command: give one of them");
  if (endpoint->url.empty()) {
    name = "the MCP server '" + endpoint->command.front() + '\'';
    return;
  }
  url = parse_url(endpoint->url).value();
  if (!url.user.empty() || !url.password.empty())
    throw_error(ErrorKind::invalid_argument,
                "the URL of an MCP server holds credentials: use 'auth' instead");
  // Paths and queries of such URLs are secrets as often as not.
  name = "the MCP server '" + url.origin.to_string() + '\'';
  HttpClientOptions http_options;
  http_options.tls = options.tls;
  http_options.public_addresses_only = !endpoint->private_addresses;
  http_options.max_connections_per_origin = options.max_calls;
  http = std::make_shared<HttpClient>(executor, std::move(http_options));
}

// --- sessions ----------------------------------------------------------------------------------------------

std::shared_ptr<McpSession> McpClient::Core::new_session() {
  if (http)
    return std::make_shared<StreamableHttpSession>(http, errands, endpoint, url, options.max_message, name,
                                                   news);
  StdioSession::Limits limits;
  limits.max_message = options.max_message;
  limits.max_calls = options.max_calls;
  limits.grace = options.close_grace;
  return std::make_shared<StdioSession>(executor, *endpoint, limits, name, news);
}

asio::awaitable<void> McpClient::Core::connect(Self self, std::shared_ptr<Connecting> attempt) {
  try {
    const auto deadline = time_after(Clock::now(), self->options.start_timeout);
    const auto session = self->new_session();
    attempt->session = session;
    ++self->news->stats.sessions;
    McpRequest request;
    request.id = ++self->last_id;
    request.method = "initialize";
    request.message = write_rpc_request(request.id, request.method, mcp_initialize_params());
    request.deadline = deadline;
    auto asking = session->request(std::move(request));
    const auto answer = co_await std::move(asking);
    if (!answer) throw_error(ErrorKind::bad_reply, self->name + " forgot a session that has not begun");
    if (answer->kind == RpcMessage::Kind::error) throw_error(mcp_error(self->name, "initialize", *answer));
    auto info = read_mcp_initialize(answer->value);
    if (!info) throw_error(info.error().kind(), self->name + ": " + info.error().message());
    session->began(*info);
    auto telling = session->notify(write_rpc_notification("notifications/initialized"), deadline);
    co_await std::move(telling);
    attempt->info = std::move(*info);
  } catch (...) {
    attempt->failure = error_from(std::current_exception());
    if (attempt->session) attempt->session->stop();
  }
  co_await asio::this_coro::throw_if_cancelled(false);
}

void McpClient::Core::begin_connecting(const Self& self) {
  const auto attempt = std::make_shared<Connecting>();
  Spawned work(executor, connect(self, attempt));
  connecting = attempt;
  const auto over = [self, attempt](const std::exception_ptr& failure) {
    if (failure && !attempt->failure) attempt->failure = error_from(failure);
    self->connected(attempt);
  };
  try {
    work(asio::bind_cancellation_slot(attempt->signal.slot(), over));
  } catch (...) {  // no memory to begin it with
    connecting.reset();
    throw;
  }
}

void McpClient::Core::connected(const std::shared_ptr<Connecting>& attempt) {
  const bool wanted = connecting == attempt;
  if (wanted) connecting.reset();
  if (wanted && !attempt->failure) {
    session = attempt->session;
    info = attempt->info;
  } else if (attempt->session) {
    attempt->session->stop();
  }
  attempt->settle();
}

/// One who waits for a session that is being begun.
class McpClient::Core::Waiting {
 public:
  explicit Waiting(Core& core) : core_(core), attempt_(core.connecting), wakeup_(core.executor) {
    place_ = attempt_->waiting.insert(attempt_->waiting.end(), &wakeup_);
  }
  ~Waiting() {
    attempt_->waiting.erase(place_);
    if (!attempt_->waiting.empty() || attempt_->over) return;
    if (core_.connecting == attempt_) core_.connecting.reset();  // the next caller begins another
    attempt_->signal.emit(asio::cancellation_type::terminal);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  asio::awaitable<bool> wait_until(Time deadline) { return wakeup_.wait_until(deadline); }
  [[nodiscard]] const Connecting& attempt() const { return *attempt_; }

 private:
  Core& core_;
  std::shared_ptr<Connecting> attempt_;
  Wakeup wakeup_;
  std::list<Wakeup*>::iterator place_;
};

asio::awaitable<std::shared_ptr<McpSession>> McpClient::Core::ready_session(Self self, Time deadline) {
  if (self->closed) throw_error(ErrorKind::tool_failed, "the client of " + self->name + " was closed");
  if (self->session && self->session->usable()) co_return self->session;
  self->session.reset();
  if (!self->connecting) self->begin_connecting(self);
  Waiting waiting(*self);
  auto settled = waiting.wait_until(deadline);
  const bool in_time = co_await std::move(settled);
  const Connecting& attempt = waiting.attempt();
  if (!in_time) throw_error(ErrorKind::deadline_exceeded, self->name + " was not ready in time");
  if (attempt.failure) throw_error(*attempt.failure);
  co_return attempt.session;
}

void McpClient::Core::stop() {
  closed = true;
  const Error error(ErrorKind::cancelled, "the client of " + name + " was closed");
  if (const auto attempt = std::exchange(connecting, nullptr)) {
    attempt->settle(&error);
    if (attempt->session) attempt->session->stop();
    attempt->signal.emit(asio::cancellation_type::terminal);
  }
  if (const auto open = std::exchange(session, nullptr)) open->stop();
  errands->stop();
  if (http) http->close();
}

asio::awaitable<void> McpClient::Core::close(Self self) {
  const auto open = std::exchange(self->session, nullptr);
  const struct Stop {
    Core& core;
    ~Stop() { core.stop(); }
  } stop{*self};
  if (std::exchange(self->closed, true) || !open) co_return;
  self->errands->stop();
  auto closing = open->close();
  co_await std::move(closing);
}

// --- requests ----------------------------------------------------------------------------------------------

asio::awaitable<json::value> McpClient::Core::ask(Self self, std::string method, json::value params,
                                                  Time deadline) {
  for (int attempts = 1;; ++attempts) {
    auto preparing = ready_session(self, deadline);
    const auto session = co_await std::move(preparing);
    McpRequest request;
    request.id = ++self->last_id;
    request.method = method;
    request.message = write_rpc_request(request.id, method, params);
    request.deadline = deadline;
    ++(attempts == 1 ? self->news->stats.requests : self->news->stats.resent);
    auto asking = session->request(std::move(request));
    auto answer = co_await std::move(asking);
    if (answer && answer->kind == RpcMessage::Kind::error)
      throw_error(mcp_error(self->name, method, *answer));
    if (answer) co_return std::move(answer->value);
    if (self->session == session) self->session.reset();
    if (attempts == 2)
      throw_error(Error(ErrorKind::not_found, self->name + " forgets each session at once")
                      .status(404)
                      .attempts(attempts));
  }
}

asio::awaitable<std::vector<McpListedTool>> McpClient::Core::list_pages(Self self, Time deadline) {
  std::vector<McpListedTool> listed;
  std::optional<std::string> cursor;
  std::set<std::string> seen;
  do {
    auto asking = ask(self, "tools/list", mcp_list_params(cursor), deadline);
    const auto answer = co_await std::move(asking);
    auto page = read_mcp_tools(answer);
    if (!page) throw_error(page.error().kind(), self->name + ": " + page.error().message());
    std::move(page->tools.begin(), page->tools.end(), std::back_inserter(listed));
    if (listed.size() > self->options.max_tools)
      throw_error(ErrorKind::limit_exceeded,
                  self->name + " lists more than " + std::to_string(self->options.max_tools) + " tools");
    cursor = std::move(page->next_cursor);
    if (cursor && (!seen.insert(*cursor).second || seen.size() > most_pages))
      throw_error(ErrorKind::bad_reply, self->name + " lists its tools without an end");
  } while (cursor);
  co_return listed;
}

asio::awaitable<std::vector<Tool>> McpClient::Core::list(Self self) {
  const auto deadline = self->deadline_of(std::nullopt);
  auto preparing = ready_session(self, deadline);
  const auto session = co_await std::move(preparing);
  if (!self->info.has_tools) co_return std::vector<Tool>();
  const bool may_have_changed =
      self->news->tools_changed || (self->info.tells_tool_changes && !session->hears_changes());
  if (self->tools_of.lock() == session && !may_have_changed) co_return self->tools;
  self->news->tools_changed = false;  // before they are listed: they may change meanwhile
  auto listing = list_pages(self, deadline);
  const auto listed = co_await std::move(listing);
  std::vector<Tool> tools;
  std::set<std::string> taken;
  for (const auto& tool : listed)
    tools.emplace_back(mcp_tool_name(tool.name, taken), tool.description, tool.input_schema,
                       [core = std::weak_ptr<Core>(self), name = tool.name](json::object arguments) {
                         return call_for_model(core, name, std::move(arguments));
                       });
  self->tools = tools;
  self->tools_of = self->session;
  co_return tools;
}

asio::awaitable<ToolResult> McpClient::Core::call(Self self, std::string name, json::object arguments,
                                                  std::optional<std::chrono::milliseconds> timeout) {
  json::object params{{"name", json::string(name)}, {"arguments", std::move(arguments)}};
  auto asking = ask(self, "tools/call", std::move(params), self->deadline_of(timeout));
  const auto answer = co_await std::move(asking);
  auto result = read_mcp_tool_result(answer);
  if (!result) throw_error(result.error().kind(), self->name + ": " + result.error().message());
  co_return std::move(*result);
}

asio::awaitable<ToolResult> McpClient::Core::call_for_model(std::weak_ptr<Core> core, std::string name,
                                                            json::object arguments) {
  const auto self = core.lock();
  if (!self) co_return ToolResult::failure("The client of this tool's server is gone.");
  try {
    auto calling = moved_to(self->executor, call(self, std::move(name), std::move(arguments), std::nullopt));
    co_return co_await std::move(calling);
  } catch (const Exception& failure) {
    if (failure.error().provider_code().empty()) throw;
    co_return mcp_failure(failure.error());
  }
}

asio::awaitable<McpServerInfo> McpClient::Core::describe(Self self) {
  auto preparing = ready_session(self, self->deadline_of(std::nullopt));
  co_await std::move(preparing);
  co_return self->info;
}

// --- the client --------------------------------------------------------------------------------------------

McpClient::McpClient(asio::any_io_executor executor, McpClientOptions options)
    : core_(std::make_shared<Core>(std::move(executor), std::move(options))) {}

McpClient::~McpClient() {
  core_->stop();
}

asio::awaitable<std::vector<Tool>> McpClient::tools() {
  return moved_to(core_->executor, Core::list(core_));
}

asio::awaitable<ToolResult> McpClient::call_tool(std::string name, json::object arguments,
                                                 std::optional<std::chrono::milliseconds> timeout) {
  return moved_to(core_->executor, Core::call(core_, std::move(name), std::move(arguments), timeout));
}

asio::awaitable<McpServerInfo> McpClient::server_info() {
  return moved_to(core_->executor, Core::describe(core_));
}

asio::awaitable<void> McpClient::close() {
  return moved_to(core_->executor, Core::close(core_));
}

McpClientStats McpClient::stats() const {
  return core_->news->stats;
}

}  // namespace lllm
