#include "lllm/wires/json_writing.hpp"

#include "lllm/base/json_plain_run.hpp"

namespace lllm {

void append_member(std::string& out, std::string_view key, std::string_view text) {
  out += ",\"";
  out += key;
  out += "\":";
  append_json_string(out, text);
}

void append_member(std::string& out, std::string_view key, const json::value& value) {
  out += ',';
  append_json_string(out, key);
  out += ':';
  append_json(out, value);
}

void append_base64(std::string& out, std::string_view base64) {
  const char* const end = base64.data() + base64.size();
  bool ascii = true;
  if (end_of_plain_run(base64.data(), end, ascii) == end && ascii) {
    out += base64;
    return;
  }
  std::string quoted;
  append_json_string(quoted, base64);
  out.append(quoted, 1, quoted.size() - 2);
}

void append_data_url(std::string& out, const MediaPart& media, std::string_view default_mime) {
  append_json_string(out,
                     "data:" + (media.mime.empty() ? std::string(default_mime) : media.mime) + ";base64,");
  out.pop_back();  // the string goes on
  append_base64(out, media.data());
  out += '"';
}

}  // namespace lllm
