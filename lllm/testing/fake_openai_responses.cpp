#include <charconv>
#include <optional>
#include <set>

#include "lllm/testing/fake_wire.hpp"

namespace lllm {
namespace {

// Created at a fixed time: the same request gets the same bytes.
constexpr std::int64_t created = 1'750'000'000;
constexpr std::string_view ids_begin = "resp_fake_";

std::string numbered(std::string_view prefix, const FakeRequest& request, std::size_t index) {
  return std::string(prefix) + "_fake_" + std::to_string(request.number) + "_" + std::to_string(index);
}

json::object usage_json(const Usage& usage) {
  return {{"input_tokens", usage.prompt_tokens.value_or(0)},
          {"input_tokens_details", {{"cached_tokens", usage.cached_prompt_tokens.value_or(0)}}},
          {"output_tokens", usage.completion_tokens.value_or(0)},
          {"output_tokens_details", {{"reasoning_tokens", usage.reasoning_tokens.value_or(0)}}},
          {"total_tokens", usage.total_tokens.value_or(0)}};
}

// The parts of an item, before they have words and with them.
json::object summary_part(std::string_view words) {
  return {{"type", "summary_text"}, {"text", json::string(words)}};
}
json::object text_part(std::string_view words) {
  return {{"type", "output_text"},
          {"annotations", json::array()},
          {"logprobs", json::array()},
          {"text", json::string(words)}};
}

/// The reply as output items: what the model thought, what it says, and its calls.
class Items {
 public:
  Items(const FakeRequest& request, const FakeReply& reply) : request_(request), reply_(reply) {}

  [[nodiscard]] json::object reasoning(std::size_t index, bool done) const {
    json::array summary;
    if (done) summary.push_back(summary_part(reply_.reasoning));
    json::object item{{"id", json::string(numbered("rs", request_, index))},
                      {"type", "reasoning"},
                      {"summary", std::move(summary)}};
    if (done) item["encrypted_content"] = json::string(fake_signature);
    return item;
  }

  [[nodiscard]] json::object message(std::size_t index, bool done) const {
    json::array content;
    if (done) content.push_back(text_part(reply_.text));
    return {{"id", json::string(numbered("msg", request_, index))},
            {"type", "message"},
            {"status", done ? "completed" : "in_progress"},
            {"content", std::move(content)},
            {"role", "assistant"}};
  }

  [[nodiscard]] json::object call(std::size_t index, std::size_t which, bool done) const {
    const ToolCall& call = reply_.tool_calls[which];
    return {{"id", json::string(numbered("fc", request_, index))},
            {"type", "function_call"},
            {"status", done ? "completed" : "in_progress"},
            {"arguments", json::string(done ? call.arguments : std::string())},
            {"call_id", json::string(fake_call_id(request_, reply_, which, "call_"))},
            {"name", json::string(call.name)}};
  }

  [[nodiscard]] json::array all() const {
    json::array items;
    if (!reply_.reasoning.empty()) items.push_back(reasoning(items.size(), true));
    if (!reply_.text.empty() || reply_.tool_calls.empty()) items.push_back(message(items.size(), true));
    for (std::size_t i = 0; i < reply_.tool_calls.size(); ++i) items.push_back(call(items.size(), i, true));
    return items;
  }

  /// The whole answer, as it is at `status`.
  [[nodiscard]] json::object response(std::string_view status) const {
    const bool finished = status == "completed" || status == "incomplete";
    json::object answer{{"id", json::string(std::string(ids_begin) + std::to_string(request_.number))},
                        {"object", "response"},
                        {"created_at", created},
                        {"status", json::string(status)},
                        {"error", nullptr},
                        {"incomplete_details", nullptr},
                        {"model", json::string(request_.model)},
                        {"output", finished ? all() : json::array()},
                        {"parallel_tool_calls", true},
                        {"usage", nullptr}};
    if (finished) answer["usage"] = usage_json(usage_of(reply_, request_));
    if (status == "incomplete") answer["incomplete_details"] = {{"reason", "max_output_tokens"}};
    return answer;
  }

