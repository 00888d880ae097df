#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lllm/wires/codec.hpp"
#include "lllm/wires/recording.hpp"

namespace lllm::test {

using lllm::Recording;
/// What a decoder made of a recording, before it is compared.
using Outcome = lllm::Replayed;

Recording load_recording(const std::filesystem::path& file);
/// Every recording below `folder`, in the order of their paths.
std::vector<std::filesystem::path> recording_files(const std::filesystem::path& folder);

/// One line per field that differs; empty: as expected.
std::vector<std::string> differences(const Recording& recording, const Outcome& outcome);

/// Files for which `expect` is argued to be wrong: id → why.
std::vector<std::pair<std::string, std::string>> load_deviations(const std::filesystem::path& file);

}  // namespace lllm::test
