#include "lllm/formats/http_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "lllm/base/text.hpp"
#include "lllm/formats/http_chars.hpp"

namespace lllm {
namespace {

Error bad_http(std::string why) {
  return Error(ErrorKind::bad_http, "HTTP: " + std::move(why));
}
Error over_limit(std::string what) {
  return Error(ErrorKind::limit_exceeded, "HTTP: " + std::move(what));
}

/// What the fields say about the message's framing.
struct Framing {
  std::optional<std::uint64_t> length;
  bool has_transfer_encoding = false;
  bool has_coding = false;    // any transfer coding but identity
  bool chunked_only = false;  // and it is chunked, once
  bool close = false;
  bool keep_alive = false;
  bool expects_continue = false;
};

/// Calls `visit` with every item of a comma-separated list.
template <class Visit>
void for_each_item(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    visit(trim(list.substr(0, comma)));
    list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
  }
}

Result<void> note_length(Framing& framing, std::string_view value) {
  if (value.empty()) return bad_http("an empty Content-Length");
  Result<void> outcome;
  for_each_item(value, [&](std::string_view item) {
    std::uint64_t length = 0;
    const auto [end, failure] = std::from_chars(item.data(), item.data() + item.size(), length);
    if (item.empty() || failure != std::errc() || end != item.data() + item.size())
      outcome = bad_http("a Content-Length that is no number in range");
    else if (framing.length && *framing.length != length)
      outcome = bad_http("two Content-Lengths that differ");
    else
      framing.length = length;
  });
  return outcome;
}

Result<void> note_field(Framing& framing, std::string_view name, std::string_view value) {
  switch (name.size()) {  // nearly every field is told apart by its length
    case 6:
      if (iequals(name, "expect") && iequals(value, "100-continue")) framing.expects_continue = true;
      break;
    case 10:
      if (iequals(name, "connection"))
        for_each_item(value, [&](std::string_view item) {
          if (iequals(item, "close")) framing.close = true;
          if (iequals(item, "keep-alive")) framing.keep_alive = true;
        });
      break;
    case 14:
      if (iequals(name, "content-length")) return note_length(framing, value);
      break;
    case 17:
      if (iequals(name, "transfer-encoding")) {
        framing.has_transfer_encoding = true;
        for_each_item(value, [&](std::string_view item) {
          if (iequals(item, "identity") || item.empty()) return;
          // Twice chunked, or anything behind or before it, is a coding that we do not undo.
          framing.chunked_only = iequals(item, "chunked") && !framing.has_coding;
          framing.has_coding = true;
        });
      }
      break;
    default:
      break;
  }
  return {};
}

/// The next line without its CRLF, and removes it from `text`; a bare LF or CR is an error.
Result<std::string_view> take_line(std::string_view& text) {
  const auto end = text.find('\n');
  if (end == text.npos || end == 0 || text[end - 1] != '\r')
    return bad_http("a line that does not end in CRLF");
  const auto line = text.substr(0, end - 1);
  text.remove_prefix(end + 1);
  return line;
}

/// Why the line that begins `text` is no header field.
Error bad_field(std::string_view text) {
  const auto line = take_line(text);
  if (!line) return line.error();
  const auto colon = line->find(':');
  if (colon == line->npos) return bad_http("a header line without a colon");
  if (!is_http_token(line->substr(0, colon)))
    return bad_http("a header name that is no token");  // also a folded line
  return bad_http("a control character in a header");
}

/// @param text  ends with an empty line.
Result<Framing> parse_fields(std::string_view text, HttpHeaders& headers, const HttpLimits& limits) {
  constexpr std::size_t usual_fields = 8;
  Framing framing;
  headers.reserve(usual_fields, 0);
  headers.hold(text);
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto offset = [begin](const char* at) { return static_cast<std::size_t>(at - begin); };
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  for (const char* line = begin; end - line >= 2 && (line[0] != '\r' || line[1] != '\n');) {
    if (headers.size() == limits.header_lines)
      return over_limit("more than " + std::to_string(limits.header_lines) + " header lines");
    const char* const colon = std::find_if_not(line, end, is_http_token_char);
    if (colon == line || colon == end || *colon != ':') return bad_field(text.substr(offset(line)));
    const char* value = std::find_if_not(colon + 1, end, is_blank);
    const char* const stop = std::find_if(value, end, is_http_control);
    if (end - stop < 2 || stop[0] != '\r' || stop[1] != '\n') return bad_field(text.substr(offset(line)));
    const char* value_end = stop;
    while (value_end > value && is_blank(value_end[-1])) --value_end;
    const std::string_view name(line, static_cast<std::size_t>(colon - line));
    const std::string_view content(value, static_cast<std::size_t>(value_end - value));
    headers.add_held(offset(line), name.size(), offset(value), content.size());
    if (const auto noted = note_field(framing, name, content); !noted) return noted.error();
    line = stop + 2;
  }
  if (framing.has_transfer_encoding && framing.length)
    return bad_http("both Content-Length and Transfer-Encoding");
  return framing;
}

/// Finds the end of a head that may come in pieces. `pending` gathers them; a head that is whole in `bytes`
/// is not copied. Returns the head, and how much of `bytes` it took; an empty head: more is needed.
struct FoundHead {
  std::string_view head;
  std::size_t consumed = 0;
};
Result<FoundHead> find_head(std::string& pending, std::string_view bytes, std::size_t limit) {
  constexpr std::string_view end_mark = "\r\n\r\n";
  const auto too_long = [limit] {
    return over_limit("a head of more than " + std::to_string(limit) + " bytes");
  };
  if (pending.empty()) {
    const auto end = bytes.find(end_mark);
    if (end != bytes.npos && end + 4 > limit) return too_long();
    if (end != bytes.npos) return FoundHead{bytes.substr(0, end + 4), end + 4};
    if (bytes.size() > limit) return too_long();
    pending = bytes;
    return FoundHead{{}, bytes.size()};
  }
  const auto before = pending.size();
  pending += bytes.substr(0, limit + 4 - std::min(before, limit));
  const auto end = pending.find(end_mark, before < 3 ? 0 : before - 3);
  if (end == pending.npos) {
    if (pending.size() > limit) return too_long();
    return FoundHead{{}, bytes.size()};
  }
  if (end + 4 > limit) return too_long();
  return FoundHead{std::string_view(pending).substr(0, end + 4), end + 4 - before};
}

}  // namespace

