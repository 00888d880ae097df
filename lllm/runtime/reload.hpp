#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "lllm/base/error.hpp"
#include "lllm/runtime/load_report.hpp"
#include "lllm/runtime/loader.hpp"

namespace lllm {
class Runtime;
}

namespace lllm::detail {

/// What became of one attempt to reload.
struct ReloadAttempt {
  ReloadAttempt() = default;
  LoadReport report;                 ///< of all roots together
  std::optional<Error> failure;      ///< nothing was published for this reason
  bool unsettled = false;            ///< the files changed meanwhile: another attempt may succeed
  std::vector<std::string> folders;  ///< all that were listed, for a watch
};

/// Runs a load to its end on the worker pool, up to three times where files change meanwhile, failures as
/// values; nothing is published. @throws Exception `cancelled` when the caller is.
asio::awaitable<LoadOutcome> run_loader(LoadOptions options, std::shared_ptr<const LoadRecord> previous);

/// Runtime::reload, with failures as values. @throws Exception `cancelled` only.
asio::awaitable<ReloadAttempt> try_reload(Runtime& runtime);

}  // namespace lllm::detail
