#pragma once

#include <string_view>

namespace lllm {

struct Provider;

/// What OpenAI's own models differ in, read from the model's name.
/// Spec: OpenAI docs "Reasoning models" and "Using GPT-5.4, parameter compatibility"; which families reason
/// without being asked is as pydantic-ai measured it (profiles/openai.py, July 2026).
struct OpenAiTraits {
  /// What chat completions say of `reasoning_effort` where functions are offered.
  enum class EffortBesideTools {
    any,
    absent,  ///< GPT-5.4 and 5.5 refuse any but "none" (openai-openapi issue 541)
    none,    ///< GPT-5.6 refuses all but an explicit "none" (litellm pull request 34569)
  };

  bool is_known = false;         ///< false: a name of somebody else's, of which nothing is said
  bool reasons = false;          ///< can reason at all
  bool reasons_unasked = false;  ///< … and does where no effort is given
  bool is_o_series = false;
  bool takes_stop = true;  ///< even while it reasons
  EffortBesideTools effort_beside_tools = EffortBesideTools::any;

  /// Whether a request may carry the argument. @param effort  the request's; empty: none is given
  [[nodiscard]] bool takes(std::string_view argument, std::string_view effort) const;
};
OpenAiTraits openai_traits(std::string_view model);

/// The same where OpenAI's models are served under their own rules: by OpenAI and by Azure (whose deployments
/// may have any name; then nothing is known). Gateways have rules of their own.
OpenAiTraits openai_traits(const Provider& provider, std::string_view model);

}  // namespace lllm
