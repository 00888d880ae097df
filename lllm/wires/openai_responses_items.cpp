#include "lllm/wires/openai_responses_items.hpp"

#include <algorithm>

#include "lllm/wires/json_writing.hpp"
#include "lllm/wires/openai_responses.hpp"
#include "lllm/wires/providers.hpp"

namespace lllm::openai_responses {
namespace {

Result<> append_media(std::string& out, const MediaPart& media) {
  if (media.kind == MediaKind::video)
    return Error(ErrorKind::unsupported, "the Responses API takes no video");
  if (media.kind == MediaKind::audio) {
    if (!media.base64)
      return Error(ErrorKind::unsupported, "the Responses API takes audio by its bytes, not by address");
    out += R"({"type":"input_audio","input_audio":{"data":")";
    append_base64(out, media.data());
    out += R"(","format":)";
    append_json_string(out, media.mime == "audio/mpeg" ? "mp3" : "wav");
    out += "}}";
    return {};
  }
  const bool image = media.kind == MediaKind::image;
  out += image ? R"({"type":"input_image")" : R"({"type":"input_file")";
  if (media.base64) {
    out += image ? R"(,"image_url":)" : R"(,"file_data":)";
    append_data_url(out, media);
    if (!image) append_member(out, "filename", media.name.empty() ? std::string_view("file") : media.name);
  } else if (!media.url.empty()) {
    append_member(out, image ? "image_url" : "file_url", media.url);
  } else {
    append_member(out, "file_id", media.file_id);
  }
  if (image) append_member(out, "detail", media.detail.empty() ? std::string_view("auto") : media.detail);
  out += '}';
  return {};
}

// The content of a user's or system's message, or of a tool's result: words alone as a string.
Result<> append_content(std::string& out, const Message& message) {
  const bool words_alone =
      std::all_of(message.parts.begin(), message.parts.end(),
                  [](const ContentPart& part) { return !std::holds_alternative<MediaPart>(part); });
  if (words_alone) {
    append_json_string(out, message.text());
    return {};
  }
  char before = '[';
  for (const auto& part : message.parts) {
    if (const auto* text = std::get_if<TextPart>(&part)) {
      out += before;
      out += R"({"type":"input_text","text":)";
      append_json_string(out, text->text);
      out += '}';
    } else if (const auto* media = std::get_if<MediaPart>(&part)) {
      out += before;
      if (auto written = append_media(out, *media); !written) return written;
    } else {
      continue;
    }
    before = ',';
  }
  out += ']';
  return {};
}

}  // namespace

Result<> Items::append(const Message& message) {
  for (const auto& call : message.tool_calls)
    if (call.custom) custom_calls_.insert(call.id);
  switch (message.role) {
    case Role::assistant:
    case Role::tool_call:
      if (const auto* items = as_array(own_state(message, wire_name, provider_)))
        append_own_items(*items);
      else
        append_reply(message);
      return {};
    case Role::tool:
      return append_tool_result(message);
    case Role::system:
    case Role::user:
      break;
  }
  begin();
  out_ += message.role == Role::user ? R"({"role":"user","content":)" : R"({"role":"system","content":)";
  if (auto written = append_content(out_, message); !written) return written;
  out_ += '}';
  return {};
}

// As the provider gave them. Without storage on its side it knows no ids, and refuses them. A model that does
// not reason refuses reasoning items, and what is known by its id would be missed without its own
// (openai-agents-python issue 569): the rest goes without ids then.
void Items::append_own_items(const json::array& items) {
  const auto is_reasoning = [](const json::value& item) { return text_at(item, "type") == "reasoning"; };
  const bool leave_out = !takes_reasoning_ && std::any_of(items.begin(), items.end(), is_reasoning);
  for (const auto& item : items) {
    if (leave_out && is_reasoning(item)) continue;
    begin();
    if ((stored_ && !leave_out) || !item.is_object()) {
      append_json(out_, item);
      continue;
    }
    json::object without_id = item.get_object();
    without_id.erase("id");
    append_json(out_, without_id);
  }
}

void Items::append_reply(const Message& message) {
  if (const std::string text = message.text(); !text.empty()) {
    begin();
    out_ += R"({"role":"assistant","content":)";
    append_json_string(out_, text);
    out_ += '}';
  }
  if (const std::string refusal = message.refusal(); !refusal.empty()) {
    begin();
    out_ += R"({"type":"message","role":"assistant","content":[{"type":"refusal","refusal":)";
    append_json_string(out_, refusal);
    out_ += "}]}";
  }
  for (const auto& call : message.tool_calls) {
    begin();
    out_ +=
        call.custom ? R"({"type":"custom_tool_call","call_id":)" : R"({"type":"function_call","call_id":)";
    append_json_string(out_, call.id);
    append_member(out_, "name", call.name);
    append_member(out_, call.custom ? "input" : "arguments",
                  call.arguments.empty() && !call.custom ? std::string_view("{}") : call.arguments);
    out_ += '}';
  }
}

Result<> Items::append_tool_result(const Message& message) {
  if (message.tool_call_id.empty())
    return Error(ErrorKind::invalid_argument, "a tool message needs the id of the call it answers");
  begin();
  out_ += custom_calls_.contains(message.tool_call_id) ? R"({"type":"custom_tool_call_output","call_id":)"
                                                       : R"({"type":"function_call_output","call_id":)";
  append_json_string(out_, message.tool_call_id);
  out_ += R"(,"output":)";
  if (auto written = append_content(out_, message); !written) return written;
  out_ += '}';
  return {};
}

}  // namespace lllm::openai_responses
