#pragma once

#include <cstdint>
#include <memory>
#include <optional>
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
const FakeWire& fake_openai_responses();

/// "GET", "/v1/responses/resp_fake_3" → 3, the number of the request whose answer is asked for; none for
/// anything else.
std::optional<std::uint64_t> number_of_fake_response(std::string_view method, std::string_view path);
/// The answer while it is made: `status` is "queued" or "in_progress".
std::string unfinished_fake_response(const FakeRequest& request, std::string_view status);

// What several wires have in common.

/// A POST to a path that ends so, whatever its query.
bool is_post_to(std::string_view ending, std::string_view method, std::string_view path);
/// A request with what every body says alike: model and stream.
FakeRequest fake_request(std::string_view wire, std::string_view path, const json::value& body);
/// What the provider would answer with 400.
Error fake_refusal(std::string why);
/// The words of a content: a string, or a list of parts of which some have text.
std::string fake_words(const json::value* content);
/// The call's own id, else one of `prefix`, the request's number and `index`.
std::string fake_call_id(const FakeRequest& request, const FakeReply& reply, std::size_t index,
                         std::string_view prefix);
/// The reply's own finish reason, else the wire's word for a plain end or for one with tool calls.
std::string fake_finish(const FakeReply& reply, std::string_view plain, std::string_view with_calls);
/// A call's arguments as an object; malformed ones as an empty one.
json::object fake_arguments(const ToolCall& call);
/// `tools` as OpenAI's chat declares them: {"function": {name, parameters}}.
void read_fake_functions(const json::value& body, FakeRequest& request);
/// `messages` with OpenAI's roles; refuses unknown roles, no messages, and no model.
Result<> read_fake_messages(const json::value& body, FakeRequest& request, bool needs_call_ids);
/// An SSE event whose data say its type, too, as the first of their members.
void add_fake_event(std::string& out, std::string_view type, const json::object& members);
/// What a provider that signs thoughts signs them with: opaque, and wanted back.
inline constexpr std::string_view fake_signature = "RmFrZVNpZ25hdHVyZQ==";

}  // namespace lllm
