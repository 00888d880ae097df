#pragma once

#include <functional>
#include <string_view>

namespace lllm {

enum class LogLevel { debug, info, warning, error };
std::string_view to_string(LogLevel level);

/// Where lllm's own messages go. The default writes warnings and errors to standard error, one line each.
/// Called from any thread, one call at a time; it must not throw and not call back into lllm.
using LogSink = std::function<void(LogLevel level, std::string_view component, std::string_view message)>;

/// Replaces the sink; an empty one silences lllm.
void set_log_sink(LogSink sink);
/// Messages below this level are dropped before they are built. Default: warning.
void set_log_level(LogLevel level);
[[nodiscard]] bool log_enabled(LogLevel level);

/// No secret may be passed here: see base/secret.hpp.
void log(LogLevel level, std::string_view component, std::string_view message);

}  // namespace lllm
