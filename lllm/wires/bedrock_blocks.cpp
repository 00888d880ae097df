#include "lllm/wires/bedrock_blocks.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "lllm/base/json.hpp"
#include "lllm/base/text.hpp"
#include "lllm/wires/bedrock.hpp"
#include "lllm/wires/json_writing.hpp"
#include "lllm/wires/model_args.hpp"

namespace lllm::bedrock {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;
constexpr std::array<Pair, 12> document_formats = {{
    {"application/pdf", "pdf"},
    {"text/csv", "csv"},
    {"application/msword", "doc"},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"},
    {"application/vnd.ms-excel", "xls"},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"},
    {"text/html", "html"},
    {"text/markdown", "md"},
    {"text/x-markdown", "md"},
    {"text/plain", "txt"},
    {"application/json", "txt"},
    {"text/xml", "txt"},
}};
constexpr std::array<Pair, 5> image_formats = {{
    {"image/png", "png"},
    {"image/jpeg", "jpeg"},
    {"image/jpg", "jpeg"},
    {"image/gif", "gif"},
    {"image/webp", "webp"},
}};
constexpr std::array<Pair, 8> video_formats = {{
    {"video/mp4", "mp4"},
    {"video/quicktime", "mov"},
    {"video/x-matroska", "mkv"},
    {"video/webm", "webm"},
    {"video/x-flv", "flv"},
    {"video/mpeg", "mpeg"},
    {"video/x-ms-wmv", "wmv"},
    {"video/3gpp", "three_gp"},
}};

template <std::size_t N>
std::string_view format_of(const std::array<Pair, N>& formats, std::string_view mime) {
  for (const auto& [type, format] : formats)
    if (type == mime) return format;
  return {};
}

// By the end of an address, for what has no media type.
std::string_view extension(std::string_view url) {
  const auto dot = url.rfind('.');
  return dot == url.npos ? std::string_view() : url.substr(dot + 1);
}

std::optional<std::string> mark_of(const ContentPart& part) {
  if (const auto* text = std::get_if<TextPart>(&part)) return text->cache_ttl;
  if (const auto* media = std::get_if<MediaPart>(&part)) return media->cache_ttl;
  return std::nullopt;
}

}  // namespace

Maker maker_of(std::string_view model) {
  const auto says = [model](std::string_view part) { return model.find(part) != model.npos; };
  if (says("claude")) return Maker::anthropic;
  if (says("amazon.nova")) return Maker::nova;
  constexpr std::array<std::string_view, 14> others = {
      "ai21.",    "amazon.titan", "cohere.", "deepseek.", "google.", "meta.", "minimax.",
      "mistral.", "moonshot",     "nvidia.", "openai.",   "qwen.",   "zai.",  "writer."};
  // An application's inference profile ("arn:aws:bedrock:…/k3x9…") does not tell.
  return std::any_of(others.begin(), others.end(), says) ? Maker::other : Maker::unknown;
}

bool Blocks::takes_thoughts_of(const Message& message) const {
  if (message.model.empty()) return true;
  const Maker theirs = maker_of(message.model);
  return maker_ == theirs || maker_ == Maker::unknown || theirs == Maker::unknown;
}

void Blocks::cache_point(const bool& first, const std::optional<std::string>& ttl) {
  if (!ttl || first) return;           // there is something to cache
  if (maker_ == Maker::other) return;  // refused: "Prompt caching", supported models
  out_ += ",{\"cachePoint\":{\"type\":\"default\"";
  if (!ttl->empty()) {
    out_ += ",\"ttl\":";
    string(*ttl);
  }
  out_ += "}}";
}

void Blocks::text(bool& first, std::string_view words) {
  if (trim(words).empty()) return;  // refused by the API
  next(first);
  out_ += "{\"text\":";
  string(words);
  out_ += '}';
}

Result<> Blocks::tool_result(bool& first, const Message& message) {
  if (message.tool_call_id.empty()) return result_without_call(message);
  next(first);
  out_ += "{\"toolResult\":{\"toolUseId\":";
  string(portable_call_id(message.tool_call_id));
  out_ += ",\"content\":[";
  bool first_part = true;
  std::optional<std::string> mark;
  for (const auto& part : message.parts) {
    if (auto done = this->part(first_part, part); !done) return done;
    if (auto own = mark_of(part)) mark = std::move(own);
  }
  out_ += message.is_error ? R"(],"status":"error"}})" : R"(],"status":"success"}})";
  cache_point(first, mark);  // not allowed inside
  return {};
}

