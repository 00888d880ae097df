#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/strand.hpp>

namespace lllm {

namespace asio = boost::asio;

/// A strand for what lives as long as its context, which it does not keep running.
///
/// On an io_context's own executor it fits into any_io_executor, which otherwise copies it onto the heap
/// where it may not throw: for lack of memory the process would end.
inline asio::any_io_executor strand_on(const asio::any_io_executor& executor) {
  constexpr auto untracked = asio::execution::outstanding_work.untracked;
  if (const auto* own = executor.target<asio::io_context::executor_type>())
    return asio::make_strand(asio::prefer(*own, untracked));
  return asio::make_strand(asio::prefer(executor, untracked));
}

}  // namespace lllm
