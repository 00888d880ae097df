#pragma once

#include <string_view>

#include "lllm/base/json.hpp"

namespace lllm {

/// Events of a stream that its decoder does not know: they change nothing, and the raw answer has them all
/// the same, under "unknown_events", in the order they came.
class UnknownEvents {
 public:
  /// @param type  as the wire names the event, empty where it names none: added as "type" where `data` has
  /// none.
  void keep(std::string_view type, std::string_view data);
  void add_to(json::object& reply) const;

 private:
  json::array events_;
};

}  // namespace lllm
