#pragma once

#include <functional>
#include <set>
#include <string>

#include "lllm/base/error.hpp"
#include "lllm/core/message.hpp"

namespace lllm {
struct Provider;
}

namespace lllm::openai_responses {

/// Writes the dialog as input items.
/// @param stored           the provider knows the items by their ids
/// @param takes_reasoning  the model reasons; others refuse what another one thought
class Items {
 public:
  Items(std::string& out, const Provider& provider, bool stored, bool takes_reasoning)
      : out_(out), provider_(provider), stored_(stored), takes_reasoning_(takes_reasoning) {}
  Result<> append(const Message& message);

 private:
  void begin() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  void append_reply(const Message& message);
  void append_own_items(const json::array& items);
  Result<> append_tool_result(const Message& message);

  std::string& out_;
  const Provider& provider_;
  bool stored_;
  bool takes_reasoning_;
  bool first_ = true;
  std::set<std::string, std::less<>> custom_calls_;  // ids of calls whose results have another type
};

}  // namespace lllm::openai_responses
