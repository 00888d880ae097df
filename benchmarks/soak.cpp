// Calls against a provider that misbehaves, for a long time: soak MINUTES CONCURRENCY [--tls] [--json].
//
// One call in ten meets a reset, a stall, a 429, a 529, a cut or broken stream; one in a hundred is given up
// by its caller. Every call must end exactly once, with the whole answer or with the error that it met;
// nothing may be left behind. The last line says whether that was so, and so does the exit code.
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lllm/invokers/environment.hpp"
#include "lllm/invokers/litellm_invoker.hpp"
#include "lllm/testing/fake_provider.hpp"

namespace {

using namespace lllm;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t words_per_answer = 20;

struct Arguments {
  double minutes = 30;
  std::size_t concurrency = 1000;
  bool tls = false;
  bool json = false;

  /// Half a thousand calls begin per second, whatever the concurrency: what is watched is time, not speed.
  [[nodiscard]] double seconds_per_call() const {
    return std::max(2.0, static_cast<double>(concurrency) / 500);
  }
  [[nodiscard]] double tokens_per_second() const {
    return static_cast<double>(words_per_answer) / seconds_per_call();
  }
  /// Three tokens late is a stall.
  [[nodiscard]] std::chrono::milliseconds patience() const {
    return 2000ms + std::chrono::milliseconds(static_cast<int>(3000 / tokens_per_second()));
  }
};

Arguments arguments_of(int argc, char** argv) {
  Arguments args;
  std::vector<std::string> plain;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--tls")
      args.tls = true;
    else if (word == "--json")
      args.json = true;
    else
      plain.emplace_back(word);
  }
  if (!plain.empty()) args.minutes = std::stod(plain[0]);
  if (plain.size() > 1) args.concurrency = std::stoul(plain[1]);
  if (plain.size() > 2 || args.minutes <= 0 || args.concurrency == 0)
    throw std::invalid_argument("usage: soak MINUTES CONCURRENCY [--tls] [--json]");
  return args;
}

// --- the provider: a process of its own
// ----------------------------------------------------------------------

/// What the provider has done, in memory that both processes see.
struct Shared {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> spoilt{0};
};

std::string answer_to(std::string_view question) {
  std::string text = "Answer";
  for (std::size_t i = 1; i + 1 < words_per_answer; ++i) text += " word" + std::to_string(i);
  return text.append(" to ").append(question);
}

FakeReply misbehave(std::uint64_t number, std::string text) {
  FakeReply reply(std::move(text));
  const auto breaks = [&reply](FakeFault fault) {
    reply.fault = fault;
    return reply;
  };
  const auto refuse = [](int status, const char* type) {
    FakeReply refusal = FakeReply::error(status, type, "on purpose");
    refusal.headers = {{"retry-after-ms", "50"}};
    return refusal;
  };
  reply.fault_after = number / 10 % words_per_answer;
  switch (number / 10 % 7) {
    case 0:
      return breaks(FakeFault::reset);
    case 1:
      return breaks(FakeFault::stall);
    case 2:
      return refuse(429, "rate_limit_error");
    case 3:
      return refuse(529, "overloaded_error");
    case 4:
      return breaks(FakeFault::close);
    case 5:
      return breaks(FakeFault::bad_json);
    default:
      return breaks(FakeFault::error_event);
  }
}

class ProviderProcess {
 public:
  explicit ProviderProcess(const Arguments& args) {
    void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    std::array<int, 2> channel{-1, -1};
    if (memory == MAP_FAILED || ::pipe(channel.data()) != 0) throw std::runtime_error("no provider process");
    shared_ = new (memory) Shared;
    child_ = ::fork();
    if (child_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::close(channel[0]);
      serve(args, channel[1]);
      ::_exit(0);
    }
    ::close(channel[1]);
    std::array<char, 4096> buffer{};
    for (;;) {
      const auto count = ::read(channel[0], buffer.data(), buffer.size());
      if (count <= 0) break;
      hello_.append(buffer.data(), static_cast<std::size_t>(count));
    }
    ::close(channel[0]);
    if (hello_.find('\n') == std::string::npos) throw std::runtime_error("the provider did not start");
  }
  ~ProviderProcess() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  ProviderProcess(const ProviderProcess&) = delete;
  ProviderProcess& operator=(const ProviderProcess&) = delete;

