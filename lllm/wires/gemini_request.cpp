#include "lllm/wires/gemini_request.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "lllm/base/json_reader.hpp"
#include "lllm/base/text.hpp"
#include "lllm/core/prompt.hpp"
#include "lllm/wires/gemini_config.hpp"
#include "lllm/wires/json_writing.hpp"
#include "lllm/wires/model_args.hpp"

namespace lllm::gemini {
namespace {

// What Google says to send where a function call of another model's making has no thought signature: base64
// of "skip_thought_signature_validator".
constexpr std::string_view no_signature = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";

bool is_object_text(std::string_view text) {
  TextArena arena;
  JsonReader in(text, arena);
  return in.object([&](std::string_view) { in.skip(); }) && in.finish().has_value();
}

/// The JSON text where an object must stand; words that are none become an object around them.
void append_object(std::string& out, std::string_view text, std::string_view wrapper) {
  if (trim(text).empty() || trim(text) == "null") {
    out += "{}";
  } else if (is_object_text(text)) {
    out += text;
  } else {
    out += "{\"";
    out += wrapper;
    out += "\":";
    append_json_string(out, text);
    out += '}';
  }
}

std::string_view mime_of_url(std::string_view url) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 14> endings{{
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".jpeg", "image/jpeg"},
      {".webp", "image/webp"},
      {".gif", "image/gif"},
      {".heic", "image/heic"},
      {".pdf", "application/pdf"},
      {".txt", "text/plain"},
      {".mp3", "audio/mpeg"},
      {".wav", "audio/wav"},
      {".ogg", "audio/ogg"},
      {".flac", "audio/flac"},
      {".mp4", "video/mp4"},
      {".webm", "video/webm"},
  }};
  url = url.substr(0, url.find_first_of("?#"));
  const std::string lower = to_lower(url);
  for (const auto& [ending, mime] : endings)
    if (lower.ends_with(ending)) return mime;
  return {};
}

void append_media(std::string& out, const MediaPart& media) {
  const auto member = [&out](std::string_view name, std::string_view text) {
    out += '"';
    out += name;
    out += "\":";
    append_json_string(out, text);
  };
  if (media.base64) {
    out += R"({"inlineData":{)";
    member("mimeType", media.mime.empty() ? std::string_view("application/octet-stream") : media.mime);
    out += R"(,"data":")";
    append_base64(out, media.data());
    out += "\"}}";
    return;
  }
  const std::string& address = media.url.empty() ? media.file_id : media.url;
  const std::string_view mime = media.mime.empty() ? mime_of_url(address) : std::string_view(media.mime);
  out += R"({"fileData":{)";
  member("fileUri", address);
  if (!mime.empty()) {
    out += ',';
    member("mimeType", mime);
  }
  out += "}}";
}

/// Writes `contents`, and keeps the words of system messages for `systemInstruction`.
class Contents {
 public:
  Contents(std::string& out, int generation) : out_(out), generation_(generation) {}

  Result<> append(const Message& message);
  void close();
  /// Parts, comma-separated; empty when the dialog has no system message.
  [[nodiscard]] const std::string& system() const { return system_; }
  [[nodiscard]] bool empty() const { return empty_; }

 private:
  void open(std::string_view role);
  void begin_part() {
    if (!first_part_) out_ += ',';
    first_part_ = false;
  }
  void append_text(std::string_view text);
  void append_words_and_media(const Message& message);
  void append_assistant(const Message& message);
  Result<> append_tool_result(const Message& message);

  std::string& out_;
  int generation_;
  std::string system_;
  std::map<std::string_view, const ToolCall*> calls_;
  bool empty_ = true;          // nothing was written yet
  bool is_open_ = false;       // a content is being written
  bool tool_results_ = false;  // … and it is one of tool results, which must stand together
  bool first_part_ = true;
  std::string late_media_;  // of tool results, on models whose function responses take none
};

void Contents::open(std::string_view role) {
  close();
  if (!empty_) out_ += ',';
  empty_ = false;
  out_ += R"({"role":")";
  out_ += role;
  out_ += R"(","parts":[)";
  is_open_ = first_part_ = true;
}

