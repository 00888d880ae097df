#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"

namespace lllm {

/// Words of a message.
struct TextPart {
  TextPart() = default;
  explicit TextPart(std::string words) : text(std::move(words)) {}
  std::string text;
  /// Set: the provider may cache the prompt up to here ("5m", "1h", or "" for its default life).
  std::optional<std::string> cache_ttl;
  friend bool operator==(const TextPart&, const TextPart&) = default;
};

enum class MediaKind { image, audio, video, file };
std::string_view to_string(MediaKind kind);

/// A picture, sound or file: its bytes, or an address, or the provider's id of an upload; one of the three.
struct MediaPart {
  MediaPart() = default;
  MediaPart(MediaKind media_kind, std::string media_type) : kind(media_kind), mime(std::move(media_type)) {}

  MediaKind kind = MediaKind::image;
  std::string mime;                           ///< "image/png"; may be empty for an address
  std::shared_ptr<const std::string> base64;  ///< the bytes as every wire wants them; shared by copies
  std::string url;
  std::string file_id;
  std::string name;    ///< file name, where there is one
  std::string detail;  ///< OpenAI's hint: "low", "high", "auto"
  std::optional<std::string> cache_ttl;

  [[nodiscard]] std::string_view data() const {
    return base64 ? std::string_view(*base64) : std::string_view();
  }
  friend bool operator==(const MediaPart& a, const MediaPart& b);
};

/// What a model thought, with what the provider wants back unchanged to believe it.
struct ReasoningPart {
  ReasoningPart() = default;
  explicit ReasoningPart(std::string words) : text(std::move(words)) {}
  std::string text;
  std::string signature;  ///< Anthropic `signature`, Gemini `thoughtSignature`, Responses `encrypted_content`
  std::string id;         ///< the item's id, on wires that have one
  bool redacted = false;  ///< the text is withheld; `signature` holds the opaque data
  friend bool operator==(const ReasoningPart&, const ReasoningPart&) = default;
};

/// What a model said instead of answering.
struct RefusalPart {
  RefusalPart() = default;
  explicit RefusalPart(std::string words) : text(std::move(words)) {}
  std::string text;
  friend bool operator==(const RefusalPart&, const RefusalPart&) = default;
};

using ContentPart = std::variant<TextPart, MediaPart, ReasoningPart, RefusalPart>;

/// An image from its bytes: PNG, JPEG, WebP or GIF, recognised by content; anything else is
/// `invalid_argument`.
Result<MediaPart> image_from_bytes(std::string_view bytes);
/// The same from base64 text, with or without a `data:` prefix.
Result<MediaPart> image_from_base64(std::string_view base64);
/// Any media from a `data:` URL, or an address that the provider will fetch itself.
Result<MediaPart> media_from_url(MediaKind kind, std::string_view url);
/// The media type that the first bytes show ("image/png", "application/pdf", "audio/wav", …), or empty.
std::string_view sniff_media_type(std::string_view bytes);

json::value to_json_value(const ContentPart& part);
Result<ContentPart> part_from_json(const json::value& value);

}  // namespace lllm
