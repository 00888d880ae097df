#include <algorithm>

#include "lllm/base/text.hpp"
#include "lllm/wires/cohere.hpp"
#include "lllm/wires/json_writing.hpp"
#include "lllm/wires/model_args.hpp"
#include "lllm/wires/prompt_wishes.hpp"
#include "lllm/wires/providers.hpp"
#include "lllm/wires/structured_output.hpp"

namespace lllm::cohere {
namespace {

class Encoder {
 public:
  explicit Encoder(const EncodeInput& input) : in_(input), args_(input.options.model_args()) {}

  Result<EncodedRequest> run() {
    take_json_mode();
    if (!json_mode_) wanted_ = take_format(in_.format, args_);
    given_tools_ = as_array(args_.take("tools"));
    read_arguments();
    if (auto done = write_body(); !done) return done.error();
    request_.path = "/v2/chat";
    request_.headers.add("content-type", "application/json");
    if (const auto* headers = as_object(args_.take("extra_headers")))
      for (const auto& [name, value] : *headers) request_.headers.set(name, as_text(&value));
    request_.model_args = std::move(settings_);
    request_.dropped = args_.dropped();
    return std::move(request_);
  }

 private:
  // ---- settings
  // --------------------------------------------------------------------------------------------

  void read_arguments() {
    for (const auto same :
         {"temperature", "seed", "frequency_penalty", "presence_penalty", "logprobs", "documents",
          "safety_mode", "citation_options", "thinking", "strict_tools", "priority", "raw_prompting"})
      args_.pass(same, settings_);
    if (const auto* limit = args_.take({"max_tokens", "max_completion_tokens", "max_output_tokens"}))
      settings_["max_tokens"] = *limit;
    if (const auto* p = args_.take({"top_p", "p"})) settings_["p"] = *p;
    if (const auto* k = args_.take({"top_k", "k"})) settings_["k"] = *k;
    if (const auto* n = args_.take("n"); n != nullptr && as_integer(n) != 1) args_.drop("n");
    if (const auto* given = args_.take({"stop", "stop_sequences"})) {
      auto stop = stop_list(given);
      if (stop.size() > max_stops) {
        args_.drop("stop");
        stop.resize(max_stops);
      }
      if (!stop.empty()) settings_["stop_sequences"] = std::move(stop);
    }
    if (const auto* effort = args_.take("reasoning_effort");
        effort != nullptr && !settings_.contains("thinking"))
      add_thinking(as_text(effort));
    add_format();
    add_tool_choice();
    if (in_.dialog.top_prompt()) {
      for (const auto& [name, value] : in_.dialog.top_prompt()->addon_args)
        if (is_wanted(value)) args_.drop(name);
      if (names_remote_server(*in_.dialog.top_prompt())) args_.drop("mcp_servers");
    }
    if (const auto* extra = args_.take("extra_body"); extra != nullptr && extra->is_object())
      for (const auto& [key, value] : extra->get_object()) deep_merge(settings_[key], value);
  }

  void add_thinking(std::string_view effort) {
    if (effort == "none" || effort == "disable") {
      settings_["thinking"] = {{"type", "disabled"}};
      return;
    }
    const int budget = effort == "minimal" ? 512 : effort == "low" ? 1024 : effort == "medium" ? 4096 : 0;
    json::object thinking{{"type", "enabled"}};
    if (budget > 0) thinking["token_budget"] = budget;  // otherwise as long as it likes
    settings_["thinking"] = std::move(thinking);
  }

  [[nodiscard]] bool has_tools() const {
    return !in_.tools.empty() || (given_tools_ != nullptr && !given_tools_->empty());
  }

  // JSON of any shape, which the API takes where no tool is offered. The model must be told so, too.
  void take_json_mode() {
    const auto* given = find(in_.options.model_args(), "response_format");
    json_mode_ = in_.format.empty() && given != nullptr && text_at(*given, "type") == "json_object";
    if (json_mode_) args_.take("response_format");
  }

  // JSON mode and tools exclude each other.
  void add_format() {
    if (json_mode_ && has_tools()) args_.drop("response_format");
    if (json_mode_ && !has_tools()) settings_["response_format"] = {{"type", "json_object"}};
    if (wanted_.schema == nullptr) return;
    if (has_tools()) {
      answer_by_tool_ = true;
      return;
    }
    settings_["response_format"] = {{"type", "json_object"}, {"json_schema", *wanted_.schema}};
  }

