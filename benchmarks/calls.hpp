#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "benchmarks/wrk.hpp"
#include "lllm/core/call_options.hpp"

/// The call that the benchmarks make, and its bytes.
namespace bench {

/// About 550 bytes: a system prompt, a question, a temperature, as our own encoder writes them.
const std::string& request_body();
/// About 920 bytes of chat completion.
const std::string& response_body();
/// The same headers as ours, as lines of a wrk script.
std::string wrk_headers();
/// The whole request as bytes.
std::string raw_request(std::uint16_t port);

/// How a Caller calls.
struct CallerOptions {
  std::string base_url;
  std::string ca_pem;
  int in_flight = 1;
  std::string model = "openai/gpt-4o-mini";
  lllm::ApiType api_type = lllm::ApiType::completion;
  /// Streamed: into a handler that counts; a reply must have so many chunks. 0: not streamed.
  double chunks = 0;
  /// The server is one of our own, on the caller's thread; there is no base URL then.
  bool answer_locally = false;
  /// Sees every chunk of a streamed reply.
  std::function<void(const lllm::StreamChunk&)> on_chunk;
};

/// Makes that call with a LiteLLMInvoker on one thread, always `in_flight` at once.
class Caller {
 public:
  explicit Caller(CallerOptions options);
  ~Caller();
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  /// Calls for so long. @throws std::runtime_error when one fails or answers something else.
  Load run(double seconds);
  /// Makes `count` calls, one after the other. @returns  what each took, in microseconds.
  std::vector<double> run_count(int count);
  /// Begins `count` calls, `rate` a second, whether those before are done or not. @returns  what each took,
  /// from the moment when it was due.
  std::vector<double> run_arrivals(int rate, int count);
  /// Makes one call in each of the `in_flight` places, then returns.
  Load run_once();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bench
