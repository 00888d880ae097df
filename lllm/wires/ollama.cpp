#include "lllm/wires/ollama.hpp"

#include <memory>
#include <string>

#include "lllm/base/json_reader.hpp"
#include "lllm/wires/accumulator.hpp"
#include "lllm/wires/json_merge.hpp"
#include "lllm/wires/ollama_request.hpp"
#include "lllm/wires/providers.hpp"
#include "lllm/wires/reply_json.hpp"
#include "lllm/wires/unknown_events.hpp"

namespace lllm {
namespace {

/// One line of a stream and a whole reply have the same shape.
class Reply {
 public:
  explicit Reply(std::string provider_name) : provider_(std::move(provider_name)) {}

  Result<> read(std::string_view data, std::vector<StreamChunk>* chunks) {
    arena_.reset();
    std::string_view error, thinking, content;
    std::vector<std::string_view> calls;
    JsonReader in(data, arena_);
    accumulator_.begin_event(data, chunks);
    Message& message = accumulator_.message;
    bool says_something = false;
    const bool is_object = in.object([&](std::string_view key) {
      if (key == "message") {
        has_message_ = says_something = true;
        in.object([&](std::string_view member) {
          if (member == "content") content = in.text();
          if (member == "thinking") thinking = in.text();
          if (member == "tool_calls") in.array([&] { calls.push_back(in.raw()); });
          if (member == "content" || member == "thinking" || member == "tool_calls" || member == "role")
            return;
          if (in.kind() == JsonReader::Kind::null) return;
          if (const auto other = parse_reply(in.raw())) merge_delta(extras_, member, *other);
        });
      } else if (key == "model") {
        if (message.model.empty()) message.model = in.text();
      } else if (key == "created_at") {
        if (created_.empty()) created_ = in.text();
      } else if (key == "done") {
        done_ = in.boolean().value_or(false) || done_;
      } else if (key == "done_reason") {
        if (const auto reason = in.text(); !reason.empty()) message.finish_reason = reason;
      } else if (key == "prompt_eval_count") {
        prompt_tokens_ = in.integer();
      } else if (key == "eval_count") {
        completion_tokens_ = in.integer();
      } else if (key == "error") {
        if (in.kind() != JsonReader::Kind::null) error = in.raw();
      }
    });
    // In the order a reply is made: thoughts first.
    accumulator_.add_reasoning(thinking);
    accumulator_.add_text(content);
    for (const auto raw : calls) add_call(raw);
    accumulator_.end_event();
    if (const auto read = in.finish(); !read)
      return Error(
          read.error().kind() == ErrorKind::limit_exceeded ? ErrorKind::limit_exceeded : ErrorKind::bad_reply,
          "ollama-chat: " + read.error().message());
    if (!is_object) return Error(ErrorKind::bad_reply, "ollama-chat: the answer is no JSON object");
    if (!error.empty()) return provider_error(0, data);
    if (done_)
      last_ = data;
    else if (!says_something)
      unknown_.keep({}, data);
    return {};
  }

  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] bool has_message() const { return has_message_; }

  InvokeResult finish() {
    InvokeResult result = accumulator_.finish(created_);
    complete(result.message);
    // The last line, with what the lines before it said.
    json::object said{{"model", json::string(result.message.model)}, {"created_at", json::string(created_)}};
    if (!result.message.finish_reason.empty())
      said["done_reason"] = json::string(result.message.finish_reason);
    if (prompt_tokens_) said["prompt_eval_count"] = *prompt_tokens_;
    if (completion_tokens_) said["eval_count"] = *completion_tokens_;
    json::object made = to_json_message(result.message);
    for (const auto& [key, value] : extras_) made[key] = value;
    said["message"] = std::move(made);
    unknown_.add_to(said);
    result.raw = [last = std::move(last_), said = std::move(said)] {
      auto reply = parse_reply(last);
      json::object whole = reply && reply->is_object() ? std::move(reply->get_object()) : json::object();
      for (const auto& [key, value] : said) whole[key] = value;
      return json::value(std::move(whole));
    };
    return result;
  }

  [[nodiscard]] Message partial() const {
    Message message = accumulator_.partial(created_);
    complete(message);
    return message;
  }

