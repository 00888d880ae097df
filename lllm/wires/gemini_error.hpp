#pragma once

#include <string_view>

#include "lllm/base/error.hpp"

namespace lllm::gemini {

/// provider_error(), with Google's own word (`status`) as the type, and a wrong key as what it is.
Error google_error(int status, std::string_view body);

}  // namespace lllm::gemini
