#include "lllm/invokers/price_cache.hpp"

namespace lllm {

const ModelPrice* PriceCache::find(std::string_view provider, std::string_view model) {
  key_.assign(provider).append("\n").append(model);
  auto known = known_.find(key_);
  if (known == known_.end()) {
    if (known_.size() == most_models) known_.clear();
    known = known_.emplace(key_, table_.price(provider, model)).first;
  }
  return known->second ? &*known->second : nullptr;
}

}  // namespace lllm
