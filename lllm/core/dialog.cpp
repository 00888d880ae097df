#include "lllm/core/dialog.hpp"

#include <algorithm>
#include <mutex>

#include "lllm/base/hash.hpp"
#include "lllm/base/text.hpp"

namespace lllm {

struct Dialog::Lineage {
  std::string id = random_hex(8);
  std::string parent_id;
  std::size_t split_point = 0;
  // Guards what a fork on another thread, made through another copy, may add.
  mutable std::mutex mutex;
  std::vector<std::shared_ptr<Lineage>> children;

  void describe(std::string& out, std::size_t depth) const {
    out.append(depth * 2, ' ').append(id);
    if (depth > 0) out += " (forked at " + std::to_string(split_point) + ")";
    out += '\n';
    const std::lock_guard lock(mutex);
    for (const auto& child : children) child->describe(out, depth + 1);
  }
};

struct Dialog::State {
  std::vector<MessagePtr> messages;
  PromptPtr top_prompt;
  std::shared_ptr<Lineage> lineage = std::make_shared<Lineage>();
};

Dialog::Dialog() : state_(std::make_shared<State>()) {}

Dialog::State& Dialog::own() {
  if (state_.use_count() > 1) state_ = std::make_shared<State>(*state_);
  return *state_;
}

Dialog& Dialog::append(Message message) {
  return append(std::make_shared<const Message>(std::move(message)));
}

Dialog& Dialog::append(MessagePtr message) {
  own().messages.push_back(std::move(message));
  return *this;
}

Dialog& Dialog::put_text(std::string text, Role role, std::string name) {
  Message message(role, std::move(text));
  message.name = std::move(name);
  append(std::move(message));
  own().top_prompt = nullptr;
  return *this;
}

Dialog& Dialog::put_prompt(PromptPtr prompt, const json::object& args, Role role, std::string name) {
  Message message(role, prompt->render(args).value());
  message.name = std::move(name);
  append(std::move(message));
  own().top_prompt = std::move(prompt);
  return *this;
}

Dialog& Dialog::put_prompt(Prompt prompt, const json::object& args, Role role, std::string name) {
  return put_prompt(std::make_shared<const Prompt>(std::move(prompt)), args, role, std::move(name));
}

Dialog& Dialog::put_image(std::string_view bytes_or_base64, std::string caption, Role role) {
  const bool raw = sniff_media_type(bytes_or_base64).starts_with("image/");
  auto image = raw ? image_from_bytes(bytes_or_base64) : image_from_base64(bytes_or_base64);
  return put_image(std::move(image).value(), std::move(caption), role);
}

Dialog& Dialog::put_image(MediaPart image, std::string caption, Role role) {
  Message message(role, std::move(caption));
  message.parts.emplace_back(std::move(image));
  return append(std::move(message));
}

Dialog& Dialog::put_tool_result(std::string call_id, std::string tool_name, std::string text, bool is_error) {
  Message message = Message::tool(std::move(call_id), std::move(tool_name), std::move(text));
  message.is_error = is_error;
  return append(std::move(message));
}

const std::vector<MessagePtr>& Dialog::messages() const {
  return state_->messages;
}
const Message& Dialog::tail() const {
  return *state_->messages.back();
}
const PromptPtr& Dialog::top_prompt() const {
  return state_->top_prompt;
}

Dialog& Dialog::top_prompt(PromptPtr prompt) {
  own().top_prompt = std::move(prompt);
  return *this;
}

Dialog Dialog::fork(std::optional<std::size_t> last_n, std::optional<std::size_t> first_k) {
  const auto& all = state_->messages;
  Dialog child;
  auto& into = *child.state_;
  if (!last_n && !first_k) {
    into.messages = all;
  } else {
    const std::size_t head = std::min(first_k.value_or(0), all.size());
    const std::size_t tail = std::min(last_n.value_or(0), all.size() - head);
    into.messages.assign(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(head));
    into.messages.insert(into.messages.end(), all.end() - static_cast<std::ptrdiff_t>(tail), all.end());
  }
  into.top_prompt = state_->top_prompt;
  into.lineage->parent_id = state_->lineage->id;
  into.lineage->split_point = all.size();
  const std::lock_guard lock(state_->lineage->mutex);
  state_->lineage->children.push_back(into.lineage);
  return child;
}

const std::string& Dialog::id() const {
  return state_->lineage->id;
}
std::string Dialog::parent_id() const {
  return state_->lineage->parent_id;
}
std::size_t Dialog::split_point() const {
  return state_->lineage->split_point;
}

std::vector<std::string> Dialog::children() const {
  const std::lock_guard lock(state_->lineage->mutex);
  std::vector<std::string> ids;
  for (const auto& child : state_->lineage->children) ids.push_back(child->id);
  return ids;
}

std::string Dialog::overview(std::size_t words) const {
  std::string text;
  for (std::size_t i = 0; i < size(); ++i) {
    const Message& message = *messages()[i];
    text.append("[").append(std::to_string(i)).append("] ").append(to_string(message.role));
    if (!message.name.empty()) text.append(" (").append(message.name).append(")");
    text += ": ";
    std::string line = excerpt(message.text(), words);
    std::replace(line.begin(), line.end(), '\n', ' ');
    text += line;
    for (const auto& call : message.tool_calls) text.append(" → ").append(call.name).append("(…)");
    if (message.modality() != Modality::text) text += " [media]";
    text += '\n';
  }
  return text;
}

std::string Dialog::tree_overview() const {
  std::string text;
  state_->lineage->describe(text, 0);
  return text;
}

std::optional<Money> Dialog::cost() const {
  std::optional<Money> sum;
  for (const auto& message : messages())
    if (const auto one = message->cost()) sum = sum.value_or(Money()) + *one;
  return sum;
}

Usage Dialog::usage() const {
  Usage sum;
  for (const auto& message : messages()) sum += message->usage;
  return sum;
}

json::value Dialog::to_json() const {
  json::array all;
  for (const auto& message : messages()) all.push_back(to_json_value(*message));
  json::object object{{"id", json::string(id())}, {"messages", std::move(all)}};
  if (!parent_id().empty()) {
    object["parent_id"] = json::string(parent_id());
    object["split_point"] = split_point();
  }
  if (const auto& prompt = top_prompt())
    object["top_prompt"] = json::string(prompt->ref.empty() ? prompt->path : prompt->ref);
  return object;
}

Result<Dialog> Dialog::from_json(const json::value& value) {
  const auto* all = array_at(value, "messages");
  if (all == nullptr) return Error(ErrorKind::parse_failed, "a dialog needs 'messages', a list");
  Dialog dialog;
  for (const auto& one : *all) {
    auto message = message_from_json(one);
    if (!message)
      return Error(ErrorKind::parse_failed,
                   "/messages/" + std::to_string(dialog.size()) + message.error().message());
    dialog.append(std::move(*message));
  }
  auto& lineage = *dialog.state_->lineage;
  if (const auto id = text_at(value, "id"); !id.empty()) lineage.id = std::string(id);
  lineage.parent_id = std::string(text_at(value, "parent_id"));
  lineage.split_point =
      static_cast<std::size_t>(std::max<std::int64_t>(0, integer_at(value, "split_point").value_or(0)));
  return dialog;
}

}  // namespace lllm
