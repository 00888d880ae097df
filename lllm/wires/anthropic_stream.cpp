#include <deque>

#include "lllm/base/json_reader.hpp"
#include "lllm/base/text.hpp"
#include "lllm/wires/anthropic.hpp"
#include "lllm/wires/model_args.hpp"
#include "lllm/wires/providers.hpp"
#include "lllm/wires/repeated_event.hpp"
#include "lllm/wires/reply_json.hpp"
#include "lllm/wires/unknown_events.hpp"

namespace lllm::anthropic {
namespace {

// One content block while it grows.
struct Block {
  std::int64_t index = 0;
  std::string type;
  json::object start;  ///< as content_block_start gave it
  std::string text;    ///< text, thinking, or the pieces of a tool's input, after `type`
  std::string signature;
  json::array citations;
  std::size_t tool_index = 0;
  std::string id, name;
  bool has_input = false;

  [[nodiscard]] bool is_call() const { return type == "tool_use" && name != answer_tool; }
  [[nodiscard]] bool is_answer() const { return type == "tool_use" && name == answer_tool; }
};

// What a delta event says, as views.
struct Delta {
  std::string_view event;
  std::int64_t index = 0;
  std::string_view kind, text, signature;
  std::string_view whole;  ///< the delta object as written, of a rare kind
};

bool is_rare(std::string_view kind) {
  return kind != "text_delta" && kind != "thinking_delta" && kind != "input_json_delta" &&
         kind != "signature_delta";
}

class Decoder final : public StreamDecoder {
 public:
  explicit Decoder(std::string provider) : provider_(std::move(provider)) {}

  Result<> feed(const StreamEvent& event, std::vector<StreamChunk>& chunks) override {
    if (done_) return {};
    arena_.reset();
    if (const auto words = repeated_.match(event.data)) {
      grow(*repeated_block_, *words, ChunkKind::text, event.data, chunks);
      return {};
    }
    if (event.type == "content_block_delta" || event.data.starts_with("{\"type\":\"content_block_delta\"")) {
      Delta delta;
      if (auto read = read_delta(event.data, delta); !read) return broken(read.error());
      if (delta.event == "content_block_delta" || delta.event.empty())
        return take_delta(delta, event.data, chunks);
    }
    if (event.type == "ping") return {};
    auto body = parse_reply(event.data);
    if (!body) return broken(body.error());
    return take_event(event.type, *body, event.data, chunks);
  }

  [[nodiscard]] bool done() const override { return done_; }

  Result<InvokeResult> finish() override {
    if (!done_)
      return Error(ErrorKind::incomplete_reply, "anthropic-messages: the stream ended before message_stop")
          .partial(std::make_shared<const Message>(partial()));
    return read_reply(provider_, assemble());
  }

  [[nodiscard]] Message partial() const override {
    auto result = read_reply(provider_, assemble());
    return result ? std::move(result->message) : Message(Role::assistant, "");
  }

 private:
  Result<> broken(const Error& why) {
    return Error(why.kind() == ErrorKind::limit_exceeded ? why.kind() : ErrorKind::bad_reply,
                 "anthropic-messages: an event is " + why.message())
        .partial(std::make_shared<const Message>(partial()));
  }

  Result<> read_delta(std::string_view data, Delta& delta) {
    JsonReader in(data, arena_);
    in.object([&](std::string_view key) {
      if (key == "type") {
        delta.event = in.text();
      } else if (key == "index") {
        delta.index = in.integer().value_or(0);
      } else if (key == "delta") {
        const JsonReader before = in;
        in.object([&](std::string_view member) {
          if (member == "type")
            delta.kind = in.text();
          else if (member == "text" || member == "thinking" || member == "partial_json")
            delta.text = in.text();
          else if (member == "signature")
            delta.signature = in.text();
        });
        if (is_rare(delta.kind)) delta.whole = JsonReader(before).raw();
      }
    });
    return in.finish();
  }

  Result<> take_delta(const Delta& delta, std::string_view raw, std::vector<StreamChunk>& chunks) {
    Block& block = block_at(delta.index);
    if (delta.kind == "text_delta") {
      if (block.type.empty()) block.type = "text";
      if (repeated_.learn(raw, delta.text, {})) repeated_block_ = &block;
      grow(block, delta.text, ChunkKind::text, raw, chunks);
    } else if (delta.kind == "thinking_delta") {
      if (block.type.empty()) block.type = "thinking";
      grow(block, delta.text, ChunkKind::reasoning, raw, chunks);
    } else if (delta.kind == "input_json_delta") {
      block.has_input = true;
      if (block.is_call())
        grow(block, delta.text, ChunkKind::tool_call, raw, chunks);
      else if (block.is_answer())
        grow(block, delta.text, ChunkKind::text, raw, chunks);
      else
        block.text += delta.text;  // a server-side tool's
    } else if (delta.kind == "signature_delta") {
      if (block.type.empty()) block.type = "thinking";
      block.signature = delta.signature;
    } else {
      return take_rare_delta(block, delta);
    }
    return {};
  }

  void grow(Block& block, std::string_view text, ChunkKind kind, std::string_view raw,
            std::vector<StreamChunk>& chunks) {
    if (text.empty()) return;
    block.text += text;
    add_chunk(block, text, kind, raw, chunks);
  }

  static void add_chunk(const Block& block, std::string_view text, ChunkKind kind, std::string_view raw,
                        std::vector<StreamChunk>& chunks) {
    StreamChunk& chunk = chunks.emplace_back(kind, text);
    chunk.raw = raw;
    if (kind == ChunkKind::tool_call) {
      chunk.tool_index = block.tool_index;
      chunk.tool_id = block.id;
      chunk.tool_name = block.name;
    }
  }

