#include "lllm/wires/openai_models.hpp"

#include <algorithm>
#include <array>

#include "lllm/wires/providers.hpp"

namespace lllm {
namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool starts_with_any(std::string_view text, const auto& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](auto prefix) { return text.starts_with(prefix); });
}

// GPT-5.1 to 5.4 rest unless an effort is asked for, but for those of their variants that always reason.
bool rests_unless_asked(std::string_view model) {
  constexpr std::array<std::string_view, 4> restful = {"gpt-5.1", "gpt-5.2", "gpt-5.3", "gpt-5.4"};
  constexpr std::array<std::string_view, 6> restless = {"gpt-5.1-codex", "gpt-5.1-chat", "gpt-5.2-chat",
                                                        "gpt-5.3-chat",  "gpt-5.2-pro",  "gpt-5.4-pro"};
  return starts_with_any(model, restful) && !starts_with_any(model, restless);
}

}  // namespace

bool OpenAiTraits::takes(std::string_view argument, std::string_view effort) const {
  if (!is_known) return true;
  if (argument == "reasoning_effort" || argument == "reasoning") return reasons;
  if (argument == "parallel_tool_calls") return !is_o_series;
  constexpr std::array<std::string_view, 8> of_the_sampling = {
      "temperature", "top_p",    "presence_penalty", "frequency_penalty",
      "logit_bias",  "logprobs", "top_logprobs",     "stop"};
  if (std::find(of_the_sampling.begin(), of_the_sampling.end(), argument) == of_the_sampling.end())
    return true;
  const bool rests = !reasons || effort == "none" || (effort.empty() && !reasons_unasked);
  return rests || (argument == "stop" && takes_stop);
}

OpenAiTraits openai_traits(std::string_view model) {
  if (const auto slash = model.rfind('/'); slash != model.npos) model.remove_prefix(slash + 1);
  if (model.starts_with("ft:")) model.remove_prefix(3);  // ft:gpt-4o-mini:organisation::id
  OpenAiTraits traits;
  if (model.size() >= 2 && model[0] == 'o' && model[1] >= '1' && model[1] <= '9') {
    traits.is_known = traits.reasons = traits.reasons_unasked = traits.is_o_series = true;
    // "Not supported with latest reasoning models o3 and o4-mini"
    traits.takes_stop = model.starts_with("o1") || model.starts_with("o3-mini");
    return traits;
  }
  constexpr std::array<std::string_view, 5> unreasoning = {"gpt-3.5", "gpt-35-", "gpt-4", "chatgpt-",
                                                           "gpt-5-chat"};
  traits.is_known = starts_with_any(model, unreasoning);
  if (traits.is_known || !model.starts_with("gpt-") || model.size() < 5 || !is_digit(model[4])) return traits;
  traits.is_known = traits.reasons = true;
  traits.reasons_unasked = !rests_unless_asked(model);
  traits.takes_stop = false;
  if (model.starts_with("gpt-5.4") || model.starts_with("gpt-5.5"))
    traits.effort_beside_tools = OpenAiTraits::EffortBesideTools::absent;
  if (model.starts_with("gpt-5.6")) traits.effort_beside_tools = OpenAiTraits::EffortBesideTools::none;
  return traits;
}

OpenAiTraits openai_traits(const Provider& provider, std::string_view model) {
  return provider.name == "openai" || provider.name == "azure" ? openai_traits(model) : OpenAiTraits();
}

}  // namespace lllm
