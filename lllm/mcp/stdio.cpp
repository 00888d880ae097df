#include "lllm/mcp/stdio.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

#include "lllm/base/text.hpp"

namespace lllm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kept_errors = 2048;
constexpr std::size_t kept_junk = 200;
constexpr std::size_t most_junk_in_a_row = 1000;
constexpr std::size_t most_controls = 64 * 1024;
/// Between two looks at anything else, so that a flood on one pipe starves nobody.
constexpr int chunks_a_turn = 16;
/// More than fits into a pipe.
constexpr int last_turns = 8;
/// How long a child may take to end that has closed its input or output.
constexpr std::chrono::milliseconds time_to_end{500};

ProcessOptions process_of(const McpEndpoint& endpoint) {
  ProcessOptions options;
  options.argv = endpoint.command;
  options.environment = endpoint.environment;
  options.pass_environment(endpoint.pass_environment);
  options.working_directory = endpoint.directory;
  options.group_ends_with_it = true;
  return options;
}

/// Its last bytes, from the beginning of a character.
std::string last_part(std::string_view text, std::size_t limit) {
  text = trim(text);
  if (text.size() > limit) text.remove_prefix(text.size() - limit);
  while (!text.empty() && (text.front() & 0xC0) == 0x80) text.remove_prefix(1);
  return std::string(text);
}

}  // namespace

/// A request that waits for its answer. Lives in the frame of the coroutine that waits.
struct StdioSession::Call {
  Call(const asio::any_io_executor& executor, McpRequest& request)
      : id(request.id), method(std::move(request.method)), line(request.message + '\n'), wakeup(executor) {}

  std::int64_t id;
  std::string method;
  std::string line;  // until it is being written
  bool begun = false;
  Wakeup wakeup;
  std::optional<RpcMessage> answer;
  std::optional<Error> failure;
};

/// Keeps a call among those that wait, however its coroutine ends.
class StdioSession::Listed {
 public:
  Listed(StdioSession& session, Call& call) : session_(session), call_(call) {
    session_.calls_.emplace(call.id, &call);
    session_.unwritten_.push_back(&call);
  }
  ~Listed() {
    session_.calls_.erase(call_.id);
    std::erase(session_.unwritten_, &call_);
    if (session_.calls_.empty()) session_.rest();
  }
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;

 private:
  StdioSession& session_;
  Call& call_;
};

StdioSession::StdioSession(const asio::any_io_executor& executor, const McpEndpoint& endpoint, Limits limits,
                           std::string name, std::shared_ptr<McpNews> news)
    : executor_(executor),
      limits_(limits),
      name_(std::move(name)),
      news_(std::move(news)),
      process_(std::make_unique<Process>(executor, process_of(endpoint))),
      grace_(executor),
      ended_(executor),
      lines_(limits.max_message) {}

// --- requests ----------------------------------------------------------------------------------------------

asio::awaitable<std::optional<RpcMessage>> StdioSession::request(McpRequest request) {
  const auto self = shared_from_this();  // the client may be destroyed meanwhile
  if (!process_ || ending_ || !doom_.empty()) throw_error(described(ErrorKind::connection_lost, "has ended"));
  if (calls_.size() >= limits_.max_calls)
    throw_error(ErrorKind::resource_exhausted,
                name_ + " has " + std::to_string(calls_.size()) + " calls outstanding already");
  const auto deadline = request.deadline;
  Call call(executor_, request);
  const Listed listed(*this, call);
  write();
  watch();
  try {
    auto waiting = call.wakeup.wait_until(deadline);
    co_await std::move(waiting);
  } catch (...) {  // cancelled
    if (!call.answer && !call.failure) give_up(call);
    if (!call.answer) throw;
  }
  if (call.answer) co_return std::move(call.answer);
  if (call.failure) throw_error(*call.failure);
  give_up(call);
  throw_error(described(ErrorKind::deadline_exceeded, "did not answer '" + call.method + "' in time"));
}

asio::awaitable<void> StdioSession::notify(std::string message, Clock::time_point) {
  say(message);
  write();
  co_return;
}

void StdioSession::say(const std::string& message) {
  // Best effort: a child that asks and asks and does not read is not worth the memory.
  if (controls_.size() + message.size() < most_controls) controls_ += message + '\n';
}