  // Citations, and kinds of delta that do not exist yet: strings grow, lists get longer, the rest is
  // replaced.
  Result<> take_rare_delta(Block& block, const Delta& delta) {
    if (delta.whole.empty()) return {};
    auto parsed = parse_reply(delta.whole);
    if (!parsed) return broken(parsed.error());
    if (delta.kind == "citations_delta") {
      if (const auto* citation = find(*parsed, "citation")) block.citations.push_back(*citation);
      return {};
    }
    if (!parsed->is_object()) return {};
    for (const auto& [key, value] : parsed->get_object()) {
      if (key == "type") continue;
      json::value& member = block.start[key];
      if (member.is_string() && value.is_string())
        member.get_string().append(value.get_string());
      else
        member = value;
    }
    return {};
  }

  Result<> take_event(std::string_view type, const json::value& body, std::string_view raw,
                      std::vector<StreamChunk>& chunks) {
    if (const auto own = text_at(body, "type"); !own.empty()) type = own;
    if (type == "message_start") {
      if (const auto* message = object_at(body, "message")) {
        json::value usage = find(reply_, "usage") != nullptr ? reply_["usage"] : json::value();
        for (const auto& [key, value] : *message) reply_[key] = value;
        reply_["usage"] = std::move(usage);  // a second message_start counts nothing twice
        if (const auto* counters = find(*message, "usage")) merge_usage(*counters);
      }
    } else if (type == "content_block_start") {
      start_block(body, raw, chunks);
    } else if (type == "message_delta") {
      if (const auto* delta = object_at(body, "delta"))
        for (const auto& [key, value] : *delta) reply_[key] = value;
      if (const auto* usage = find(body, "usage")) merge_usage(*usage);
      for (const auto& [key, value] : body.as_object())
        if (key != "type" && key != "delta" && key != "usage") reply_[key] = value;
    } else if (type == "message_stop") {
      done_ = true;
    } else if (type == "error" || find(body, "error") != nullptr) {
      return read_error(body).status(200).partial(std::make_shared<const Message>(partial()));
    } else if (type != "ping" && type != "content_block_stop") {
      unknown_.keep(type, raw);
    }
    return {};
  }

  void start_block(const json::value& body, std::string_view raw, std::vector<StreamChunk>& chunks) {
    const auto* given = object_at(body, "content_block");
    if (given == nullptr) return;
    const auto index = integer_at(body, "index").value_or(static_cast<std::int64_t>(blocks_.size()));
    Block& block = block_to_start(index, as_text(find(*given, "id")));
    const bool known = block.is_call();
    block.start = *given;
    block.type = std::string(as_text(find(*given, "type")));
    if (block.type == "text" || block.type == "thinking") {
      const bool text = block.type == "text";
      const auto words = as_text(find(block.start, block.type));
      grow(block, words, text ? ChunkKind::text : ChunkKind::reasoning, raw, chunks);
    } else if (block.type == "tool_use") {
      block.id = std::string(as_text(find(*given, "id")));
      block.name = std::string(as_text(find(*given, "name")));
      if (!block.is_call()) return;
      if (!known) block.tool_index = tools_++;
      add_chunk(block, {}, ChunkKind::tool_call, raw, chunks);
    }
  }

  // Counters that are null or missing say nothing new.
  void merge_usage(const json::value& counters) {
    if (!counters.is_object()) return;
    if (!reply_["usage"].is_object()) reply_["usage"] = json::object();
    for (const auto& [key, value] : counters.get_object())
      if (!value.is_null()) reply_["usage"].get_object()[key] = value;
  }

  // Another call under a number that is taken already is a block of its own; the deltas that follow are its.
  Block& block_to_start(std::int64_t index, std::string_view id) {
    Block& newest = block_at(index);
    if (newest.type != "tool_use" || id.empty() || newest.id.empty() || newest.id == id) return newest;
    blocks_.emplace_back().index = index;
    return blocks_.back();
  }

  Block& block_at(std::int64_t index) {
    for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block)
      if (block->index == index) return *block;
    blocks_.emplace_back().index = index;
    return blocks_.back();
  }

  // The reply as it would have come unstreamed.
  [[nodiscard]] json::value assemble() const {
    json::object reply = reply_;
    json::array content;
    for (const auto& block : blocks_) {
      json::object whole = block.start;
      if (block.type.empty()) continue;
      whole["type"] = json::string(block.type);
      if (block.type == "text" || block.type == "thinking") whole[block.type] = json::string(block.text);
      if (!block.signature.empty()) whole["signature"] = json::string(block.signature);
      if (!block.citations.empty()) {
        if (!whole["citations"].is_array()) whole["citations"] = json::array();
        for (const auto& citation : block.citations) whole["citations"].get_array().push_back(citation);
      }
      if (block.has_input && !trim(block.text).empty()) {
        auto input = parse_json(block.text);
        whole["input"] =
            input && input->is_object() ? std::move(*input) : json::value(json::string(block.text));
      }
      content.push_back(std::move(whole));
    }
    reply["content"] = std::move(content);
    unknown_.add_to(reply);
    return reply;
  }

  std::string provider_;
  TextArena arena_;
  json::object reply_;
  std::deque<Block> blocks_;  // chunks hold views into blocks: they must stay where they are
  RepeatedEvent repeated_;    // learned of the text of this block:
  Block* repeated_block_ = nullptr;
  UnknownEvents unknown_;
  std::size_t tools_ = 0;
  bool done_ = false;
};

}  // namespace

std::unique_ptr<StreamDecoder> stream_decoder(const Provider& provider) {
  return std::make_unique<Decoder>(provider.name);
}

}  // namespace lllm::anthropic