  void add_tool_choice() {
    const auto* given = args_.take("tool_choice");
    const auto choice = read_tool_choice(given);
    if (answer_by_tool_) {
      settings_["tool_choice"] = "REQUIRED";
      return;
    }
    const auto word = given != nullptr ? as_text(given) : std::string_view();
    if (choice.kind == ToolChoice::Kind::automatic || given == nullptr) return;  // the default
    if (has_tools() && (choice.kind == ToolChoice::Kind::required || word == "REQUIRED")) {
      settings_["tool_choice"] = "REQUIRED";
    } else if (has_tools() && (choice.kind == ToolChoice::Kind::none || word == "NONE")) {
      settings_["tool_choice"] = "NONE";
    } else if (has_tools() && choice.kind == ToolChoice::Kind::named) {
      only_tool_ = choice.name;  // the API cannot name one: no other is offered
      settings_["tool_choice"] = "REQUIRED";
    } else {
      args_.drop("tool_choice");
    }
  }

  // ---- body
  // ------------------------------------------------------------------------------------------------

  std::string& out() { return request_.body; }
  void string(std::string_view text) { append_json_string(out(), text); }
  void next(bool& first) {
    if (!std::exchange(first, false)) out() += ',';
  }

  Result<> write_body() {
    out() += "{\"model\":";
    if (const auto* model = find(settings_, "model"); model != nullptr) {
      append_json(out(), *model);
      settings_.erase("model");
    } else {
      string(in_.model);
    }
    out() += in_.stream ? ",\"stream\":true" : ",\"stream\":false";
    if (!settings_.contains("messages"))
      if (auto done = write_messages(); !done) return done;
    if (!settings_.contains("tools")) write_tools();
    for (const auto& [name, value] : settings_) {
      if (name == "stream") continue;
      out() += ',';
      string(name);
      out() += ':';
      append_json(out(), value);
    }
    out() += '}';
    return {};
  }

  void write_tool(bool& first, std::string_view name, std::string_view description,
                  const json::object& schema) {
    if (!only_tool_.empty() && name != only_tool_) return;
    out() += first ? ",\"tools\":[" : ",";
    first = false;
    out() += R"({"type":"function","function":{"name":)";
    string(name);
    out() += ",\"description\":";
    string(description);
    out() += ",\"parameters\":";
    append_parameters(out(), schema);
    out() += "}}";
  }

  void write_tools() {
    static const json::object no_schema;
    bool first = true;
    for (const auto& tool : in_.tools)
      write_tool(first, tool.name(), tool.description(), tool.parameters().value());
    if (given_tools_ != nullptr)
      for (const auto& tool : *given_tools_) {
        const auto* function = find(tool, "function");
        if (function == nullptr) {
          args_.drop("tools");
          continue;
        }
        const auto* schema = object_at(*function, "parameters");
        write_tool(first, text_at(*function, "name"), text_at(*function, "description"),
                   schema != nullptr ? *schema : no_schema);
      }
    if (answer_by_tool_) write_tool(first, answer_tool, answer_tool_description, *wanted_.schema);
    if (!first) out() += ']';
  }

  Result<> write_messages() {
    out() += ",\"messages\":[";
    bool first = true;
    for (const auto& message : in_.dialog.messages()) {
      switch (message->role) {
        case Role::system:
        case Role::user:
          if (auto done = write_words(first, *message); !done) return done;
          break;
        case Role::assistant:
        case Role::tool_call:
          write_assistant(first, *message);
          break;
        case Role::tool:
          if (message->tool_call_id.empty())
            return Error(ErrorKind::invalid_argument,
                         "a tool message without the id of its call (tool '" + message->name + "')");
          if (message->modality() != Modality::text)
            return Error(ErrorKind::unsupported, "cohere-chat takes no media in a tool's result, only words");
          next(first);
          out() += "{\"role\":\"tool\",\"tool_call_id\":";
          string(message->tool_call_id);
          out() += ",\"content\":";
          string(message->text());
          out() += '}';
          break;
      }
    }
    if (first)
      return Error(ErrorKind::invalid_argument, "cohere-chat: the dialog is empty: nothing to answer");
    out() += ']';
    return {};
  }

