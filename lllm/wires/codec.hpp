#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"
#include "lllm/core/call_options.hpp"
#include "lllm/core/dialog.hpp"
#include "lllm/core/invoke_result.hpp"
#include "lllm/formats/framer.hpp"
#include "lllm/formats/http_message.hpp"

namespace lllm {

struct Provider;  // wires/providers.hpp

/// What a codec makes a request from. References must outlive encode().
struct EncodeInput {
  const Dialog& dialog;
  const Provider& provider;
  std::string_view model;  ///< as the provider calls it, without our "provider/" prefix
  const CallOptions& options;
  const std::vector<Tool>& tools;  ///< those of the prompt, refs resolved, and those of the options
  const Schema& format;            ///< structured output that is asked for; may be empty
  bool stream = false;
};

/// A request without what is the invoker's business: host, key, signature.
struct EncodedRequest {
  std::string method = "POST";
  std::string path;  ///< appended to the provider's base URL, with query: "/chat/completions"
  HttpHeaders headers;
  std::string body;
  json::object model_args;           ///< as they went into the body
  std::vector<std::string> dropped;  ///< names of those this wire cannot take
};

/// Reads one streamed reply, event by event. Pure: no I/O, no clock.
class StreamDecoder {
 public:
  virtual ~StreamDecoder() = default;
  /// Appends the chunks that the event holds to `chunks` (their views point into the event or into the
  /// decoder and are valid until the next feed). An Error is final: what the provider reported inside the
  /// stream, or a broken protocol.
  virtual Result<> feed(const StreamEvent& event, std::vector<StreamChunk>& chunks) = 0;
  /// True once the wire's end mark was read: nothing that follows matters.
  [[nodiscard]] virtual bool done() const = 0;
  /// The body has ended. `incomplete_reply` when the end mark was missing.
  virtual Result<InvokeResult> finish() = 0;
  /// What has come so far, for an Error's `partial`.
  [[nodiscard]] virtual Message partial() const = 0;
};

/// One API dialect as pure functions: values in, bytes out, and back. Stateless; any thread may use it.
class Codec {
 public:
  virtual ~Codec() = default;
  /// The wire's name, as recordings spell it: "openai-chat".
  [[nodiscard]] virtual std::string_view name() const = 0;
  [[nodiscard]] virtual Framing framing() const { return Framing::sse; }

  /// `invalid_argument` for what no request can say (a tool message without its call id).
  [[nodiscard]] virtual Result<EncodedRequest> encode(const EncodeInput& input) const = 0;

  /// A whole answer with a 2xx status. An error body inside a 2xx answer is the Error it is.
  [[nodiscard]] virtual Result<InvokeResult> decode(const Provider& provider,
                                                    std::string_view body) const = 0;
  [[nodiscard]] virtual std::unique_ptr<StreamDecoder> stream_decoder(const Provider& provider) const = 0;

  /// The Error that an answer with another status means: kind, provider's words, type, code, retry-after from
  /// the body. The default is provider_error() over the body; the invoker adds what headers say, provider and
  /// model.
  [[nodiscard]] virtual Error decode_error(int status, std::string_view body) const;

  /// Where to ask again, when the answer says that the provider still works on it (Responses API, background
  /// mode); empty when the answer is final.
  [[nodiscard]] virtual std::optional<std::string> poll_path(std::string_view body) const;
};

/// What `message` has kept of its own answer, when that goes back as it came: to the same wire and, because
/// signatures and encrypted parts mean nothing to others, to the provider that gave it (or to any, when the
/// message names none). Null otherwise: the parts say the rest.
const json::value* own_state(const Message& message, std::string_view wire, const Provider& provider);

/// For InvokeResult::raw: keeps a copy of the body and parses it when asked.
std::function<json::value()> raw_of(std::string_view body);

/// The Error that a provider's words mean. Reads {"error":{message,type,code,status}}, {"error":"…"},
/// {"message":"…"}, {"detail":…}, [{"error":…}] and the inner object alone; `body` may be anything (HTML,
/// binary, 10 MiB): a bounded excerpt of it is the text then.
/// @param status  of the HTTP answer; what is below 400 says nothing, and the words decide alone.
Error provider_error(int status, std::string_view body);

/// The codec of a wire; null for an unknown name. Codecs live as long as the program.
const Codec* find_codec(std::string_view wire);

}  // namespace lllm
