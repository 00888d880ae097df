#include "benchmarks/calls.hpp"

#include <chrono>
#include <exception>
#include <stdexcept>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "benchmarks/arrivals.hpp"
#include "benchmarks/bench.hpp"
#include "lllm/invokers/litellm_invoker.hpp"
#include "lllm/net/http_server.hpp"

namespace bench {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr const char* system_text =
    "You are the assistant of a city newspaper. Answer in plain words, name the source of every figure, and "
    "say so when "
    "you do not know. Never give more than three sentences, and never repeat the question.";
constexpr const char* user_text =
    "A reader writes: \"The tram on line 7 was late again this morning, for the third time this week.\" What "
    "should our "
    "desk ask the transport office, and which numbers would show whether it has become worse since the "
    "summer?";

lllm::Dialog dialog() {
  lllm::Dialog made;
  made.put_text(system_text, lllm::Role::system);
  made.put_text(user_text);
  return made;
}

}  // namespace

const std::string& request_body() {
  static const std::string body =
      std::string(R"({"model":"gpt-4o-mini","messages":[{"role":"system","content":")") + system_text +
      R"("},{"role":"user","content":"A reader writes: \"The tram on line 7 )" +
      R"(was late again this morning, for the third time this week.\" What should our desk )" +
      R"(ask the transport office, and which numbers would show whether it has become worse )" +
      R"(since the summer?"}],"temperature":0.2})";
  return body;
}

const std::string& response_body() {
  static const std::string body =
      R"({"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion","created":1740000000,)"
      R"("model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":)"
      R"("Ask for the punctuality of line 7 per week since June, measured at its last stop, and for the share of runs that )"
      R"(were cancelled. Compare the weeks before and after the timetable of September; the office publishes both in its )"
      R"(quarterly report. I do not know this week's numbers.","refusal":null,"annotations":[]},"logprobs":null,)"
      R"("finish_reason":"stop"}],"usage":{"prompt_tokens":98,"completion_tokens":61,"total_tokens":159,)"
      R"("prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,)"
      R"("audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default",)"
      R"("system_fingerprint":"fp_0705bf87c0"})";
  return body;
}

std::string wrk_headers() {
  return "wrk.headers['Content-Type'] = 'application/json'\n"
         "wrk.headers['Authorization'] = 'Bearer sk-benchmark'\n";
}

std::string raw_request(std::uint16_t port) {
  return "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost:" + std::to_string(port) +
         "\r\nContent-Type: application/json\r\nAuthorization: Bearer sk-benchmark\r\nContent-Length: " +
         std::to_string(request_body().size()) + "\r\n\r\n" + request_body();
}

namespace {

class CountingHandler final : public lllm::BaseStreamHandler {
 public:
  explicit CountingHandler(std::function<void(const lllm::StreamChunk&)> on_chunk)
      : on_chunk_(std::move(on_chunk)) {}
  asio::awaitable<void> handle_chunk(std::string_view, const lllm::StreamChunk& chunk) override {
    ++chunks;
    if (on_chunk_) on_chunk_(chunk);
    return {};
  }
  double chunks = 0;

 private:
  std::function<void(const lllm::StreamChunk&)> on_chunk_;
};

asio::awaitable<void> answer(const lllm::HttpServerRequest&, lllm::HttpResponder& responder) {
  lllm::HttpHeaders headers{{"Content-Type", "application/json"}};
  co_await responder.send(200, std::move(headers), response_body());
}

std::unique_ptr<lllm::HttpServer> own_server(asio::io_context& context, CallerOptions& options) {
  if (!options.answer_locally) return nullptr;
  auto server = std::make_unique<lllm::HttpServer>(context.get_executor(), answer);
  options.base_url = server->url() + "/v1";
  return server;
}

lllm::InvokerOptions options_for(const CallerOptions& given) {
  lllm::HttpClientOptions http;
  http.max_idle_per_origin = static_cast<std::size_t>(given.in_flight);
  http.tls.ca_pem = given.ca_pem;
  http.proxies = lllm::ProxyRules();
  lllm::InvokerOptions options;
  options.base_url(given.base_url).api_key(lllm::Secret("sk-benchmark")).http(std::move(http));
  return options;
}

}  // namespace

struct Caller::Impl {
  explicit Impl(CallerOptions given)
      : options(std::move(given)),
        context(1),
        server(own_server(context, options)),
        question(dialog()),
        handler(std::make_shared<CountingHandler>(options.on_chunk)),
        invoker(context.get_executor(), options_for(options)) {
    call_options.model_args({{"temperature", 0.2}}).api_type(options.api_type);
    if (options.chunks > 0) call_options.stream_handler(handler);
  }

  asio::awaitable<void> one() {
    const auto result = co_await invoker.call(question, options.model, call_options);
    const bool priced = result.message.cost_breakdown.has_value() || options.chunks > 0;
    if (!result.message.usage.prompt_tokens || !priced || result.message.text().empty())
      throw std::runtime_error("the answer is not the one that was sent");
    ++done;
  }

  asio::awaitable<void> until(Clock::time_point end) {
    while (Clock::now() < end) co_await one();
  }

  void spawn(asio::awaitable<void> work) {
    ++spawned;
    asio::co_spawn(context, std::move(work), [this](const std::exception_ptr& e) {
      if (--spawned == 0 && server != nullptr) context.stop();
      if (e && !failure) failure = e;
    });
  }

  // Until all that was spawned is done: a server of our own would go on for ever.
  void run() {
    context.restart();
    context.run();
    if (failure) std::rethrow_exception(failure);
  }

  // Runs what `work` makes, once for each place, and counts.
  template <class Work>
  Load measure(const Work& work) {
    done = 0;
    handler->chunks = 0;
    const double cpu = cpu_seconds();
    const auto start = Clock::now();
    for (int i = 0; i < options.in_flight; ++i) spawn(work());
    run();
    const Load load{done, cpu_seconds() - cpu, std::chrono::duration<double>(Clock::now() - start).count(),
                    handler->chunks};
    if (load.chunks != done * options.chunks) throw std::runtime_error("chunks were lost");
    return load;
  }

  CallerOptions options;
  asio::io_context context;
  std::unique_ptr<lllm::HttpServer> server;
  lllm::Dialog question;
  lllm::CallOptions call_options;
  std::shared_ptr<CountingHandler> handler;
  lllm::LiteLLMInvoker invoker;
  double done = 0;
  int spawned = 0;
  std::exception_ptr failure;
};

Caller::Caller(CallerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Caller::~Caller() = default;

Load Caller::run(double seconds) {
  const auto end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  return impl_->measure([&] { return impl_->until(end); });
}

Load Caller::run_once() {
  return impl_->measure([&] { return impl_->one(); });
}

std::vector<double> Caller::run_count(int count) {
  std::vector<double> micros;
  impl_->spawn(one_after_the_other([this] { return impl_->one(); }, count, micros));
  impl_->run();
  return micros;
}

std::vector<double> Caller::run_arrivals(int rate, int count) {
  std::vector<double> micros;
  impl_->spawn(arrivals([this] { return impl_->one(); }, rate, count, micros));
  impl_->run();
  return micros;
}

}  // namespace bench
