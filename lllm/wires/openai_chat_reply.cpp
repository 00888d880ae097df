#include "lllm/wires/openai_chat_reply.hpp"

#include <algorithm>
#include <array>

#include "lllm/wires/json_merge.hpp"
#include "lllm/wires/openai_chat_usage.hpp"
#include "lllm/wires/reply_json.hpp"

namespace lllm::openai_chat {
namespace {

// Members of an event that say the same in all of them.
constexpr std::array<std::string_view, 8> envelope{
    "object", "created", "system_fingerprint", "service_tier", "provider", "id", "model", "request_id"};

bool is_envelope(std::string_view key) {
  return std::find(envelope.begin(), envelope.end(), key) != envelope.end();
}

void merge_raw(json::object& into, const std::vector<RawMember>& members) {
  for (const auto& [key, raw] : members)
    if (const auto value = parse_reply(raw)) merge_delta(into, key, *value);
}

bool is_list_with_elements(std::string_view raw) {
  return raw.starts_with('[') && raw.find_first_not_of(" \t\r\n", 1) != raw.npos &&
         raw[raw.find_first_not_of(" \t\r\n", 1)] != ']';
}

void add_media(Message& message, const json::object& extras) {
  if (const auto* images = as_array(find(extras, "images")))
    for (const auto& image : *images) {
      const auto* address = find(image, "image_url");
      const auto url = address == nullptr     ? std::string_view()
                       : address->is_object() ? text_at(*address, "url")
                                              : as_text(address);
      if (auto media = media_from_url(MediaKind::image, url)) message.parts.emplace_back(std::move(*media));
    }
  if (const auto* audio = find(extras, "audio"); audio != nullptr && !text_at(*audio, "data").empty()) {
    MediaPart sound(MediaKind::audio, "");
    sound.base64 = std::make_shared<const std::string>(text_at(*audio, "data"));
    sound.file_id = text_at(*audio, "id");
    message.parts.emplace_back(std::move(sound));
  }
}

}  // namespace

Result<> Reply::read(std::string_view data, bool whole, std::vector<StreamChunk>* chunks) {
  arena_.reset();
  std::string_view error;
  std::string_view citations;
  std::vector<RawMember> extras;
  choice_error_.clear();
  only_words_.reset();
  std::string_view padding;
  std::size_t choices = 0;
  bool says_more = false;  // than words
  JsonReader in(data, arena_);
  accumulator_.begin_event(data, chunks);
  const bool is_object = in.object([&](std::string_view key) {
    if (key == "choices") {
      in.array([&] {
        ++choices;
        read_choice(in, whole);
      });
    } else if (key == "id") {
      if (reply_id_.empty()) reply_id_ = in.text();
    } else if (key == "model") {
      if (accumulator_.message.model.empty()) accumulator_.message.model = in.text();
    } else if (key == "usage") {
      if (in.kind() != JsonReader::Kind::object) return;
      says_more = true;
      take_usage(in);
    } else if (key == "error") {
      if (in.kind() != JsonReader::Kind::null) error = in.raw();
    } else if (key == "obfuscation") {
      padding = in.text();
    } else if (key == "x_groq") {
      says_more = true;
      in.object([&](std::string_view inner) {
        if (inner == "usage" && in.kind() == JsonReader::Kind::object) take_usage(in);
      });
    } else if (key == "citations") {
      if (in.kind() == JsonReader::Kind::array) citations = in.raw();
    } else if (!whole && !is_envelope(key) && in.kind() != JsonReader::Kind::null) {
      extras.emplace_back(key, in.raw());
    }
  });
  accumulator_.end_event();
  if (const auto read = in.finish(); !read)
    return Error(
        read.error().kind() == ErrorKind::limit_exceeded ? ErrorKind::limit_exceeded : ErrorKind::bad_reply,
        "openai-chat: " + read.error().message());
  if (!is_object) return Error(ErrorKind::bad_reply, "openai-chat: the answer is no JSON object");
  if (!citations.empty())
    if (auto list = parse_reply(citations)) rare().citations = std::move(*list);
  for (const auto& [key, raw] : extras)
    if (auto value = parse_reply(raw)) rare().extras[key] = std::move(*value);
  if (!whole && first_event_.empty()) first_event_ = data;
  if (!error.empty()) return provider_error(0, data);
  if (!choice_error_.empty()) return provider_error(0, choice_error_);
  if (!whole && !says_more && choices == 1 && choice_.is_only_words() && extras.empty() &&
      citations.empty() && kept().content_blocks.empty())
    only_words_ = {choice_.content.front().second, padding};
  return {};
}

void Reply::read_words(std::string_view data, std::string_view words, std::vector<StreamChunk>* chunks) {
  accumulator_.begin_event(data, chunks);
  accumulator_.add_text(words);
  accumulator_.end_event();
}

void Reply::take_usage(JsonReader& in) {
  usage_ = in.raw_of([&] { counted_ = read_usage(in); });
}

void Reply::read_choice(JsonReader& in, bool whole) {
  // Further choices are other answers to the same question; `n` is 1.
  if (!choice_.read(in) || choice_.index.value_or(0) != 0 || in.failed()) return;
  has_choice_ = true;
  apply(whole);
}

void Reply::apply(bool whole) {
  Message& message = accumulator_.message;
  // The same words may be in two or three members at once.
  if (!choice_.reasoning_content.empty()) {
    reasoning_field_ = "reasoning_content";
    accumulator_.add_reasoning(choice_.reasoning_content);
  } else if (!choice_.reasoning.empty()) {
    reasoning_field_ = "reasoning";
    accumulator_.add_reasoning(choice_.reasoning);
  }
  if (is_list_with_elements(choice_.reasoning_details))
    add_reasoning_details(choice_.reasoning_details,
                          choice_.reasoning_content.empty() && choice_.reasoning.empty());
  // Words that came as plain text before the first list belong to the list, too.
  if (!choice_.content_blocks.empty() && kept().content_blocks.empty() && !whole)
    if (std::string before = message.text(); !before.empty())
      rare().content_blocks.push_back(json::object{{"type", "text"}, {"text", json::string(before)}});
  for (const auto& [kind, words] : choice_.content)
    kind == ChunkKind::text ? accumulator_.add_text(words) : accumulator_.add_reasoning(words);
  if (!choice_.content_blocks.empty()) {
    if (const auto blocks = parse_reply(choice_.content_blocks))
      for (const auto& block : blocks->get_array()) add_content_block(block, whole);
  } else if (!choice_.content.empty() && !kept().content_blocks.empty()) {
    // Mistral's streams give thinking as blocks and the words after it as plain text.
    const json::object block{{"type", "text"}, {"text", json::string(choice_.content.front().second)}};
    add_content_block(block, whole);
  }
  accumulator_.add_refusal(choice_.refusal);
  for (std::size_t i = 0; i < choice_.tool_count; ++i) {
    const ToolDelta& tool = choice_.tools[i];
    const std::size_t at =
        whole ? accumulator_.add_whole_tool_call(tool.call) : accumulator_.add_tool_call(tool.call);
    if (tool.extras.empty()) continue;
    auto& extras = rare().call_extras;
    if (extras.size() <= at) extras.resize(at + 1);
    merge_raw(extras[at], tool.extras);
  }
  if (choice_.finish_reason && (!choice_.finish_reason->empty() || message.finish_reason.empty()))
    message.finish_reason = *choice_.finish_reason;
  if (!choice_.logprobs.empty()) add_logprobs(choice_.logprobs);
  if (is_list_with_elements(choice_.annotations))
    if (const auto list = parse_reply(choice_.annotations))
      rare().annotations.insert(rare().annotations.end(), list->get_array().begin(), list->get_array().end());
  if (!choice_.error.empty()) choice_error_ = choice_.error;
  if (!choice_.message_extras.empty()) merge_raw(rare().message_extras, choice_.message_extras);
  if (!whole && !choice_.extras.empty()) merge_raw(rare().choice_extras, choice_.extras);
}

void Reply::add_content_block(const json::value& block, bool whole) {
  // Blocks of one type that follow each other in a stream are pieces of one.
  auto& blocks = rare().content_blocks;
  if (whole || blocks.empty() || !block.is_object() ||
      text_at(blocks.back(), "type") != text_at(block, "type")) {
    blocks.push_back(block);
    return;
  }
  for (const auto& [key, value] : block.get_object()) merge_delta(blocks.back().get_object(), key, value);
}

void Reply::add_reasoning_details(std::string_view raw, bool is_the_text) {
  const auto details = parse_reply(raw);
  if (!details || !details->is_array()) return;
  for (const auto& detail : details->get_array()) {
    merge_delta(rare().reasoning_details, detail);
    if (!is_the_text) continue;
    // Chunks outlive this DOM: the words are copied to where they stay until the next event.
    for (const auto key : {"text", "summary"}) {
      const auto words = text_at(detail, key);
      if (words.empty()) continue;
      char* const kept = arena_.allocate(words.size());
      std::copy(words.begin(), words.end(), kept);
      accumulator_.add_reasoning({kept, words.size()});
      break;
    }
  }
}

void Reply::add_logprobs(std::string_view raw) {
  auto logprobs = parse_reply(raw);
  if (!logprobs) return;
  const auto* content = array_at(*logprobs, "content");
  if (content == nullptr || content->empty()) return;
  for (const auto& one : *content) {
    TokenLogprob& entry = accumulator_.message.logprobs.emplace_back();
    entry.token = text_at(one, "token");
    entry.logprob = as_number(find(one, "logprob")).value_or(0);
    if (const auto* top = array_at(one, "top_logprobs"))
      for (const auto& other : *top)
        entry.top.emplace_back(text_at(other, "token"), as_number(find(other, "logprob")).value_or(0));
  }
  merge_delta(rare().choice_extras, "logprobs", *logprobs);
}

void Reply::complete(Message& message) const {
  message.provider = provider_;
  if (!usage_.empty()) message.usage = counted_;
  if (!rare_) return;
  if (!rare_->annotations.empty())
    message.citations.assign(rare_->annotations.begin(), rare_->annotations.end());
  else if (const auto* list = rare_->citations.if_array())
    message.citations.assign(list->begin(), list->end());
  add_media(message, rare_->message_extras);

  // What has to go back unchanged with the next turn, under the names it came by.
  json::object state;
  if (!rare_->reasoning_details.empty()) state["reasoning_details"] = rare_->reasoning_details;
  if (const auto* extra = find(rare_->message_extras, "extra_content"))
    state["extra_content"] = *extra;  // Google
  if (const auto* audio = find(rare_->message_extras, "audio");
      audio != nullptr && !text_at(*audio, "id").empty())
    state["audio"] = json::object{{"id", json::string(text_at(*audio, "id"))}};
  const auto& blocks = rare_->content_blocks;
  const bool thinking_blocks = std::any_of(blocks.begin(), blocks.end(), [](const json::value& block) {
    return text_at(block, "type") != "text";
  });
  if (thinking_blocks) state["content"] = blocks;
  const auto& calls = rare_->call_extras;
  if (std::any_of(calls.begin(), calls.end(), [](const auto& extra) { return !extra.empty(); }))
    state["tool_calls"] = json::array(calls.begin(), calls.end());
  if (!state.empty()) message.wire_state = std::make_shared<const WireState>("openai-chat", std::move(state));
}

InvokeResult Reply::finish(bool whole) {
  InvokeResult result = accumulator_.finish(reply_id_);
  complete(result.message);
  if (!whole) result.raw = reassembled(result.message);
  return result;
}

Message Reply::partial() const {
  Message message = accumulator_.partial(reply_id_);
  complete(message);
  return message;
}

// The stream in the shape of an unstreamed answer.
std::function<json::value()> Reply::reassembled(const Message& message) const {
  struct Parts {
    std::string first_event, usage, text, reasoning, refusal, reasoning_field, finish_reason;
    std::vector<ToolCall> calls;
    Rare rare;
  };
  auto parts = std::make_shared<Parts>();
  *parts = {first_event_,
            usage_,
            message.text(),
            message.reasoning(),
            message.refusal(),
            std::string(reasoning_field_),
            message.finish_reason,
            message.tool_calls,
            kept()};
  return [parts = std::shared_ptr<const Parts>(std::move(parts))] {
    const Rare& rare = parts->rare;
    json::object whole;
    if (const auto first = parse_reply(parts->first_event); first && first->is_object())
      whole = first->get_object();
    whole["object"] = "chat.completion";
    json::object answer{{"role", "assistant"}, {"content", nullptr}};
    if (!rare.content_blocks.empty())
      answer["content"] = rare.content_blocks;
    else if (!parts->text.empty() || parts->calls.empty())
      answer["content"] = json::string(parts->text);
    if (!parts->reasoning_field.empty()) answer[parts->reasoning_field] = json::string(parts->reasoning);
    if (!rare.reasoning_details.empty()) answer["reasoning_details"] = rare.reasoning_details;
    if (!parts->refusal.empty()) answer["refusal"] = json::string(parts->refusal);
    if (!rare.annotations.empty()) answer["annotations"] = rare.annotations;
    json::array calls;
    for (std::size_t i = 0; i < parts->calls.size(); ++i) {
      const ToolCall& call = parts->calls[i];
      json::object one{{"id", json::string(call.provider_id.value_or(""))},
                       {"type", call.custom ? "custom" : "function"}};
      if (call.custom)
        one["custom"] = {{"name", json::string(call.name)}, {"input", json::string(call.arguments)}};
      else
        one["function"] = {{"name", json::string(call.name)}, {"arguments", json::string(call.arguments)}};
      if (i < rare.call_extras.size())
        for (const auto& [key, value] : rare.call_extras[i]) one[key] = value;
      calls.push_back(std::move(one));
    }
    if (!calls.empty()) answer["tool_calls"] = std::move(calls);
    for (const auto& [key, value] : rare.message_extras) answer[key] = value;
    json::object choice{{"index", 0}, {"message", std::move(answer)}, {"logprobs", nullptr}};
    for (const auto& [key, value] : rare.choice_extras) choice[key] = value;
    if (!parts->finish_reason.empty())
      choice["finish_reason"] = json::string(parts->finish_reason);
    else
      choice["finish_reason"] = nullptr;
    whole["choices"] = json::array{std::move(choice)};
    for (const auto& [key, value] : rare.extras) whole[key] = value;
    if (!rare.citations.is_null()) whole["citations"] = rare.citations;
    if (auto usage = parse_reply(parts->usage)) whole["usage"] = std::move(*usage);
    return json::value(std::move(whole));
  };
}

}  // namespace lllm::openai_chat
