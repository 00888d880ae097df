#include "lllm/wires/gemini.hpp"

#include <memory>
#include <string>

#include "lllm/wires/gemini_error.hpp"
#include "lllm/wires/gemini_reply.hpp"
#include "lllm/wires/gemini_request.hpp"
#include "lllm/wires/providers.hpp"
#include "lllm/wires/reply_json.hpp"

namespace lllm {
namespace {

class GeminiStreamDecoder final : public StreamDecoder {
 public:
  explicit GeminiStreamDecoder(const Provider& provider) : reply_(provider.name) {}

  Result<> feed(const StreamEvent& event, std::vector<StreamChunk>& chunks) override {
    if (done_) return {};
    if (event.data == "[DONE]") {  // gateways add what Google leaves out
      done_ = true;
      return {};
    }
    return reply_.read(event.data, &chunks);
  }

  // Google marks no end: usage may follow the finish reason, and then the body ends.
  [[nodiscard]] bool done() const override { return done_; }

  Result<InvokeResult> finish() override {
    if (!done_ && !reply_.complete())
      return Error(ErrorKind::incomplete_reply,
                   "gemini-generate: the stream ended before the model said why it stopped");
    return reply_.finish();
  }

  [[nodiscard]] Message partial() const override { return reply_.partial(); }

 private:
  gemini::Reply reply_;
  bool done_ = false;
};

class GeminiCodec final : public Codec {
 public:
  [[nodiscard]] std::string_view name() const override { return "gemini-generate"; }

  [[nodiscard]] Result<EncodedRequest> encode(const EncodeInput& input) const override {
    return gemini::encode(input);
  }

  [[nodiscard]] Result<InvokeResult> decode(const Provider& provider, std::string_view body) const override {
    gemini::Reply reply(provider.name);
    if (const auto start = body.find_first_not_of(" \t\r\n"); start != body.npos && body[start] == '[') {
      // streamGenerateContent without alt=sse: a list of what would be events.
      const auto list = parse_reply(body);
      if (!list || !list->is_array())
        return Error(ErrorKind::bad_reply, "gemini-generate: the answer is no JSON list");
      for (const auto& one : list->get_array())
        if (auto read = reply.read(to_json(one), nullptr); !read) return read.error();
    } else if (auto read = reply.read(body, nullptr); !read) {
      return read.error();
    }
    if (!reply.has_reply())
      return Error(ErrorKind::bad_reply, "gemini-generate: the answer has no candidates");
    InvokeResult result = reply.finish();
    result.raw = raw_of(body);
    return result;
  }

  [[nodiscard]] Error decode_error(int status, std::string_view body) const override {
    return gemini::google_error(status, body);
  }

  [[nodiscard]] std::unique_ptr<StreamDecoder> stream_decoder(const Provider& provider) const override {
    return std::make_unique<GeminiStreamDecoder>(provider);
  }
};

}  // namespace

const Codec& gemini_codec() {
  static const GeminiCodec codec;
  return codec;
}

}  // namespace lllm
