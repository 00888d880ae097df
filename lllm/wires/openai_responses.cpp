#include "lllm/wires/openai_responses.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "lllm/base/json_reader.hpp"
#include "lllm/base/text.hpp"
#include "lllm/formats/bom.hpp"
#include "lllm/wires/accumulator.hpp"
#include "lllm/wires/model_args.hpp"
#include "lllm/wires/providers.hpp"
#include "lllm/wires/reply_json.hpp"
#include "lllm/wires/unknown_events.hpp"

namespace lllm {
namespace openai_responses {
namespace {

// The texts of a list of parts: [{"type": …, "text": "…"}].
std::string joined_texts(const json::array* parts) {
  std::string text;
  if (parts != nullptr)
    for (const auto& part : *parts) text += text_at(part, "text");
  return text;
}

void read_logprobs(const json::value& part, Message& message) {
  const auto* entries = array_at(part, "logprobs");
  if (entries == nullptr) return;
  for (const auto& one : *entries) {
    TokenLogprob& entry = message.logprobs.emplace_back();
    entry.token = text_at(one, "token");
    entry.logprob = as_number(find(one, "logprob")).value_or(0);
    if (const auto* top = array_at(one, "top_logprobs"))
      for (const auto& other : *top)
        entry.top.emplace_back(text_at(other, "token"), as_number(find(other, "logprob")).value_or(0));
  }
}

void read_message_item(const json::value& item, Accumulator& reply) {
  const auto* content = array_at(item, "content");
  if (content == nullptr) return;
  for (const auto& part : *content) {
    const auto type = text_at(part, "type");
    if (type == "refusal") {
      reply.add_refusal(text_at(part, "refusal"));
    } else if (type == "output_text" || type == "text") {
      reply.add_text(text_at(part, "text"));
      read_logprobs(part, reply.message);
      if (const auto* annotations = array_at(part, "annotations"))
        reply.message.citations.insert(reply.message.citations.end(), annotations->begin(),
                                       annotations->end());
    }
  }
}

void read_reasoning_item(const json::value& item, Accumulator& reply) {
  std::string text = joined_texts(array_at(item, "summary"));
  if (text.empty()) text = joined_texts(array_at(item, "content"));
  ReasoningPart part(std::move(text));
  part.id = text_at(item, "id");
  part.signature = text_at(item, "encrypted_content");
  part.redacted = part.text.empty() && !part.signature.empty();
  if (!part.text.empty() || !part.signature.empty()) reply.message.parts.emplace_back(std::move(part));
  reply.break_part();
}

std::optional<std::string_view> optional_text(const json::value& object, std::string_view key) {
  const auto* value = find(object, key);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return as_text(value);
}

ToolCallDelta call_of(const json::value& item) {
  ToolCallDelta call;
  call.custom = text_at(item, "type") == "custom_tool_call";
  call.id = optional_text(item, "call_id");
  call.name = text_at(item, "name");
  call.arguments = text_at(item, call.custom ? "input" : "arguments");
  return call;
}

bool is_call(const json::value& item) {
  const auto type = text_at(item, "type");
  return type == "function_call" || type == "custom_tool_call";
}

void read_item(const json::value& item, Accumulator& reply) {
  const auto type = text_at(item, "type");
  if (type == "message") {
    read_message_item(item, reply);
  } else if (type == "reasoning") {
    read_reasoning_item(item, reply);
  } else if (is_call(item)) {
    reply.add_whole_tool_call(call_of(item));
  } else if (type == "image_generation_call" && !text_at(item, "result").empty()) {
    const auto format = text_at(item, "output_format");
    MediaPart image(MediaKind::image, "image/" + std::string(format.empty() ? "png" : format));
    image.base64 = std::make_shared<const std::string>(text_at(item, "result"));
    reply.message.parts.emplace_back(std::move(image));
  }
  // All else is the provider's own affair, or for a client that knows it: it stays in the wire state.
}

// True when parts and tool calls say all that the item does.
bool is_plain(const json::value& item) {
  const auto type = text_at(item, "type");
  const auto* members = item.if_object();
  if (members == nullptr) return false;
  const auto only = [members](std::initializer_list<std::string_view> known) {
    return std::all_of(members->begin(), members->end(), [&](const auto& member) {
      return member.value().is_null() ||
             std::find(known.begin(), known.end(), std::string_view(member.key())) != known.end();
    });
  };
  if (type == "message") {
    const auto* content = array_at(item, "content");
    return only({"type", "id", "role", "status", "content"}) && content != nullptr &&
           std::all_of(content->begin(), content->end(), [](const json::value& part) {
             const auto* annotations = array_at(part, "annotations");
             return text_at(part, "type") == "output_text" &&
                    (annotations == nullptr || annotations->empty());
           });
  }
  return is_call(item) && only({"type", "id", "call_id", "name", "arguments", "input", "status"});
}

// The output as it goes back: a call that came without an id has the one that its result will name.
json::array with_call_ids(json::array output, const std::vector<ToolCall>& calls) {
  auto call = calls.begin();
  for (auto& item : output) {
    if (!is_call(item) || text_at(item, "name") == answer_tool || call == calls.end()) continue;
    if (text_at(item, "call_id").empty()) item.as_object()["call_id"] = json::string(call->id);
    ++call;
  }
  return output;
}

Usage usage_of(const json::value& usage) {
  Usage counted;
  counted.prompt_tokens = counter_at(usage, "input_tokens");
  counted.completion_tokens = counter_at(usage, "output_tokens");
  counted.total_tokens = counter_at(usage, "total_tokens");
  if (const auto* details = find(usage, "input_tokens_details")) {
    counted.cached_prompt_tokens = counter_at(*details, "cached_tokens");
    counted.cache_write_tokens = counter_at(*details, "cache_write_tokens");
  }
  if (const auto* details = find(usage, "output_tokens_details"))
    counted.reasoning_tokens = counter_at(*details, "reasoning_tokens");
  return counted;
}

// What a response says beside its output.
void read_envelope(const json::value& response, Message& message) {
  message.api_type = ApiType::response;
  message.model = text_at(response, "model");
  message.finish_reason = text_at(response, "status");
  if (const auto* usage = find(response, "usage"); usage != nullptr && usage->is_object())
    message.usage = usage_of(*usage);
}

// An `error` event: its members stand in "error" or, in older servers, beside "type".
Error error_of_event(std::string_view data) {
  auto event = parse_reply(data);
  if (!event || find(*event, "error") != nullptr) return provider_error(0, data);
  json::object flat;
  for (const auto key : {"code", "message", "param"})
    if (const auto* value = find(*event, key)) flat[key] = *value;
  return provider_error(0, to_json(json::object{{"error", std::move(flat)}}));
}

Error error_of_response(const json::value& error) {
  return provider_error(0, to_json(json::object{{"error", error}}));
}

/// Events about what the last one has whole, and signs of life.
bool is_said_again(std::string_view type) {
  if (type == "keepalive" || type == "ping" || type == "response.queued" || type == "response.in_progress")
    return true;
  for (const std::string_view about :
       {"response.output_text.", "response.content_part.", "response.refusal.", "response.reasoning_",
        "response.function_call_arguments.", "response.custom_tool_call_input.", "response.web_search_call.",
        "response.file_search_call.", "response.code_interpreter_call", "response.image_generation_call.",
        "response.mcp_"})
    if (type.starts_with(about)) return true;
  return false;
}

class ResponsesStreamDecoder final : public StreamDecoder {
 public:
  explicit ResponsesStreamDecoder(const Provider& provider) : provider_(provider.name) {}

