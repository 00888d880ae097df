#pragma once

#include <string>
#include <string_view>

namespace lllm {

/// SHA-256 (FIPS 180-4): 32 raw bytes, and as 64 lower-case hex digits.
std::string sha256(std::string_view bytes);
std::string sha256_hex(std::string_view bytes);
/// HMAC-SHA-256 (RFC 2104), 32 raw bytes.
std::string hmac_sha256(std::string_view key, std::string_view bytes);
std::string to_hex(std::string_view bytes);

/// `count` random bytes as hex digits: ids of dialogs and tool calls.
std::string random_hex(std::size_t count);

}  // namespace lllm
