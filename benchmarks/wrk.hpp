#pragma once

#include <string>

#include "benchmarks/nginx.hpp"

namespace bench {

/// What a load generator, or a client, did in a round.
struct Load {
  double requests = 0;
  double cpu_s = 0;
  double wall_s = 0;
  double chunks = 0;  ///< of streamed replies
  [[nodiscard]] double per_cpu_second() const { return requests / cpu_s; }
  [[nodiscard]] double per_second() const { return requests / wall_s; }
};

/// wrk on the client's core: `connections` kept connections that POST `body` to `path` as fast as they can.
Load run_wrk(const Nginx& server, bool tls, const std::string& path, const std::string& headers,
             const std::string& body, int connections, double seconds);

}  // namespace bench