  Result<> feed(const StreamEvent& event, std::vector<StreamChunk>& chunks) override;
  [[nodiscard]] bool done() const override { return done_; }
  Result<InvokeResult> finish() override;
  [[nodiscard]] Message partial() const override;

 private:
  struct Event {
    std::string_view type, delta, item, item_id, response;
    std::optional<std::int64_t> output_index;
  };
  void take_delta(const Event& event, std::string_view raw);
  void take_item(const Event& event, bool complete);
  Result<> take_last(const Event& event);

  std::string provider_;
  TextArena arena_;
  Accumulator reply_{Accumulator::Parts::in_order};
  std::vector<std::pair<std::int64_t, json::value>> items_;         // finished ones, by output index
  std::map<std::string, std::string, std::less<>> calls_of_items_;  // item id → call id
  json::value response_;
  UnknownEvents unknown_;
  bool done_ = false;
};

Result<> ResponsesStreamDecoder::feed(const StreamEvent& event, std::vector<StreamChunk>& chunks) {
  if (done_ || event.data == "[DONE]") return {};
  arena_.reset();
  Event read;
  JsonReader in(event.data, arena_);
  in.object([&](std::string_view key) {
    if (key == "type") {
      read.type = in.text();
    } else if (key == "delta") {
      if (in.kind() == JsonReader::Kind::string) read.delta = in.text();
    } else if (key == "output_index") {
      read.output_index = in.integer();
    } else if (key == "item_id") {
      read.item_id = in.text();
    } else if (key == "item") {
      read.item = in.raw();
    } else if (key == "response") {
      read.response = in.raw();
    }
  });
  if (const auto whole = in.finish(); !whole)
    return Error(
        whole.error().kind() == ErrorKind::limit_exceeded ? ErrorKind::limit_exceeded : ErrorKind::bad_reply,
        "openai-responses: " + whole.error().message());
  if (read.type.empty()) read.type = event.type;

  if (!read.delta.empty()) {
    reply_.begin_event(event.data, &chunks);
    take_delta(read, event.data);
    reply_.end_event();
  } else if (read.type == "response.output_item.added" || read.type == "response.output_item.done") {
    reply_.begin_event(event.data, &chunks);
    take_item(read, read.type.ends_with("done"));
    reply_.end_event();
  } else if (read.type == "error") {
    reply_.message.finish_reason = "failed";  // what response.failed, which follows, would say
    return error_of_event(event.data);
  } else if (read.type == "response.created") {
    if (const auto response = parse_reply(read.response)) {
      read_envelope(*response, reply_.message);
      reply_.message.usage = {};
    }
  } else if (read.type == "response.completed" || read.type == "response.incomplete" ||
             read.type == "response.failed" || read.type == "response.cancelled") {
    return take_last(read);
  } else if (!is_said_again(read.type)) {
    unknown_.keep(read.type, event.data);
  }
  return {};
}

void ResponsesStreamDecoder::take_delta(const Event& event, std::string_view raw) {
  if (event.type == "response.output_text.delta") {
    reply_.add_text(event.delta);
  } else if (event.type == "response.reasoning_summary_text.delta" ||
             event.type == "response.reasoning_text.delta") {
    reply_.add_reasoning(event.delta);
  } else if (event.type == "response.refusal.delta") {
    reply_.add_refusal(event.delta);
  } else if (event.type == "response.function_call_arguments.delta" ||
             event.type == "response.custom_tool_call_input.delta") {
    ToolCallDelta call;
    call.index = event.output_index;
    call.arguments = event.delta;
    // Several items may be given one index; their own ids tell them apart, where these do not change.
    if (const auto known = calls_of_items_.find(event.item_id); known != calls_of_items_.end())
      call.id = known->second;
    reply_.add_tool_call(call);
  } else if (!is_said_again(event.type)) {
    unknown_.keep(event.type, raw);
  }
}

void ResponsesStreamDecoder::take_item(const Event& event, bool complete) {
  auto item = parse_reply(event.item);
  if (!item) return;
  if (is_call(*item)) {
    ToolCallDelta call = call_of(*item);
    call.index = event.output_index;
    if (const auto item_id = text_at(*item, "id"); !complete && !item_id.empty() && call.id)
      calls_of_items_.insert_or_assign(std::string(item_id), std::string(*call.id));
    const std::string arguments(std::exchange(call.arguments, {}));
    const std::size_t at =
        complete && !event.output_index ? reply_.add_whole_tool_call(call) : reply_.add_tool_call(call);
    // Some servers send the arguments with the item alone.
    if (complete && reply_.message.tool_calls[at].arguments.empty() && !arguments.empty()) {
      char* const kept = arena_.allocate(arguments.size());
      std::copy(arguments.begin(), arguments.end(), kept);
      call.arguments = {kept, arguments.size()};
      reply_.add_tool_call(call);
    }
  } else if (!complete) {
    reply_.break_part();
  }
  if (complete)
    items_.emplace_back(event.output_index.value_or(static_cast<std::int64_t>(items_.size())),
                        std::move(*item));
}

Result<> ResponsesStreamDecoder::take_last(const Event& event) {
  auto response = parse_reply(event.response);
  if (!response || !response->is_object())
    return Error(ErrorKind::bad_reply, "openai-responses: the last event holds no response");
  done_ = true;
  response_ = std::move(*response);
  // Some servers leave the output out of the last event, for it was streamed.
  if (const auto* output = array_at(response_, "output"); output == nullptr || output->empty()) {
    // By index, and in the order of arrival where one repeats. (clang warns of what stable_sort is made of.)
    std::multimap<decltype(items_)::value_type::first_type, json::value> ordered;
    for (auto& [index, item] : items_) ordered.emplace(index, std::move(item));
    json::array streamed;
    for (auto& [index, item] : ordered) streamed.push_back(std::move(item));
    response_.as_object()["output"] = std::move(streamed);
  }
  items_.clear();
  unknown_.add_to(response_.as_object());
  if (event.type != "response.failed") return {};
  read_envelope(response_, reply_.message);
  if (reply_.message.finish_reason.empty()) reply_.message.finish_reason = "failed";
  const auto* error = find(response_, "error");
  return error_of_response(error == nullptr ? json::value() : *error);
}

Result<InvokeResult> ResponsesStreamDecoder::finish() {
  if (!done_)
    return Error(ErrorKind::incomplete_reply, "openai-responses: the stream ended before response.completed");
  return read_response(provider_, std::move(response_));
}

Message ResponsesStreamDecoder::partial() const {
  Message message = reply_.partial({});
  message.provider = provider_;
  return message;
}

}  // namespace

Result<InvokeResult> read_response(std::string_view provider, json::value response) {
  if (!response.is_object())
    return Error(ErrorKind::bad_reply, "openai-responses: the answer is no JSON object");
  if (const auto* error = find(response, "error"); error != nullptr && !error->is_null())
    return error_of_response(*error);
  const auto* output = array_at(response, "output");
  if (output == nullptr && find(response, "status") == nullptr)
    return Error(ErrorKind::bad_reply, "openai-responses: the answer has neither output nor status");
  Accumulator reply(Accumulator::Parts::in_order);
  read_envelope(response, reply.message);
  reply.message.provider = provider;
  if (output != nullptr)
    for (const auto& item : *output) read_item(item, reply);
  InvokeResult result = reply.finish(text_at(response, "id"));
  if (output != nullptr && !std::all_of(output->begin(), output->end(), is_plain))
    result.message.wire_state = std::make_shared<const WireState>(
        std::string(wire_name), with_call_ids(*output, result.message.tool_calls));
  auto kept = std::make_shared<const json::value>(std::move(response));
  result.raw = [kept = std::move(kept)] { return *kept; };
  return result;
}

std::unique_ptr<StreamDecoder> stream_decoder(const Provider& provider) {
  return std::make_unique<ResponsesStreamDecoder>(provider);
}

}  // namespace openai_responses

namespace {

class OpenAiResponsesCodec final : public Codec {
 public:
  [[nodiscard]] std::string_view name() const override { return openai_responses::wire_name; }

