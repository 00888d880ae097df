#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"
#include "lllm/core/message.hpp"

namespace lllm {

/// One exchange with a provider, in a file: what belongs to a bug report, and what conformance tests are made
/// of. `lllm call --record` writes them, `lllm replay` reads them. Members of the file:
///
///     id, conversation, turn, wire, provider, streaming
///     request   {method, host, path, headers, body}
///     response  {status, headers, body (parsed JSON) | raw (text as it came) | raw_b64 (bytes)}
///     expect    what a client made of it; see described()
struct Recording {
  std::string id;
  std::string conversation;  ///< exchanges of one conversation share it …
  int turn = 0;              ///< … and stand in this order
  std::string wire;
  std::string provider;
  bool streaming = false;
  json::value request;  ///< null when it is not known
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  ///< of the answer
  std::string body;                                          ///< the bytes of the answer
  json::value expect;                                        ///< null when there is none
};

/// Reads a recording. `parse_failed` says what is missing or malformed.
Result<Recording> read_recording(std::string_view text);
json::object to_json_value(const Recording& recording);

/// What the decoders make of a recorded answer.
struct Replayed {
  Message message;             ///< what had come, when there is an error
  std::optional<Error> error;  ///< the provider's, or of a broken protocol
  std::size_t text_chunks = 0;
  json::value raw;  ///< InvokeResult::raw_response(), when there is no error
};

/// Runs the answer through framer and decoder; no sockets, no keys.
/// @param pieces  the lengths in which a stream's bytes are handed over; empty: at once.
/// `unsupported` when this build does not know the wire.
Result<Replayed> replay(const Recording& recording, const std::vector<std::size_t>& pieces = {});

/// What was made of an answer, as the `expect` of a recording has it: text, reasoning, refusal, tool_calls,
/// finish_reason, usage, signatures, citations, chunks (of streams), error.
json::object described(const Recording& recording, const Replayed& replayed);

}  // namespace lllm