  [[nodiscard]] std::string base_url() const { return hello_.substr(0, hello_.find('\n')); }
  [[nodiscard]] std::string ca_pem() const { return hello_.substr(hello_.find('\n') + 1); }
  [[nodiscard]] const Shared& counted() const { return *shared_; }

 private:
  void serve(const Arguments& args, int channel) {
    asio::io_context loop(1);
    FakeProvider provider(loop.get_executor(), FakeOptions()
                                                   .tls(args.tls)
                                                   .tokens_per_second(args.tokens_per_second())
                                                   .time_to_first_token(100ms)
                                                   .jitter(0.3));
    Shared& shared = *shared_;
    provider.respond_with([&shared](const FakeRequest& request) {
      ++shared.requests;
      std::string text = answer_to(request.last_user_text);
      if (request.number % 10 != 0) return FakeReply(std::move(text));
      ++shared.spoilt;
      return misbehave(request.number, std::move(text));
    });
    const std::string hello = provider.base_url() + '\n' + provider.ca_pem();
    if (::write(channel, hello.data(), hello.size()) != static_cast<ssize_t>(hello.size())) ::_exit(1);
    ::close(channel);
    loop.run();
  }

  Shared* shared_ = nullptr;
  pid_t child_ = -1;
  std::string hello_;
};

// --- the client
// ----------------------------------------------------------------------------------------------

struct Tally {
  std::uint64_t started = 0;
  std::uint64_t ended = 0;
  std::uint64_t attempts = 0;
  std::uint64_t replays = 0;
  std::uint64_t wrong = 0;  ///< "ok" with other words than were sent: must not be
  std::map<std::string, std::uint64_t, std::less<>> outcomes;
  std::uint64_t workers = 0;  ///< coroutines of ours that are alive
};

/// Every call that an observer saw start must be seen to end.
struct Ledger final : CallObserver {
  std::uint64_t open = 0;
  std::uint64_t attempts = 0;
  HttpClientStats pool;
  void call_started(const ObservedCall&) override { ++open; }
  void attempt_started(const ObservedCall&) override { ++attempts; }
  void call_succeeded(const ObservedCall&, const InvokeResult&) override { --open; }
  void call_failed(const ObservedCall&, const Error&) override { --open; }
  void pool_state(std::uint64_t, const HttpClientStats& stats) override { pool = stats; }
};

class Sink final : public BaseStreamHandler {
 public:
  std::string text;
  asio::awaitable<void> handle_chunk(std::string_view content, const StreamChunk&) override {
    text += content;
    return {};
  }
};

asio::awaitable<void> call_once(BaseInvoker& invoker, Tally& tally) {
  const std::uint64_t number = ++tally.started;
  const std::string question = "question " + std::to_string(number);
  Dialog dialog;
  dialog.put_text(question);
  Sink sink;
  CallOptions options;
  if (number % 5 != 0) options.stream_handler(&sink);
  const bool gives_up = number % 100 == 50;
  options.deadline(gives_up ? std::chrono::milliseconds(number / 100 % 20 * 100) : 120'000ms);
  const bool streamed = static_cast<bool>(options.stream_handler());
  std::string outcome;
  try {
    const InvokeResult result =
        co_await invoker.call(std::move(dialog), "openai/gpt-4o-mini", std::move(options));
    outcome = result.attempts.size() > 1 ? "ok after retries" : "ok";
    tally.replays += static_cast<std::uint64_t>(result.replays);
    const std::string wanted = answer_to(question);
    if (result.message.text() != wanted || (streamed && sink.text != wanted)) ++tally.wrong;
  } catch (const Exception& failure) {
    outcome = to_string(failure.kind());
    const auto& partial = failure.error().partial();
    if (partial && !answer_to(question).starts_with(partial->text())) ++tally.wrong;
  } catch (const std::exception& failure) {
    outcome = std::string("untyped: ") + failure.what();
    ++tally.wrong;
  }
  ++tally.outcomes[outcome];
  ++tally.ended;
}

asio::awaitable<void> work(BaseInvoker& invoker, Tally& tally, Clock::time_point end, Clock::duration first) {
  asio::steady_timer timer(co_await asio::this_coro::executor, first);
  co_await timer.async_wait(asio::use_awaitable);  // so that they do not march in step
  while (Clock::now() < end) co_await call_once(invoker, tally);
}

// --- what is watched
// -----------------------------------------------------------------------------------------

struct Reading {
  double hours = 0;
  double rss_mib = 0;
  std::size_t files = 0;
};

std::size_t open_files() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(files), end(files))) -
         1;  // the one that reads the folder
}

