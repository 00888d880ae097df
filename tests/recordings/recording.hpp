#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lllm/base/json.hpp"
#include "lllm/core/invoke_result.hpp"
#include "lllm/wires/codec.hpp"

namespace lllm::test {

/// One recorded exchange. The format is described in the README beside the recordings.
struct Recording {
  std::filesystem::path file;
  std::string id;
  std::string conversation;
  int turn = 0;
  std::string wire;
  std::string provider;
  bool streaming = false;
  json::value request;
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  ///< the bytes of the answer
  json::value expect;
};

Recording load_recording(const std::filesystem::path& file);
/// Every recording below `folder`, in the order of their paths.
std::vector<std::filesystem::path> recording_files(const std::filesystem::path& folder);

/// What a decoder made of a recording, before it is compared.
struct Outcome {
  Message message;
  std::optional<Error> error;
  std::size_t text_chunks = 0;
  json::value raw;  ///< raw_response(), when there was no error
};

/// `outcome` in the form of `expect`.
json::object described(const Recording& recording, const Outcome& outcome);

/// One line per field that differs; empty: as expected.
std::vector<std::string> differences(const Recording& recording, const Outcome& outcome);

/// Files for which `expect` is argued to be wrong: id → why.
std::vector<std::pair<std::string, std::string>> load_deviations(const std::filesystem::path& file);

}  // namespace lllm::test
