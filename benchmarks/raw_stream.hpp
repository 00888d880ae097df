#pragma once

#include <cstdint>

#include "benchmarks/wrk.hpp"

namespace bench {

/// The limit for streams: sockets on one Asio loop that read and count the ends of events, and look at
/// nothing else. `in_flight` connections make one request each. @throws std::runtime_error when an answer is
/// cut short.
Load read_raw_streams(std::uint16_t port, int in_flight);

}  // namespace bench
