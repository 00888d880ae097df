#include <cstdio>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lllm/base/json.hpp"
#include "lllm/cli/command.hpp"
#include "lllm/cli/limits.hpp"
#include "lllm/cli/run_interruptible.hpp"
#include "lllm/testing/fake_provider.hpp"

namespace lllm::cli {
namespace {

struct Arguments {
  std::uint16_t port = 8080;
  std::string host = "127.0.0.1";
  bool tls = false;
  std::string ca_file;
  int ttft_ms = 150;
  double rate = 50;
  double jitter = 0.2;
  std::size_t words = 60;
  std::string key;
  std::vector<std::string> models;
  bool json = false;
};

asio::awaitable<void> forever() {
  asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  co_await timer.async_wait(asio::use_awaitable);
}

void serve(const Arguments& args) {
  raise_fd_limit();
  asio::io_context context(1);
  FakeOptions options;
  options.host(args.host)
      .port(args.port)
      .tls(args.tls)
      .time_to_first_token(std::chrono::milliseconds(args.ttft_ms))
      .tokens_per_second(args.rate)
      .jitter(args.jitter)
      .answer_words(args.words)
      .require_key(args.key)
      .models(args.models);
  FakeProvider provider(context.get_executor(), options);
  if (!args.ca_file.empty()) {
    std::FILE* file = std::fopen(args.ca_file.c_str(), "w");
    if (file == nullptr) throw_error(ErrorKind::io_failed, "cannot write the certificate to " + args.ca_file);
    std::fputs(provider.ca_pem().c_str(), file);
    std::fclose(file);
  }
  // The one line that programs read to learn the port.
  if (args.json)
    std::printf("{\"port\":%u,\"base_url\":\"%s\"}\n", provider.port(), provider.base_url().c_str());
  else
    std::printf(
        "The fake provider listens at %s (Ctrl-C ends it).\n"
        "Try: OPENAI_API_KEY=%s lllm chat --base-url %s \"Hello\"\n",
        provider.base_url().c_str(), args.key.empty() ? "any" : "KEY", provider.base_url().c_str());
  std::fflush(stdout);
  run_interruptible(context, forever());
}

}  // namespace

void add_serve_fake(CLI::App& app, Outcome&) {
  auto args = std::make_shared<Arguments>();
  auto* command =
      app.add_subcommand("serve-fake", "Run a fake provider: a real HTTP server that speaks the wires");
  command->add_option("-p,--port", args->port, "Port; 0 takes any free one")->capture_default_str();
  command->add_option("--host", args->host, "Address to listen at")->capture_default_str();
  command->add_flag("--tls", args->tls, "HTTPS, with a certificate made at start");
  command->add_option("--ca-file", args->ca_file,
                      "Write the certificate authority to trust to this file (PEM)");
  command->add_option("--ttft-ms", args->ttft_ms, "Time to the first token, in milliseconds")
      ->capture_default_str();
  command->add_option("--rate", args->rate, "Tokens per second; 0 is as fast as they are taken")
      ->capture_default_str();
  command->add_option("--jitter", args->jitter, "Share by which pauses vary, 0 to 1")->capture_default_str();
  command->add_option("--words", args->words, "Length of an answer, in words")->capture_default_str();
  command->add_option("--require-key", args->key, "Answer 401 to every other key");
  command->add_option("--model", args->models, "Answer 404 to every other model (may be repeated)");
  command->add_flag("--json", args->json, "Say where it listens as one JSON object");
  command->callback([args] { serve(*args); });
}

}  // namespace lllm::cli
