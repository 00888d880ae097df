#include <deque>

#include "lllm/base/json_reader.hpp"
#include "lllm/base/text.hpp"
#include "lllm/wires/cohere.hpp"
#include "lllm/wires/json_merge.hpp"
#include "lllm/wires/model_args.hpp"
#include "lllm/wires/providers.hpp"
#include "lllm/wires/reply_json.hpp"
#include "lllm/wires/unknown_events.hpp"

namespace lllm::cohere {
namespace {

// A content part or a tool call while it grows; parts and calls count their indexes separately.
struct Piece {
  std::int64_t index = 0;
  bool thinking = false;
  json::object other;  ///< a part of a kind that nobody knows, whole
  std::string text;    ///< words, or a call's arguments
  std::string id, name;
  bool has_id = false;
  std::size_t position = 0;  ///< among the calls that the client has to execute
};

class Decoder final : public StreamDecoder {
 public:
  explicit Decoder(std::string provider) : provider_(std::move(provider)) {}

  Result<> feed(const StreamEvent& event, std::vector<StreamChunk>& chunks) override {
    if (done_ || event.data == "[DONE]") return {};
    Event said;
    arena_.reset();
    JsonReader in(event.data, arena_);
    read_event(in, said);
    if (auto read = in.finish(); !read) {
      const auto& why = read.error();
      return Error(why.kind() == ErrorKind::limit_exceeded ? why.kind() : ErrorKind::bad_reply,
                   "cohere-chat: an event is " + why.message())
          .partial(std::make_shared<const Message>(partial()));
    }
    if (said.type.empty()) said.type = event.type;
    return take(said, event.data, chunks);
  }

  [[nodiscard]] bool done() const override { return done_; }

  Result<InvokeResult> finish() override {
    if (!done_)
      return Error(ErrorKind::incomplete_reply, "cohere-chat: the stream ended before message-end")
          .partial(std::make_shared<const Message>(partial()));
    return read_reply(provider_, assemble());
  }

  [[nodiscard]] Message partial() const override {
    auto result = read_reply(provider_, assemble());
    return result ? std::move(result->message) : Message(Role::assistant, "");
  }

 private:
  // One event, as views; deltas of text are read without building anything.
  struct Event {
    std::string_view type, id;
    std::int64_t index = 0;
    std::string_view text, thinking, tool_plan, kind;
    std::string_view content;  ///< as written
    std::optional<std::string_view> call_id;
    std::string_view call_name, arguments;
    std::string_view citations, delta, logprobs;  ///< as written
  };

  static void read_event(JsonReader& in, Event& event) {
    in.object([&](std::string_view key) {
      if (key == "type") {
        event.type = in.text();
      } else if (key == "id") {
        event.id = in.text();
      } else if (key == "index") {
        event.index = in.integer().value_or(0);
      } else if (key == "logprobs") {
        event.logprobs = in.raw();
      } else if (key == "delta") {
        const JsonReader before = in;
        bool has_message = false;
        in.object([&](std::string_view member) {
          if (member != "message") return;
          has_message = true;
          in.object([&](std::string_view part) { read_message(in, part, event); });
        });
        if (!has_message) event.delta = JsonReader(before).raw();
      }
    });
  }

  static void read_message(JsonReader& in, std::string_view part, Event& event) {
    if (part == "content") {
      event.content = in.raw_of([&] {
        in.object([&](std::string_view key) {
          if (key == "text") event.text = in.text();
          if (key == "thinking") event.thinking = in.text();
          if (key == "type") event.kind = in.text();
        });
      });
    } else if (part == "tool_plan") {
      event.tool_plan = in.text();
    } else if (part == "tool_calls") {
      in.object([&](std::string_view key) {
        if (key == "id") event.call_id = in.optional_text();
        if (key == "function")
          in.object([&](std::string_view inner) {
            if (inner == "name") event.call_name = in.text();
            if (inner == "arguments") event.arguments = in.text();
          });
      });
    } else if (part == "citations") {
      event.citations = in.raw();
    }
  }

  Result<> take(const Event& event, std::string_view raw, std::vector<StreamChunk>& chunks) {
    if (!event.logprobs.empty()) add_logprobs(event.logprobs);
    if (event.type == "content-delta" || event.type == "content-start") {
      Piece& part = piece_at(parts_, event.index);
      const bool known = event.kind.empty() || event.kind == "text" || event.kind == "thinking";
      if (!known || !part.other.empty()) {
        if (const auto content = parse_reply(event.content))
          if (const auto* members = content->if_object())
            for (const auto& [key, value] : *members) merge_delta(part.other, key, value);
        return {};
      }
      if (event.kind == "thinking" || !event.thinking.empty()) part.thinking = true;
      const auto words = part.thinking ? event.thinking : event.text;
      if (words.empty()) return {};
      part.text += words;
      chunks.emplace_back(part.thinking ? ChunkKind::reasoning : ChunkKind::text, words).raw = raw;
    } else if (event.type == "tool-plan-delta") {
      tool_plan_ += event.tool_plan;
    } else if (event.type == "tool-call-start" || event.type == "tool-call-delta") {
      take_call(event, raw, chunks);
    } else if (event.type == "citation-start") {
      if (auto citation = parse_reply(event.citations)) {
        if (const auto* several = citation->if_array())
          citations_.insert(citations_.end(), several->begin(), several->end());
        else if (citation->is_object())
          citations_.push_back(std::move(*citation));
      }
    } else if (event.type == "message-start") {
      id_ = event.id;
    } else if (event.type == "message-end") {
      return take_end(event.delta);
    } else if (event.type != "content-end" && event.type != "tool-call-end" && event.type != "citation-end" &&
               event.type != "debug") {
      unknown_.keep(event.type, raw);
    }
    return {};
  }

