#include "lllm/net/http_exchange.hpp"

#include <exception>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/system/system_error.hpp>

#include "lllm/base/error.hpp"
#include "lllm/base/text.hpp"
#include "lllm/net/connection.hpp"
#include "lllm/net/http_exchange_state.hpp"

namespace lllm {
namespace {

constexpr auto as_values = asio::as_tuple(asio::deferred);

}  // namespace

void throw_exchange_failure(const boost::system::system_error& failure) {
  if (failure.code() == asio::error::operation_aborted)
    throw_error(ErrorKind::cancelled, "the call was cancelled");
  throw_error(error_from(std::current_exception()));
}

bool HttpExchange::State::head_in_hand() {
  Connection& connection = *lease.connection();
  while (!reader.head_complete()) {
    if (connection.data().empty()) {
      if (!connection.ended()) return false;
      const auto whole = reader.end_of_input();
      // Many servers that are spoken to without TLS hang up without a word.
      const char* hint =
          reader.started() || timings.reused || connection.is_tls() ? "" : "; does it want https://?";
      throw_error(
          Error(whole.error().kind(), whole.error().message() + " (" + connection.peer() + ')' + hint));
    }
    const auto used = reader.read_head(connection.data());
    if (!used)
      throw_error(Error(used.error().kind(), used.error().message() + " (" + connection.peer() + ')'));
    connection.consume(*used);
  }
  return true;
}

void HttpExchange::State::unpack() {
  auto& headers = reader.head().headers;
  const auto coding = trim(headers.get("content-encoding"));
  if (coding.empty() || iequals(coding, "identity") || reader.complete()) return;
  if (!Inflater::knows(coding)) {
    unreadable = std::make_unique<const Error>(
        ErrorKind::bad_http,
        "HTTP: the Content-Encoding '" + excerpt(coding, 40) + "', which was not asked for");
    return;
  }
  inflater = std::make_unique<Inflater>(max_decoded_body);
  unpacked.reset(new char[unpacked_size]);
  headers.remove("content-encoding");
  headers.remove("content-length");
}

std::string_view HttpExchange::State::unpack_some() {
  const auto size = inflater->read(packed, unpacked.get(), unpacked_size);
  if (!size) throw_error(size.error());
  return {unpacked.get(), *size};
}

HttpExchange::HttpExchange(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpExchange::HttpExchange() = default;
HttpExchange::HttpExchange(HttpExchange&&) noexcept = default;
HttpExchange& HttpExchange::operator=(HttpExchange&&) noexcept = default;
HttpExchange::~HttpExchange() = default;

HttpExchange::State::~State() {
  if (lease.connection() != nullptr && reader.complete()) finish();
}

const HttpResponseHead& HttpExchange::head() const {
  return state_->reader.head();
}
const HttpTimings& HttpExchange::timings() const {
  return state_->timings;
}

void HttpExchange::State::finish() {
  finished = true;
  Connection& connection = *lease.connection();
  // Bytes behind the answer are no answer to anything: such a connection is not trusted with another call.
  const bool keep = reusable && reader.keep_alive() && connection.data().empty() && !connection.ended() &&
                    !connection.failure();
  if (keep)
    lease.give_back();
  else
    lease = {};
}

namespace {

/// A connection whose exchange failed is closed at once, not when its owner gets round to it.
class DropOnFailure {
 public:
  explicit DropOnFailure(ConnectionPool::Lease& lease) : lease_(lease) {}
  ~DropOnFailure() {
    if (std::uncaught_exceptions() > before_) lease_ = {};
  }
  DropOnFailure(const DropOnFailure&) = delete;
  DropOnFailure& operator=(const DropOnFailure&) = delete;

 private:
  ConnectionPool::Lease& lease_;
  int before_ = std::uncaught_exceptions();
};

}  // namespace

asio::awaitable<std::string_view> HttpExchange::read_some() {
  State& state = *state_;
  if (state.finished) co_return std::string_view();
  if (state.lease.connection() == nullptr)
    throw_error(ErrorKind::connection_lost, "the exchange has already failed");
  const DropOnFailure guard(state.lease);
  if (state.unreadable) throw_error(*state.unreadable);
  Connection& connection = *state.lease.connection();
  try {
    while (true) {
      if (state.inflater) {
        const auto part = state.unpack_some();
        if (!part.empty()) co_return part;
      }
      if (state.reader.complete()) break;
      if (!connection.data().empty()) {
        const auto part = state.reader.read_body(connection.bytes(), connection.data().size());
        if (!part) throw_error(part.error());
        connection.consume(part->consumed);
        if (state.inflater)
          state.packed = part->data;
        else if (!part->data.empty())
          co_return part->data;
        continue;
      }
      if (connection.ended()) {
        // Only a proper end may end a body that has no other (a TLS peer signs it).
        if (!connection.ended_cleanly() &&
            state.reader.body().framing() == HttpBodyReader::Framing::until_close)
          throw_error(ErrorKind::connection_lost,
                      "the connection to " + connection.peer() + " was cut in the body");
        const auto whole = state.reader.end_of_input();
        if (!whole)
          throw_error(Error(whole.error().kind(), whole.error().message() + " (" + connection.peer() + ')'));
        break;
      }
      connection.allow(state.idle, ErrorKind::idle_timeout);
      if (connection.must_wait()) {
        auto arrival = connection.arrival(as_values);
        const auto [failure] = co_await std::move(arrival);
        connection.arrived(failure);
      }
      connection.receive();
    }
  } catch (const boost::system::system_error& failure) {
    throw_exchange_failure(failure);
  }
  const bool cut_short = state.inflater && !state.inflater->complete();
  if (cut_short) throw_error(ErrorKind::bad_http, "HTTP: a packed body that ends before its data do");
  state.finish();
  co_return std::string_view();
}

std::string_view HttpExchange::whole_body(std::size_t limit) {
  State& state = *state_;
  if (state.finished || state.inflater || state.unreadable || state.lease.connection() == nullptr) return {};
  Connection& connection = *state.lease.connection();
  const auto remaining = state.reader.body().remaining();
  if (!remaining || *remaining == 0 || *remaining > limit || connection.data().size() < *remaining) return {};
  const auto part = state.reader.read_body(connection.bytes(), connection.data().size());
  if (!part) throw_error(part.error());
  connection.consume(part->consumed);
  return part->data;
}

asio::awaitable<std::string> HttpExchange::read_all(std::size_t limit) {
  std::string body;
  constexpr std::size_t most_reserved = 1024 * 1024;  // a Content-Length is only a claim
  if (const auto known = state_->reader.body().remaining())
    body.reserve(std::min({static_cast<std::size_t>(*known), limit, most_reserved}));
  while (true) {
    const std::string_view part = co_await read_some();
    if (part.empty()) co_return body;
    if (part.size() > limit - body.size())
      throw_error(ErrorKind::limit_exceeded, "the answer is longer than " + std::to_string(limit) + " bytes");
    body += part;
  }
}

}  // namespace lllm
