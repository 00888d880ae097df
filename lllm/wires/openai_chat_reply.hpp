#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lllm/base/json.hpp"
#include "lllm/base/json_reader.hpp"
#include "lllm/wires/accumulator.hpp"
#include "lllm/wires/codec.hpp"

namespace lllm::openai_chat {

/// Reads replies of the wire: a whole one is read as one delta that holds everything, so that a streamed and
/// an unstreamed reply cannot differ.
class Reply {
 public:
  explicit Reply(std::string provider_name) : provider_(std::move(provider_name)) {}

  /// One `chat.completion` or one `chat.completion.chunk`.
  Result<> read(std::string_view data, bool whole, std::vector<StreamChunk>* chunks);

  [[nodiscard]] bool has_choice() const { return has_choice_; }
  [[nodiscard]] bool has_finish_reason() const { return !accumulator_.message.finish_reason.empty(); }
  [[nodiscard]] bool has_usage() const { return !usage_.empty(); }
  /// Leaves `InvokeResult::raw` to the caller unless it was a stream.
  InvokeResult finish(bool whole);
  [[nodiscard]] Message partial() const;

 private:
  struct ToolDelta {
    ToolCallDelta call;
    std::vector<std::pair<std::string_view, std::string_view>> extras;
  };
  // What one choice of one event says; reused, so that events cost no allocation.
  struct Choice {
    std::optional<std::int64_t> index;
    std::optional<std::string_view> finish_reason;
    std::string_view logprobs, reasoning_content, reasoning, reasoning_details, refusal, error, annotations;
    std::vector<std::pair<ChunkKind, std::string_view>> content;
    std::string_view content_blocks;  // as they stand, when the content is a list
    std::vector<ToolDelta> tools;
    std::size_t tool_count = 0;
    std::vector<std::pair<std::string_view, std::string_view>> extras;          // of the choice
    std::vector<std::pair<std::string_view, std::string_view>> message_extras;  // of the message or delta
    void clear();
  };

  void read_choice(JsonReader& in, bool whole);
  void read_message_member(JsonReader& in, std::string_view key);
  void read_content(JsonReader& in);
  void read_tool_call(JsonReader& in);
  void apply(bool whole);
  void add_content_block(const json::value& block, bool whole);
  void add_reasoning_details(std::string_view raw, bool is_the_text);
  void add_logprobs(std::string_view raw);
  void complete(Message& message) const;
  [[nodiscard]] std::function<json::value()> reassembled(const Message& message) const;

  std::string provider_;
  Accumulator accumulator_;
  TextArena arena_;
  Choice choice_;
  bool has_choice_ = false;
  std::string reply_id_;
  std::string usage_;  // the last one, as it came
  std::string choice_error_;
  std::string first_event_;
  std::string_view reasoning_field_;       // under which name reasoning came
  json::array reasoning_details_;          // merged over the deltas
  json::array content_blocks_;             // content that came as a list
  json::array annotations_;                // all of them
  json::value citations_;                  // the last list
  json::object extras_;                    // what a Message has no place for: top level …
  json::object choice_extras_;             // … of the choice …
  json::object message_extras_;            // … of the message …
  std::vector<json::object> call_extras_;  // … and of each tool call
};

/// What `usage` says, in OpenAI's meaning whatever the provider's dialect.
Usage usage_from_chat(std::string_view usage_json);

}  // namespace lllm::openai_chat
