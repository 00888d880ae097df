#pragma once

// Everything an application needs, in one include. Headers of single parts may be included instead.
#include "lllm/agent/agent.hpp"
#include "lllm/agent/make_agent.hpp"
#include "lllm/agent/run_tactic.hpp"
#include "lllm/async/run.hpp"
#include "lllm/base/error.hpp"
#include "lllm/core/call_options.hpp"
#include "lllm/core/dialog.hpp"
#include "lllm/core/prompt.hpp"
#include "lllm/core/tool.hpp"
#include "lllm/invokers/handlers.hpp"
#include "lllm/invokers/invoker.hpp"
#include "lllm/invokers/litellm_invoker.hpp"
#include "lllm/mcp/client.hpp"
#include "lllm/runtime/load.hpp"
#include "lllm/runtime/runtime.hpp"
#include "lllm/version.hpp"