HttpBodyReader::HttpBodyReader(Framing framing, std::uint64_t length, std::size_t chunk_line_limit)
    : framing_(framing),
      complete_(framing == Framing::none || (framing == Framing::length && length == 0)),
      line_limit_(static_cast<std::uint32_t>(chunk_line_limit)),
      remaining_(framing == Framing::length ? length : 0) {}

std::optional<std::uint64_t> HttpBodyReader::remaining() const {
  if (complete_) return 0;
  if (framing_ == Framing::length) return remaining_;
  return std::nullopt;
}

Result<HttpBodyPart> HttpBodyReader::read(char* bytes, std::size_t size) {
  if (complete_) return HttpBodyPart{};
  if (framing_ == Framing::chunked) return read_chunked(bytes, size);
  std::size_t taken = size;
  if (framing_ == Framing::length) {
    taken = static_cast<std::size_t>(std::min<std::uint64_t>(size, remaining_));
    remaining_ -= taken;
    complete_ = remaining_ == 0;
  }
  received_ += taken;
  return HttpBodyPart{std::string_view(bytes, taken), taken};
}

Result<HttpBodyPart> HttpBodyReader::read_chunked(char* bytes, std::size_t size) {
  char* start = nullptr;  // where this read's body bytes are gathered
  std::size_t gathered = 0;
  std::size_t at = 0;
  while (at < size && !complete_) {
    if (state_ != State::data) {
      if (const auto stepped = step(bytes[at]); !stepped) {
        // What came before the fault is good, however it was cut on its way: the fault is met again by the
        // next read.
        if (gathered > 0) break;
        return stepped.error();
      }
      ++at;
      continue;
    }
    const auto run = static_cast<std::size_t>(std::min<std::uint64_t>(size - at, remaining_));
    if (start == nullptr) start = bytes + at;
    if (start + gathered != bytes + at) std::memmove(start + gathered, bytes + at, run);
    gathered += run;
    at += run;
    remaining_ -= run;
    if (remaining_ == 0) state_ = State::data_cr;
  }
  received_ += gathered;
  return HttpBodyPart{std::string_view(start, gathered), at};
}

