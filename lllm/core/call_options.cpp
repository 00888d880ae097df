#include "lllm/core/call_options.hpp"

namespace lllm {

const CallOptions::State& CallOptions::defaults() {
  static const State state;
  return state;
}

CallOptions::State& CallOptions::own() {
  if (!state_)
    state_ = std::make_shared<State>();
  else if (state_.use_count() > 1)
    state_ = std::make_shared<State>(*state_);
  return *state_;
}

}  // namespace lllm
