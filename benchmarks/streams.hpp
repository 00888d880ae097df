#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lllm/core/call_options.hpp"

namespace bench {

/// A provider's streamed answer, as bytes: what the fake provider says when it speaks that wire.
struct WireStream {
  std::string wire;   ///< "anthropic"
  std::string model;  ///< "anthropic/claude-haiku-4-5"
  lllm::ApiType api_type = lllm::ApiType::completion;
  std::string path;  ///< behind the base URL, without a query
  std::string content_type;
  std::string body;
};

/// One answer of `words` words, one event each, on every wire. Made once, so that a server can give it out
/// unchanged.
std::vector<WireStream> record_streams(std::size_t words);

}  // namespace bench
