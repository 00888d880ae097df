#include "lllm/wires/prices.hpp"

#include <algorithm>
#include <unordered_map>

#include "lllm/base/text.hpp"

namespace lllm {
namespace {

struct Rates {
  std::int32_t input, cached_input, cache_write, output, reasoning;
};

struct TierRow {
  std::int32_t above;
  Rates rates;
};

struct PriceRow {
  const char* provider;
  const char* model;
  const char* rules;  ///< see fits()
  Rates rates;
  std::int32_t window, max_output;
  std::int32_t capabilities;
  std::int32_t first_tier, tiers;
};

// Must agree with generate_prices.mjs.
enum Capability : std::int32_t {
  tools = 1,
  reasoning = 2,
  temperature = 4,
  image_input = 8,
  pdf_input = 16,
  audio_input = 32,
  video_input = 64,
  image_output = 128,
  audio_output = 256,
  known = 512,
};

#include "lllm/wires/prices_table.inc"

std::optional<Money> rate(std::int32_t pico) {
  if (pico < 0) return std::nullopt;
  return Money::picodollars(pico);
}

TokenRates rates_of(const Rates& row) {
  TokenRates rates;
  rates.input = rate(row.input).value_or(Money());
  rates.output = rate(row.output).value_or(Money());
  rates.cached_input = rate(row.cached_input);
  rates.cache_write = rate(row.cache_write);
  rates.reasoning = rate(row.reasoning);
  return rates;
}

std::optional<ModelPrice> price_of(const PriceRow& row) {
  if (row.rates.input < 0 || row.rates.output < 0) return std::nullopt;
  ModelPrice price;
  price.base = rates_of(row.rates);
  for (std::int32_t i = 0; i < row.tiers; ++i) {
    const TierRow& tier = tier_rows[row.first_tier + i];
    price.tiers.push_back({tier.above, rates_of(tier.rates)});
  }
  return price;
}

ModelInfo info_of(const PriceRow& row) {
  ModelInfo info;
  info.provider = row.provider;
  info.model = row.model;
  info.price = price_of(row);
  if (row.window > 0) info.context_window = row.window;
  if (row.max_output > 0) info.max_output = row.max_output;
  const auto has = [&](Capability bit) { return (row.capabilities & bit) != 0; };
  if (has(known)) {
    ModelCapabilities can;
    can.tools = has(tools);
    can.reasoning = has(reasoning);
    can.temperature = has(temperature);
    can.image_input = has(image_input);
    can.pdf_input = has(pdf_input);
    can.audio_input = has(audio_input);
    can.video_input = has(video_input);
    can.image_output = has(image_output);
    can.audio_output = has(audio_output);
    info.capabilities = can;
  }
  return info;
}

bool is_digits_and_dashes(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789-") == text.npos;
}

/// Rules are separated by '|': =name, ^prefix, $end, *part, #name (with a date behind it), !part (must not be
/// in it).
bool fits(std::string_view rules, std::string_view model) {
  bool fit = false;
  while (!rules.empty()) {
    const auto end = std::min(rules.find('|'), rules.size());
    const char kind = rules[0];
    const std::string_view text = rules.substr(1, end - 1);
    rules.remove_prefix(std::min(end + 1, rules.size()));
    switch (kind) {
      case '=':
        fit |= model == text;
        break;
      case '^':
        fit |= model.starts_with(text);
        break;
      case '$':
        fit |= model.ends_with(text);
        break;
      case '*':
        fit |= model.find(text) != model.npos;
        break;
      case '#':
        fit |= model.size() > text.size() + 1 && model.starts_with(text) && model[text.size()] == '-' &&
               is_digits_and_dashes(model.substr(text.size() + 1));
        break;
      case '!':
        if (model.find(text) != model.npos) return false;
        break;
      default:
        break;
    }
  }
  return fit;
}

/// One provider's part of the table, and its names.
struct Section {
  const PriceRow* first = nullptr;
  const PriceRow* last = nullptr;
  std::unordered_map<std::string_view, const PriceRow*> by_name;
};

using Index = std::unordered_map<std::string_view, Section>;

const Index& index() {
  static const Index built = [] {
    Index sections;
    for (const auto& row : price_rows) {
      Section& section = sections[row.provider];
      if (section.first == nullptr) section.first = &row;
      section.last = &row + 1;
      section.by_name.emplace(row.model, &row);
    }
    return sections;
  }();
  return built;
}

const PriceRow* find_row(std::string_view provider, std::string_view model) {
  const auto found = index().find(provider);
  if (found == index().end()) return nullptr;
  const Section& section = found->second;
  if (const auto named = section.by_name.find(model); named != section.by_name.end()) return named->second;
  for (const auto* row = section.first; row != section.last; ++row)
    if (fits(row->rules, model)) return row;
  return nullptr;
}

/// "gpt-4o-2024-08-06" and "claude-sonnet-4-20250514" without their dates; "gpt-4-0613" is another model.
std::string_view without_date(std::string_view model) {
  const auto numeric = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  };
  if (model.size() > 11) {
    const auto tail = model.substr(model.size() - 11);
    if (tail[0] == '-' && numeric(tail.substr(1, 4)) && tail[5] == '-' && numeric(tail.substr(6, 2)) &&
        tail[8] == '-' && numeric(tail.substr(9)))
      return model.substr(0, model.size() - 11);
  }
  if (model.size() > 9 && model[model.size() - 9] == '-' &&
      model.substr(model.size() - 8).starts_with("20") && numeric(model.substr(model.size() - 8)))
    return model.substr(0, model.size() - 9);
  return model;
}

/// What else a model may be called, nearest to the given name first.
std::vector<std::string_view> spellings(std::string_view provider, std::string_view model) {
  std::vector<std::string_view> names{model};
  const auto add = [&](std::string_view name) {
    if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
  };
  std::string_view name = model;
  if (name.starts_with("models/")) add(name = name.substr(7));
  if (provider == "bedrock") {
    // An inference profile's region group: "eu.anthropic.claude-…".
    const auto dot = name.find('.');
    if (dot != name.npos && name.find('.', dot + 1) != name.npos && dot <= 6) add(name.substr(dot + 1));
    return names;
  }
  if (const auto at = name.find('@'); at != name.npos) add(name = name.substr(0, at));
  // A free variant is another price, not another spelling.
  if (const auto colon = name.rfind(':');
      colon != name.npos && !name.starts_with("ft:") && name.substr(colon) != ":free")
    add(name = name.substr(0, colon));
  if (const auto undated = without_date(name); undated != name) add(name = undated);
  if (name.ends_with("-latest")) add(name.substr(0, name.size() - 7));
  return names;
}

/// Who else lists the price, when the provider's own list has none. Azure sells OpenAI's models at OpenAI's
/// prices, but DeepSeek's, xAI's and others' at prices of its own: for those a maker's list would be wrong.
std::string_view maker_of(std::string_view provider) {
  if (provider == "azure") return "openai";
  if (provider == "vertex_ai") return "gemini";
  if (provider == "bedrock_mantle") return "bedrock";
  return {};
}

std::optional<Money> money_at(const json::object& object, std::string_view key, std::string& problem) {
  const auto* value = find(object, key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  const std::string text = value->is_string() ? std::string(as_text(value)) : to_json(*value);
  const auto per_million = Money::parse(text);
  if (!per_million || *per_million < Money() || per_million->picodollars() % 1'000'000 != 0) {
    problem =
        "'" + std::string(key) + "' is no price in dollars per million tokens, with at most six decimals";
    return std::nullopt;
  }
  return Money::picodollars(per_million->picodollars() / 1'000'000);
}

std::optional<TokenRates> rates_from(const json::object& object, std::string& problem) {
  const auto input = money_at(object, "input", problem);
  const auto output = money_at(object, "output", problem);
  TokenRates rates;
  rates.cached_input = money_at(object, "cached_input", problem);
  rates.cache_write = money_at(object, "cache_write", problem);
  rates.reasoning = money_at(object, "reasoning", problem);
  if (problem.empty() && (!input || !output)) problem = "'input' and 'output' must be given";
  if (!problem.empty()) return std::nullopt;
  rates.input = *input;
  rates.output = *output;
  return rates;
}

std::optional<ModelPrice> price_from(const json::object& object, std::string& problem) {
  auto base = rates_from(object, problem);
  if (!base) return std::nullopt;
  ModelPrice price;
  price.base = *base;
  if (const auto* tiers = as_array(find(object, "tiers")))
    for (const auto& entry : *tiers) {
      const auto above = integer_at(entry, "above");
      const auto* tier = as_object(&entry);
      if (tier == nullptr || !above || *above < 0) {
        problem = "a tier needs 'above', a number of tokens";
        return std::nullopt;
      }
      auto rates = rates_from(*tier, problem);
      if (!rates) return std::nullopt;
      price.tiers.push_back({*above, *rates});
    }
  std::ranges::sort(price.tiers, {}, &ModelPrice::Tier::above_prompt_tokens);
  return price;
}

}  // namespace

std::optional<ModelInfo> PriceTable::find(std::string_view provider, std::string_view model) const {
  const auto names = spellings(provider, model);
  for (std::string_view who = provider; !who.empty(); who = maker_of(who)) {
    for (const auto name : names) {
      if (!overlay_.empty())
        if (const auto own = overlay_.find(std::string(who) + "/" + std::string(name)); own != overlay_.end())
          return own->second;
      if (const auto* row = find_row(who, name)) return info_of(*row);
    }
  }
  if (provider == "vercel_ai_gateway")  // it adds nothing to the makers' prices
    if (const auto slash = model.find('/'); slash != model.npos) {
      const std::string_view maker = model.substr(0, slash);
      return find(maker == "google" ? "gemini" : maker, model.substr(slash + 1));
    }
  return std::nullopt;
}

std::optional<ModelPrice> PriceTable::price(std::string_view provider, std::string_view model) const {
  auto info = find(provider, model);
  if (!info) return std::nullopt;
  return std::move(info->price);
}

Result<> PriceTable::overlay(const json::value& prices) {
  const auto wrong = [](const std::string& where, const std::string& what) {
    return Error(ErrorKind::parse_failed, "prices: " + where + ": " + what);
  };
  const auto* by_provider = as_object(&prices);
  if (by_provider == nullptr) return wrong("the whole", "must be an object of providers");
  auto changed = overlay_;
  for (const auto& [provider, models] : *by_provider) {
    const std::string who(provider);
    if (!models.is_object()) return wrong(who, "must be an object of models");
    for (const auto& [model, entry] : models.get_object()) {
      const std::string name = who + "/" + std::string(model);
      const auto* object = as_object(&entry);
      if (object == nullptr) return wrong(name, "must be an object");
      std::string problem;
      auto price = price_from(*object, problem);
      if (!price) return wrong(name, problem);
      ModelInfo info = find(who, std::string_view(model)).value_or(ModelInfo());
      info.provider = who;
      info.model = std::string(model);
      info.price = std::move(price);
      if (const auto window = integer_at(entry, "context_window")) info.context_window = window;
      if (const auto most = integer_at(entry, "max_output")) info.max_output = most;
      changed.insert_or_assign(name, std::move(info));
    }
  }
  overlay_ = std::move(changed);
  return {};
}

std::vector<ModelInfo> PriceTable::all() const {
  std::map<std::pair<std::string, std::string>, ModelInfo> sorted;
  for (const auto& row : price_rows) sorted.emplace(std::pair(row.provider, row.model), info_of(row));
  for (const auto& [name, info] : overlay_)
    sorted.insert_or_assign(std::pair(info.provider, info.model), info);
  std::vector<ModelInfo> models;
  models.reserve(sorted.size());
  for (auto& [name, info] : sorted) models.push_back(std::move(info));
  return models;
}

std::string_view PriceTable::source() {
  return price_source;
}
std::string_view PriceTable::date() {
  return price_date;
}

}  // namespace lllm
