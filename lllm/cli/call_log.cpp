#include "lllm/cli/call_log.hpp"

#include <chrono>
#include <cstdio>
#include <memory>

#include "lllm/base/log.hpp"
#include "lllm/base/text.hpp"
#include "lllm/cli/terminal.hpp"
#include "lllm/invokers/log_observer.hpp"

namespace lllm::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Screen {
  Clock::time_point start = Clock::now();
  bool in_answer = false;  // the cursor stands behind words of an answer
};

// On a terminal a line of the log must not continue a line of the answer.
class ScreenObserver final : public LogObserver {
 public:
  explicit ScreenObserver(std::shared_ptr<Screen> screen) : screen_(std::move(screen)) {}
  void chunk(const ObservedCall& call, const StreamChunk& chunk) override {
    LogObserver::chunk(call, chunk);
    screen_->in_answer = true;  // the handler is given it next
  }

 private:
  std::shared_ptr<Screen> screen_;
};

void write_line(Screen& screen, LogLevel level, std::string_view message) {
  if (screen.in_answer && stdout_is_terminal() && stderr_is_terminal()) std::fputc('\n', stderr);
  screen.in_answer = false;
  char time[32];
  std::snprintf(time, sizeof time, "%8.3f s  ",
                std::chrono::duration<double>(Clock::now() - screen.start).count());
  std::string line = time;
  if (level >= LogLevel::warning) line += std::string(to_string(level)) + ": ";
  line += replace_all(strip_terminal_escapes(message), "\n", " ");
  std::fprintf(stderr, "%s\n", on_stderr("2", line).c_str());
}

}  // namespace

void tell_calls(InvokerOptions& options, int verbosity) {
  if (verbosity <= 0) return;
  const auto screen = std::make_shared<Screen>();
  set_log_sink([screen](LogLevel level, std::string_view, std::string_view message) {
    write_line(*screen, level, message);
  });
  set_log_level(verbosity == 1 ? LogLevel::info : LogLevel::debug);
  options.observe(std::make_shared<ScreenObserver>(screen));
}

}  // namespace lllm::cli