 private:
  void add_call(std::string_view raw) {
    const auto call = parse_reply(raw);
    if (!call) return;
    const auto* function = object_at(*call, "function");
    if (function == nullptr) return;
    std::string arguments;
    if (const auto* given = find(*function, "arguments"); given != nullptr && !given->is_null())
      arguments = given->is_string() ? std::string(as_text(given)) : to_json(*given);
    // Chunks outlive this text: it is copied to where it stays until the next line.
    char* const held = arena_.allocate(arguments.size());
    std::copy(arguments.begin(), arguments.end(), held);
    ToolCallDelta delta;
    delta.name = as_text(find(*function, "name"));
    delta.arguments = {held, arguments.size()};
    if (const auto* id = find(*call, "id"); id != nullptr && id->is_string()) delta.id = as_text(id);
    accumulator_.add_whole_tool_call(delta);
  }

  static json::object to_json_message(const Message& message) {
    json::object made{{"role", "assistant"}, {"content", json::string(message.text())}};
    if (const auto thinking = message.reasoning(); !thinking.empty())
      made["thinking"] = json::string(thinking);
    json::array calls;
    for (const auto& call : message.tool_calls) {
      // An object, unless it would read back as another text.
      json::value arguments = json::string(call.arguments);
      if (auto parsed = call.parsed_arguments(); parsed && to_json(*parsed) == call.arguments)
        arguments = std::move(*parsed);
      json::object one{
          {"function", {{"name", json::string(call.name)}, {"arguments", std::move(arguments)}}}};
      if (call.provider_id) one["id"] = json::string(*call.provider_id);
      calls.push_back(std::move(one));
    }
    if (!calls.empty()) made["tool_calls"] = std::move(calls);
    return made;
  }

  void complete(Message& message) const {
    message.provider = provider_;
    const auto counted = [](std::optional<std::int64_t> count) { return count && *count >= 0; };
    Usage& usage = message.usage;
    if (counted(prompt_tokens_)) usage.prompt_tokens = prompt_tokens_;
    if (counted(completion_tokens_)) usage.completion_tokens = completion_tokens_;
    if (usage.prompt_tokens && usage.completion_tokens) {
      Usage both;
      both.total_tokens = usage.prompt_tokens;
      Usage more;
      more.total_tokens = usage.completion_tokens;
      usage.total_tokens = (both += more).total_tokens;  // which saturates
    }
  }

  std::string provider_;
  Accumulator accumulator_;
  TextArena arena_;
  bool done_ = false;
  bool has_message_ = false;
  std::string created_, last_;
  UnknownEvents unknown_;
  json::object extras_;  ///< of the message, of kinds that nobody knows
  std::optional<std::int64_t> prompt_tokens_, completion_tokens_;
};

class OllamaStreamDecoder final : public StreamDecoder {
 public:
  explicit OllamaStreamDecoder(const Provider& provider) : reply_(provider.name) {}

  Result<> feed(const StreamEvent& event, std::vector<StreamChunk>& chunks) override {
    if (reply_.done()) return {};
    return reply_.read(event.data, &chunks);
  }
  [[nodiscard]] bool done() const override { return reply_.done(); }
  Result<InvokeResult> finish() override {
    if (!reply_.done())
      return Error(ErrorKind::incomplete_reply, "ollama-chat: the stream ended before the line that is done");
    return reply_.finish();
  }
  [[nodiscard]] Message partial() const override { return reply_.partial(); }

 private:
  Reply reply_;
};

class OllamaCodec final : public Codec {
 public:
  [[nodiscard]] std::string_view name() const override { return "ollama-chat"; }
  [[nodiscard]] Framing framing() const override { return Framing::ndjson; }

  [[nodiscard]] Result<EncodedRequest> encode(const EncodeInput& input) const override {
    return ollama::encode(input);
  }

  [[nodiscard]] Result<InvokeResult> decode(const Provider& provider, std::string_view body) const override {
    Reply reply(provider.name);
    if (auto read = reply.read(body, nullptr); !read) return read.error();
    if (!reply.has_message()) return Error(ErrorKind::bad_reply, "ollama-chat: the answer has no message");
    InvokeResult result = reply.finish();
    result.raw = raw_of(body);
    return result;
  }

  [[nodiscard]] std::unique_ptr<StreamDecoder> stream_decoder(const Provider& provider) const override {
    return std::make_unique<OllamaStreamDecoder>(provider);
  }
};

}  // namespace

const Codec& ollama_codec() {
  static const OllamaCodec codec;
  return codec;
}

}  // namespace lllm
