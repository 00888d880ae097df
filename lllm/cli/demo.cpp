#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lllm/agent/agent.hpp"
#include "lllm/async/gather.hpp"
#include "lllm/cli/child_provider.hpp"
#include "lllm/cli/command.hpp"
#include "lllm/cli/limits.hpp"
#include "lllm/cli/run_interruptible.hpp"
#include "lllm/cli/terminal.hpp"
#include "lllm/invokers/litellm_invoker.hpp"
#include "lllm/runtime/load.hpp"
#include "lllm/runtime/runtime.hpp"

namespace lllm::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Arguments {
  std::size_t dialogs = 1000;
  std::string package;
  std::string base_url;
  std::string model = "openai/gpt-4o-mini";
  double rate = 50;
  std::size_t words = 40;
  bool json = false;
};

// What the whole run counts. One thread: plain numbers do.
struct Tally {
  std::size_t started = 0;
  std::size_t done = 0;
  std::size_t failed = 0;
  std::size_t calls = 0;
  std::size_t chunks = 0;
  std::size_t tools = 0;
  std::vector<double> ttft_ms;
  Usage usage;
  std::optional<Money> cost;
  std::string first_failure;
};

// Counts what streams in; nothing to wait for.
class CountingHandler final : public BaseStreamHandler {
 public:
  explicit CountingHandler(Tally& tally) : tally_(tally) {}
  asio::awaitable<void> handle_chunk(std::string_view, const StreamChunk&) override {
    ++tally_.chunks;
    return {};
  }

 private:
  Tally& tally_;
};

struct Search {
  std::string query;
  static std::string_view describe_member(std::string_view name) {
    return name == "query" ? "What to look for, in a few words" : "";
  }
};
BOOST_DESCRIBE_STRUCT(Search, (), (query))

// It takes its time, as a database would, and blocks nobody meanwhile.
asio::awaitable<json::value> search(const Runtime& runtime) {
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(20));
  co_await timer.async_wait(asio::use_awaitable);
  const AssetPtr archive = co_await load_asset("research.assets:archive.json", runtime);
  co_return archive->data.value_or(json::value());
}

// Searches the archive of the package. `runtime` must outlive the tool.
Tool archive_search(const Runtime& runtime) {
  return Tool::from<Search>("search_archive", "Searches the newspaper's archive.",
                            [&runtime](const Search&) { return search(runtime); });
}

// One dialog from its first word to its last.
asio::awaitable<int> hold_dialog(BaseInvoker& invoker, Runtime& runtime, const Arguments& args,
                                 std::size_t number, Tally& tally, CountingHandler& handler) {
  ++tally.started;
  Agent agent("writer-" + std::to_string(number), invoker, args.model, &runtime);
  std::exception_ptr failure;
  try {
    agent.system_prompt = co_await load_prompt("newsroom.prompts:desk/system", runtime);
    agent.system_args = {{"section", "city"}, {"words", static_cast<std::int64_t>(args.words)}};
    agent.stream_handler = &handler;
    agent.open();
    agent.receive("Write story number " + std::to_string(number) + ".");
    co_await agent.respond();
  } catch (...) {
    failure = std::current_exception();
  }
  const AgentCallSession& session = agent.session();
  tally.calls += session.results.size();
  tally.tools += session.tool_runs.size();
  tally.usage += session.usage();
  if (const auto cost = session.cost()) tally.cost = tally.cost.value_or(Money()) + *cost;
  for (const auto& result : session.results)
    if (result.timings.first_token)
      tally.ttft_ms.push_back(static_cast<double>(result.timings.first_token->count()) / 1e6);
  if (failure) {
    const Error error = error_from(failure);
    if (error.kind() == ErrorKind::cancelled) std::rethrow_exception(failure);
    ++tally.failed;
    if (tally.first_failure.empty()) tally.first_failure = error.to_string();
  }
  ++tally.done;
  co_return 0;
}

double percentile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

