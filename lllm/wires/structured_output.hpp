#pragma once

#include <optional>
#include <string>

#include "lllm/base/json.hpp"

namespace lllm {

/// The schema as strict modes want it: every object closed, every member required. Empty when that would
/// change what the schema means (open objects, members that may be absent but not null).
std::optional<json::object> strict_schema(const json::object& schema);

/// The name under which a schema is sent: its title, else "answer"; sanitised.
std::string schema_name(const json::object& schema);

/// Appends a tool's parameters where the wire insists on the schema of an object: one that names no type is
/// given it.
void append_parameters(std::string& out, const json::object& schema);

}  // namespace lllm
