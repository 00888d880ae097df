#include "lllm/async/run.hpp"

#include <csignal>
#include <cstdio>
#include <exception>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "lllm/base/error.hpp"

namespace lllm {

int run(asio::awaitable<void> program) {
  asio::io_context context(1);
  asio::cancellation_signal cancel;
  asio::signal_set signals(context, SIGINT);
  bool interrupted = false;
  std::exception_ptr failure;
  // Once: the second Ctrl-C finds no handler of ours and ends the process.
  signals.async_wait([&](const boost::system::error_code& aborted, int) {
    if (aborted) return;
    interrupted = true;
    signals.clear();
    cancel.emit(asio::cancellation_type::terminal);
  });
  asio::co_spawn(context, std::move(program),
                 asio::bind_cancellation_slot(cancel.slot(), [&](const std::exception_ptr& thrown) {
                   failure = thrown;
                   signals.cancel();
                 }));
  context.run();
  if (!failure) return interrupted ? 130 : 0;
  const Error error = error_from(failure);
  if (interrupted && error.kind() == ErrorKind::cancelled) return 130;
  std::fprintf(stderr, "error: %s\n", error.to_string().c_str());
  return 1;
}

}  // namespace lllm
