#include "lllm/base/error.hpp"

#include <array>
#include <new>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

namespace lllm {
namespace {

struct KindInfo {
  ErrorKind kind;
  std::string_view name;
  bool transient;
};

constexpr std::array kinds{
    KindInfo{ErrorKind::invalid_argument, "invalid_argument", false},
    KindInfo{ErrorKind::configuration, "configuration", false},
    KindInfo{ErrorKind::unknown_provider, "unknown_provider", false},
    KindInfo{ErrorKind::missing_variable, "missing_variable", false},
    KindInfo{ErrorKind::parse_failed, "parse_failed", false},
    KindInfo{ErrorKind::unsupported, "unsupported", false},
    KindInfo{ErrorKind::bad_ref, "bad_ref", false},
    KindInfo{ErrorKind::resource_not_found, "resource_not_found", false},
    KindInfo{ErrorKind::resource_type_mismatch, "resource_type_mismatch", false},
    KindInfo{ErrorKind::resource_conflict, "resource_conflict", false},
    KindInfo{ErrorKind::bad_resource, "bad_resource", false},
    KindInfo{ErrorKind::io_failed, "io_failed", false},
    KindInfo{ErrorKind::dns_failed, "dns_failed", true},
    KindInfo{ErrorKind::connect_failed, "connect_failed", true},
    KindInfo{ErrorKind::connect_timeout, "connect_timeout", true},
    KindInfo{ErrorKind::tls_failed, "tls_failed", true},
    KindInfo{ErrorKind::tls_untrusted, "tls_untrusted", false},
    KindInfo{ErrorKind::tls_timeout, "tls_timeout", true},
    KindInfo{ErrorKind::proxy_failed, "proxy_failed", false},
    KindInfo{ErrorKind::write_timeout, "write_timeout", true},
    KindInfo{ErrorKind::first_byte_timeout, "first_byte_timeout", true},
    KindInfo{ErrorKind::idle_timeout, "idle_timeout", true},
    KindInfo{ErrorKind::progress_timeout, "progress_timeout", true},
    KindInfo{ErrorKind::deadline_exceeded, "deadline_exceeded", false},
    KindInfo{ErrorKind::cancelled, "cancelled", false},
    KindInfo{ErrorKind::connection_lost, "connection_lost", true},
    KindInfo{ErrorKind::resource_exhausted, "resource_exhausted", false},
    KindInfo{ErrorKind::bad_http, "bad_http", false},
    KindInfo{ErrorKind::limit_exceeded, "limit_exceeded", false},
    KindInfo{ErrorKind::bad_reply, "bad_reply", false},
    KindInfo{ErrorKind::incomplete_reply, "incomplete_reply", true},
    KindInfo{ErrorKind::authentication, "authentication", false},
    KindInfo{ErrorKind::permission_denied, "permission_denied", false},
    KindInfo{ErrorKind::not_found, "not_found", false},
    KindInfo{ErrorKind::invalid_request, "invalid_request", false},
    KindInfo{ErrorKind::content_blocked, "content_blocked", false},
    KindInfo{ErrorKind::rate_limited, "rate_limited", true},
    KindInfo{ErrorKind::quota_exceeded, "quota_exceeded", false},
    KindInfo{ErrorKind::overloaded, "overloaded", true},
    KindInfo{ErrorKind::provider_error, "provider_error", true},
    KindInfo{ErrorKind::tool_failed, "tool_failed", false},
    KindInfo{ErrorKind::internal, "internal", false},
};

const KindInfo& info(ErrorKind kind) {
  return kinds.at(static_cast<std::size_t>(kind));
}

// A missing or shuffled row would misname every error after it.
static_assert([] {
  for (std::size_t i = 0; i < kinds.size(); ++i)
    if (static_cast<std::size_t>(kinds[i].kind) != i) return false;
  return kinds.size() == static_cast<std::size_t>(ErrorKind::internal) + 1;
}());

}  // namespace

std::string_view to_string(ErrorKind kind) {
  return info(kind).name;
}
bool is_transient(ErrorKind kind) {
  return info(kind).transient;
}

Error::Error(ErrorKind kind, std::string message) : fields_(std::make_shared<Fields>()) {
  fields_->kind = kind;
  fields_->message = std::move(message);
}

Error::Fields& Error::own() {
  if (fields_.use_count() > 1) fields_ = std::make_shared<Fields>(*fields_);
  return *fields_;
}

Error& Error::at(std::string file, int line, int column) {
  Fields& fields = own();
  fields.file = std::move(file);
  fields.line = line;
  fields.column = column;
  return *this;
}

std::string Error::to_string() const {
  const Fields& f = *fields_;
  std::string text;
  // A message about the file as a whole mostly names it: once is enough.
  const bool named = f.line == 0 && f.message.find("'" + f.file + "'") != std::string::npos;
  if (!f.file.empty() && !named) {
    text = f.file;
    if (f.line > 0) text += ':' + std::to_string(f.line);
    if (f.line > 0 && f.column > 0) text += ':' + std::to_string(f.column);
    text += ": ";
  }
  text += f.message;

  std::string known;
  const auto add = [&known](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    known += known.empty() ? " [" : ", ";
    known.append(name).append(" ").append(value);
  };
  add("provider", f.provider);
  add("model", f.model);
  if (f.status != 0) add("status", std::to_string(f.status));
  add("request", f.request_id);
  if (f.attempts > 1) add("attempts", std::to_string(f.attempts));
  if (!known.empty()) text += known + ']';
  return text;
}

Exception::Exception(Error error)
    : error_(std::move(error)), what_(std::make_shared<const std::string>(error_.to_string())) {}

void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw Exception(error);
}
void throw_error(Error error) {
  throw Exception(std::move(error));
}
void throw_error(ErrorKind kind, std::string message) {
  throw Exception(Error(kind, std::move(message)));
}

Error error_from(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Exception& e) {
    return e.error();
  } catch (const boost::system::system_error& e) {
    if (e.code() == boost::asio::error::operation_aborted)
      return Error(ErrorKind::cancelled, "the operation was cancelled").code(e.code());
    return Error(ErrorKind::internal, e.what()).code(e.code());
  } catch (const std::bad_alloc&) {
    return Error(ErrorKind::resource_exhausted, "out of memory");
  } catch (const std::exception& e) {
    return Error(ErrorKind::internal, e.what());
  } catch (...) {
    return Error(ErrorKind::internal, "an exception of an unknown type");
  }
}

}  // namespace lllm
