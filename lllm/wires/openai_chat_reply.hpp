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
#include "lllm/wires/openai_chat_choice.hpp"

namespace lllm::openai_chat {

/// Reads replies of the wire: a whole one is read as one delta that holds everything, so that a streamed and
/// an unstreamed reply cannot differ.
class Reply {
 public:
  explicit Reply(std::string provider_name) : provider_(std::move(provider_name)) {}

  /// One `chat.completion` or one `chat.completion.chunk`.
  Result<> read(std::string_view data, bool whole, std::vector<StreamChunk>* chunks);

  /// Of the event read last, when it was nothing but words: they, and the padding that OpenAI adds. Views
  /// into it.
  struct Words {
    std::string_view words;
    std::string_view padding;
  };
  [[nodiscard]] const std::optional<Words>& only_words() const { return only_words_; }
  /// As read(), for an event of which only_words() is known to hold.
  void read_words(std::string_view data, std::string_view words, std::vector<StreamChunk>* chunks);

  [[nodiscard]] bool has_choice() const { return has_choice_; }
  [[nodiscard]] bool has_finish_reason() const { return !accumulator_.message.finish_reason.empty(); }
  [[nodiscard]] bool has_usage() const { return !usage_.empty(); }
  /// Leaves `InvokeResult::raw` to the caller unless it was a stream.
  InvokeResult finish(bool whole);
  [[nodiscard]] Message partial() const;

 private:
  void take_usage(JsonReader& in);
  void read_choice(JsonReader& in, bool whole);
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
  std::optional<Words> only_words_;
  std::string reply_id_;
  std::string usage_;  // the last one, as it came, and what it says
  Usage counted_;
  std::string choice_error_;
  std::string first_event_;
  std::string_view reasoning_field_;  // under which name reasoning came

  // What most replies have none of. A decoder lives as long as its stream: it should be small.
  struct Rare {
    json::array reasoning_details;          // merged over the deltas
    json::array content_blocks;             // content that came as a list
    json::array annotations;                // all of them
    json::value citations;                  // the last list
    json::object extras;                    // what a Message has no place for: top level …
    json::object choice_extras;             // … of the choice …
    json::object message_extras;            // … of the message …
    std::vector<json::object> call_extras;  // … and of each tool call
  };
  Rare& rare() {
    if (!rare_) rare_ = std::make_unique<Rare>();
    return *rare_;
  }
  [[nodiscard]] const Rare& kept() const {
    static const Rare none;
    return rare_ ? *rare_ : none;
  }
  std::unique_ptr<Rare> rare_;
};

}  // namespace lllm::openai_chat
