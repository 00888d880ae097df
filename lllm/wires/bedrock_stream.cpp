#include <deque>

#include "lllm/base/base64.hpp"
#include "lllm/base/json_reader.hpp"
#include "lllm/base/text.hpp"
#include "lllm/wires/bedrock.hpp"
#include "lllm/wires/model_args.hpp"
#include "lllm/wires/providers.hpp"
#include "lllm/wires/repeated_event.hpp"
#include "lllm/wires/reply_json.hpp"
#include "lllm/wires/unknown_events.hpp"

namespace lllm::bedrock {
namespace {

// One content block while it grows. Many models send no start for text: what a block is shows in its deltas.
struct Block {
  enum class Kind { unknown, text, tool_use, reasoning, other };
  std::int64_t index = 0;
  Kind kind = Kind::unknown;
  json::object start;     ///< toolUse's members, or the whole of a block of another kind
  std::string text;       ///< text, reasoning, or the pieces of a tool's input
  std::string signature;  ///< or the redacted content
  bool redacted = false;
  json::array citations;
  std::size_t tool_index = 0;
  std::string id, name;
  bool ours = false;  ///< a call that the client has to execute
};

class Decoder final : public StreamDecoder {
 public:
  explicit Decoder(std::string provider) : provider_(std::move(provider)) {}

  Result<> feed(const StreamEvent& event, std::vector<StreamChunk>& chunks) override {
    if (done()) return {};
    if (event.type == "contentBlockDelta") {
      const auto words = repeated_.match(event.data);
      if (!words) return take_delta(event.data, chunks);
      grow_text(*repeated_block_, *words, event.data, chunks);
      return {};
    }
    if (event.type == "error" || event.type.ends_with("Exception"))
      return read_exception(event.type, event.data)
          .status(200)
          .partial(std::make_shared<const Message>(partial()));
    const bool known =
        event.type == "contentBlockStart" || event.type == "messageStop" || event.type == "metadata";
    if (!known) {
      if (event.type != "messageStart" && event.type != "contentBlockStop")
        unknown_.keep(event.type, event.data);
      return {};
    }
    auto body = parse_reply(event.data);
    if (!body) return broken(body.error());
    if (!body->is_object()) return {};
    if (event.type == "contentBlockStart") {
      start_block(*body, event.data, chunks);
      return {};
    }
    for (auto& [key, value] : body->get_object())
      if (key != "p") reply_[key] = std::move(value);
    (event.type == "messageStop" ? stopped_ : counted_) = true;
    return {};
  }

  // Usage may come before or after the stop, or not at all.
  [[nodiscard]] bool done() const override { return stopped_ && counted_; }

  Result<InvokeResult> finish() override {
    if (!stopped_)
      return Error(ErrorKind::incomplete_reply, "bedrock-converse: the stream ended before messageStop")
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
                 "bedrock-converse: an event is " + why.message())
        .partial(std::make_shared<const Message>(partial()));
  }

  Result<> take_delta(std::string_view data, std::vector<StreamChunk>& chunks) {
    arena_.reset();
    std::int64_t index = 0;
    Block::Kind kind = Block::Kind::unknown;
    std::string_view text, signature, redacted, rare, padding;
    std::size_t members = 0;
    JsonReader in(data, arena_);
    in.object([&](std::string_view key) {
      if (key == "contentBlockIndex") {
        index = in.integer().value_or(0);
        return;
      }
      if (key == "p") padding = in.text();
      if (key != "delta") return;
      const JsonReader before = in;
      in.object([&](std::string_view member) {
        ++members;
        if (member == "text") {
          kind = Block::Kind::text;
          text = in.text();
        } else if (member == "toolUse") {
          kind = Block::Kind::tool_use;
          in.object([&](std::string_view inner) {
            if (inner == "input") text = in.text();
          });
        } else if (member == "reasoningContent") {
          kind = Block::Kind::reasoning;
          in.object([&](std::string_view inner) {
            if (inner == "text") text = in.text();
            if (inner == "signature") signature = in.text();
            if (inner == "redactedContent") redacted = in.text();
          });
        }
      });
      if (kind == Block::Kind::unknown) rare = JsonReader(before).raw();
    });
    if (auto read = in.finish(); !read) return broken(read.error());

    Block& block = block_at(index);
    if (block.kind == Block::Kind::unknown) block.kind = kind;
    if (!rare.empty()) return take_rare_delta(block, rare);
    block.signature += signature;
    if (!redacted.empty()) add_redacted(block, redacted);
    if (kind == Block::Kind::text && members == 1 && repeated_.learn(data, text, padding))
      repeated_block_ = &block;
    if (kind == Block::Kind::text) {
      grow_text(block, text, data, chunks);
      return {};
    }
    if (text.empty()) return {};
    block.text += text;
    if (kind == Block::Kind::reasoning)
      add_chunk(block, text, ChunkKind::reasoning, data, chunks);
    else if (block.ours)
      add_chunk(block, text, ChunkKind::tool_call, data, chunks);
    else if (block.name == answer_tool)
      add_chunk(block, text, ChunkKind::text, data, chunks);
    return {};
  }

  static void grow_text(Block& block, std::string_view text, std::string_view raw,
                        std::vector<StreamChunk>& chunks) {
    if (text.empty()) return;
    block.text += text;
    add_chunk(block, text, ChunkKind::text, raw, chunks);
  }