/// The server need not work for who has gone. A request of which nothing was written has never been made.
void StdioSession::give_up(const Call& call) {
  if (!call.begun || !process_ || call.method == "initialize") return;
  say(write_rpc_notification("notifications/cancelled", json::object{{"requestId", call.id}}));
  write();
}

void StdioSession::write() {
  if (!process_ || ending_ || !doom_.empty()) return;
  try {
    while (true) {
      if (out_.empty()) {
        if (!controls_.empty()) {
          out_.swap(controls_);
        } else if (!unwritten_.empty()) {
          Call& next = *unwritten_.front();
          unwritten_.pop_front();
          next.begun = true;
          out_ = std::move(next.line);
        } else {
          return;
        }
      }
      written_ += process_->write_now(std::string_view(out_).substr(written_));
      if (written_ < out_.size()) return;  // watch() waits for room
      out_.clear();
      written_ = 0;
    }
  } catch (const Exception& failure) {
    if (failure.kind() != ErrorKind::connection_lost) return finish(failure.error());
    doom("has closed its input");
  }
}

// --- watching the child ------------------------------------------------------------------------------------

bool StdioSession::watching() const {
  return process_ && (!calls_.empty() || ending_);
}

void StdioSession::watch() {
  const auto wait_for = [this](Process::End end) {
    bool& watched = watched_[static_cast<std::size_t>(end)];
    if (watched) return;
    process_->when_ready(end, [self = shared_from_this(), end](boost::system::error_code failure) {
      self->on_ready(end, failure);
    });
    watched = true;
  };
  if (!watching()) return;
  try {
    if (!output_ended_) wait_for(Process::End::output);
    if (!errors_ended_) wait_for(Process::End::error);
    wait_for(Process::End::exit);
    if (!out_.empty() && doom_.empty() && !ending_) wait_for(Process::End::input);
  } catch (const std::exception&) {
    finish(error_from(std::current_exception()));
  }
}

/// Nobody waits any more.
void StdioSession::rest() {
  if (!process_ || ending_) return;
  if (!doom_.empty()) return finish(described(ErrorKind::connection_lost, doom_));
  process_->stop_waiting();
}

void StdioSession::on_ready(Process::End end, boost::system::error_code failure) {
  watched_[static_cast<std::size_t>(end)] = false;
  if (!process_) return;
  try {
    if (!failure) switch (end) {
        case Process::End::input:
          write();
          break;
        case Process::End::output:
          take_output();
          break;
        case Process::End::error:
          take_errors();
          break;
        case Process::End::exit:
          if (const auto exit = process_->exit_now()) on_exit(*exit);
          break;
      }
  } catch (...) {
    finish(error_from(std::current_exception()));
  }
  watch();
}

void StdioSession::take_output() {
  for (int i = 0; i < chunks_a_turn && process_ && !output_ended_; ++i) {
    const auto bytes = process_->take_output();
    if (!bytes) break;
    output_ended_ = bytes->empty();
    take_lines(*bytes);
  }
  if (output_ended_ && !ending_) return doom("has closed its output");
  write();  // answers to what it asked
}

void StdioSession::take_lines(std::string_view bytes) {
  lines_.feed(bytes);
  if (output_ended_) lines_.end();
  StreamEvent line;
  while (true) {
    const auto more = lines_.next(line);
    if (!more)
      throw_error(described(more.error().kind(), "sent a line of more than " +
                                                     std::to_string(limits_.max_message) +
                                                     " bytes, and was ended for it"));
    if (!*more) return;
    take_line(line.data);
  }
}

void StdioSession::take_errors() {
  for (int i = 0; i < chunks_a_turn && process_ && !errors_ended_; ++i) {
    const auto bytes = process_->take_error();
    if (!bytes) return;
    errors_ended_ = bytes->empty();
    last_errors_ += *bytes;
    if (last_errors_.size() > kept_errors) last_errors_.erase(0, last_errors_.size() - kept_errors);
  }
}

void StdioSession::take_line(std::string_view line) {
  auto messages = read_rpc(line);
  if (!messages) return take_junk(line);
  junk_in_a_row_ = 0;
  for (auto& message : *messages) take(message);
}

