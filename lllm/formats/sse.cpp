#include "lllm/formats/sse.hpp"

#include <algorithm>

#include "lllm/formats/bom.hpp"

namespace lllm {
namespace {

// A view that is not in its copy yet is put there.
void own(std::string_view& view, std::string& copy) {
  if (view.data() != copy.data()) copy.assign(view);
  view = copy;
}

}  // namespace

void SseParser::feed(std::string_view bytes) {
  lines_.feed(bytes);
}

void SseParser::own_views() {
  own(data_, data_copy_);
  own(type_, type_copy_);
}

void SseParser::reset_event() {
  has_data_ = false;
  data_ = {};
  type_ = {};
}

void SseParser::take_field(std::string_view line) {
  const auto value_after = [&](std::size_t name_size) {
    std::string_view value = line.substr(std::min(name_size + 1, line.size()));
    if (value.starts_with(' ')) value.remove_prefix(1);
    return value;
  };
  const auto is_field = [&](std::string_view name) {
    return line.starts_with(name) && (line.size() == name.size() || line[name.size()] == ':');
  };
  if (is_field("data")) {
    const auto value = value_after(4);
    if (!has_data_) {
      data_ = value;
      has_data_ = true;
    } else {
      own(data_, data_copy_);
      data_copy_ += '\n';
      data_copy_ += value;
      data_ = data_copy_;
    }
  } else if (is_field("event")) {
    type_ = value_after(5);
  }
  // Everything else is a comment, `id`, `retry` or unknown: nothing a reply is made of.
}

Error SseParser::too_large() const {
  return Error(ErrorKind::limit_exceeded,
               "an event of the stream is larger than " + std::to_string(limit_) + " bytes");
}

Result<bool> SseParser::next(StreamEvent& event) {
  if (dispatched_) {
    dispatched_ = false;
    reset_event();
  }
  std::string_view line;
  while (lines_.next(line)) {
    if (at_start_) {
      at_start_ = false;
      line = without_bom(line);
    }
    if (line.empty()) {
      if (!has_data_) {
        type_ = {};
        continue;
      }
      event = {type_, data_};
      dispatched_ = true;
      return true;
    }
    if (line.size() + data_.size() > limit_) return too_large();
    take_field(line);
    // A line that was put together from pieces lives only until the next one is asked for.
    if (lines_.line_is_copy()) own_views();
  }
  if (lines_.rest().size() + data_.size() > limit_) return too_large();
  own_views();
  return false;
}

}  // namespace lllm
