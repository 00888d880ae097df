#include "lllm/formats/inflate.hpp"

#include <zlib.h>

#include <algorithm>
#include <new>
#include <string>

#include "lllm/base/text.hpp"

namespace lllm {

struct Inflater::Stream {
  z_stream z{};
  std::size_t left = 0;  // of the limit
  std::size_t limit = 0;
  unsigned char first = 0;
  bool started = false;  // any byte came
  bool decided = false;  // which of the formats it is
  bool ended = false;

  explicit Stream(std::size_t most) : left(most), limit(most) {
    if (inflateInit2(&z, 15 + 32) != Z_OK) throw std::bad_alloc();  // 32: gzip or zlib, by their headers
  }
  ~Stream() { inflateEnd(&z); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  Result<std::size_t> run(const char* in, std::size_t size, std::size_t& used, char* out, std::size_t room) {
    constexpr std::size_t most_at_once = 1 << 30;
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in));
    z.avail_in = static_cast<uInt>(std::min(size, most_at_once));
    z.next_out = reinterpret_cast<Bytef*>(out);
    z.avail_out = static_cast<uInt>(std::min(room, most_at_once));
    const auto in_before = z.avail_in;
    const auto out_before = z.avail_out;
    const int status = inflate(&z, Z_NO_FLUSH);
    used = in_before - z.avail_in;
    if (status == Z_STREAM_END)
      ended = true;
    else if (status != Z_OK && status != Z_BUF_ERROR &&
             z.avail_out == out_before)  // else: what is good comes first
      return Error(ErrorKind::bad_http, "HTTP: a body that is not packed as its Content-Encoding says");
    return std::size_t{out_before - z.avail_out};
  }
};

bool Inflater::knows(std::string_view coding) {
  return iequals(coding, "gzip") || iequals(coding, "x-gzip") || iequals(coding, "deflate");
}

Inflater::Inflater(std::size_t limit) : stream_(std::make_unique<Stream>(limit)) {}
Inflater::~Inflater() = default;

bool Inflater::complete() const {
  return stream_->ended || !stream_->started;
}

Result<std::size_t> Inflater::read(std::string_view& input, char* out, std::size_t room) {
  Stream& s = *stream_;
  while (!input.empty()) {
    if (s.ended) {  // gzip members may follow one another
      inflateReset(&s.z);
      s.ended = false;
    }
    std::size_t used = 0;
    if (!s.decided) {
      // "deflate" should have a zlib header and often has none: two bytes tell.
      if (!s.started) {
        s.started = true;
        s.first = static_cast<unsigned char>(input.front());
        input.remove_prefix(1);
        continue;
      }
      s.decided = true;
      const unsigned header = s.first * 256U + static_cast<unsigned char>(input.front());
      const bool is_gzip = header == 0x1f8b;
      const bool is_zlib = (s.first & 0x0fU) == 8 && header % 31 == 0;
      if (!is_gzip && !is_zlib) inflateReset2(&s.z, -15);
      const char first = static_cast<char>(s.first);
      if (const auto begun = s.run(&first, 1, used, out, room); !begun) return begun.error();
    }
    // One byte more than the limit allows is asked for: if it comes, the limit is passed.
    const auto got = s.run(input.data(), input.size(), used, out, std::min(room, s.left + 1));
    if (!got) return got.error();
    input.remove_prefix(used);
    if (*got > s.left)
      return Error(ErrorKind::limit_exceeded,
                   "HTTP: a packed body that unpacks to more than " + std::to_string(s.limit) + " bytes");
    s.left -= *got;
    if (*got > 0) return *got;
    if (used == 0 && !s.ended) break;
  }
  // Input may be used up while output is still inside.
  if (s.decided && !s.ended) {
    std::size_t used = 0;
    const auto got = s.run(nullptr, 0, used, out, std::min(room, s.left + 1));
    if (!got) return got.error();
    if (*got > s.left)
      return Error(ErrorKind::limit_exceeded,
                   "HTTP: a packed body that unpacks to more than " + std::to_string(s.limit) + " bytes");
    s.left -= *got;
    return *got;
  }
  return std::size_t{0};
}

}  // namespace lllm
