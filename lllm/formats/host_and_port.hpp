#pragma once

#include <cstdint>
#include <string>

namespace lllm {

/// "host:port", with the brackets that an IPv6 address needs there.
std::string host_and_port(const std::string& host, std::uint16_t port);

}  // namespace lllm
