#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include "lllm/base/error.hpp"

namespace lllm {

namespace json = boost::json;

/// Deepest nesting accepted from outside; a provider's real answers stay below 30.
inline constexpr std::size_t max_json_depth = 256;

/// Parses one JSON value (RFC 8259). `parse_failed` names the offset; nesting past `max_json_depth` is
/// `limit_exceeded`. Duplicate keys: the last wins, as every provider's own SDK has it.
Result<json::value> parse_json(std::string_view text);

// Tolerant reading of what providers send: a missing key, a null and a value of another type all read as
// "not there", because any of them may appear in any field on any day.

/// The value at `key`, or null when `value` is no object or has no such key.
const json::value* find(const json::value& value, std::string_view key);
const json::value* find(const json::object& object, std::string_view key);
/// The value at an RFC 6901 pointer ("/choices/0/delta"), or null.
const json::value* find_at(const json::value& value, std::string_view pointer);
const json::value* find_at(const json::object& object, std::string_view pointer) = delete;

/// A view into `value`; empty when it is not a string.
std::string_view as_text(const json::value* value);
std::string_view text_at(const json::value& value, std::string_view key);
/// Integers, and floats with an integral meaning (some providers count in floats), clamped to int64.
std::optional<std::int64_t> as_integer(const json::value* value);
std::optional<std::int64_t> integer_at(const json::value& value, std::string_view key);
std::optional<double> as_number(const json::value* value);
std::optional<bool> as_boolean(const json::value* value);
// The same of an object. (Without these an object would become a temporary value, and a pointer into it
// dangle.)
std::string_view text_at(const json::object& object, std::string_view key);
std::optional<std::int64_t> integer_at(const json::object& object, std::string_view key);
const json::array* array_at(const json::object& object, std::string_view key);
const json::object* object_at(const json::object& object, std::string_view key);
/// Null when it is not an array / object.
const json::array* as_array(const json::value* value);
const json::object* as_object(const json::value* value);
const json::array* array_at(const json::value& value, std::string_view key);
const json::object* object_at(const json::value& value, std::string_view key);

/// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD: no provider
/// accepts them, and a prompt must not fail for one bad byte.
void append_json_string(std::string& out, std::string_view text);
/// Appends compact JSON.
void append_json(std::string& out, const json::value& value);
std::string to_json(const json::value& value);
/// Indented by two spaces, for people.
std::string to_pretty_json(const json::value& value);

/// `overlay` onto `base`: objects merge key by key, everything else replaces.
void deep_merge(json::value& base, const json::value& overlay);

}  // namespace lllm
