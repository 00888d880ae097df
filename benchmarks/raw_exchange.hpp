#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace bench {

/// The least that any Asio program pays for a call: it writes the bytes of the request and reads until the
/// answer's last ones are there. One thread, kept connections.
class RawExchanger {
 public:
  explicit RawExchanger(std::uint16_t port);
  ~RawExchanger();
  RawExchanger(const RawExchanger&) = delete;
  RawExchanger& operator=(const RawExchanger&) = delete;

  /// Makes `count` exchanges, one after the other. @returns  what each took, in microseconds.
  std::vector<double> run_count(int count);
  /// Begins `count` exchanges, `rate` a second, whether those before are done or not.
  std::vector<double> run_arrivals(int rate, int count);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bench
