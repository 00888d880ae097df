#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

#include "lllm/base/text.hpp"
#include "lllm/cli/command.hpp"
#include "lllm/cli/terminal.hpp"
#include "lllm/wires/prices.hpp"
#include "lllm/wires/providers.hpp"

namespace lllm::cli {
namespace {

struct Arguments {
  std::vector<std::string> words;
  std::string provider;
  std::vector<std::string> with;
  bool json = false;
};

struct Capability {
  const char* name;
  bool ModelCapabilities::* has;
};
constexpr std::array capabilities{Capability{"tools", &ModelCapabilities::tools},
                                  Capability{"reasoning", &ModelCapabilities::reasoning},
                                  Capability{"image", &ModelCapabilities::image_input},
                                  Capability{"pdf", &ModelCapabilities::pdf_input},
                                  Capability{"audio", &ModelCapabilities::audio_input},
                                  Capability{"video", &ModelCapabilities::video_input},
                                  Capability{"image-output", &ModelCapabilities::image_output},
                                  Capability{"audio-output", &ModelCapabilities::audio_output}};

std::vector<std::string> capabilities_of(const ModelInfo& model) {
  std::vector<std::string> names;
  for (const auto& [name, has] : capabilities)
    if (model.capabilities && (*model.capabilities).*has) names.emplace_back(name);
  return names;
}

bool is_wanted(const ModelInfo& model, const Arguments& args) {
  const std::string name = to_lower(model.provider + "/" + model.model);
  const auto has = capabilities_of(model);
  return (args.provider.empty() || model.provider == args.provider) &&
         std::all_of(args.words.begin(), args.words.end(),
                     [&](const std::string& word) { return name.find(to_lower(word)) != name.npos; }) &&
         std::all_of(args.with.begin(), args.with.end(), [&](const std::string& wanted) {
           return std::find(has.begin(), has.end(), wanted) != has.end();
         });
}

// Of a million tokens, as price lists have it. Exact: a picodollar per token is a microdollar per million.
std::string per_million(const std::optional<Money>& rate) {
  return rate ? (*rate * 1'000'000).to_string() : "?";
}

json::value rate_json(const std::optional<Money>& rate) {
  // "$2.50" without its sign: a decimal that reads back exactly.
  return rate ? json::value(json::string(per_million(rate).substr(1))) : json::value();
}

json::object rates_json(const TokenRates& rates) {
  return {{"input", rate_json(rates.input)},
          {"output", rate_json(rates.output)},
          {"cached_input", rate_json(rates.cached_input)},
          {"cache_write", rate_json(rates.cache_write)},
          {"reasoning", rate_json(rates.reasoning)}};
}

json::value number(const std::optional<std::int64_t>& count) {
  return count ? json::value(*count) : json::value();
}

json::object described(const ModelInfo& model) {
  json::object row{
      {"provider", json::string(model.provider)}, {"model", json::string(model.model)},
      {"price_per_million_usd", nullptr},         {"context_window", number(model.context_window)},
      {"max_output", number(model.max_output)},   {"capabilities", nullptr}};
  if (model.capabilities) {
    const auto names = capabilities_of(model);
    row["capabilities"] = json::array(names.begin(), names.end());
  }
  if (model.price) {
    json::object price = rates_json(model.price->base);
    json::array tiers;
    for (const auto& tier : model.price->tiers) {
      json::object rates = rates_json(tier.rates);
      rates["above"] = tier.above_prompt_tokens;
      tiers.push_back(std::move(rates));
    }
    if (!tiers.empty()) price["tiers"] = std::move(tiers);
    row["price_per_million_usd"] = std::move(price);
  }
  return row;
}

std::string count_of(const std::optional<std::int64_t>& count) {
  return count ? grouped(static_cast<unsigned long long>(std::max<std::int64_t>(*count, 0))) : "?";
}

void print(const std::vector<ModelInfo>& models) {
  std::size_t width = 5;
  for (const auto& model : models) width = std::max(width, model.provider.size() + model.model.size() + 1);
  const int columns = static_cast<int>(std::min<std::size_t>(width, 56));
  const auto row = [&](const std::string& name, const char* in, const char* cached, const char* out,
                       const char* window, const char* most, const std::string& can) {
    std::printf("%-*s %10s %10s %10s %11s %9s  %s\n", columns, name.c_str(), in, cached, out, window, most,
                can.c_str());
  };
  row(on_stdout("1", "model"), "input", "cached", "output", "window", "most out", "takes, can");
  for (const auto& model : models) {
    const TokenRates rates = model.price ? model.price->base : TokenRates();
    const auto known = [&](const std::optional<Money>& rate) {
      return model.price ? per_million(rate ? rate : rates.input) : std::string("?");
    };
    std::string can = join(capabilities_of(model), " ");
    if (model.price && !model.price->tiers.empty())
      can += (can.empty() ? "" : " ") +
             ("(dearer above " + count_of(model.price->tiers.front().above_prompt_tokens) + " tokens)");
    row(model.provider + "/" + model.model, known(rates.input).c_str(), known(rates.cached_input).c_str(),
        known(rates.output).c_str(), count_of(model.context_window).c_str(),
        count_of(model.max_output).c_str(), can);
  }
  std::printf("%zu models; dollars per million tokens, list prices of %s (%s)\n", models.size(),
              std::string(PriceTable::date()).c_str(), std::string(PriceTable::source()).c_str());
}

void list(Arguments args) {
  if (!args.provider.empty()) {
    const Provider* known = find_provider(args.provider);
    if (known != nullptr) args.provider = known->name;
  }
  std::vector<ModelInfo> models = PriceTable().all();
  std::erase_if(models, [&](const ModelInfo& model) { return !is_wanted(model, args); });
  if (models.empty())
    throw_error(ErrorKind::not_found,
                "no model of the table fits; prices may be unknown, calls work all the same");
  if (!args.json) return print(models);
  json::array rows;
  for (const auto& model : models) rows.push_back(described(model));
  std::printf("%s\n", to_pretty_json(rows).c_str());
}

}  // namespace

void add_models(CLI::App& app, Outcome&) {
  auto args = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("models", "List known models: prices, context windows, capabilities");
  command->add_option("word", args->words, "Only models whose provider/name holds all these words");
  command->add_option("--provider", args->provider, "Only this provider's");
  std::vector<std::string> names;
  for (const auto& capability : capabilities) names.emplace_back(capability.name);
  command->add_option("--with", args->with, "Only models that have this capability (may be repeated)")
      ->check(CLI::IsMember(names));
  command->add_flag("--json", args->json, "Print JSON");
  command->callback([args] { list(*args); });
}

}  // namespace lllm::cli