  // Base64 of its own in every delta.
  static void add_redacted(Block& block, std::string_view base64) {
    block.redacted = true;
    if (block.signature.empty()) {
      block.signature = base64;
      return;
    }
    const auto before = base64_decode(block.signature);
    const auto more = base64_decode(base64);
    block.signature = before && more ? base64_encode(*before + *more) : block.signature + std::string(base64);
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

  // Citations, results of the provider's own tools, and kinds of delta that do not exist yet.
  Result<> take_rare_delta(Block& block, std::string_view data) {
    auto delta = parse_reply(data);
    if (!delta) return broken(delta.error());
    if (!delta->is_object()) return {};
    if (const auto* citation = find(*delta, "citation")) {
      block.citations.push_back(*citation);
      return {};
    }
    if (block.kind == Block::Kind::unknown) block.kind = Block::Kind::other;
    for (auto& [key, value] : delta->get_object()) {
      json::value& member = block.start[key];
      if (!member.is_object()) member = json::object();
      if (value.is_array()) {  // toolResult: more content
        json::value& content = member.get_object()["content"];
        if (!content.is_array()) content = json::array();
        for (auto& one : value.get_array()) content.get_array().push_back(std::move(one));
      } else {
        deep_merge(member, value);
      }
    }
    return {};
  }

  void start_block(const json::value& body, std::string_view raw, std::vector<StreamChunk>& chunks) {
    const auto* start = object_at(body, "start");
    if (start == nullptr) return;
    const auto index = integer_at(body, "contentBlockIndex").value_or(0);
    const auto* use = find(*start, "toolUse");
    Block& block = block_to_start(index, use == nullptr ? std::string_view() : text_at(*use, "toolUseId"));
    if (use == nullptr || !use->is_object()) {
      block.kind = start->empty() ? Block::Kind::unknown : Block::Kind::other;
      block.start = *start;
      return;
    }
    block.kind = Block::Kind::tool_use;
    block.start = use->get_object();
    block.id = std::string(text_at(*use, "toolUseId"));
    block.name = std::string(text_at(*use, "name"));
    const bool known = block.ours;
    block.ours = text_at(*use, "type") != "server_tool_use" && block.name != answer_tool;
    if (!block.ours) return;
    if (!known) block.tool_index = tools_++;
    add_chunk(block, {}, ChunkKind::tool_call, raw, chunks);
  }

  // Another call under a number that is taken already is a block of its own; the deltas that follow are its.
  Block& block_to_start(std::int64_t index, std::string_view id) {
    Block& newest = block_at(index);
    if (newest.kind != Block::Kind::tool_use || id.empty() || newest.id.empty() || newest.id == id)
      return newest;
    blocks_.emplace_back().index = index;
    return blocks_.back();
  }

  Block& block_at(std::int64_t index) {
    for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block)
      if (block->index == index) return *block;
    blocks_.emplace_back().index = index;
    return blocks_.back();
  }

  [[nodiscard]] static json::value whole_block(const Block& block) {
    switch (block.kind) {
      case Block::Kind::text: {
        if (block.citations.empty()) return {{"text", json::string(block.text)}};
        return {{"citationsContent",
                 {{"content", json::array{json::object{{"text", json::string(block.text)}}}},
                  {"citations", block.citations}}}};
      }
      case Block::Kind::reasoning: {
        if (block.redacted)
          return {{"reasoningContent", {{"redactedContent", json::string(block.signature)}}}};
        json::object words{{"text", json::string(block.text)}};
        if (!block.signature.empty()) words["signature"] = json::string(block.signature);
        return {{"reasoningContent", {{"reasoningText", std::move(words)}}}};
      }
      case Block::Kind::tool_use: {
        json::object use = block.start;
        auto input = parse_json(block.text);
        if (trim(block.text).empty())
          use.emplace("input", json::object());
        else
          use["input"] =
              input && input->is_object() ? std::move(*input) : json::value(json::string(block.text));
        return {{"toolUse", std::move(use)}};
      }
      case Block::Kind::other:
      case Block::Kind::unknown:
        break;
    }
    return block.start;
  }

  // The reply as it would have come unstreamed.
  [[nodiscard]] json::value assemble() const {
    json::object reply;
    json::array content;
    for (const auto& block : blocks_)
      if (block.kind != Block::Kind::unknown) content.push_back(whole_block(block));
    reply["output"] = {{"message", {{"role", "assistant"}, {"content", std::move(content)}}}};
    for (const auto& [key, value] : reply_) reply[key] = value;
    unknown_.add_to(reply);
    return reply;
  }

  std::string provider_;
  TextArena arena_;
  json::object reply_;        ///< what messageStop and metadata said
  std::deque<Block> blocks_;  // chunks hold views into blocks: they must stay where they are
  RepeatedEvent repeated_;    // learned of the text of this block:
  Block* repeated_block_ = nullptr;
  UnknownEvents unknown_;
  std::size_t tools_ = 0;
  bool stopped_ = false;
  bool counted_ = false;
};

}  // namespace

std::unique_ptr<StreamDecoder> stream_decoder(const Provider& provider) {
  return std::make_unique<Decoder>(provider.name);
}

}  // namespace lllm::bedrock
