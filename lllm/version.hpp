#pragma once

/// The version of these headers, as in meson.build.
#define LLLM_VERSION "0.1.0"
