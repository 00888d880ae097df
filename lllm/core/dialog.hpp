#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/core/message.hpp"
#include "lllm/core/prompt.hpp"

namespace lllm {

using MessagePtr = std::shared_ptr<const Message>;

/// Messages in order, and the prompt on top. Append-only: messages are immutable and shared, so a copy costs
/// one reference count and a fork costs a pointer per message.
///
/// Thread-safety: as a std::vector; copies are independent of each other.
class Dialog {
 public:
  Dialog();

  // Appending. Each returns the dialog.
  Dialog& append(Message message);
  Dialog& append(MessagePtr message);
  /// Plain words. The top prompt is reset: words that were not made by it are no use of it.
  Dialog& put_text(std::string text, Role role = Role::user, std::string name = {});
  /// Renders the prompt and makes it the top prompt, whose tools, format and parser the next call uses.
  /// @throws Exception missing_variable, listing what is missing.
  Dialog& put_prompt(PromptPtr prompt, const json::object& args = {}, Role role = Role::user,
                     std::string name = {});
  Dialog& put_prompt(Prompt prompt, const json::object& args = {}, Role role = Role::user,
                     std::string name = {});
  /// A PNG, JPEG, WebP or GIF by its bytes or its base64; anything else throws invalid_argument.
  Dialog& put_image(std::string_view bytes_or_base64, std::string caption = {}, Role role = Role::user);
  Dialog& put_image(MediaPart image, std::string caption = {}, Role role = Role::user);
  /// The result of the tool call `call_id`.
  Dialog& put_tool_result(std::string call_id, std::string tool_name, std::string text,
                          bool is_error = false);

  [[nodiscard]] const std::vector<MessagePtr>& messages() const;
  [[nodiscard]] std::size_t size() const { return messages().size(); }
  [[nodiscard]] bool empty() const { return messages().empty(); }
  /// The last message. The dialog must not be empty.
  [[nodiscard]] const Message& tail() const;
  [[nodiscard]] const PromptPtr& top_prompt() const;
  Dialog& top_prompt(PromptPtr prompt);

  /// A child dialog of this one: all messages, or the first `first_k` and the last `last_n` of them (no
  /// message twice). The parent learns of its child. @param last_n  0: none of the tail when first_k is
  /// given.
  [[nodiscard]] Dialog fork(std::optional<std::size_t> last_n = {}, std::optional<std::size_t> first_k = {});

  // Lineage. A copy shares its lineage with the original; a fork has its own.
  [[nodiscard]] const std::string& id() const;
  /// Empty for a root.
  [[nodiscard]] std::string parent_id() const;
  [[nodiscard]] std::vector<std::string> children() const;
  /// How many messages the parent had when this dialog was forked off.
  [[nodiscard]] std::size_t split_point() const;

  /// One line per message: index, role, name, the first words.
  [[nodiscard]] std::string overview(std::size_t words = 80) const;
  /// The tree of forks below this dialog, one line each.
  [[nodiscard]] std::string tree_overview() const;

  /// Sum over the messages whose cost is known; empty when no message's is.
  [[nodiscard]] std::optional<Money> cost() const;
  [[nodiscard]] Usage usage() const;

  /// Everything but the top prompt's code (parser, renderer, tool functions), without loss.
  [[nodiscard]] json::value to_json() const;
  static Result<Dialog> from_json(const json::value& value);

 private:
  struct State;
  struct Lineage;
  State& own();  // copy on write
  std::shared_ptr<State> state_;
};

}  // namespace lllm