// The live line, as long as there is work.
asio::awaitable<int> show_progress(const Arguments& args, const Tally& tally, const bool& running,
                                   ProgressLine& line) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (running && stderr_is_terminal()) {
    line.show(grouped(tally.done) + " of " + grouped(args.dialogs) + " dialogs done, " +
              grouped(tally.chunks) + " chunks, " + std::to_string(tally.failed) + " failed");
    timer.expires_after(std::chrono::milliseconds(50));
    co_await timer.async_wait(asio::use_awaitable);
  }
  co_return 0;
}

struct Measured {
  double wall = 0;
  int threads = 0;
};

asio::awaitable<int> hold_all(BaseInvoker& invoker, Runtime& runtime, const Arguments& args, Tally& tally,
                              bool& running, Measured& measured) {
  CountingHandler handler(tally);
  const auto start = Clock::now();
  std::vector<asio::awaitable<int>> dialogs;
  dialogs.reserve(args.dialogs);
  for (std::size_t i = 0; i < args.dialogs; ++i)
    dialogs.push_back(hold_dialog(invoker, runtime, args, i + 1, tally, handler));
  co_await gather(std::move(dialogs), args.dialogs);
  measured.wall = std::chrono::duration<double>(Clock::now() - start).count();
  measured.threads = thread_count();
  running = false;
  co_return 0;
}

void print_report(const Arguments& args, Tally& tally, const Measured& measured) {
  const auto [wall, threads] = measured;
  const double p50 = percentile(tally.ttft_ms, 0.50);
  const double p99 = percentile(tally.ttft_ms, 0.99);
  const double rate = wall > 0 ? static_cast<double>(tally.calls) / wall : 0;
  const double peak = peak_rss_mib();
  if (args.json) {
    json::object report{{"dialogs", args.dialogs},
                        {"failures", tally.failed},
                        {"calls", tally.calls},
                        {"chunks", tally.chunks},
                        {"wall_s", wall},
                        {"calls_per_s", rate},
                        {"ttft_p50_ms", p50},
                        {"ttft_p99_ms", p99},
                        {"prompt_tokens", tally.usage.prompt_tokens.value_or(0)},
                        {"completion_tokens", tally.usage.completion_tokens.value_or(0)},
                        {"cost_usd", nullptr},
                        {"peak_rss_mib", peak},
                        {"threads", threads}};
    if (tally.cost) report["cost_usd"] = tally.cost->dollars();
    std::printf("%s\n", to_json(report).c_str());
    return;
  }
  const auto row = [](const char* name, const std::string& value) {
    std::printf("  %-22s %16s\n", name, value.c_str());
  };
  const auto decimal = [](double value, const char* unit) {
    char text[48];
    std::snprintf(text, sizeof text, "%.1f%s", value, unit);
    return std::string(text);
  };
  std::printf("\n");
  row("dialogs", grouped(args.dialogs));
  row("calls", grouped(tally.calls));
  row("tool runs", grouped(tally.tools));
  row("chunks", grouped(tally.chunks));
  row("wall time", decimal(wall, " s"));
  row("calls per second", decimal(rate, ""));
  row("first token, p50", decimal(p50, " ms"));
  row("first token, p99", decimal(p99, " ms"));
  row("prompt tokens", grouped(static_cast<unsigned long long>(tally.usage.prompt_tokens.value_or(0))));
  row("completion tokens",
      grouped(static_cast<unsigned long long>(tally.usage.completion_tokens.value_or(0))));
  row("cost", tally.cost ? tally.cost->to_string() : std::string("unknown"));
  row("failures", std::to_string(tally.failed));
  row("peak memory", decimal(peak, " MiB"));
  row("threads", std::to_string(threads));
}

// Beside the working directory for a checkout, beside the program for an installation.
std::filesystem::path find_newsroom(const std::string& given) {
  if (!given.empty()) return given;
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const auto& candidate :
       {std::filesystem::path("examples/packages/newsroom"), program / "../share/lllm/packages/newsroom",
        program / "../../../examples/packages/newsroom"})
    if (std::filesystem::exists(candidate / "lllm.toml", ignored)) return candidate;
  throw_error(ErrorKind::resource_not_found,
              "the example package 'newsroom' is not found; name its folder with --package");
}

