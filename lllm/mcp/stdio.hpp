#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "lllm/formats/ndjson.hpp"
#include "lllm/mcp/session.hpp"
#include "lllm/mcp/wakeup.hpp"
#include "lllm/net/process.hpp"
#include "lllm/runtime/backends.hpp"

namespace lllm {

/// A server that is a child of ours: one message a line on its standard input and output.
///
/// Its output is watched by callbacks, not by a coroutine, and only while requests are outstanding: nothing
/// of it is pending on the io_context between calls. What it says meanwhile waits in its pipes, and is taken
/// by the next call. The end of the child is the end of the session.
class StdioSession final : public McpSession, public std::enable_shared_from_this<StdioSession> {
 public:
  struct Limits {
    std::size_t max_message = 0;  ///< bytes of a line
    std::size_t max_calls = 0;    ///< outstanding at once
    std::chrono::milliseconds grace{0};
  };

  /// Starts it. @throws Exception as Process.
  StdioSession(const asio::any_io_executor& executor, const McpEndpoint& endpoint, Limits limits,
               std::string name, std::shared_ptr<McpNews> news);

  asio::awaitable<std::optional<RpcMessage>> request(McpRequest request) override;
  asio::awaitable<void> notify(std::string message, std::chrono::steady_clock::time_point deadline) override;
  void began(const McpServerInfo&) override { began_ = true; }
  bool usable() override;
  [[nodiscard]] bool hears_changes() const override { return true; }
  /// Closes its input, waits, asks it to end, waits, and kills it.
  asio::awaitable<void> close() override;
  void stop() override;

 private:
  struct Call;
  class Listed;

  [[nodiscard]] bool watching() const;
  void watch();
  void rest();
  void on_ready(Process::End end, boost::system::error_code failure);
  void take_output();
  void take_errors();
  void take_lines(std::string_view bytes);
  void take_line(std::string_view line);
  void take(RpcMessage& message);
  void take_junk(std::string_view line);
  void say(const std::string& message);
  void write();
  void give_up(const Call& call);
  void on_exit(const ProcessExit& exit);
  void doom(const std::string& reason);
  void finish(Error error);
  void fail_calls(const Error& error);
  [[nodiscard]] Error described(ErrorKind kind, const std::string& what) const;
  [[nodiscard]] std::string words() const;

  asio::any_io_executor executor_;
  Limits limits_;
  std::string name_;
  std::shared_ptr<McpNews> news_;
  std::unique_ptr<Process> process_;  // null once the session is over
  std::array<bool, 4> watched_{};     // by Process::End
  bool output_ended_ = false;
  bool errors_ended_ = false;
  bool began_ = false;
  bool ending_ = false;       // it is being closed, or has ended
  std::string doom_;          // why the child is of no more use, though it has not ended yet
  asio::steady_timer grace_;  // … for so long
  Wakeup ended_;

  std::map<std::int64_t, Call*> calls_;
  std::deque<Call*> unwritten_;  // those of which nothing is written
  std::string controls_;         // messages that nobody waits for
  std::string out_;              // what is being written, and how much of it has been
  std::size_t written_ = 0;

  NdjsonParser lines_;
  std::size_t junk_in_a_row_ = 0;
  std::string first_junk_;
  std::string last_errors_;
};

}  // namespace lllm
