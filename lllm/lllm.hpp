#pragma once

// Everything an application needs, in one include. Headers of single parts may be included instead.
#include "lllm/base/error.hpp"
#include "lllm/version.hpp"
