#include "lllm/wires/anthropic_blocks.hpp"

#include "lllm/base/base64.hpp"
#include "lllm/base/json.hpp"
#include "lllm/base/text.hpp"
#include "lllm/wires/anthropic.hpp"
#include "lllm/wires/json_writing.hpp"
#include "lllm/wires/model_args.hpp"

namespace lllm::anthropic {
namespace {

constexpr std::size_t max_cache_marks = 4;  // per request; the API refuses a fifth

template <class Part>
bool has_mark(const Part& part) {
  if constexpr (requires { part.cache_ttl; })
    return part.cache_ttl.has_value();
  else
    return false;
}

}  // namespace

Blocks::Blocks(std::string& out, const Dialog& dialog) : TurnBlocks(out) {
  // The newest marks are worth most: each covers everything before it.
  std::size_t marks = 0;
  for (const auto& message : dialog.messages())
    for (const auto& part : message->parts)
      marks += std::visit([](const auto& p) { return has_mark(p) ? 1U : 0U; }, part);
  marks_to_skip_ = marks > max_cache_marks ? marks - max_cache_marks : 0;
}

void Blocks::cache_mark(const std::optional<std::string>& ttl) {
  if (!ttl) return;
  if (marks_to_skip_ > 0) {
    --marks_to_skip_;
    return;
  }
  out_ += ",\"cache_control\":{\"type\":\"ephemeral\"";
  if (!ttl->empty()) {
    out_ += ",\"ttl\":";
    string(*ttl);
  }
  out_ += '}';
}

void Blocks::text(bool& first, std::string_view words, const std::optional<std::string>& cache_ttl) {
  if (trim(words).empty()) return;  // refused by the API
  next(first);
  out_ += "{\"type\":\"text\",\"text\":";
  string(words);
  cache_mark(cache_ttl);
  out_ += '}';
}

Result<> Blocks::tool_result(bool& first, const Message& message) {
  if (message.tool_call_id.empty()) return result_without_call(message);
  next(first);
  out_ += "{\"type\":\"tool_result\",\"tool_use_id\":";
  string(portable_call_id(message.tool_call_id));
  if (message.is_error) out_ += ",\"is_error\":true";
  const std::size_t start = out_.size();
  out_ += ",\"content\":[";
  bool first_part = true;
  for (const auto& part : message.parts)
    if (auto done = user_part(first_part, part); !done) return done;
  if (first_part)
    out_.resize(start);
  else
    out_ += ']';
  out_ += '}';
  return {};
}

Result<> Blocks::user_part(bool& first, const ContentPart& part) {
  if (const auto* words = std::get_if<TextPart>(&part)) {
    text(first, words->text, words->cache_ttl);
  } else if (const auto* shown = std::get_if<MediaPart>(&part)) {
    return media(first, *shown);
  } else if (const auto* refusal = std::get_if<RefusalPart>(&part)) {
    text(first, refusal->text);
  }
  return {};
}

Result<> Blocks::media(bool& first, const MediaPart& media) {
  const auto cannot = [&] {
    return Error(ErrorKind::unsupported, "anthropic-messages takes no " + std::string(to_string(media.kind)) +
                                             (media.mime.empty() ? std::string() : " of type " + media.mime) +
                                             " in a message");
  };
  if (media.kind == MediaKind::audio || media.kind == MediaKind::video) return cannot();
  const bool image = media.kind == MediaKind::image;
  const bool plain = media.mime.starts_with("text/") || media.mime == "application/json";
  std::string words;
  if (!image && media.base64 && media.mime != "application/pdf") {
    if (!plain) return cannot();
    auto decoded = base64_decode(media.data());
    if (!decoded) return Error(ErrorKind::invalid_argument, "the file is " + decoded.error().message());
    words = std::move(*decoded);
  }
  next(first);
  out_ +=
      image ? "{\"type\":\"image\",\"source\":{\"type\":" : "{\"type\":\"document\",\"source\":{\"type\":";
  if (!media.base64) {
    const bool uploaded = media.url.empty();
    names_upload_ = names_upload_ || uploaded;
    out_ += uploaded ? "\"file\",\"file_id\":" : "\"url\",\"url\":";
    string(uploaded ? media.file_id : media.url);
  } else if (image || media.mime == "application/pdf") {
    out_ += "\"base64\",\"media_type\":";
    string(media.mime.empty() ? "image/png" : media.mime);
    out_ += ",\"data\":\"";
    append_base64(out_, media.data());
    out_ += '"';
  } else {
    out_ += "\"text\",\"media_type\":\"text/plain\",\"data\":";
    string(words);
  }
  out_ += '}';
  if (!image && !media.name.empty()) {
    out_ += ",\"title\":";
    string(media.name);
  }
  cache_mark(media.cache_ttl);
  out_ += '}';
  return {};
}

void Blocks::reply(bool& first, const Message& message, bool last) {
  const auto& state = message.wire_state;
  if (state && state->wire == wire_name && state->content.is_array())
    for (const auto& block : state->content.get_array()) {
      next(first);
      append_json(out_, block);
    }
  else
    reply_parts(first, message, last);
}

void Blocks::reply_parts(bool& first, const Message& message, bool last) {
  for (const auto& part : message.parts) {
    if (const auto* words = std::get_if<TextPart>(&part)) {
      text(first, reply_words(message, *words, last), words->cache_ttl);
    } else if (const auto* refusal = std::get_if<RefusalPart>(&part)) {
      text(first, refusal->text);
    } else if (const auto* thought = std::get_if<ReasoningPart>(&part)) {
      // Only what Anthropic signed: another wire's thoughts would be refused.
      if (thought->signature.empty() || message.wire_state) continue;
      next(first);
      if (thought->redacted) {
        out_ += "{\"type\":\"redacted_thinking\",\"data\":";
      } else {
        out_ += "{\"type\":\"thinking\",\"thinking\":";
        string(thought->text);
        out_ += ",\"signature\":";
      }
      string(thought->signature);
      out_ += '}';
    }
  }
  for (const auto& call : message.tool_calls) {
    next(first);
    out_ += "{\"type\":\"tool_use\",\"id\":";
    string(portable_call_id(call.id));
    out_ += ",\"name\":";
    string(call.name);
    out_ += ",\"input\":";
    append_arguments(out_, call);
    out_ += '}';
  }
}

}  // namespace lllm::anthropic
