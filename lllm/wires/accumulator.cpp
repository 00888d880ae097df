#include "lllm/wires/accumulator.hpp"

#include <algorithm>
#include <utility>

#include "lllm/base/hash.hpp"
#include "lllm/base/json_reader.hpp"
#include "lllm/wires/model_args.hpp"

namespace lllm {
namespace {

constexpr std::size_t no_call = static_cast<std::size_t>(-1);

bool is_whole_json(std::string_view text) {
  TextArena arena;
  JsonReader in(text, arena);
  in.skip();
  return in.finish().has_value();
}

std::string synthesised_id(std::string_view reply_id, std::size_t position, const ToolCall& call) {
  // Made of the reply alone: decoding it again, streamed or not, gives the same id.
  std::string seed(reply_id);
  seed.append("\n").append(std::to_string(position)).append("\n");
  seed.append(call.name).append("\n").append(call.arguments);
  return "call_" + sha256_hex(seed).substr(0, 24);
}

int rank(const ContentPart& part) {
  if (std::holds_alternative<ReasoningPart>(part)) return 0;
  if (std::holds_alternative<TextPart>(part)) return 1;
  return std::holds_alternative<RefusalPart>(part) ? 2 : 3;
}

// As an unstreamed answer has them, whichever came first. (clang warns of what stable_sort is made of.)
void order_parts(std::vector<ContentPart>& parts) {
  const auto by_rank = [](const ContentPart& a, const ContentPart& b) { return rank(a) < rank(b); };
  if (std::is_sorted(parts.begin(), parts.end(), by_rank)) return;
  for (auto part = parts.begin(); part != parts.end(); ++part)
    std::rotate(std::upper_bound(parts.begin(), part, *part, by_rank), part, part + 1);
}

void complete_calls(Message& message, std::string_view reply_id) {
  for (std::size_t i = 0; i < message.tool_calls.size(); ++i) {
    ToolCall& call = message.tool_calls[i];
    if (call.id.empty()) call.id = synthesised_id(reply_id, i, call);
  }
  std::erase_if(message.tool_calls, [&message](const ToolCall& call) {
    if (call.name != answer_tool) return false;
    message.append_text(call.arguments);
    return true;
  });
}

}  // namespace

void Accumulator::begin_event(std::string_view raw, std::vector<StreamChunk>* chunks) {
  raw_ = raw;
  chunks_ = chunks;
  first_chunk_ = chunks == nullptr ? 0 : chunks->size();
  calls_before_event_ = message.tool_calls.size();
}

void Accumulator::end_event() {
  if (chunks_ == nullptr) return;
  // Only now do the calls stay where they are.
  for (std::size_t i = first_chunk_; i < chunks_->size(); ++i) {
    StreamChunk& chunk = (*chunks_)[i];
    if (chunk.kind != ChunkKind::tool_call) continue;
    const auto call = message.tool_calls.begin() + static_cast<std::ptrdiff_t>(chunk.tool_index);
    chunk.tool_id = call->id;
    chunk.tool_name = call->name;
    // Where the call will stand in the finished message, from which calls of answer_tool are gone.
    chunk.tool_index -= static_cast<std::size_t>(std::count_if(
        message.tool_calls.begin(), call, [](const ToolCall& before) { return before.name == answer_tool; }));
  }
  chunks_ = nullptr;
}

void Accumulator::emit(ChunkKind kind, std::string_view delta, std::size_t tool_index) {
  if (chunks_ == nullptr) return;
  StreamChunk& chunk = chunks_->emplace_back(kind, delta);
  chunk.tool_index = tool_index;
  chunk.raw = raw_;
}

template <class Part>
std::string& Accumulator::part_text() {
  if (parts_ == Parts::merged) {
    for (auto& part : message.parts)
      if (auto* same = std::get_if<Part>(&part)) return same->text;
  } else if (!message.parts.empty() && !std::exchange(broken_, false)) {
    if (auto* same = std::get_if<Part>(&message.parts.back())) return same->text;
  }
  return std::get<Part>(message.parts.emplace_back(Part())).text;
}

void Accumulator::add_text(std::string_view delta) {
  if (delta.empty()) return;
  part_text<TextPart>() += delta;
  emit(ChunkKind::text, delta);
}

void Accumulator::add_reasoning(std::string_view delta) {
  if (delta.empty()) return;
  part_text<ReasoningPart>() += delta;
  emit(ChunkKind::reasoning, delta);
}

void Accumulator::add_refusal(std::string_view delta) {
  if (delta.empty()) return;
  part_text<RefusalPart>() += delta;
  emit(ChunkKind::refusal, delta);
}

// The call that the delta continues, or no_call when it begins one.
std::size_t Accumulator::locate(const ToolCallDelta& delta) const {
  const auto& calls = message.tool_calls;
  const std::string_view id = delta.id.value_or("");
  if (delta.index) {
    // Of several calls under one number the id tells which is meant, however they alternate.
    if (!id.empty())
      for (std::size_t i = calls.size(); i-- > 0;)
        if (call_indexes_[i] == delta.index && calls[i].id == id) return i;
    for (std::size_t i = calls.size(); i-- > 0;) {
      if (call_indexes_[i] != delta.index) continue;
      // Some servers number every call 0: another id that comes with a name is another call. Another id alone
      // is not, for others make up an id per delta.
      const bool another = !id.empty() && !calls[i].id.empty() && calls[i].id != id && !delta.name.empty();
      return another ? no_call : i;
    }
    return no_call;
  }
  if (!id.empty())
    for (std::size_t i = calls.size(); i-- > 0;)
      if (calls[i].id == id) return i;
  if (calls.empty()) return no_call;
  const ToolCall& last = calls.back();
  if (!id.empty()) return last.id.empty() && delta.name.empty() ? calls.size() - 1 : no_call;
  // Neither index nor id: a name begins a call, unless it only repeats the name of the one being read.
  const bool repeats = delta.name == last.name && calls.size() == calls_before_event_ &&
                       !(is_whole_json(last.arguments) && !delta.arguments.empty());
  return delta.name.empty() || last.name.empty() || repeats ? calls.size() - 1 : no_call;
}

std::size_t Accumulator::append_call(const ToolCallDelta& delta) {
  message.tool_calls.emplace_back();
  call_indexes_.push_back(delta.index);
  return message.tool_calls.size() - 1;
}

void Accumulator::extend_call(std::size_t position, const ToolCallDelta& delta) {
  ToolCall& call = message.tool_calls[position];
  if (delta.id && call.id.empty()) {
    call.provider_id = std::string(*delta.id);
    call.id = *delta.id;
  }
  if (call.name.empty()) call.name = delta.name;
  call.arguments += delta.arguments;
  call.custom = call.custom || delta.custom;
  if (call.name != answer_tool)
    emit(ChunkKind::tool_call, delta.arguments, position);
  else if (!delta.arguments.empty())
    emit(ChunkKind::text, delta.arguments);
}

std::size_t Accumulator::add_tool_call(const ToolCallDelta& delta) {
  std::size_t position = locate(delta);
  if (position == no_call) position = append_call(delta);
  extend_call(position, delta);
  return position;
}

std::size_t Accumulator::add_whole_tool_call(const ToolCallDelta& delta) {
  const std::size_t position = append_call(delta);
  extend_call(position, delta);
  return position;
}

InvokeResult Accumulator::finish(std::string_view reply_id) {
  if (parts_ == Parts::merged) order_parts(message.parts);
  complete_calls(message, reply_id);
  InvokeResult result;
  result.message = std::move(message);
  return result;
}

Message Accumulator::partial(std::string_view reply_id) const {
  Message so_far = message;
  if (parts_ == Parts::merged) order_parts(so_far.parts);
  complete_calls(so_far, reply_id);
  return so_far;
}

}  // namespace lllm
