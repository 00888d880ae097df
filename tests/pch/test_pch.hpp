// What nearly every test pulls in, parsed once.
#ifndef LLLM_TEST_PCH_HPP
#define LLLM_TEST_PCH_HPP  // not "pragma once": g++ warns about it in a precompiled header
#include <doctest/doctest.h>

#include "lllm/pch/pch.hpp"
#endif
