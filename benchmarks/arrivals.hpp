#pragma once

#include <functional>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace bench {

using OneCall = std::function<boost::asio::awaitable<void>()>;

/// Makes `count` calls, one after the other, and notes how long each took, in microseconds.
boost::asio::awaitable<void> one_after_the_other(OneCall call, int count, std::vector<double>& micros);

/// Begins `count` calls, `rate` a second, whether those before are done or not, and waits for all. A call's
/// time counts from the moment when it was due. Rethrows the first failure.
boost::asio::awaitable<void> arrivals(OneCall call, int rate, int count, std::vector<double>& micros);

}  // namespace bench
