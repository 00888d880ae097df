#include "lllm/wires/json_writing.hpp"

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
  bool plain = true;
  for (const char c : base64) plain = plain && static_cast<signed char>(c) >= ' ' && c != '"' && c != '\\';
  if (plain) {
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
