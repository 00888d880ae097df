#include "lllm/wires/gemini_reply.hpp"

#include <algorithm>

#include "lllm/wires/gemini_error.hpp"
#include "lllm/wires/gemini_usage.hpp"
#include "lllm/wires/model_args.hpp"
#include "lllm/wires/reply_json.hpp"

namespace lllm::gemini {
namespace {

// Reasons for which a model's words were withheld.
bool is_withheld(std::string_view finish_reason) {
  for (const std::string_view reason :
       {"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "MODEL_ARMOR"})
    if (finish_reason == reason) return true;
  return false;
}

bool is_server_tool(std::string_view part_kind) {
  return part_kind == "executableCode" || part_kind == "codeExecutionResult";
}

MediaKind media_kind(std::string_view mime) {
  if (mime.starts_with("image/")) return MediaKind::image;
  if (mime.starts_with("audio/")) return MediaKind::audio;
  if (mime.starts_with("video/")) return MediaKind::video;
  return MediaKind::file;
}

json::value parsed(std::string_view raw) {
  auto value = parse_reply(raw);
  return value ? std::move(*value) : json::value();
}

}  // namespace

void Reply::Part::clear() {
  text.reset();
  thought = false;
  signature = function_call = {};
  others.clear();
}

json::value Reply::KeptPart::to_json() const {
  json::object part = others;
  if (is_text) part["text"] = json::string(text);
  if (thought) part["thought"] = true;
  if (!signature.empty()) part["thoughtSignature"] = json::string(signature);
  return part;
}

Result<> Reply::read(std::string_view data, std::vector<StreamChunk>* chunks) {
  arena_.reset();
  std::string_view error;
  JsonReader in(data, arena_);
  accumulator_.begin_event(data, chunks);
  const bool is_object = in.object([&](std::string_view key) {
    if (key == "candidates") {
      in.array([&] { read_candidate(in); });
    } else if (key == "usageMetadata") {
      has_reply_ = true;
      if (in.kind() == JsonReader::Kind::object) usage_ = in.raw();
    } else if (key == "modelVersion") {
      if (accumulator_.message.model.empty()) accumulator_.message.model = in.text();
    } else if (key == "responseId") {
      has_reply_ = true;
      if (reply_id_.empty()) reply_id_ = in.text();
    } else if (key == "promptFeedback") {
      has_reply_ = true;
      extras_[key] = parsed(in.raw());
    } else if (key == "error") {
      if (in.kind() != JsonReader::Kind::null) error = in.raw();
    } else if (in.kind() != JsonReader::Kind::null && !extras_.contains(key)) {
      extras_[key] = parsed(in.raw());
    }
  });
  accumulator_.end_event();
  if (const auto read = in.finish(); !read)
    return Error(
        read.error().kind() == ErrorKind::limit_exceeded ? ErrorKind::limit_exceeded : ErrorKind::bad_reply,
        "gemini-generate: " + read.error().message());
  if (!is_object) return Error(ErrorKind::bad_reply, "gemini-generate: the answer is no JSON object");
  if (!error.empty()) return google_error(0, data);
  if (const auto* feedback = find(extras_, "promptFeedback"); feedback != nullptr && block_reason_.empty()) {
    block_reason_ = text_at(*feedback, "blockReason");
    block_message_ = text_at(*feedback, "blockReasonMessage");
  }
  return {};
}

void Reply::read_candidate(JsonReader& in) {
  part_count_ = 0;
  std::int64_t index = 0;
  std::string_view finish_reason, finish_message, logprobs, grounding, url_context, citations;
  std::vector<Member> extras;
  const bool is_object = in.object([&](std::string_view key) {
    if (key == "content") {
      in.object([&](std::string_view member) {
        if (member == "parts") in.array([&] { read_part(in); });
      });
    } else if (key == "finishReason") {
      finish_reason = in.text();
    } else if (key == "index") {
      index = in.integer().value_or(0);
    } else if (key == "finishMessage") {
      finish_message = in.text();
    } else if (in.kind() == JsonReader::Kind::null) {
      return;
    } else if (key == "logprobsResult") {
      logprobs = in.raw();
    } else if (key == "groundingMetadata") {
      grounding = in.raw();
    } else if (key == "urlContextMetadata") {
      url_context = in.raw();
    } else if (key == "citationMetadata") {
      citations = in.raw();
    } else {
      extras.emplace_back(key, in.raw());
    }
  });
  // Further candidates are other answers to the same question; `n` is 1.
  if (!is_object || index != 0 || in.failed()) return;
  has_reply_ = true;
  apply_parts();
  if (!finish_reason.empty()) finish_reason_ = finish_reason;
  if (!finish_message.empty()) finish_message_ = finish_message;
  if (!logprobs.empty()) add_logprobs(logprobs);
  for (const auto& [key, raw] :
       {Member("groundingMetadata", grounding), Member("urlContextMetadata", url_context),
        Member("citationMetadata", citations)}) {
    if (raw.empty()) continue;
    candidate_extras_[key] = parsed(raw);
  }
  for (const auto& [key, raw] : extras) candidate_extras_[key] = parsed(raw);
}

void Reply::read_part(JsonReader& in) {
  if (parts_.size() == part_count_) parts_.emplace_back();
  Part& part = parts_[part_count_];
  part.clear();
  const bool is_object = in.object([&](std::string_view key) {
    if (key == "text") {
      part.text = in.optional_text();
    } else if (key == "thought") {
      part.thought = in.boolean().value_or(false);
    } else if (key == "thoughtSignature") {
      part.signature = in.text();
    } else if (in.kind() == JsonReader::Kind::null) {
      return;
    } else if (key == "functionCall") {
      part.function_call = in.raw();
    } else {
      part.others.emplace_back(key, in.raw());
    }
  });
  if (is_object) ++part_count_;
}

void Reply::apply_parts() {
  for (std::size_t i = 0; i < part_count_; ++i) {
    const Part& part = parts_[i];
    if (!part.function_call.empty()) {
      apply_function_call(part);
      continue;
    }
    if (part.others.empty()) {
      if (part.text || !part.signature.empty()) apply_text(part);
      continue;
    }
    needs_state_ = true;
    KeptPart& kept = kept_.emplace_back();
    kept.is_text = part.text.has_value();
    kept.text = part.text.value_or("");
    kept.thought = part.thought;
    kept.signature = part.signature;
    for (const auto& [key, raw] : part.others) {
      json::value value = parsed(raw);
      if (is_server_tool(key) && std::ranges::find(server_tools_, "code_execution") == server_tools_.end())
        server_tools_.emplace_back("code_execution");
      if (key == "inlineData") apply_media(value);
      kept.others[key] = std::move(value);
    }
    if (part.text && !part.thought) accumulator_.add_text(*part.text);
  }
}

void Reply::apply_text(const Part& part) {
  const std::string_view text = part.text.value_or("");
  if (part.thought)
    accumulator_.add_reasoning(text);
  else
    accumulator_.add_text(text);
  // What a signature signs must go back as it came: only unsigned words are joined.
  const bool joins = part.signature.empty() && !kept_.empty() && kept_.back().is_text &&
                     kept_.back().signature.empty() && kept_.back().others.empty() &&
                     kept_.back().thought == part.thought;
  if (joins) {
    kept_.back().text += text;
    return;
  }
  if (text.empty() && part.signature.empty()) return;
  if (!part.signature.empty()) needs_state_ = true;
  KeptPart& kept = kept_.emplace_back();
  kept.is_text = part.text.has_value();
  kept.text = text;
  kept.thought = part.thought;
  kept.signature = part.signature;
}

void Reply::apply_function_call(const Part& part) {
  const json::value call = parsed(part.function_call);
  const auto name = text_at(call, "name");
  const auto* pieces = array_at(call, "partialArgs");
  const bool goes_on = as_boolean(find(call, "willContinue")).value_or(false);
  needs_state_ = true;

  if (partial_call_ && name.empty()) {  // more of the call that was begun, or its end
    if (pieces != nullptr)
      for (const auto& piece : *pieces) partial_args_.add(piece);
    if (!part.signature.empty()) kept_[*partial_call_].signature = part.signature;
    if (!goes_on) end_partial_call();
    return;
  }
  if (partial_call_) end_partial_call();

  KeptPart& kept = kept_.emplace_back();
  kept.signature = part.signature;
  for (const auto& [key, raw] : part.others) kept.others[key] = parsed(raw);
  json::object whole{{"name", json::string(name)}};
  ToolCallDelta delta;
  delta.name = name;
  if (const auto* id = find(call, "id"); id != nullptr && id->is_string()) {
    whole["id"] = *id;
    delta.id = as_text(id);
  }
  if (goes_on || pieces != nullptr) {
    kept.others["functionCall"] = std::move(whole);
    partial_call_ = kept_.size() - 1;
    partial_args_ = PartialArgs();
    if (pieces != nullptr)
      for (const auto& piece : *pieces) partial_args_.add(piece);
    delta.index = static_cast<std::int64_t>(accumulator_.message.tool_calls.size());
    accumulator_.add_whole_tool_call(delta);
    if (!goes_on) end_partial_call();
    return;
  }
  std::string arguments;
  if (const auto* args = find(call, "args"); args != nullptr && !args->is_null()) {
    whole["args"] = *args;
    arguments = to_json(*args);
  }
  kept.others["functionCall"] = std::move(whole);
  // Chunks outlive this text: it is copied to where it stays until the next event.
  char* const held = arena_.allocate(arguments.size());
  std::ranges::copy(arguments, held);
  delta.arguments = {held, arguments.size()};
  accumulator_.add_whole_tool_call(delta);
}

void Reply::end_partial_call() {
  KeptPart& kept = kept_[*partial_call_];
  partial_call_.reset();
  kept.others["functionCall"].get_object()["args"] = partial_args_.value();
  const std::string arguments = to_json(partial_args_.value());
  char* const held = arena_.allocate(arguments.size());
  std::ranges::copy(arguments, held);
  ToolCallDelta delta;
  delta.index = static_cast<std::int64_t>(accumulator_.message.tool_calls.size()) - 1;
  delta.arguments = {held, arguments.size()};
  accumulator_.add_tool_call(delta);
}

void Reply::apply_media(const json::value& inline_data) {
  MediaPart media(media_kind(text_at(inline_data, "mimeType")),
                  std::string(text_at(inline_data, "mimeType")));
  media.base64 = std::make_shared<const std::string>(text_at(inline_data, "data"));
  accumulator_.message.parts.emplace_back(std::move(media));
}

void Reply::add_logprobs(std::string_view raw) {
  const json::value result = parsed(raw);
  const auto* chosen = array_at(result, "chosenCandidates");
  const auto* top = array_at(result, "topCandidates");
  if (chosen != nullptr)
    for (std::size_t i = 0; i < chosen->size(); ++i) {
      TokenLogprob& entry = accumulator_.message.logprobs.emplace_back();
      entry.token = text_at((*chosen)[i], "token");
      entry.logprob = as_number(find((*chosen)[i], "logProbability")).value_or(0);
      const auto* others = top != nullptr && i < top->size() ? array_at((*top)[i], "candidates") : nullptr;
      if (others == nullptr) continue;
      for (const auto& other : *others)
        entry.top.emplace_back(text_at(other, "token"), as_number(find(other, "logProbability")).value_or(0));
    }
  candidate_extras_["logprobsResult"] = result;
}

json::array Reply::kept_parts() const {
  json::array parts;
  for (const auto& part : kept_) parts.push_back(part.to_json());
  return parts;
}

void Reply::complete(Message& message) const {
  message.provider = provider_;
  message.finish_reason = finish_reason_;
  if (!usage_.empty()) message.usage = usage_from_gemini(usage_);
  const json::value candidate = candidate_extras_;
  for (const auto* path : {"/groundingMetadata/groundingChunks", "/citationMetadata/citationSources",
                           "/citationMetadata/citations"})
    if (const auto* list = as_array(find_at(candidate, path)))
      message.citations.insert(message.citations.end(), list->begin(), list->end());
  if (!block_reason_.empty() || (is_withheld(finish_reason_) && message.text().empty())) {
    // A refusal without words: the reason is the provider's, not the model's.
    message.parts.emplace_back(RefusalPart());
  }
  const auto note = [&message](std::string_view key, const std::string& text) {
    if (!text.empty()) message.metadata[key] = json::string(text);
  };
  note("finish_detail", block_reason_);
  note("finish_message", block_message_.empty() ? finish_message_ : block_message_);
  if (!server_tools_.empty()) {
    json::array names;
    for (const auto& name : server_tools_) names.push_back(json::string(name));
    message.metadata["server_tools"] = std::move(names);
  }
  if (!needs_state_) return;
  json::array parts = kept_parts();
  for (auto& part : parts) {
    // The answer that came as a call of our own making is text, and goes back as that: nothing answers the
    // call.
    const auto* call = find(part, "functionCall");
    if (call == nullptr || text_at(*call, "name") != answer_tool) continue;
    const auto* args = find(*call, "args");
    std::string text = args == nullptr ? "{}" : to_json(*args);
    part.get_object().erase("functionCall");
    part.get_object()["text"] = json::string(text);
  }
  message.wire_state = std::make_shared<const WireState>("gemini-generate", std::move(parts));
}

InvokeResult Reply::finish() {
  if (partial_call_) end_partial_call();
  // The stream's text without its events, as a whole reply would have it.
  json::object candidate = candidate_extras_;
  candidate["content"] = json::object{{"role", "model"}, {"parts", kept_parts()}};
  if (!finish_reason_.empty()) candidate["finishReason"] = json::string(finish_reason_);
  if (!finish_message_.empty()) candidate["finishMessage"] = json::string(finish_message_);
  json::object reply = extras_;
  if (block_reason_.empty()) reply["candidates"] = json::array{std::move(candidate)};
  if (!reply_id_.empty()) reply["responseId"] = json::string(reply_id_);
  if (!accumulator_.message.model.empty()) reply["modelVersion"] = json::string(accumulator_.message.model);
  if (!usage_.empty()) reply["usageMetadata"] = parsed(usage_);

  InvokeResult result = accumulator_.finish(reply_id_);
  complete(result.message);
  result.raw = [reply = std::move(reply)] { return json::value(reply); };
  return result;
}

Message Reply::partial() const {
  Message message = accumulator_.partial(reply_id_);
  complete(message);
  return message;
}

}  // namespace lllm::gemini
