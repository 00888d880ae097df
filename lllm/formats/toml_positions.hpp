#pragma once

#include <string_view>
#include <vector>

#include "lllm/formats/document.hpp"

namespace lllm {

/// Where each element of the list at an RFC 6901 pointer begins, in one reading of the text: `locate` for
/// each of ten thousand elements would read it ten thousand times. Empty when there is no such list.
std::vector<TextPosition> locate_toml_elements(std::string_view text, std::string_view pointer);

}  // namespace lllm
