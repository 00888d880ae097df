#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "lllm/base/error.hpp"
#include "lllm/runtime/load_report.hpp"

namespace lllm {
class Runtime;
}

namespace lllm::detail {

/// What became of one attempt to reload.
struct ReloadAttempt {
  ReloadAttempt() = default;
  LoadReport report;                 ///< of all roots together
  std::optional<Error> failure;      ///< nothing was published for this reason
  std::vector<std::string> folders;  ///< all that were listed, for a watch
};

/// Runtime::reload, with failures as values. @throws Exception `cancelled` only.
asio::awaitable<ReloadAttempt> try_reload(Runtime& runtime);

}  // namespace lllm::detail