  [[nodiscard]] std::string_view last_status() const {
    return reply_.finish_reason == "length" ? "incomplete" : "completed";
  }

 private:
  const FakeRequest& request_;
  const FakeReply& reply_;
};

// Each item is announced, filled piece by piece, and then given whole.
class ResponsesStream final : public FakeStream {
 public:
  ResponsesStream(const FakeRequest& request, const FakeReply& reply)
      : reply_(reply), items_(request, reply) {}

  void begin(std::string& out) override {
    event(out, "response.created", {{"response", items_.response("in_progress")}});
    event(out, "response.in_progress", {{"response", items_.response("in_progress")}});
  }

  void step(std::string& out, const FakeStep& step) override {
    switch (step.kind) {
      case FakeStep::Kind::reasoning:
        open(out, step);
        piece(out, "response.reasoning_summary_text.delta", "summary_index", {{"delta", text(step)}});
        break;
      case FakeStep::Kind::text:
        open(out, step);
        piece(out, "response.output_text.delta", "content_index",
              {{"delta", text(step)}, {"logprobs", json::array()}});
        break;
      case FakeStep::Kind::tool_start:
        open(out, step);
        break;
      case FakeStep::Kind::tool_arguments:
        piece(out, "response.function_call_arguments.delta", {}, {{"delta", text(step)}});
        break;
    }
  }

  void end(std::string& out) override {
    // An answer of no words is a message without any.
    if (index_ == 0 && !open_) open(out, FakeStep{});
    close(out);
    const auto status = items_.last_status();
    event(out, "response." + std::string(status), {{"response", items_.response(status)}});
  }

  void error(std::string& out, std::string_view type, std::string_view message) override {
    event(out, "error",
          {{"code", json::string(type)}, {"message", json::string(message)}, {"param", nullptr}});
    json::object failed = items_.response("failed");
    failed["error"] = {{"code", json::string(type)}, {"message", json::string(message)}};
    event(out, "response.failed", {{"response", std::move(failed)}});
  }

 private:
  static json::string text(const FakeStep& step) { return json::string(step.text); }

  void event(std::string& out, std::string_view type, json::object members) {
    members["sequence_number"] = number_++;
    add_fake_event(out, type, members);
  }

  // Something about a part of the open item; `part_index` is the name of the part's number, if it has one.
  void piece(std::string& out, std::string_view type, std::string_view part_index, json::object members) {
    members["output_index"] = index_;
    members["item_id"] = id_;
    if (!part_index.empty()) members[part_index] = 0;
    event(out, type, std::move(members));
  }

  [[nodiscard]] json::object item(bool done) const {
    if (open_ == FakeStep::Kind::reasoning) return items_.reasoning(index_, done);
    return open_ == FakeStep::Kind::text ? items_.message(index_, done) : items_.call(index_, call_, done);
  }

  void open(std::string& out, const FakeStep& step) {
    if (open_ == step.kind && step.kind != FakeStep::Kind::tool_start) return;
    close(out);
    open_ = step.kind;
    call_ = step.index;
    json::object begun = item(false);
    id_ = begun.at("id").as_string();
    event(out, "response.output_item.added", {{"output_index", index_}, {"item", std::move(begun)}});
    if (open_ == FakeStep::Kind::reasoning)
      piece(out, "response.reasoning_summary_part.added", "summary_index", {{"part", summary_part("")}});
    if (open_ == FakeStep::Kind::text)
      piece(out, "response.content_part.added", "content_index", {{"part", text_part("")}});
  }

  void close(std::string& out) {
    if (!open_) return;
    if (open_ == FakeStep::Kind::reasoning) {
      piece(out, "response.reasoning_summary_text.done", "summary_index",
            {{"text", json::string(reply_.reasoning)}});
      piece(out, "response.reasoning_summary_part.done", "summary_index",
            {{"part", summary_part(reply_.reasoning)}});
    } else if (open_ == FakeStep::Kind::text) {
      piece(out, "response.output_text.done", "content_index",
            {{"text", json::string(reply_.text)}, {"logprobs", json::array()}});
      piece(out, "response.content_part.done", "content_index", {{"part", text_part(reply_.text)}});
    } else {
      piece(out, "response.function_call_arguments.done", {},
            {{"name", json::string(reply_.tool_calls[call_].name)},
             {"arguments", json::string(reply_.tool_calls[call_].arguments)}});
    }
    event(out, "response.output_item.done", {{"output_index", index_}, {"item", item(true)}});
    ++index_;
    open_.reset();
  }

