#include "lllm/wires/routing.hpp"

#include <algorithm>
#include <array>

#include "lllm/base/text.hpp"

namespace lllm {
namespace {

struct Family {
  std::string_view prefix;
  std::string_view provider;
};

// First match wins; a longer prefix stands before a shorter one that would swallow it.
constexpr auto families = std::to_array<Family>({
    {"gpt-oss", ""},  // open weights: everybody serves them, OpenAI does not
    {"gpt-", "openai"},
    {"chatgpt-", "openai"},
    {"ft:gpt-", "openai"},
    {"ft:o", "openai"},
    {"codex-", "openai"},
    {"computer-use-preview", "openai"},
    {"claude-", "anthropic"},
    {"gemini-", "gemini"},
    {"gemma-", "gemini"},
    {"learnlm-", "gemini"},
    {"command-", "cohere"},
    {"command", "cohere"},
    {"c4ai-", "cohere"},
    {"mistral-", "mistral"},
    {"ministral-", "mistral"},
    {"magistral-", "mistral"},
    {"codestral-", "mistral"},
    {"devstral-", "mistral"},
    {"pixtral-", "mistral"},
    {"voxtral-", "mistral"},
    {"open-mistral-", "mistral"},
    {"open-mixtral-", "mistral"},
    {"grok-", "xai"},
    {"deepseek-", "deepseek"},
    {"sonar", "perplexity"},
    {"kimi-", "moonshot"},
    {"moonshot-", "moonshot"},
    {"qwen", "dashscope"},
    {"qwq-", "dashscope"},
    {"qvq-", "dashscope"},
    {"glm-", "zai"},
    {"jamba-", "ai21"},
});

// Bedrock's own ids begin with the maker's name and a dot, after a region group in inference profiles.
constexpr auto bedrock_regions =
    std::to_array<std::string_view>({"us.", "eu.", "apac.", "global.", "us-gov.", "jp.", "au.", "ca."});
constexpr auto bedrock_makers =
    std::to_array<std::string_view>({"ai21.", "amazon.", "anthropic.", "cohere.", "deepseek.", "google.",
                                     "meta.", "minimax.", "mistral.", "moonshot.", "moonshotai.", "nvidia.",
                                     "openai.", "qwen.", "stability.", "twelvelabs.", "writer.", "zai."});

bool is_bedrock_id(std::string_view model) {
  for (const auto region : bedrock_regions)
    if (model.starts_with(region)) {
      model.remove_prefix(region.size());
      break;
    }
  return std::ranges::any_of(bedrock_makers,
                             [&](std::string_view maker) { return model.starts_with(maker); });
}

/// o1, o3-mini, o4-mini-2025-04-16.
bool is_openai_o_series(std::string_view model) {
  return model.size() >= 2 && model[0] == 'o' && model[1] >= '1' && model[1] <= '9' &&
         (model.size() == 2 || model[2] == '-');
}

/// us-east-1, eu-central-2, us-gov-west-1.
bool is_aws_region(std::string_view text) {
  const auto parts = split(text, '-');
  return parts.size() >= 3 && parts.size() <= 4 && parts.front().size() == 2 && parts.back().size() == 1 &&
         parts.back()[0] >= '1' && parts.back()[0] <= '9';
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// LiteLLM's sub-routes: what stands between the provider and the model's own name.
Result<> take_subroutes(Route& route) {
  std::string_view model = route.model;
  if (take_prefix(model, "responses/")) route.api_type = ApiType::response;
  const std::string& provider = route.provider->name;
  if (provider == "bedrock") {
    take_prefix(model, "converse/");
    if (model.starts_with("invoke/"))
      return Error(ErrorKind::unsupported,
                   "bedrock/invoke/… is not spoken: write bedrock/MODEL, which uses the Converse API");
    // bedrock/us-east-1/model: a region of its own, which only the provider row can carry.
    if (const auto slash = model.find('/'); slash != model.npos && is_aws_region(model.substr(0, slash))) {
      Provider regional = *route.provider;
      regional.base_url = replace_all(regional.base_url, "{region}", model.substr(0, slash));
      regional.placeholders.clear();
      route.provider = std::make_shared<const Provider>(std::move(regional));
      model.remove_prefix(slash + 1);
    }
  } else if (provider == "vertex_ai") {
    take_prefix(model, "gemini/");
    for (const std::string_view other :
         {"claude-", "mistral", "codestral", "meta/", "openai/", "deepseek-ai/"})
      if (model.starts_with(other))
        return Error(ErrorKind::unsupported, "vertex_ai/" + std::string(model) +
                                                 ": only Google's own models are spoken on Vertex AI");
  } else if (provider == "ollama") {
    take_prefix(model, "chat/");
  } else if (provider == "cohere") {
    take_prefix(model, "v2/");
  }
  if (model.empty())
    return Error(ErrorKind::invalid_argument, "the model's name is missing after '" + provider + "/'");
  if (model.size() != route.model.size()) route.model = std::string(model);
  return {};
}

}  // namespace

std::string_view provider_of_bare_model(std::string_view model) {
  if (is_openai_o_series(model)) return "openai";
  if (is_bedrock_id(model)) return "bedrock";
  for (const auto& [prefix, provider] : families)
    if (model.starts_with(prefix)) return provider;
  return {};
}

Result<> Router::add_provider(Provider provider) {
  if (provider.name.empty() || provider.name.find('/') != std::string::npos)
    return Error(ErrorKind::invalid_argument,
                 "provider name '" + provider.name + "': it must not be empty and must not hold a '/'");
  if (provider.wire.empty())
    return Error(ErrorKind::invalid_argument, "provider '" + provider.name + "' names no wire");
  std::erase_if(own_, [&](const auto& known) { return known->name == provider.name; });
  own_.push_back(std::make_shared<const Provider>(std::move(provider)));
  return {};
}

void Router::add_alias(std::string name, std::string model) {
  std::erase_if(aliases_, [&](const auto& known) { return known.first == name; });
  aliases_.emplace_back(std::move(name), std::move(model));
}

Result<> Router::fallback(std::string_view provider) {
  auto found = find(provider);
  if (!found)
    return Error(ErrorKind::unknown_provider, "no provider is called '" + std::string(provider) + "'");
  fallback_ = std::move(found);
  return {};
}

std::shared_ptr<const Provider> Router::find(std::string_view name) const {
  for (const auto& provider : own_)
    if (provider->name == name || std::ranges::find(provider->aliases, name) != provider->aliases.end())
      return provider;
  // The table lives as long as the program: nothing is counted.
  return {std::shared_ptr<const Provider>(), find_provider(name)};
}

std::vector<std::string_view> Router::names() const {
  std::vector<std::string_view> all;
  for (const auto& provider : own_) all.emplace_back(provider->name);
  for (const auto& provider : providers()) all.emplace_back(provider.name);
  std::ranges::sort(all);
  const auto repeated = std::ranges::unique(all);
  all.erase(repeated.begin(), repeated.end());
  return all;
}

Result<Route> Router::route(std::string_view model, ApiType api_type) const {
  for (std::size_t hops = 0;; ++hops) {
    const auto alias =
        std::ranges::find_if(aliases_, [&](const auto& known) { return known.first == model; });
    if (alias == aliases_.end()) break;
    if (hops == aliases_.size())
      return Error(ErrorKind::invalid_argument,
                   "the model alias '" + std::string(model) + "' leads back to itself");
    model = alias->second;
  }
  if (trim(model).empty()) return Error(ErrorKind::invalid_argument, "the model's name is empty");

  Route route;
  route.api_type = api_type;
  const auto slash = model.find('/');
  const std::string_view head = model.substr(0, slash);
  if (slash != model.npos) route.provider = find(head);
  if (route.provider) {
    route.model = std::string(model.substr(slash + 1));
  } else {
    if (slash == model.npos) {
      const auto owner = provider_of_bare_model(model);
      if (!owner.empty()) route.provider = find(owner);
    }
    if (!route.provider) route.provider = fallback_;
    route.model = std::string(model);
  }
  if (!route.provider) {
    const auto known = names();
    const auto near = near_matches(head, known);
    std::vector<std::string> list = near;
    for (const auto name : known)
      if (std::ranges::find(near, name) == near.end()) list.emplace_back(name);
    const std::string what =
        slash == model.npos
            ? "no provider is known for the bare model name '" + std::string(model) + "' (write provider/" +
                  std::string(model) + ")"
            : "unknown provider '" + std::string(head) + "' in model '" + std::string(model) + "'";
    const std::string hint =
        near.empty() || slash == model.npos ? "." : "; did you mean " + near.front() + "?";
    return Error(ErrorKind::unknown_provider, what + hint + " Known providers: " + join(list, ", "))
        .model(std::string(model));
  }
  if (auto taken = take_subroutes(route); !taken) return taken.error().model(std::string(model));
  route.wire = route.provider->wire;
  if (route.api_type == ApiType::response && route.provider->has_responses) route.wire = "openai-responses";
  return route;
}

}  // namespace lllm