asio::awaitable<void> run_all(const Arguments& args, const std::string& base_url, Outcome& outcome) {
  const auto executor = co_await asio::this_coro::executor;
  ProgressLine line;

  Runtime runtime;
  LoadOptions load;
  load.package = find_newsroom(args.package).string();
  load.project_packages = false;
  load.user_packages = false;
  load.progress = [&line](const LoadProgress& progress) {
    line.show("loading: " + std::to_string(progress.packages_done) + " of " +
              std::to_string(progress.packages_found) + " packages, " + std::to_string(progress.files_done) +
              " files");
  };
  const LoadReport report = co_await load_runtime(runtime, std::move(load));
  line.clear();
  runtime.register_tool("search_archive", archive_search(runtime), "research.tools");
  if (!args.json)
    std::fprintf(stderr, "Loaded %zu packages with %zu resources in %.1f ms.\n", report.packages.size(),
                 runtime.size(), std::chrono::duration<double, std::milli>(report.elapsed).count());

  InvokerOptions options;
  if (!base_url.empty()) {
    options.base_url(base_url);
    if (args.base_url.empty()) options.api_key(Secret("fake"));
  }
  HttpClientOptions http;
  http.max_idle_per_origin = args.dialogs;
  options.http(http);
  LiteLLMInvoker invoker(executor, options);

  Tally tally;
  Measured measured;
  bool running = true;
  std::vector<asio::awaitable<int>> both;
  both.push_back(hold_all(invoker, runtime, args, tally, running, measured));
  both.push_back(show_progress(args, tally, running, line));
  co_await gather(std::move(both), 2);
  line.clear();

  print_report(args, tally, measured);
  if (tally.failed > 0) {
    print_error(std::to_string(tally.failed) + " dialogs failed; the first: " + tally.first_failure);
    outcome.exit_code = 1;
  }
}

void run_demo(const Arguments& args, Outcome& outcome) {
  const std::size_t files = raise_fd_limit();
  if (files < args.dialogs + 64)
    throw_error(
        ErrorKind::resource_exhausted,
        "the system allows " + std::to_string(files) + " open files; " + std::to_string(args.dialogs) +
            " dialogs at once need " + std::to_string(args.dialogs + 64) +
            ": raise the hard limit (ulimit -Hn, /etc/security/limits.conf) or ask for fewer --dialogs");
  std::optional<ChildProvider> fake;
  if (args.base_url.empty())
    fake.emplace(std::vector<std::string>{"--ttft-ms", "60", "--rate", std::to_string(args.rate), "--jitter",
                                          "0.3", "--words", std::to_string(args.words)});
  asio::io_context context(1);
  if (!run_interruptible(context, run_all(args, fake ? fake->base_url() : args.base_url, outcome))) {
    print_error("interrupted");
    outcome.exit_code = 130;
  }
}

}  // namespace

void add_demo(CLI::App& app, Outcome& outcome) {
  auto args = std::make_shared<Arguments>();
  auto* command =
      app.add_subcommand("demo", "Hold a thousand dialogs at once on one thread, with a fake provider");
  command->add_option("-n,--dialogs", args->dialogs, "How many dialogs at once")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--package", args->package, "Folder of the newsroom package");
  command->add_option("--base-url", args->base_url, "A real provider instead (its key from the environment)");
  command->add_option("-m,--model", args->model, "Model")->capture_default_str();
  command->add_option("--rate", args->rate, "Tokens per second of each fake answer")->capture_default_str();
  command->add_option("--words", args->words, "Length of each fake answer")->capture_default_str();
  command->add_flag("--json", args->json, "Print the result as one JSON object");
  command->callback([args, &outcome] { run_demo(*args, outcome); });
}

}  // namespace lllm::cli