Result<> Blocks::user_part(bool& first, const ContentPart& part) {
  if (auto done = this->part(first, part); !done) return done;
  cache_point(first, mark_of(part));
  return {};
}

Result<> Blocks::part(bool& first, const ContentPart& part) {
  if (const auto* words = std::get_if<TextPart>(&part)) {
    text(first, words->text);
  } else if (const auto* refusal = std::get_if<RefusalPart>(&part)) {
    text(first, refusal->text);
  } else if (const auto* shown = std::get_if<MediaPart>(&part)) {
    return media(first, *shown);
  }
  return {};
}

Result<> Blocks::media(bool& first, const MediaPart& media) {
  const bool stored = media.url.starts_with("s3://");
  if (!media.base64 && !stored)
    return Error(ErrorKind::unsupported,
                 "bedrock-converse takes media as bytes or from s3://, not from other addresses or uploads");
  std::string_view format, member;
  if (media.kind == MediaKind::image) {
    member = "image";
    format = format_of(image_formats, media.mime);
  } else if (media.kind == MediaKind::video) {
    member = "video";
    format = format_of(video_formats, media.mime);
  } else if (media.kind == MediaKind::file) {
    member = "document";
    format = format_of(document_formats, media.mime);
  }
  if (format.empty() && media.mime.empty()) format = extension(stored ? media.url : media.name);
  if (format == "jpg") format = "jpeg";
  if (member.empty() || format.empty())
    return Error(ErrorKind::unsupported, "bedrock-converse takes no " + std::string(to_string(media.kind)) +
                                             (media.mime.empty() ? "" : " of type " + media.mime));
  next(first);
  out_ += "{\"";
  out_ += member;
  out_ += "\":{\"format\":";
  string(format);
  if (member == "document") {
    out_ += ",\"name\":";
    string(document_name(media.name));
  }
  out_ += stored ? ",\"source\":{\"s3Location\":{\"uri\":" : ",\"source\":{\"bytes\":";
  if (stored) {
    string(media.url);
    out_ += '}';
  } else {
    out_ += '"';
    append_base64(out_, media.data());
    out_ += '"';
  }
  out_ += "}}}";
  return {};
}

// Letters, digits, single spaces, hyphens, parentheses and brackets only, and each name once.
std::string Blocks::document_name(std::string_view given) {
  std::string name;
  for (const char c : given.substr(0, given.rfind('.'))) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '(' || c == ')' || c == '[' || c == ']';
    if (plain)
      name += c;
    else if (!name.empty() && name.back() != ' ')
      name += ' ';
  }
  name = std::string(trim(name).substr(0, 150));
  ++documents_;
  if (name.empty()) return "Document " + std::to_string(documents_);
  if (!document_names_.insert(name).second) name += " (" + std::to_string(documents_) + ")";
  return name;
}

void Blocks::reply(bool& first, const Message& message, bool last) {
  const auto& state = message.wire_state;
  const bool thoughts = takes_thoughts_of(message);
  if (state && state->wire == wire_name && state->content.is_array()) {
    for (const auto& block : state->content.get_array()) {
      if (!thoughts && find(block, "reasoningContent") != nullptr) continue;
      next(first);
      append_json(out_, block);
    }
    return;
  }
  for (const auto& part : message.parts) {
    if (const auto* words = std::get_if<TextPart>(&part)) {
      text(first, reply_words(message, *words, last));
      cache_point(first, words->cache_ttl);
    } else if (const auto* refusal = std::get_if<RefusalPart>(&part)) {
      text(first, refusal->text);
    } else if (const auto* thought = std::get_if<ReasoningPart>(&part);
               thought != nullptr && !thought->signature.empty() && !state && thoughts) {
      next(first);
      if (thought->redacted) {
        out_ += R"({"reasoningContent":{"redactedContent":)";
        string(thought->signature);
        out_ += "}}";
      } else {
        out_ += R"({"reasoningContent":{"reasoningText":{"text":)";
        string(thought->text);
        out_ += ",\"signature\":";
        string(thought->signature);
        out_ += "}}}";
      }
    }
  }
  for (const auto& call : message.tool_calls) {
    next(first);
    out_ += "{\"toolUse\":{\"toolUseId\":";
    string(portable_call_id(call.id));
    out_ += ",\"name\":";
    string(call.name);
    out_ += ",\"input\":";
    append_arguments(out_, call);
    out_ += "}}";
  }
}

}  // namespace lllm::bedrock