Result<void> HttpBodyReader::step(char c) {
  switch (state_) {
    case State::size: {
      const char lower = ascii_lower(c);
      const bool is_digit = c >= '0' && c <= '9';
      if (is_digit || (lower >= 'a' && lower <= 'f')) {
        if (remaining_ >> 60 != 0) return bad_http("a chunk size out of range");
        if (++line_bytes_ > line_limit_) return over_limit("a chunk size line that is too long");
        remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(is_digit ? c - '0' : lower - 'a' + 10);
        has_digit_ = true;
        return {};
      }
      if (!has_digit_) return bad_http("a chunk size that is no hexadecimal number");
      if (c == '\r') return state_ = State::size_lf, Result<void>();
      if (c == ';' || c == ' ' || c == '\t') return state_ = State::extension, Result<void>();
      return bad_http("a chunk size that is no hexadecimal number");
    }
    case State::extension:
      if (c == '\r') return state_ = State::size_lf, Result<void>();
      if (c == '\n') return bad_http("a chunk size line that does not end in CRLF");
      if (++line_bytes_ > line_limit_) return over_limit("a chunk extension that is too long");
      return {};
    case State::size_lf:
      if (c != '\n') return bad_http("a chunk size line that does not end in CRLF");
      state_ = remaining_ == 0 ? State::trailer_start : State::data;
      line_bytes_ = 0;
      has_digit_ = false;
      return {};
    case State::data_cr:
      if (c != '\r') return bad_http("a chunk longer than its size");
      return state_ = State::data_lf, Result<void>();
    case State::data_lf:
      if (c != '\n') return bad_http("a chunk longer than its size");
      return state_ = State::size, Result<void>();
    case State::trailer_start:
      if (c == '\r') return state_ = State::final_lf, Result<void>();
      [[fallthrough]];
    case State::trailer:
      if (c == '\n') return bad_http("a trailer that does not end in CRLF");
      if (++line_bytes_ > line_limit_) return over_limit("trailers that are too long");
      state_ = c == '\r' ? State::trailer_lf : State::trailer;
      return {};
    case State::trailer_lf:
      if (c != '\n') return bad_http("a trailer that does not end in CRLF");
      return state_ = State::trailer_start, Result<void>();
    case State::final_lf:
      if (c != '\n') return bad_http("a last chunk that does not end in CRLF");
      complete_ = true;
      return {};
    case State::data:
      break;  // read_chunked takes whole runs
  }
  return {};
}

Result<void> HttpBodyReader::end_of_input() {
  if (complete_) return {};
  if (framing_ == Framing::until_close) return complete_ = true, Result<void>();
  std::string message = "the connection ended " + std::to_string(received_) + " bytes into the body";
  if (framing_ == Framing::length)
    message += ", of " + std::to_string(received_ + remaining_);
  else
    message += ", before the last chunk";
  return Error(ErrorKind::connection_lost, std::move(message));
}

HttpResponseReader::HttpResponseReader(std::string_view method, HttpLimits limits)
    : limits_(limits), is_head_request_(method == "HEAD") {}

Result<std::size_t> HttpResponseReader::read_head(std::string_view bytes) {
  std::size_t consumed = 0;
  while (!head_complete_ && consumed < bytes.size()) {
    started_ = true;
    // Garbage is refused at once, not when its sender tires of it.
    constexpr std::string_view version = "HTTP/1.";
    if (pending_.size() < version.size()) {
      const auto fresh = bytes.substr(consumed, version.size() - pending_.size());
      if (fresh != version.substr(pending_.size(), fresh.size())) {
        constexpr char tls_alert = 0x15;
        const bool is_tls = pending_.empty() && fresh.front() == tls_alert;
        return bad_http(is_tls ? "the server speaks TLS on this port: the URL should begin with https://"
                               : "the answer does not begin with HTTP/1.x");
      }
    }
    const auto found = find_head(pending_, bytes.substr(consumed), limits_.head_bytes);
    if (!found) return found.error();
    consumed += found->consumed;
    if (found->head.empty()) break;
    if (const auto parsed = parse_head(found->head); !parsed) return parsed.error();
    pending_.clear();
  }
  if (head_complete_) pending_.shrink_to_fit();
  return consumed;
}

