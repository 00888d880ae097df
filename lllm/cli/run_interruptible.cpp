#include "lllm/cli/run_interruptible.hpp"

#include <unistd.h>

#include <csignal>
#include <exception>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>

#include "lllm/base/error.hpp"

namespace lllm::cli {

bool run_interruptible(asio::io_context& context, asio::awaitable<void> operation) {
  asio::cancellation_signal cancel;
  asio::signal_set signals(context, SIGINT);
  bool interrupted = false;
  bool done = false;
  std::exception_ptr failure;

  std::function<void()> listen = [&] {
    signals.async_wait([&](const boost::system::error_code& aborted, int) {
      if (aborted) return;
      if (interrupted) ::_exit(130);
      interrupted = true;
      cancel.emit(asio::cancellation_type::terminal);
      listen();
    });
  };
  listen();
  asio::co_spawn(context, std::move(operation),
                 asio::bind_cancellation_slot(cancel.slot(), [&](const std::exception_ptr& thrown) {
                   failure = thrown;
                   done = true;
                   signals.cancel();
                 }));
  context.restart();
  while (!done && context.run_one() > 0) {
  }
  context.poll();  // the cancelled signal wait, before `signals` goes

  if (failure) {
    if (interrupted && error_from(failure).kind() == ErrorKind::cancelled) return false;
    std::rethrow_exception(failure);
  }
  return !interrupted;
}

}  // namespace lllm::cli
