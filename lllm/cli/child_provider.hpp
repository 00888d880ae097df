#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace lllm::cli {

/// The fake provider in a process of its own: this program, started again as `serve-fake`. Ended with this
/// object, and by the system should this process die.
class ChildProvider {
 public:
  /// @throws Exception io_failed when it cannot be started or does not say where it listens.
  explicit ChildProvider(const std::vector<std::string>& arguments);
  ~ChildProvider();
  ChildProvider(const ChildProvider&) = delete;
  ChildProvider& operator=(const ChildProvider&) = delete;

  [[nodiscard]] const std::string& base_url() const { return base_url_; }

 private:
  pid_t pid_ = -1;
  std::string base_url_;
};

}  // namespace lllm::cli