double rss_mib() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1048576;
}

/// Least squares over the readings behind the warm-up: a fifth of the time, and not less than a minute.
double slope_mib_per_hour(const std::vector<Reading>& readings) {
  if (readings.empty()) return 0;
  const double from = std::max(readings.back().hours / 5, 1.0 / 60);
  double n = 0;
  double sum_x = 0;
  double sum_y = 0;
  double sum_xx = 0;
  double sum_xy = 0;
  for (const auto& one : readings) {
    if (one.hours < from) continue;
    ++n;
    sum_x += one.hours;
    sum_y += one.rss_mib;
    sum_xx += one.hours * one.hours;
    sum_xy += one.hours * one.rss_mib;
  }
  const double spread = n * sum_xx - sum_x * sum_x;
  return n < 3 || spread <= 0 ? 0 : (n * sum_xy - sum_x * sum_y) / spread;
}

asio::awaitable<void> watch(const Tally& tally, const Ledger& ledger, std::vector<Reading>& readings,
                            Clock::time_point start) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  int second = 0;
  while (tally.workers > 1) {  // we are one of them
    ++second;
    timer.expires_at(start + std::chrono::seconds(second));
    co_await timer.async_wait(asio::use_awaitable);
    if (second % 5 != 0) continue;
    Reading now;
    now.hours = std::chrono::duration<double, std::ratio<3600>>(Clock::now() - start).count();
    now.rss_mib = rss_mib();
    now.files = open_files();
    readings.push_back(now);
    if (second % 30 == 0)
      std::fprintf(stderr, "%5d s: %llu calls ended, %llu in flight, %zu connections, %zu fds, %.1f MiB\n",
                   second, static_cast<unsigned long long>(tally.ended),
                   static_cast<unsigned long long>(ledger.open), ledger.pool.open, now.files, now.rss_mib);
  }
}

template <class Coroutine>
void spawn(asio::io_context& loop, Tally& tally, Coroutine coroutine) {
  ++tally.workers;
  asio::co_spawn(loop, std::move(coroutine), [&tally](const std::exception_ptr& failure) {
    --tally.workers;
    if (failure) std::rethrow_exception(failure);
  });
}