void Contents::close() {
  if (!is_open_) return;
  if (!late_media_.empty()) {
    begin_part();
    out_ += late_media_;
    late_media_.clear();
  }
  out_ += "]}";
  is_open_ = tool_results_ = false;
}

void Contents::append_text(std::string_view text) {
  begin_part();
  out_ += R"({"text":)";
  append_json_string(out_, text);
  out_ += '}';
}

void Contents::append_words_and_media(const Message& message) {
  for (const auto& part : message.parts) {
    if (const auto* text = std::get_if<TextPart>(&part)) {
      if (!text->text.empty()) append_text(text->text);
    } else if (const auto* refusal = std::get_if<RefusalPart>(&part)) {
      if (!refusal->text.empty()) append_text(refusal->text);
    } else if (const auto* media = std::get_if<MediaPart>(&part)) {
      begin_part();
      append_media(out_, *media);
    }
    // Thoughts of another model are no words of the dialog.
  }
}

void Contents::append_assistant(const Message& message) {
  for (const auto& call : message.tool_calls) calls_[call.id] = &call;
  if (message.wire_state != nullptr && message.wire_state->wire == "gemini-generate") {
    const auto* parts = message.wire_state->content.if_array();
    if (parts != nullptr && !parts->empty()) {
      open("model");
      for (const auto& part : *parts) {
        begin_part();
        append_json(out_, part);
      }
      return;
    }
  }
  if (message.text().empty() && message.refusal().empty() && message.tool_calls.empty() &&
      message.modality() == Modality::text)
    return;  // an empty content is refused
  open("model");
  append_words_and_media(message);
  bool signed_already = generation_ < 3;
  for (const auto& call : message.tool_calls) {
    begin_part();
    out_ += R"({"functionCall":{"name":)";
    append_json_string(out_, call.name);
    if (call.provider_id == call.id) {  // one that we made up would be unknown to the provider
      out_ += R"(,"id":)";
      append_json_string(out_, call.id);
    }
    out_ += R"(,"args":)";
    append_arguments(out_, call);
    out_ += '}';
    if (!std::exchange(signed_already, true)) {
      out_ += R"(,"thoughtSignature":")";
      out_ += no_signature;
      out_ += '"';
    }
    out_ += '}';
  }
}

Result<> Contents::append_tool_result(const Message& message) {
  if (message.tool_call_id.empty())
    return Error(ErrorKind::invalid_argument, "a tool message needs the id of the call it answers");
  const auto found = calls_.find(message.tool_call_id);
  const ToolCall* call = found == calls_.end() ? nullptr : found->second;
  const std::string& name = call != nullptr ? call->name : message.name;
  if (name.empty())
    return Error(ErrorKind::invalid_argument,
                 "a tool message needs the tool's name, for its call id is of no earlier message");
  if (!tool_results_) open("user");
  tool_results_ = true;
  begin_part();
  out_ += R"({"functionResponse":{)";
  // An id that we made up for a call without one would be unknown to the provider.
  const bool ours = call != nullptr && call->provider_id.value_or("") != call->id;
  if (!ours) {
    out_ += R"("id":)";
    append_json_string(out_, message.tool_call_id);
    out_ += ',';
  }
  out_ += R"("name":)";
  append_json_string(out_, name);
  out_ += R"(,"response":)";
  const std::string text = message.text();
  if (message.is_error) {
    out_ += R"({"error":)";
    append_json_string(out_, text);
    out_ += '}';
  } else {
    append_object(out_, text, "output");
  }
  std::string media;
  for (const auto& part : message.parts)
    if (const auto* one = std::get_if<MediaPart>(&part)) {
      if (!media.empty()) media += ',';
      append_media(media, *one);
    }
  if (!media.empty() && generation_ >= 3) {
    out_ += R"(,"parts":[)";
    out_ += media;
    out_ += ']';
  } else if (!media.empty()) {
    if (!late_media_.empty()) late_media_ += ',';
    late_media_ += media;
  }
  out_ += "}}";
  return {};
}

