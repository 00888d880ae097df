#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lllm/base/json.hpp"

namespace lllm {

/// A file of a package's assets, or of a custom section.
struct Asset {
  Asset() = default;
  std::string file;
  std::string bytes;
  std::optional<json::value> data;  ///< of `.json` `.yaml` `.yml` `.toml`
};
using AssetPtr = std::shared_ptr<const Asset>;

}  // namespace lllm
