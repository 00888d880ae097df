#include "lllm/wires/alternating_turns.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "lllm/base/json.hpp"

namespace lllm {
namespace {

bool is_reply(const Message& message) {
  return message.role == Role::assistant || message.role == Role::tool_call;
}

using Messages = std::vector<MessagePtr>;

// Results first, as these wires want them.
Result<> append_user(const Messages& messages, std::size_t begin, std::size_t end, TurnBlocks& blocks,
                     bool& first) {
  for (std::size_t i = begin; i < end; ++i)
    if (messages[i]->role == Role::tool)
      if (auto done = blocks.tool_result(first, *messages[i]); !done) return done;
  for (std::size_t i = begin; i < end; ++i)
    if (messages[i]->role == Role::user)
      for (const auto& part : messages[i]->parts)
        if (auto done = blocks.user_part(first, part); !done) return done;
  return {};
}

}  // namespace

void TurnBlocks::next(bool& first) {
  if (!std::exchange(first, false)) out_ += ',';
}

void TurnBlocks::string(std::string_view text) {
  append_json_string(out_, text);
}

Result<> append_turns(std::string& out, const Dialog& dialog, TurnBlocks& blocks, std::string_view wire) {
  const Messages& messages = dialog.messages();
  out += "\"messages\":[";
  std::optional<bool> wrote;  // whether the turn before was a reply
  for (std::size_t i = 0; i < messages.size();) {
    if (messages[i]->role == Role::system) {
      ++i;
      continue;
    }
    const bool reply = is_reply(*messages[i]);
    std::size_t end = i;
    while (end < messages.size() &&
           (messages[end]->role == Role::system || is_reply(*messages[end]) == reply))
      ++end;
    const std::size_t start = out.size();
    bool first = true;
    const bool joins = wrote && *wrote == reply;  // what lay between was empty (a refusal)
    if (joins) {
      out.resize(start - 2);
      first = false;
    } else {
      if (wrote) out += ',';
      out += reply ? R"({"role":"assistant","content":[)" : R"({"role":"user","content":[)";
    }
    if (reply) {
      for (; i < end; ++i)
        if (messages[i]->role != Role::system) blocks.reply(first, *messages[i], end == messages.size());
    } else if (auto done = append_user(messages, i, end, blocks, first); !done) {
      return done;
    }
    i = end;
    if (first) {
      out.resize(start);
    } else {
      wrote = reply;
      out += "]}";
    }
  }
  if (!wrote)
    return Error(ErrorKind::invalid_argument,
                 std::string(wire) + ": the dialog has no message of the user: nothing to answer");
  out += ']';
  return {};
}

bool continues_unthought_calls(const Dialog& dialog, std::string_view wire) {
  const auto is_signed = [](const ContentPart& part) {
    const auto* thought = std::get_if<ReasoningPart>(&part);
    return thought != nullptr && !thought->signature.empty();
  };
  const Messages& messages = dialog.messages();
  if (messages.empty() || messages.back()->role != Role::tool) return false;
  bool calls = false;
  for (auto at = messages.rbegin(); at != messages.rend() && (*at)->role != Role::user; ++at) {
    const Message& message = **at;
    calls = calls || !message.tool_calls.empty();
    const bool own = message.wire_state == nullptr || message.wire_state->wire == wire;
    if (own && std::any_of(message.parts.begin(), message.parts.end(), is_signed)) return false;
  }
  return calls;
}

std::string_view reply_words(const Message& message, const TextPart& part, bool last) {
  const std::string_view words = part.text;
  const bool ends_the_dialog =
      last && message.tool_calls.empty() && &part == std::get_if<TextPart>(&message.parts.back());
  return ends_the_dialog ? words.substr(0, words.find_last_not_of(" \t\r\n") + 1) : words;
}

Error result_without_call(const Message& message) {
  return {ErrorKind::invalid_argument,
          "a tool message without the id of its call (tool '" + message.name + "')"};
}

}  // namespace lllm
