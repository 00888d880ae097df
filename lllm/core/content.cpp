#include "lllm/core/content.hpp"

#include "lllm/base/base64.hpp"
#include "lllm/base/text.hpp"

namespace lllm {
namespace {

void set_if(json::object& object, std::string_view key, const std::string& text) {
  if (!text.empty()) object[key] = json::string(text);
}

void set_if(json::object& object, std::string_view key, const std::optional<std::string>& text) {
  if (text) object[key] = json::string(*text);
}

std::optional<std::string> optional_text(const json::value& from, std::string_view key) {
  const auto* value = find(from, key);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(as_text(value));
}

MediaPart with_bytes(MediaKind kind, std::string_view mime, std::string base64) {
  MediaPart part(kind, std::string(mime));
  part.base64 = std::make_shared<const std::string>(std::move(base64));
  return part;
}

}  // namespace

std::string_view to_string(MediaKind kind) {
  switch (kind) {
    case MediaKind::image:
      return "image";
    case MediaKind::audio:
      return "audio";
    case MediaKind::video:
      return "video";
    case MediaKind::file:
      return "file";
  }
  return "file";
}

bool operator==(const MediaPart& a, const MediaPart& b) {
  return a.kind == b.kind && a.mime == b.mime && a.data() == b.data() && a.url == b.url &&
         a.file_id == b.file_id && a.name == b.name && a.detail == b.detail && a.cache_ttl == b.cache_ttl;
}

std::string_view sniff_media_type(std::string_view bytes) {
  const auto starts = [&](std::string_view magic) { return bytes.starts_with(magic); };
  const auto riff = [&](std::string_view form) {
    return starts("RIFF") && bytes.substr(0, 12).ends_with(form);
  };
  if (starts("\x89PNG\r\n\x1a\n")) return "image/png";
  if (starts("\xFF\xD8\xFF")) return "image/jpeg";
  if (starts("GIF87a") || starts("GIF89a")) return "image/gif";
  if (riff("WEBP")) return "image/webp";
  if (riff("WAVE")) return "audio/wav";
  if (starts("%PDF-")) return "application/pdf";
  if (starts("ID3") || starts("\xFF\xFB")) return "audio/mpeg";
  if (starts("OggS")) return "audio/ogg";
  if (starts("fLaC")) return "audio/flac";
  if (bytes.size() >= 12 && bytes.substr(4, 4) == "ftyp") return "video/mp4";
  return {};
}

Result<MediaPart> image_from_bytes(std::string_view bytes) {
  const auto mime = sniff_media_type(bytes);
  if (!mime.starts_with("image/"))
    return Error(ErrorKind::invalid_argument,
                 "not a PNG, JPEG, WebP or GIF image (" + std::to_string(bytes.size()) + " bytes)");
  return with_bytes(MediaKind::image, mime, base64_encode(bytes));
}

Result<MediaPart> image_from_base64(std::string_view base64) {
  if (base64.starts_with("data:")) {
    const auto comma = base64.find(',');
    if (comma == base64.npos) return Error(ErrorKind::invalid_argument, "a data: URL without its comma");
    base64.remove_prefix(comma + 1);
  }
  const auto bytes = base64_decode(base64);
  if (!bytes) return Error(ErrorKind::invalid_argument, "the image is " + bytes.error().message());
  return image_from_bytes(*bytes);
}

Result<MediaPart> media_from_url(MediaKind kind, std::string_view url) {
  if (!url.starts_with("data:")) {
    if (url.empty() || has_control_break(url))
      return Error(ErrorKind::invalid_argument, "not an address a provider could fetch");
    MediaPart part(kind, "");
    part.url = std::string(url);
    return part;
  }
  const auto comma = url.find(',');
  const auto head = url.substr(5, comma == url.npos ? 0 : comma - 5);
  if (comma == url.npos || !head.ends_with(";base64"))
    return Error(ErrorKind::invalid_argument, "a data: URL must hold base64");
  return with_bytes(kind, head.substr(0, head.find(';')), std::string(url.substr(comma + 1)));
}

json::value to_json_value(const ContentPart& part) {
  json::object object;
  if (const auto* text = std::get_if<TextPart>(&part)) {
    object["type"] = "text";
    object["text"] = json::string(text->text);
    set_if(object, "cache_ttl", text->cache_ttl);
  } else if (const auto* media = std::get_if<MediaPart>(&part)) {
    object["type"] = json::string(to_string(media->kind));
    set_if(object, "mime", media->mime);
    if (media->base64) object["base64"] = json::string(*media->base64);
    set_if(object, "url", media->url);
    set_if(object, "file_id", media->file_id);
    set_if(object, "name", media->name);
    set_if(object, "detail", media->detail);
    set_if(object, "cache_ttl", media->cache_ttl);
  } else if (const auto* reasoning = std::get_if<ReasoningPart>(&part)) {
    object["type"] = "reasoning";
    object["text"] = json::string(reasoning->text);
    set_if(object, "signature", reasoning->signature);
    set_if(object, "id", reasoning->id);
    if (reasoning->redacted) object["redacted"] = true;
  } else {
    object["type"] = "refusal";
    object["text"] = json::string(std::get<RefusalPart>(part).text);
  }
  return object;
}

Result<ContentPart> part_from_json(const json::value& value) {
  const std::string type(text_at(value, "type"));
  const auto text = [&](std::string_view key) { return std::string(text_at(value, key)); };
  if (type == "text") {
    TextPart part(text("text"));
    part.cache_ttl = optional_text(value, "cache_ttl");
    return ContentPart(std::move(part));
  }
  if (type == "reasoning") {
    ReasoningPart part(text("text"));
    part.signature = text("signature");
    part.id = text("id");
    part.redacted = as_boolean(find(value, "redacted")).value_or(false);
    return ContentPart(std::move(part));
  }
  if (type == "refusal") return ContentPart(RefusalPart(text("text")));
  for (const auto kind : {MediaKind::image, MediaKind::audio, MediaKind::video, MediaKind::file}) {
    if (type != to_string(kind)) continue;
    MediaPart part(kind, text("mime"));
    if (auto data = optional_text(value, "base64"))
      part.base64 = std::make_shared<const std::string>(std::move(*data));
    part.url = text("url");
    part.file_id = text("file_id");
    part.name = text("name");
    part.detail = text("detail");
    part.cache_ttl = optional_text(value, "cache_ttl");
    return ContentPart(std::move(part));
  }
  return Error(ErrorKind::parse_failed, "'" + type + "' is no kind of content part");
}

}  // namespace lllm
