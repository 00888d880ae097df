#pragma once

#include <string>
#include <string_view>

#include "lllm/base/error.hpp"
#include "lllm/core/dialog.hpp"

namespace lllm {

/// How a wire whose messages are lists of blocks (Anthropic, Bedrock Converse) writes what stands inside one.
/// `first` is true until something was written into the list.
class TurnBlocks {
 public:
  virtual ~TurnBlocks() = default;
  virtual Result<> tool_result(bool& first, const Message& message) = 0;
  virtual Result<> user_part(bool& first, const ContentPart& part) = 0;
  /// @param last  nothing follows: the model is to go on with it.
  virtual void reply(bool& first, const Message& message, bool last) = 0;

 protected:
  explicit TurnBlocks(std::string& out) : out_(out) {}
  /// Opens the next element of the list that is being written.
  void next(bool& first);
  /// `text` as a JSON string.
  void string(std::string_view text);

  std::string& out_;
};

/// Appends `"messages":[…]`. Roles alternate: what one side says in several messages goes out as one, with
/// the results of tools before what the user says; turns in which nothing is left are left out. System
/// messages go elsewhere.
/// `invalid_argument` when there is nothing to answer; `wire` is named then.
Result<> append_turns(std::string& out, const Dialog& dialog, TurnBlocks& blocks, std::string_view wire);

/// The dialog ends in results of calls that were made without a thought this wire has signed: by another
/// provider's model, or while thinking was off. A Claude that thinks within a budget cannot take over there:
/// "When `thinking` is enabled, a final `assistant` message must start with a thinking block".
bool continues_unthought_calls(const Dialog& dialog, std::string_view wire);

/// The words of a part of a reply. The start of an answer that the model is to go on with must not end in
/// white space.
std::string_view reply_words(const Message& message, const TextPart& part, bool last);

/// What a tool message is refused with when it does not say which call it answers.
Error result_without_call(const Message& message);

}  // namespace lllm
