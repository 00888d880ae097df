#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"
#include "lllm/core/cost.hpp"

namespace lllm {

/// What a model can take and give. Empty where the table does not say.
struct ModelCapabilities {
  bool tools = false;
  bool reasoning = false;
  bool temperature = false;  ///< takes `temperature`
  bool image_input = false;
  bool pdf_input = false;
  bool audio_input = false;
  bool video_input = false;
  bool image_output = false;
  bool audio_output = false;
  friend bool operator==(const ModelCapabilities&, const ModelCapabilities&) = default;
};

/// What is known of a model.
struct ModelInfo {
  std::string provider;
  std::string model;                           ///< the table's name for it, which may cover dated versions
  std::optional<ModelPrice> price;             ///< empty: not known, which is not "free"
  std::optional<std::int64_t> context_window;  ///< tokens
  std::optional<std::int64_t> max_output;      ///< tokens
  std::optional<ModelCapabilities> capabilities;
};

/// Prices, context windows and capabilities: a dated table compiled in, and what is laid over it at run time.
/// List prices; discounts (batch, off-peak hours, service tiers) are not in it.
///
/// A name is looked up as given, then by the rules of the table (families, dated versions), then without what
/// is no part of a model's identity: "models/", a region ("eu.anthropic.…"), "-latest", a date, "@version", a
/// variant ("…:nitro"). Azure and Vertex AI fall back to the maker's own prices, a gateway to the maker it
/// names.
///
/// Thread-safety: find() may be called from any thread; overlay() must not overlap with it.
class PriceTable {
 public:
  /// The table as compiled in.
  PriceTable() = default;

  /// Null when nothing is known. @param provider  as in Provider::name
  [[nodiscard]] std::optional<ModelInfo> find(std::string_view provider, std::string_view model) const;
  /// Empty: unknown.
  [[nodiscard]] std::optional<ModelPrice> price(std::string_view provider, std::string_view model) const;

  /// Lays prices over the table; a model given replaces what was known of its price. Dollars per million
  /// tokens, as price lists write them, as decimals in strings (exact) or as numbers:
  ///
  ///     {"openai": {"gpt-4o": {"input": "2.50", "output": "10", "cached_input": "1.25", "cache_write": "0",
  ///       "reasoning": "10", "context_window": 128000, "max_output": 16384,
  ///       "tiers": [{"above": 200000, "input": "5", "output": "20"}]}}}
  ///
  /// `parse_failed` names the place; then nothing was changed.
  Result<> overlay(const json::value& prices);

  /// Everything, for people: by provider, then by name.
  [[nodiscard]] std::vector<ModelInfo> all() const;

  /// Where the compiled table comes from and the day its prices are of ("2026-09-23").
  static std::string_view source();
  static std::string_view date();

 private:
  std::map<std::string, ModelInfo, std::less<>> overlay_;  // by "provider/model"
};

}  // namespace lllm
