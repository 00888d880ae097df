#include "lllm/formats/aws_frames.hpp"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include "lllm/base/json.hpp"
#include "lllm/formats/crc32.hpp"

namespace lllm {
namespace {

constexpr std::size_t prelude_size = 12;  // both lengths and their checksum
constexpr std::size_t checksum_size = 4;

std::uint32_t big_endian(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < count; ++i) number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  return number;
}

void append_big_endian(std::string& out, std::uint32_t number, std::size_t count) {
  while (count-- > 0) out += static_cast<char>(number >> (8 * count) & 0xFF);
}

struct Header {
  std::string_view name;
  std::string_view value;  ///< of strings and bytes; empty for the other types
};

// Takes one header off the front; false when it is malformed.
bool take_header(std::string_view& rest, Header& header) {
  const auto take = [&](std::size_t count, std::string_view& into) {
    if (rest.size() < count) return false;
    into = rest.substr(0, count);
    rest.remove_prefix(count);
    return true;
  };
  std::string_view size;
  if (!take(1, size) || !take(big_endian(size, 0, 1), header.name)) return false;
  std::string_view type;
  if (!take(1, type)) return false;
  header.value = {};
  std::string_view fixed;
  switch (type[0]) {
    case 0:  // true
    case 1:  // false
      return true;
    case 2:
      return take(1, fixed);
    case 3:
      return take(2, fixed);
    case 4:
      return take(4, fixed);
    case 5:  // long
    case 8:  // timestamp
      return take(8, fixed);
    case 9:  // uuid
      return take(16, fixed);
    case 6:  // bytes
    case 7:  // string
      return take(2, size) && take(big_endian(size, 0, 2), header.value);
    default:
      return false;
  }
}

void append_frame(std::string& out, std::initializer_list<Header> headers, std::string_view payload) {
  std::string block;
  for (const auto& [name, value] : headers) {
    block += static_cast<char>(name.size());
    block += name;
    block += '\x07';
    append_big_endian(block, static_cast<std::uint32_t>(value.size()), 2);
    block += value;
  }
  const std::size_t start = out.size();
  const std::size_t total = prelude_size + block.size() + payload.size() + checksum_size;
  append_big_endian(out, static_cast<std::uint32_t>(total), 4);
  append_big_endian(out, static_cast<std::uint32_t>(block.size()), 4);
  append_big_endian(out, crc32_of(std::string_view(out).substr(start)), 4);
  out += block;
  out += payload;
  append_big_endian(out, crc32_of(std::string_view(out).substr(start)), 4);
}

}  // namespace

Error AwsFrameParser::broken(const char* why) {
  broken_ = true;
  return {ErrorKind::bad_reply, std::string("AWS event stream: ") + why};
}

// Brings pending_ up to `size` bytes; false when the input has too few.
bool AwsFrameParser::fill(std::size_t size) {
  const std::size_t wanted = std::min(input_.size(), size - std::min(size, pending_.size()));
  pending_.append(input_.substr(0, wanted));
  input_.remove_prefix(wanted);
  return pending_.size() >= size;
}

Result<bool> AwsFrameParser::next(StreamEvent& event) {
  if (broken_) return broken("nothing can follow a broken frame");
  if (std::exchange(handed_out_, false)) pending_.clear();
  const auto more = [&]() -> Result<bool> {
    if (!ended_ || pending_.empty()) return false;
    broken_ = true;
    return Error(ErrorKind::incomplete_reply, "AWS event stream: the body ended inside a frame");
  };

  std::string_view prelude = input_;
  if (!pending_.empty() || input_.size() < prelude_size) {
    if (!fill(prelude_size)) return more();
    prelude = pending_;
  }
  // The prelude has a checksum of its own, so that nobody waits for the bytes of a broken length.
  const std::uint32_t lengths_checksum = crc32_of(prelude.substr(0, 8));
  if (big_endian(prelude, 8, 4) != lengths_checksum)
    return broken("the checksum of a frame's lengths is wrong");
  const std::size_t total = big_endian(prelude, 0, 4);
  if (total < prelude_size + checksum_size ||
      big_endian(prelude, 4, 4) > total - prelude_size - checksum_size)
    return broken("a frame's lengths contradict each other");
  if (total > limit_) {
    broken_ = true;
    return Error(ErrorKind::limit_exceeded, "AWS event stream: a frame of " + std::to_string(total) +
                                                " bytes; the limit is " + std::to_string(limit_));
  }

  std::string_view frame;
  if (pending_.empty() && input_.size() >= total) {
    frame = input_.substr(0, total);
    input_.remove_prefix(total);
  } else {
    if (!fill(total)) return more();
    frame = pending_;
    handed_out_ = true;
  }
  const std::size_t end = frame.size() - checksum_size;
  if (big_endian(frame, end, 4) != crc32_of(frame.substr(8, end - 8), lengths_checksum))
    return broken("the checksum of a frame is wrong");
  if (auto done = read(frame, event); !done) return done.error();
  return true;
}

Result<> AwsFrameParser::read(std::string_view frame, StreamEvent& event) {
  const std::size_t headers_size = big_endian(frame, 4, 4);
  const std::string_view headers = frame.substr(prelude_size, headers_size);
  const std::size_t start = prelude_size + headers_size;
  event.data = frame.substr(start, frame.size() - checksum_size - start);
  // Most events have the headers of the one before.
  if (!headers.empty() && headers == last_headers_) {
    event.type = last_type_;
    return {};
  }

  std::string_view message_type, event_type, exception_type, code, words;
  std::string_view rest = headers;
  while (!rest.empty()) {
    Header header;
    if (!take_header(rest, header)) return broken("a frame's headers are malformed");
    if (header.name == ":message-type") message_type = header.value;
    if (header.name == ":event-type") event_type = header.value;
    if (header.name == ":exception-type") exception_type = header.value;
    if (header.name == ":error-code") code = header.value;
    if (header.name == ":error-message") words = header.value;
  }
  event.type = message_type == "exception" ? exception_type : event_type;
  if (message_type == "error") {
    error_data_ = "{\"code\":";
    append_json_string(error_data_, code);
    error_data_ += ",\"message\":";
    append_json_string(error_data_, words);
    error_data_ += '}';
    event.type = "error";
    event.data = error_data_;
    return {};
  }
  last_headers_ = headers;
  last_type_ = event.type;
  return {};
}

void append_aws_event(std::string& out, std::string_view event_type, std::string_view json_payload) {
  append_frame(
      out, {{":event-type", event_type}, {":content-type", "application/json"}, {":message-type", "event"}},
      json_payload);
}

void append_aws_exception(std::string& out, std::string_view exception_type, std::string_view json_payload) {
  append_frame(out,
               {{":exception-type", exception_type},
                {":content-type", "application/json"},
                {":message-type", "exception"}},
               json_payload);
}

}  // namespace lllm