  const FakeReply& reply_;
  Items items_;
  std::size_t number_ = 0;  // of the next event
  std::size_t index_ = 0;   // of the open item, or of the next one
  std::size_t call_ = 0;    // which call it is
  std::optional<FakeStep::Kind> open_;
  json::string id_;
};

class OpenAiResponses final : public FakeWire {
 public:
  bool serves(std::string_view method, std::string_view path) const override {
    return is_post_to("/responses", method, path);
  }

  Result<FakeRequest> read(std::string_view path, const json::value& body) const override {
    FakeRequest request = fake_request("openai-responses", path, body);
    if (request.model.empty()) return fake_refusal("Missing required parameter: 'model'.");
    const auto* input = find(body, "input");
    if (input == nullptr) return fake_refusal("Missing required parameter: 'input'.");
    if (const auto* items = input->if_array()) {
      if (auto done = read_items(*items, request); !done) return done.error();
    } else {
      request.last_user_text = as_text(input);
    }
    if (const auto* tools = array_at(body, "tools"))
      for (const auto& tool : *tools)
        if (text_at(tool, "type") == "function") {
          const auto* parameters = object_at(tool, "parameters");
          request.tools.emplace_back(text_at(tool, "name"),
                                     parameters == nullptr ? json::object() : *parameters);
        }
    return request;
  }

  std::string whole(const FakeRequest& request, const FakeReply& reply) const override {
    const Items items(request, reply);
    return to_json(items.response(items.last_status()));
  }

  std::unique_ptr<FakeStream> stream(const FakeRequest& request, const FakeReply& reply) const override {
    return std::make_unique<ResponsesStream>(request, reply);
  }

  std::string error_body(int status, std::string_view type, std::string_view message) const override {
    return fake_openai_chat().error_body(status, type, message);
  }

 private:
  static Result<> read_items(const json::array& items, FakeRequest& request) {
    std::set<std::string, std::less<>> unanswered;
    for (const auto& item : items) {
      const auto type = text_at(item, "type");
      if (type.empty() || type == "message") {
        const auto role = text_at(item, "role");
        if (role != "user" && role != "assistant" && role != "system" && role != "developer")
          return fake_refusal("Invalid value: '" + std::string(role) + "'.");
        if (role != "user") continue;
        request.tool_results = 0;
        request.last_user_text = fake_words(find(item, "content"));
      } else if (type == "function_call") {
        unanswered.emplace(text_at(item, "call_id"));
      } else if (type == "function_call_output") {
        const auto asked = unanswered.find(text_at(item, "call_id"));
        if (asked == unanswered.end())
          return fake_refusal("No tool call found for function call output with call_id " +
                              std::string(text_at(item, "call_id")) + ".");
        unanswered.erase(asked);
        ++request.tool_results;
        request.last_tool_result = fake_words(find(item, "output"));
      }
    }
    if (!unanswered.empty())
      return fake_refusal("No tool output found for function call " + *unanswered.begin() + ".");
    return {};
  }
};

}  // namespace

std::optional<std::uint64_t> number_of_fake_response(std::string_view method, std::string_view path) {
  path = path.substr(0, path.find('?'));
  const auto at = path.rfind(ids_begin);
  if (method != "GET" || at == path.npos || !path.substr(0, at).ends_with("/responses/")) return std::nullopt;
  const std::string_view digits = path.substr(at + ids_begin.size());
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (failure != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

std::string unfinished_fake_response(const FakeRequest& request, std::string_view status) {
  return to_json(Items(request, FakeReply()).response(status));
}

const FakeWire& fake_openai_responses() {
  static const OpenAiResponses wire;
  return wire;
}

}  // namespace lllm
