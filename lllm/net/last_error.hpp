#pragma once

#include <cerrno>

#include <boost/system/error_code.hpp>

namespace lllm {

/// What the system call just before has left in errno.
inline boost::system::error_code last_error() {
  return {errno, boost::system::system_category()};
}

}  // namespace lllm