Result<> Contents::append(const Message& message) {
  switch (message.role) {
    case Role::system:
      if (std::string text = message.text(); !text.empty()) {
        if (!system_.empty()) system_ += ',';
        system_ += R"({"text":)";
        append_json_string(system_, text);
        system_ += '}';
      }
      return {};
    case Role::user:
      open("user");
      append_words_and_media(message);
      if (first_part_) append_text("");
      return {};
    case Role::assistant:
    case Role::tool_call:
      append_assistant(message);
      return {};
    case Role::tool:
      return append_tool_result(message);
  }
  return {};
}

std::string path_of(std::string_view model, bool stream) {
  // "models/…" and "tunedModels/…" are resource names already.
  std::string path = model.find('/') == model.npos ? "/models/" : "/";
  constexpr std::string_view hex = "0123456789ABCDEF";
  for (const char c : model) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/@").find(c) != std::string_view::npos;
    if (plain) {
      path += c;
    } else {
      path += '%';
      path += hex[byte >> 4];
      path += hex[byte & 0xF];
    }
  }
  path += stream ? ":streamGenerateContent?alt=sse" : ":generateContent";
  return path;
}

}  // namespace

int generation_of(std::string_view model) {
  if (const auto slash = model.rfind('/'); slash != model.npos) model.remove_prefix(slash + 1);
  if (!model.starts_with("gemini-")) return 0;
  model.remove_prefix(7);
  int generation = 0;
  for (; !model.empty() && model[0] >= '0' && model[0] <= '9' && generation < 1000; model.remove_prefix(1))
    generation = generation * 10 + (model[0] - '0');
  if (generation == 0 && model.ends_with("-latest")) return 3;
  return generation;
}

Result<EncodedRequest> encode(const EncodeInput& input) {
  if (has_control_break(input.model))
    return Error(ErrorKind::invalid_argument, "the model's name holds a line break or a NUL");
  const int generation = generation_of(input.model);
  EncodedRequest request;
  request.path = path_of(input.model, input.stream);
  request.headers.set("Content-Type", "application/json");

  std::string& body = request.body;
  std::size_t size = 512;
  for (const auto& message : input.dialog.messages())
    for (const auto& part : message->parts) {
      if (const auto* text = std::get_if<TextPart>(&part)) size += text->text.size() + 64;
      if (const auto* media = std::get_if<MediaPart>(&part)) size += media->data().size() + 128;
    }
  body.reserve(size);
  body += R"({"contents":[)";
  Contents contents(body, generation);
  for (std::size_t i = 0; i < input.dialog.size(); ++i)
    if (auto written = contents.append(*input.dialog.messages()[i]); !written)
      return Error(written.error().kind(), "message " + std::to_string(i) + ": " + written.error().message());
  contents.close();
  if (contents.empty()) {
    // Instructions alone are refused; as the user's words they are answered.
    body += R"({"role":"user","parts":[)" +
            (contents.system().empty() ? R"({"text":""})" : contents.system()) + "]}]";
  } else {
    body += ']';
    if (!contents.system().empty()) body += R"(,"systemInstruction":{"parts":[)" + contents.system() + "]}";
  }

  const Config config = make_config(input, generation);
  for (const auto& [name, value] : config.body) {
    body += ',';
    append_json_string(body, name);
    body += ':';
    append_json(body, value);
  }
  body += '}';
  for (const auto& [name, value] : config.headers) request.headers.set(name, value);
  request.model_args = config.model_args;
  request.dropped = config.dropped;
  if (const auto* extra = config.extra_body.if_object(); extra != nullptr && !extra->empty()) {
    // Rare, so it may cost a parse: what the caller adds wins over everything.
    auto whole = parse_json(body);
    if (!whole) return whole.error();
    deep_merge(*whole, config.extra_body);
    body = to_json(*whole);
  }
  return request;
}

}  // namespace lllm::gemini