  [[nodiscard]] Result<EncodedRequest> encode(const EncodeInput& input) const override {
    return openai_responses::encode(input);
  }
  [[nodiscard]] Result<InvokeResult> decode(const Provider& provider, std::string_view body) const override {
    auto response = parse_reply(body);
    if (!response) return Error(ErrorKind::bad_reply, "openai-responses: " + response.error().message());
    return openai_responses::read_response(provider.name, std::move(*response));
  }
  [[nodiscard]] std::unique_ptr<StreamDecoder> stream_decoder(const Provider& provider) const override {
    return openai_responses::stream_decoder(provider);
  }
  [[nodiscard]] std::optional<std::string> poll_path(std::string_view body) const override {
    TextArena arena;
    JsonReader in(without_bom(body), arena);
    std::string_view id;
    std::string_view status;
    in.object([&](std::string_view key) {
      if (key == "id") id = in.text();
      if (key == "status") status = in.text();
    });
    const bool safe =
        id.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
        std::string_view::npos;
    if (in.failed() || id.empty() || !safe || (status != "queued" && status != "in_progress"))
      return std::nullopt;
    return "/responses/" + std::string(id);
  }
};

}  // namespace

const Codec& openai_responses_codec() {
  static const OpenAiResponsesCodec codec;
  return codec;
}

}  // namespace lllm