  Result<> write_words(bool& first, const Message& message) {
    if (message.parts.empty()) return {};
    next(first);
    out() += message.role == Role::system ? "{\"role\":\"system\",\"content\":"
                                          : "{\"role\":\"user\",\"content\":";
    const bool plain = std::all_of(message.parts.begin(), message.parts.end(),
                                   [](const auto& part) { return std::holds_alternative<TextPart>(part); });
    if (plain) {
      string(message.text());
    } else {
      out() += '[';
      bool first_part = true;
      for (const auto& part : message.parts)
        if (auto done = write_part(first_part, part); !done) return done;
      out() += ']';
    }
    out() += '}';
    return {};
  }

  Result<> write_part(bool& first, const ContentPart& part) {
    if (const auto* text = std::get_if<TextPart>(&part)) {
      next(first);
      out() += "{\"type\":\"text\",\"text\":";
      string(text->text);
      out() += '}';
      return {};
    }
    const auto* media = std::get_if<MediaPart>(&part);
    if (media == nullptr) return {};
    if (media->kind != MediaKind::image || (!media->base64 && media->url.empty()))
      return Error(ErrorKind::unsupported, "cohere-chat takes no " + std::string(to_string(media->kind)) +
                                               " in a message, only images as bytes or by address");
    next(first);
    out() += R"({"type":"image_url","image_url":{"url":)";
    if (media->base64)
      append_data_url(out(), *media, "image/png");
    else
      string(media->url);
    if (!media->detail.empty()) {
      out() += ",\"detail\":";
      string(media->detail);
    }
    out() += "}}";
    return {};
  }

  void write_assistant(bool& first_message, const Message& message) {
    const std::size_t start = out().size();
    if (!first_message) out() += ',';
    out() += "{\"role\":\"assistant\"";
    bool anything = false;
    bool first = true;
    for (const auto& part : message.parts) {
      const auto* text = std::get_if<TextPart>(&part);
      const auto* thought = std::get_if<ReasoningPart>(&part);
      const auto* refusal = std::get_if<RefusalPart>(&part);
      const std::string* words = text != nullptr      ? &text->text
                                 : thought != nullptr ? &thought->text
                                 : refusal != nullptr ? &refusal->text
                                                      : nullptr;
      if (words == nullptr || words->empty()) continue;
      if (first) out() += ",\"content\":[";
      next(first);
      out() += thought != nullptr ? R"({"type":"thinking","thinking":)" : R"({"type":"text","text":)";
      string(*words);
      out() += '}';
      anything = true;
    }
    if (!first) out() += ']';
    if (!message.tool_calls.empty()) {
      if (const auto* plan = find(message.metadata, "tool_plan"); plan != nullptr && plan->is_string()) {
        out() += ",\"tool_plan\":";
        append_json(out(), *plan);
      }
      write_calls(message);
      anything = true;
    }
    if (!anything) {
      out().resize(start);
      return;
    }
    first_message = false;
    out() += '}';
  }

  void write_calls(const Message& message) {
    out() += ",\"tool_calls\":[";
    bool first = true;
    for (const auto& call : message.tool_calls) {
      next(first);
      out() += "{\"id\":";
      string(call.id);
      out() += R"(,"type":"function","function":{"name":)";
      string(call.name);
      out() += ",\"arguments\":";
      std::string arguments;
      append_arguments(arguments, call);
      string(arguments);
      out() += "}}";
    }
    out() += ']';
  }

  static constexpr std::size_t max_stops = 5;  // the API refuses a sixth

  const EncodeInput& in_;
  ModelArgs args_;
  WantedFormat wanted_;
  EncodedRequest request_;
  const json::array* given_tools_ = nullptr;
  json::object settings_;  ///< what goes into the body beside model, messages, tools and stream
  std::string_view only_tool_;
  bool json_mode_ = false;
  bool answer_by_tool_ = false;
};

}  // namespace

Result<EncodedRequest> encode(const EncodeInput& input) {
  return Encoder(input).run();
}

}  // namespace lllm::cohere
