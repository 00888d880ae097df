#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lllm/base/error.hpp"
#include "lllm/testing/fake_reply.hpp"

namespace lllm {

/// Writes one streamed reply, step by step. Each call appends framed bytes (SSE events, AWS frames, lines).
class FakeStream {
 public:
  virtual ~FakeStream() = default;
  virtual void begin(std::string& out) = 0;
  virtual void step(std::string& out, const FakeStep& step) = 0;
  virtual void end(std::string& out) = 0;
  /// The wire's error inside a stream.
  virtual void error(std::string& out, std::string_view type, std::string_view message) = 0;
};

/// The provider's side of a wire as pure functions: requests in, answers out.
class FakeWire {
 public:
  virtual ~FakeWire() = default;
  /// True for the paths of this wire ("POST", "/v1/chat/completions").
  [[nodiscard]] virtual bool serves(std::string_view method, std::string_view path) const = 0;
  /// Reads a request; the Error is what the provider would answer with 400.
  [[nodiscard]] virtual Result<FakeRequest> read(std::string_view path, const json::value& body) const = 0;
  /// The body of a whole answer.
  [[nodiscard]] virtual std::string whole(const FakeRequest& request, const FakeReply& reply) const = 0;
  [[nodiscard]] virtual std::string_view stream_content_type() const { return "text/event-stream"; }
  /// `request` and `reply` must outlive the stream.
  [[nodiscard]] virtual std::unique_ptr<FakeStream> stream(const FakeRequest& request,
                                                           const FakeReply& reply) const = 0;
  /// The body of an answer with an error status.
  [[nodiscard]] virtual std::string error_body(int status, std::string_view type,
                                               std::string_view message) const = 0;
};

/// The wire that serves a path; null when none does.
const FakeWire* find_fake_wire(std::string_view method, std::string_view path);

const FakeWire& fake_anthropic();
const FakeWire& fake_bedrock();
const FakeWire& fake_cohere();
const FakeWire& fake_gemini();
const FakeWire& fake_ollama();
const FakeWire& fake_openai_chat();

}  // namespace lllm