  void take_call(const Event& event, std::string_view raw, std::vector<StreamChunk>& chunks) {
    const std::size_t before = calls_.size();
    Piece& call = call_of(event);
    if (event.call_id) {
      if (call.id.empty()) call.id = *event.call_id;
      call.has_id = true;
    }
    if (call.name.empty()) call.name = event.call_name;
    call.text += event.arguments;
    const bool is_new = calls_.size() > before;
    if (event.arguments.empty() && !is_new) return;
    const bool answer = call.name == answer_tool;
    if (answer && event.arguments.empty()) return;
    StreamChunk& chunk =
        chunks.emplace_back(answer ? ChunkKind::text : ChunkKind::tool_call, event.arguments);
    chunk.raw = raw;
    if (answer) return;
    if (is_new) call.position = positions_++;
    chunk.tool_index = call.position;
    chunk.tool_id = call.id;
    chunk.tool_name = call.name;
  }

  Result<> take_end(std::string_view delta) {
    done_ = true;
    auto end = parse_reply(delta.empty() ? "{}" : delta);
    if (!end || !end->is_object()) return {};
    end_ = std::move(end->get_object());
    const auto words = as_text(find(end_, "error"));
    const auto reason = as_text(find(end_, "finish_reason"));
    if (words.empty() && reason != "ERROR") return {};
    return Error(ErrorKind::provider_error, "the provider reported an error inside its answer")
        .status(200)
        .provider_type(std::string(reason))
        .provider_text(excerpt(words, 4096))
        .partial(std::make_shared<const Message>(partial()));
  }

  void add_logprobs(std::string_view raw) {
    auto entries = parse_reply(raw);
    if (!entries) return;
    if (const auto* several = entries->if_array())
      logprobs_.insert(logprobs_.end(), several->begin(), several->end());
    else if (entries->is_object())
      logprobs_.push_back(std::move(*entries));
  }

  // By index, and by id where several calls have one index: another id begins another call.
  Piece& call_of(const Event& event) {
    const std::string_view id = event.call_id.value_or("");
    if (!id.empty())
      for (auto call = calls_.rbegin(); call != calls_.rend(); ++call)
        if (call->index == event.index && call->id == id) return *call;
    Piece& newest = piece_at(calls_, event.index);
    if (id.empty() || newest.id.empty() || event.type != "tool-call-start") return newest;
    calls_.emplace_back().index = event.index;
    return calls_.back();
  }

  static Piece& piece_at(std::deque<Piece>& pieces, std::int64_t index) {
    for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece)
      if (piece->index == index) return *piece;
    pieces.emplace_back().index = index;
    return pieces.back();
  }

  // The reply as it would have come unstreamed.
  [[nodiscard]] json::value assemble() const {
    json::object message{{"role", "assistant"}};
    json::array content;
    for (const auto& part : parts_)
      content.push_back(!part.other.empty() ? part.other
                        : part.thinking
                            ? json::object{{"type", "thinking"}, {"thinking", json::string(part.text)}}
                            : json::object{{"type", "text"}, {"text", json::string(part.text)}});
    if (!content.empty()) message["content"] = std::move(content);
    if (!tool_plan_.empty()) message["tool_plan"] = json::string(tool_plan_);
    json::array calls;
    for (const auto& call : calls_) {
      json::object entry{
          {"type", "function"},
          {"function", {{"name", json::string(call.name)}, {"arguments", json::string(call.text)}}}};
      if (call.has_id) entry["id"] = json::string(call.id);
      calls.push_back(std::move(entry));
    }
    if (!calls.empty()) message["tool_calls"] = std::move(calls);
    if (!citations_.empty()) message["citations"] = citations_;

    json::object reply{{"id", json::string(id_)}, {"message", std::move(message)}};
    if (!logprobs_.empty()) reply["logprobs"] = logprobs_;
    for (const auto& [key, value] : end_) reply[key] = value;
    unknown_.add_to(reply);
    return reply;
  }

  std::string provider_;
  TextArena arena_;
  std::string id_;
  std::deque<Piece> parts_;
  std::deque<Piece> calls_;  // chunks hold views into calls: they must stay where they are
  std::size_t positions_ = 0;
  std::string tool_plan_;
  json::array citations_;
  json::array logprobs_;
  json::object end_;  ///< finish reason and usage
  UnknownEvents unknown_;
  bool done_ = false;
};

}  // namespace

std::unique_ptr<StreamDecoder> stream_decoder(const Provider& provider) {
  return std::make_unique<Decoder>(provider.name);
}

}  // namespace lllm::cohere
