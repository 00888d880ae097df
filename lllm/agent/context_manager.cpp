#include "lllm/agent/context_manager.hpp"

#include <algorithm>

#include "lllm/base/text.hpp"
#include "lllm/wires/prices.hpp"
#include "lllm/wires/routing.hpp"

namespace lllm {
namespace {

constexpr std::size_t tokens_per_image = 800;

// The same message with the newest part of its text kept.
MessagePtr truncated(const Message& message, std::size_t tokens) {
  Message shorter(message.role, "");
  shorter.name = message.name;
  std::string text = message.text();
  const std::size_t keep = std::min(text.size(), tokens * 4);
  std::size_t start = text.size() - keep;
  while (start < text.size() && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) ++start;
  shorter.append_text("[…] " + text.substr(start));
  return std::make_shared<const Message>(std::move(shorter));
}

// Tokens that fit the model at once, 0 when the table does not know it.
std::size_t window_of(std::string_view model) {
  static const PriceTable table;
  const auto slash = model.find('/');
  const std::string_view provider =
      slash == model.npos ? provider_of_bare_model(model) : model.substr(0, slash);
  const auto known = table.find(provider, slash == model.npos ? model : model.substr(slash + 1));
  return known ? static_cast<std::size_t>(std::max<std::int64_t>(0, known->context_window.value_or(0))) : 0;
}

bool plain_words(const Message& message) {
  return message.role != Role::tool && message.tool_calls.empty() && message.modality() == Modality::text;
}

}  // namespace

std::size_t estimate_tokens(const Message& message) {
  std::size_t bytes = 0;
  std::size_t tokens = 4;
  for (const auto& part : message.parts) {
    if (const auto* text = std::get_if<TextPart>(&part)) bytes += text->text.size();
    if (const auto* thought = std::get_if<ReasoningPart>(&part)) bytes += thought->text.size();
    if (std::holds_alternative<MediaPart>(part)) tokens += tokens_per_image;
  }
  for (const auto& call : message.tool_calls) bytes += call.name.size() + call.arguments.size() + 16;
  return tokens + (bytes + 3) / 4;
}

asio::awaitable<Dialog> DefaultContextManager::prepare(Dialog dialog, std::string model) {
  const std::size_t window = window_ > 0 ? window_ : window_of(model);
  if (window == 0 || dialog.empty()) co_return dialog;
  std::size_t room = window > buffer_ ? window - buffer_ : window / 2;

  const auto& all = dialog.messages();
  std::size_t whole = 0;
  for (const auto& message : all) whole += estimate_tokens(*message);
  if (whole <= room) co_return dialog;

  const std::size_t first = estimate_tokens(*all.front());
  room = room > first ? room - first : 0;
  std::size_t from = all.size();
  while (from > 1 && estimate_tokens(*all[from - 1]) <= room) room -= estimate_tokens(*all[--from]);

  Dialog shorter;
  shorter.append(all.front());
  constexpr std::size_t worth_keeping = 16;  // tokens; less of a message tells the model nothing
  if (from > 1 && room >= worth_keeping && plain_words(*all[from - 1]))
    shorter.append(truncated(*all[from - 1], room - worth_keeping / 2));
  else
    while (from < all.size() && all[from]->role == Role::tool) ++from;
  for (; from < all.size(); ++from) shorter.append(all[from]);
  shorter.top_prompt(dialog.top_prompt());
  co_return shorter;
}

}  // namespace lllm
