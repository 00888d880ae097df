#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "lllm/wires/prices.hpp"

namespace lllm {

/// Remembers what models cost: finding a price goes through the table's rules and spellings, and a server
/// asks for the same few models again and again. Bounded, since providers name the models. Not thread-safe.
class PriceCache {
 public:
  explicit PriceCache(const PriceTable& table) : table_(table) {}

  /// Null: unknown. The pointer is valid until the next call. `table` must outlive this.
  const ModelPrice* find(std::string_view provider, std::string_view model);

 private:
  static constexpr std::size_t most_models = 1024;
  const PriceTable& table_;
  std::unordered_map<std::string, std::optional<ModelPrice>> known_;  // by "provider\nmodel"
  std::string key_;                                                   // kept for its memory
};

}  // namespace lllm
