#include "benchmarks/wrk.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace bench {

Load run_wrk(const Nginx& server, bool tls, const std::string& path, const std::string& headers,
             const std::string& body, int connections, double seconds) {
  const auto script = server.folder() / "post.lua";
  std::ofstream(script)
      << "wrk.method = 'POST'\nwrk.body = [==[" << body << "]==]\n"
      << headers
      << "done = function(summary) io.write(string.format('%d %d %d\\n', summary.requests, "
         "summary.duration, summary.errors.status + summary.errors.read + summary.errors.timeout)) "
         "end\n";
  const auto whole_seconds = static_cast<int>(std::max(1.0, std::round(seconds)));
  Child wrk({"wrk", "-t1", "-c" + std::to_string(connections), "-d" + std::to_string(whole_seconds) + "s",
             "-s", script.string(), server.origin(tls) + path},
            client_core(), true);
  const auto end = wrk.wait();
  // The script's line is the last one.
  const auto at = end.output.rfind('\n', end.output.size() - 2);
  long requests = 0, microseconds = 0, errors = 0;
  if (std::sscanf(end.output.c_str() + (at == std::string::npos ? 0 : at + 1), "%ld %ld %ld", &requests,
                  &microseconds, &errors) != 3 ||
      errors > 0)
    throw std::runtime_error("wrk did not go well: " + end.output);
  return {static_cast<double>(requests), end.cpu_s, static_cast<double>(microseconds) * 1e-6, 0};
}

}  // namespace bench