int soak(const Arguments& args) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max < args.concurrency + 100)
    throw std::runtime_error("only " + std::to_string(limit.rlim_max) + " file descriptors are allowed here");
  const ProviderProcess provider(args);

  Tally tally;
  const auto ledger = std::make_shared<Ledger>();
  std::vector<Reading> readings;
  const auto start = Clock::now();
  const auto end =
      start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(args.minutes * 60));
  const std::size_t files_before = open_files();
  std::size_t connections_after = 0;
  {
    asio::io_context loop(1);
    HttpTimeouts timeouts;
    timeouts.connect = timeouts.tls = 60s;        // all begin at once, and the provider has one thread
    timeouts.first_byte = args.patience() + 60s;  // an unstreamed answer takes as long as its words
    timeouts.idle = args.patience();
    HttpClientOptions http;
    http.proxies = ProxyRules();
    http.tls.ca_pem = provider.ca_pem();
    http.max_idle_per_origin = args.concurrency;
    InvokerOptions options;
    options.environment(Environment(fixed_variables({}))).base_url(provider.base_url()).api_key(Secret("k"));
    options.http(http).timeouts(timeouts).observe(ledger);
    {
      LiteLLMInvoker invoker(loop.get_executor(), options);
      const auto step = std::chrono::duration_cast<Clock::duration>(
          std::chrono::duration<double>(args.seconds_per_call() / static_cast<double>(args.concurrency)));
      for (std::size_t i = 0; i < args.concurrency; ++i)
        spawn(loop, tally, work(invoker, tally, end, step * static_cast<int>(i)));
      spawn(loop, tally, watch(tally, *ledger, readings, start));
      while (tally.workers > 0) loop.run_one();
    }
    loop.restart();
    loop.poll();
    connections_after = ledger->pool.open;
  }
  const std::size_t files_after = open_files();

  std::uint64_t accounted = 0;
  for (const auto& [outcome, count] : tally.outcomes) accounted += count;
  const double minutes = std::chrono::duration<double, std::ratio<60>>(Clock::now() - start).count();
  const double slope = slope_mib_per_hour(readings);
  std::size_t most_files = 0;
  double most_rss = 0;
  for (const auto& one : readings) {
    most_files = std::max(most_files, one.files);
    most_rss = std::max(most_rss, one.rss_mib);
  }
  const auto requests = provider.counted().requests.load();
  std::printf("%.1f minutes, %zu in flight%s, %llu calls, %llu requests, %llu of them spoilt\n", minutes,
              args.concurrency, args.tls ? ", TLS" : "", static_cast<unsigned long long>(tally.started),
              static_cast<unsigned long long>(requests),
              static_cast<unsigned long long>(provider.counted().spoilt.load()));
  for (const auto& [outcome, count] : tally.outcomes)
    std::printf(
        "  %-24s %10llu  %6.2f %%\n", outcome.c_str(), static_cast<unsigned long long>(count),
        100.0 * static_cast<double>(count) / static_cast<double>(std::max<std::uint64_t>(1, tally.started)));
  std::printf(
      "accounted for %llu of %llu calls (%.2f %%), wrong answers %llu\n",
      static_cast<unsigned long long>(accounted), static_cast<unsigned long long>(tally.started),
      100.0 * static_cast<double>(accounted) / static_cast<double>(std::max<std::uint64_t>(1, tally.started)),
      static_cast<unsigned long long>(tally.wrong));
  std::printf(
      "left behind: calls %llu, coroutines %llu, connections %zu, file descriptors %lld (at most %zu open)\n",
      static_cast<unsigned long long>(ledger->open), static_cast<unsigned long long>(tally.workers),
      connections_after, static_cast<long long>(files_after) - static_cast<long long>(files_before),
      most_files);
  std::printf("RSS at most %.1f MiB, slope %.2f MiB/h after warm-up\n", most_rss, slope);

  // A deadline may end a call before its request is sent, so requests may be fewer than attempts; never more,
  // save those that were replayed on a fresh connection.
  const bool requests_fit = requests <= ledger->attempts + 2 * tally.replays + tally.started / 1000 + 10;
  const bool long_enough = minutes >= 10;  // below that the slope is noise
  const bool good = accounted == tally.started && tally.ended == tally.started && tally.wrong == 0 &&
                    ledger->open == 0 && tally.workers == 0 && connections_after == 0 &&
                    files_after == files_before && requests_fit && (!long_enough || slope < 1);
  if (args.json)
    std::printf(
        "{\"minutes\":%.2f,\"concurrency\":%zu,\"calls\":%llu,\"accounted\":%llu,\"wrong\":%llu,"
        "\"leaked_fds\":%lld,\"rss_mib\":%.1f,\"slope_mib_per_hour\":%.3f,\"good\":%s}\n",
        minutes, args.concurrency, static_cast<unsigned long long>(tally.started),
        static_cast<unsigned long long>(accounted), static_cast<unsigned long long>(tally.wrong),
        static_cast<long long>(files_after) - static_cast<long long>(files_before), most_rss, slope,
        good ? "true" : "false");
  std::printf("%s\n", good ? "soak: good" : "soak: NOT good");
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return soak(arguments_of(argc, argv));
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "soak: %s\n", failure.what());
    return 1;
  }
}