Result<void> HttpResponseReader::parse_head(std::string_view head) {
  const auto line = take_line(head);
  if (!line) return line.error();
  // "HTTP/1.1 200 OK"; the phrase, and even the space before it, may be missing.
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (line->size() < 12 || !is_digit((*line)[7]) || (*line)[8] != ' ' ||
      !std::all_of(line->begin() + 9, line->begin() + 12, is_digit) ||
      (line->size() > 12 && (*line)[12] != ' ') || has_http_control(*line))
    return bad_http("a malformed status line");
  const int status = ((*line)[9] - '0') * 100 + ((*line)[10] - '0') * 10 + ((*line)[11] - '0');
  if (status < 100) return bad_http("a status below 100");
  head_.status = status;
  head_.headers.clear();
  const auto framing = parse_fields(head, head_.headers, limits_);
  if (!framing) return framing.error();

  if (status < 200) {
    if (status == 101) return bad_http("an unasked 101 Switching Protocols");
    if (++informational_ > limits_.informational)
      return over_limit("more than " + std::to_string(limits_.informational) + " informational answers");
    return {};
  }
  head_.reason = line->size() > 13 ? line->substr(13) : std::string_view();
  const bool is_http10 = (*line)[7] == '0';
  keep_alive_ = !framing->close && (!is_http10 || framing->keep_alive);
  using Body = HttpBodyReader::Framing;
  if (is_head_request_ || status == 204 || status == 304) {
    body_ = HttpBodyReader(Body::none);
  } else if (framing->has_transfer_encoding) {
    if (is_http10 || !framing->chunked_only) return bad_http("a Transfer-Encoding that is not chunked");
    body_ = HttpBodyReader(Body::chunked, 0, limits_.chunk_line_bytes);
  } else if (framing->length) {
    body_ = HttpBodyReader(Body::length, *framing->length);
  } else {
    body_ = HttpBodyReader(Body::until_close);
    keep_alive_ = false;
  }
  head_complete_ = true;
  return {};
}

Result<void> HttpResponseReader::end_of_input() {
  if (head_complete_) return body_.end_of_input();
  return Error(ErrorKind::connection_lost, started_ ? "the connection ended inside the answer's head"
                                                    : "the connection ended before an answer came");
}

Result<std::size_t> HttpRequestReader::read_head(std::string_view bytes) {
  if (bytes.empty()) return std::size_t{0};
  started_ = true;
  // Refused at once: who speaks TLS to this port would wait for an answer, and never send the end of a head.
  if (pending_.empty() && !is_http_token(bytes.substr(0, 1))) return bad_http("a request without a method");
  const auto found = find_head(pending_, bytes, limits_.head_bytes);
  if (!found) return found.error();
  if (found->head.empty()) return found->consumed;
  const auto consumed = found->consumed;
  if (const auto parsed = parse_head(found->head); !parsed) return parsed.error();
  pending_ = {};
  return consumed;
}

Result<void> HttpRequestReader::parse_head(std::string_view head) {
  const auto line = take_line(head);
  if (!line) return line.error();
  const auto first = line->find(' ');
  const auto last = line->rfind(' ');
  if (first == line->npos || last == first || has_http_control(*line))
    return bad_http("a malformed request line");
  const auto version = line->substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return bad_http("a version that is not HTTP/1.x");
  head_.method = line->substr(0, first);
  head_.target = line->substr(first + 1, last - first - 1);
  if (!is_http_token(head_.method) || head_.target.empty() || head_.target.find(' ') != std::string::npos)
    return bad_http("a malformed request line");
  const auto framing = parse_fields(head, head_.headers, limits_);
  if (!framing) return framing.error();
  keep_alive_ = !framing->close && (version == "HTTP/1.1" || framing->keep_alive);
  expects_continue_ = framing->expects_continue;
  using Body = HttpBodyReader::Framing;
  if (framing->has_transfer_encoding && !framing->chunked_only)
    return bad_http("a Transfer-Encoding that is not chunked");
  if (framing->has_transfer_encoding)
    body_ = HttpBodyReader(Body::chunked, 0, limits_.chunk_line_bytes);
  else
    body_ = HttpBodyReader(framing->length ? Body::length : Body::none, framing->length.value_or(0));
  head_complete_ = true;
  return {};
}

}  // namespace lllm
