#include "tests/recordings/served.hpp"

#include <functional>
#include <map>

#include "lllm/base/text.hpp"
#include "lllm/invokers/litellm_invoker.hpp"
#include "lllm/net/http_server.hpp"
#include "tests/support/loop.hpp"

namespace lllm::test {
namespace {

// Counts what a handler is given.
class CountingHandler final : public BaseStreamHandler {
 public:
  explicit CountingHandler(std::size_t& count) : count_(count) {}
  asio::awaitable<void> handle_chunk(std::string_view content, const StreamChunk&) override {
    if (!content.empty()) ++count_;
    return {};
  }

 private:
  std::size_t& count_;
};

// What the server is to answer with.
struct Answer {
  const Recording* recording = nullptr;
  std::vector<std::size_t> pieces;
};

HttpHeaders headers_of(const Recording& recording) {
  HttpHeaders headers;
  for (const auto& [name, value] : recording.headers) {
    // These describe how the bytes travelled then; the body here is the decoded one.
    bool of_the_way = false;
    for (const auto* hop :
         {"content-length", "transfer-encoding", "content-encoding", "connection", "keep-alive", "date"})
      of_the_way = of_the_way || iequals(name, hop);
    if (!of_the_way && !has_control_break(value)) headers.add(name, value);
  }
  if (!headers.contains("content-type"))
    headers.add("content-type", recording.streaming ? "text/event-stream" : "application/json");
  return headers;
}

asio::awaitable<void> answer(Answer& answer, HttpResponder& responder) {
  const Recording& recording = *answer.recording;
  HttpHeaders headers = headers_of(recording);
  if (!recording.streaming) {
    auto sending = responder.send(recording.status, std::move(headers), recording.body);
    co_await std::move(sending);
    co_return;
  }
  auto starting = responder.start(recording.status, std::move(headers));
  co_await std::move(starting);
  std::size_t at = 0;
  for (const std::size_t length : answer.pieces) {
    co_await responder.write(std::string_view(recording.body).substr(at, length));
    at += length;
  }
  co_await responder.finish();
}

Provider row(const Recording& recording, const std::string& url) {
  Provider provider;
  provider.name = "recorded-" + recording.wire;
  provider.title = "Recordings";
  provider.wire = recording.wire;
  provider.base_url = url;
  provider.auth = Auth::none;
  return provider;
}

}  // namespace

struct Served::State {
  asio::io_context loop{1};
  Answer next;
  HttpServer server{loop.get_executor(), [this](const HttpServerRequest&, HttpResponder& responder) {
                      return answer(next, responder);
                    }};
  std::map<std::string, std::unique_ptr<LiteLLMInvoker>> invokers;  // by wire

  LiteLLMInvoker& invoker_for(const Recording& recording) {
    auto& invoker = invokers[recording.wire];
    if (!invoker) {
      InvokerOptions options;
      options.provider(row(recording, server.url())).environment(Environment(fixed_variables({})));
      options.max_retries(0);
      invoker = std::make_unique<LiteLLMInvoker>(loop.get_executor(), std::move(options));
    }
    return *invoker;
  }
};

Served::Served() : state_(std::make_unique<State>()) {}
Served::~Served() = default;

Outcome Served::call(const Recording& recording, Cut cut, std::uint64_t seed) {
  state_->next.recording = &recording;
  state_->next.pieces = pieces_of(recording.body.size(), cut, seed);
  Outcome outcome;
  Dialog dialog;
  dialog.put_text("Say what you said.");
  CountingHandler handler(outcome.text_chunks);
  CallOptions options;
  if (recording.streaming) options.stream_handler(&handler);
  LiteLLMInvoker& invoker = state_->invoker_for(recording);
  try {
    auto calling = invoker.call(dialog, "recorded-" + recording.wire + "/model", options);
    InvokeResult result = run_on(state_->loop, std::move(calling), std::chrono::seconds(60));
    outcome.message = std::move(result.message);
    outcome.raw = result.raw_response();
  } catch (const Exception& failure) {
    outcome.error = failure.error();
    if (const auto& partial = failure.error().partial()) outcome.message = *partial;
  }
  return outcome;
}

std::vector<Failure> Served::check(const Recording& recording) {
  std::vector<Failure> failures;
  const Codec* codec = find_codec(recording.wire);
  // The invoker would ask again until the answer is final.
  if (codec->poll_path(recording.body)) return failures;
  const auto check_one = [&](Cut cut, std::uint64_t seed) {
    const Outcome outcome = call(recording, cut, seed);
    if (auto found = differences(recording, outcome); !found.empty())
      failures.push_back({recording.id, "served " + std::string(to_string(cut)), std::move(found)});
  };
  check_one(Cut::whole, 0);
  if (!recording.streaming) return failures;
  check_one(Cut::random, std::hash<std::string>{}(recording.id));
  check_one(Cut::bytes, 0);
  return failures;
}

}  // namespace lllm::test
