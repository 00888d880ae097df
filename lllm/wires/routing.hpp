#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/core/message.hpp"
#include "lllm/wires/providers.hpp"

namespace lllm {

/// Where a model's name leads.
struct Route {
  std::shared_ptr<const Provider> provider;
  std::string wire;   ///< a Codec's name; "openai-responses" when that API was asked for and is spoken there
  std::string model;  ///< as the provider calls it
  ApiType api_type = ApiType::completion;
};

/// Finds the provider of a model by LiteLLM's naming.
///
///     openai/gpt-4o                     the provider before the first slash; the rest is its own name
///     openrouter/openai/gpt-4o          … which may hold slashes
///     azure/my-deployment
///     openai/responses/gpt-5            the Responses API, whatever the call's options say
///     bedrock/converse/anthropic.claude-…, bedrock/eu.anthropic.claude-…, bedrock/us-east-1/…
///     gpt-4o, claude-…, gemini-…        a bare name, by the family it belongs to
///
/// Not thread-safe while it is being changed; routing may happen on any thread.
class Router {
 public:
  Router() = default;

  /// A provider of one's own; one of the same name replaces the table's. `invalid_argument` when its name is
  /// empty or holds a slash, or when it names no wire.
  Result<> add_provider(Provider provider);
  /// `name` stands for `model` ("fast" for "groq/llama-3.3-70b-versatile"). An alias may name another one.
  void add_alias(std::string name, std::string model);
  /// Bare names that belong to no known family go to this provider instead of being an error: for a base URL
  /// of one's own. `unknown_provider` when there is no such provider.
  Result<> fallback(std::string_view provider);

  /// `unknown_provider` lists the known ones, those with a near name first; `unsupported` for a model that is
  /// reached in a dialect lllm does not speak; `invalid_argument` for an empty name or aliases in a circle.
  [[nodiscard]] Result<Route> route(std::string_view model, ApiType api_type = ApiType::completion) const;

  /// One's own and the built-in ones. Null when there is none of that name.
  [[nodiscard]] std::shared_ptr<const Provider> find(std::string_view name) const;
  /// All names, one's own included, in alphabetical order.
  [[nodiscard]] std::vector<std::string_view> names() const;

 private:
  std::vector<std::shared_ptr<const Provider>> own_;
  std::vector<std::pair<std::string, std::string>> aliases_;
  std::shared_ptr<const Provider> fallback_;
};

/// The provider that owns a bare model name ("gpt-4o" → "openai"); empty when no family is known.
std::string_view provider_of_bare_model(std::string_view model);

}  // namespace lllm