void StdioSession::take(RpcMessage& message) {
  switch (message.kind) {
    case RpcMessage::Kind::notification:
      if (message.method == "notifications/tools/list_changed") news_->tools_changed = true;
      return;
    case RpcMessage::Kind::request:
      return say(answer_mcp_request(message));
    case RpcMessage::Kind::result:
    case RpcMessage::Kind::error:
      break;
  }
  const auto* id = std::get_if<std::int64_t>(&message.id);
  const auto found = id == nullptr ? calls_.end() : calls_.find(*id);
  if (found == calls_.end() || !found->second->begun || found->second->answer) {
    ++news_->stats.unasked_answers;
    return;
  }
  found->second->answer = std::move(message);
  found->second->wakeup.wake();
}

void StdioSession::take_junk(std::string_view line) {
  ++news_->stats.junk_lines;
  if (first_junk_.empty()) first_junk_ = excerpt(mcp_excerpt(line.substr(0, 2 * kept_junk)), kept_junk);
  if (++junk_in_a_row_ <= most_junk_in_a_row) return;
  throw_error(described(ErrorKind::bad_reply,
                        "writes other things than messages to its output, and was "
                        "ended for it"));
}

// --- its end -----------------------------------------------------------------------------------------------

void StdioSession::on_exit(const ProcessExit& exit) {
  if (ending_) return ended_.wake();
  ending_ = true;  // nothing is written any more, and the end of its output is no news
  // What it said before counts.
  for (int i = 0; i < last_turns && !output_ended_; ++i) take_output();
  for (int i = 0; i < last_turns && !errors_ended_; ++i) take_errors();
  finish(described(ErrorKind::connection_lost, exit.to_string()));
}

/// It is of no more use, but may be about to end and then says more by how it does.
void StdioSession::doom(const std::string& reason) {
  if (!doom_.empty() || !process_) return;
  doom_ = reason;
  if (const auto exit = process_->exit_now()) return on_exit(*exit);
  if (calls_.empty()) return finish(described(ErrorKind::connection_lost, doom_));
  grace_.expires_after(time_to_end);
  grace_.async_wait([self = shared_from_this()](boost::system::error_code stopped) {
    if (!stopped && self->process_) self->finish(self->described(ErrorKind::connection_lost, self->doom_));
  });
}

void StdioSession::finish(Error error) {
  if (!process_) return;
  process_.reset();  // kills what is left of it
  grace_.cancel();
  ++news_->stats.sessions_lost;
  fail_calls(error);
}

void StdioSession::fail_calls(const Error& error) {
  for (const auto& [id, call] : calls_) {
    if (call->answer) continue;
    call->failure = error;
    call->wakeup.wake();
  }
}

Error StdioSession::described(ErrorKind kind, const std::string& what) const {
  std::string message = name_ + ' ' + what;
  if (!began_) message += " before it was ready";
  if (!first_junk_.empty()) message += "; it wrote lines that are no messages to its output";
  return Error(kind, std::move(message)).provider_text(words());
}

/// What it said beside messages: it knows best what is wrong.
std::string StdioSession::words() const {
  std::string text;
  if (!first_junk_.empty()) text = "its output begins with: " + first_junk_;
  const auto errors = last_part(strip_terminal_escapes(to_valid_utf8(last_errors_)), kept_errors);
  if (!errors.empty()) text += (text.empty() ? "" : "\n") + errors;
  return text;
}

bool StdioSession::usable() {
  if (!process_ || ending_ || !doom_.empty()) return false;
  try {
    take_output();
    if (process_) take_errors();
    if (process_)
      if (const auto exit = process_->exit_now()) on_exit(*exit);
  } catch (...) {
    finish(error_from(std::current_exception()));
  }
  return process_ && doom_.empty();
}

void StdioSession::stop() {
  if (!process_) return;
  process_.reset();
  grace_.cancel();
  fail_calls(Error(ErrorKind::cancelled, "the client of " + name_ + " was closed"));
}

asio::awaitable<void> StdioSession::close() {
  const auto self = shared_from_this();
  if (!process_ || ending_) co_return;
  ending_ = true;
  fail_calls(Error(ErrorKind::cancelled, "the client of " + name_ + " was closed"));
  const struct End {
    StdioSession& session;
    ~End() { session.stop(); }
  } end{*this};
  process_->close_input();
  for (const int signal : {0, SIGTERM}) {
    if (signal != 0) process_->signal(signal);
    watch();
    auto waiting = ended_.wait_until(Clock::now() + limits_.grace);
    const bool over = co_await std::move(waiting);
    if (over || !process_) co_return;
  }
}

}  // namespace lllm
