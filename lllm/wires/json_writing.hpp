#pragma once

#include <string>
#include <string_view>

#include "lllm/base/json.hpp"
#include "lllm/core/content.hpp"

// Pieces of request bodies that several wires write. All append to `out`.
namespace lllm {

/// `,"key":"text"`. The key is one of ours and needs no escapes.
void append_member(std::string& out, std::string_view key, std::string_view text);

/// `,"key":value`
void append_member(std::string& out, std::string_view key, const json::value& value);

/// What stands between the quotes of a JSON string that holds base64. Images are large and base64 needs no
/// escapes, so it is copied as it is; what a caller calls base64 and is not is escaped, since a quote in it
/// would end the string and begin members of its own.
void append_base64(std::string& out, std::string_view base64);

/// `"data:image/png;base64,…"`, with the quotes.
void append_data_url(std::string& out, const MediaPart& media,
                     std::string_view default_mime = "application/octet-stream");

}  // namespace lllm
