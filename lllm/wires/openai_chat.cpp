#include "lllm/wires/openai_chat.hpp"

#include <memory>
#include <string>

#include "lllm/wires/openai_chat_reply.hpp"
#include "lllm/wires/openai_chat_request.hpp"
#include "lllm/wires/providers.hpp"
#include "lllm/wires/repeated_event.hpp"

namespace lllm {
namespace {

class ChatStreamDecoder final : public StreamDecoder {
 public:
  explicit ChatStreamDecoder(const Provider& provider) : reply_(provider.name) {}

  Result<> feed(const StreamEvent& event, std::vector<StreamChunk>& chunks) override {
    if (done_) return {};
    if (event.data == "[DONE]") {
      done_ = true;
      return {};
    }
    if (event.type == "error") {
      if (auto read = reply_.read(event.data, false, &chunks); !read) return read;
      return provider_error(0, event.data);
    }
    if (const auto words = repeated_.match(event.data)) {
      reply_.read_words(event.data, *words, &chunks);
      return {};
    }
    auto read = reply_.read(event.data, false, &chunks);
    if (const auto& found = reply_.only_words()) repeated_.learn(event.data, found->words, found->padding);
    return read;
  }

  [[nodiscard]] bool done() const override { return done_; }

  Result<InvokeResult> finish() override {
    // Some servers leave [DONE] out. Once the finish reason and the usage are here, nothing can be missing.
    if (!done_ && !(reply_.has_finish_reason() && reply_.has_usage()))
      return Error(ErrorKind::incomplete_reply, "openai-chat: the stream ended before [DONE]");
    return reply_.finish(false);
  }

  [[nodiscard]] Message partial() const override { return reply_.partial(); }

 private:
  openai_chat::Reply reply_;
  RepeatedEvent repeated_;
  bool done_ = false;
};

class OpenAiChatCodec final : public Codec {
 public:
  [[nodiscard]] std::string_view name() const override { return "openai-chat"; }

  [[nodiscard]] Result<EncodedRequest> encode(const EncodeInput& input) const override {
    return openai_chat::encode(input);
  }

  [[nodiscard]] Result<InvokeResult> decode(const Provider& provider, std::string_view body) const override {
    openai_chat::Reply reply(provider.name);
    if (auto read = reply.read(body, true, nullptr); !read) return read.error();
    if (!reply.has_choice()) return Error(ErrorKind::bad_reply, "openai-chat: the answer has no choices");
    InvokeResult result = reply.finish(true);
    result.raw = raw_of(body);
    return result;
  }

  [[nodiscard]] std::unique_ptr<StreamDecoder> stream_decoder(const Provider& provider) const override {
    return std::make_unique<ChatStreamDecoder>(provider);
  }
};

}  // namespace

const Codec& openai_chat_codec() {
  static const OpenAiChatCodec codec;
  return codec;
}

}  // namespace lllm
