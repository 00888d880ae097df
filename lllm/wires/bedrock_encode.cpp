#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "lllm/base/text.hpp"
#include "lllm/wires/aws_sigv4.hpp"
#include "lllm/wires/bedrock.hpp"
#include "lllm/wires/bedrock_blocks.hpp"
#include "lllm/wires/claude.hpp"
#include "lllm/wires/model_args.hpp"
#include "lllm/wires/prompt_wishes.hpp"
#include "lllm/wires/providers.hpp"
#include "lllm/wires/structured_output.hpp"

namespace lllm::bedrock {
namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

// Models other than Claude that take a schema. Spec: Bedrock User Guide, "Structured outputs", supported
// models.
bool takes_schema(std::string_view model) {
  constexpr std::array<std::string_view, 11> families = {"qwen.",
                                                         "deepseek.v3",
                                                         "google.gemma",
                                                         "minimax.",
                                                         "moonshot",
                                                         "nvidia.nemotron",
                                                         "openai.gpt-oss",
                                                         "mistral.mistral-large-3",
                                                         "mistral.ministral-3",
                                                         "mistral.magistral",
                                                         "mistral.voxtral"};
  return std::any_of(families.begin(), families.end(), [&](auto family) { return contains(model, family); });
}

class Encoder {
 public:
  explicit Encoder(const EncodeInput& input)
      : in_(input), args_(input.options.model_args()), traits_(claude_traits(input.model)) {}

  Result<EncodedRequest> run() {
    wanted_ = take_format(in_.format, args_);
    read_arguments();
    if (auto done = write_body(); !done) return done.error();
    request_.path =
        "/model/" + aws_uri_encode(in_.model, false) + (in_.stream ? "/converse-stream" : "/converse");
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
    json::object inference;
    json::object more;  // additionalModelRequestFields
    if (const auto* effort = args_.take("reasoning_effort")) add_effort(more, *effort);
    args_.pass("thinking", more);
    const auto* thinking = find(more, "thinking");
    thinking_ = thinking != nullptr ? text_at(*thinking, "type") : std::string_view();
    if (thinking_ == "enabled" && continues_unthought_calls(in_.dialog, wire_name)) {
      args_.drop(find(in_.options.model_args(), "thinking") != nullptr ? "thinking" : "reasoning_effort");
      more.erase("thinking");
      thinking = nullptr;
      thinking_.clear();
    }
    thinks_ = thinking_ == "enabled" || thinking_ == "adaptive";

    if (const auto limit =
            as_integer(args_.take({"max_tokens", "max_completion_tokens", "max_output_tokens"}))) {
      const auto budget = thinking != nullptr ? integer_at(*thinking, "budget_tokens") : std::nullopt;
      inference["maxTokens"] = budget && *limit <= *budget ? *limit + *budget : *limit;
    }
    add_sampling(inference, more);
    if (const auto* given = args_.take({"stop", "stop_sequences", "stopSequences"})) {
      auto stop = stop_list(given);
      if (stop.empty())
        args_.drop("stop");
      else
        inference["stopSequences"] = std::move(stop);
    }
    if (const auto* n = args_.take("n"); n != nullptr && as_integer(n) != 1) args_.drop("n");
    if (const auto* given = args_.take("inferenceConfig")) merge_into(inference, *given);
    if (const auto* given = args_.take("additionalModelRequestFields")) merge_into(more, *given);

    if (!inference.empty()) settings_["inferenceConfig"] = std::move(inference);
    if (!more.empty()) settings_["additionalModelRequestFields"] = std::move(more);
    for (const auto own : {"guardrailConfig", "performanceConfig", "requestMetadata", "promptVariables",
                           "additionalModelResponseFieldPaths", "outputConfig"})
      args_.pass(own, settings_);
    if (const auto* tier = args_.take({"serviceTier", "service_tier"}))
      settings_["serviceTier"] = tier->is_string() ? json::value{{"type", *tier}} : *tier;
    add_format();
    if (const auto* extra = args_.take("extra_body")) merge_into(settings_, *extra);
  }

  static void merge_into(json::object& to, const json::value& from) {
    if (from.is_object())
      for (const auto& [key, value] : from.get_object()) deep_merge(to[key], value);
  }

  void add_effort(json::object& more, const json::value& effort) {
    const auto word = as_text(&effort);
    if (traits_.version > 0) {
      more = claude_thinking(traits_, word);
      if (!more.empty()) return;
    } else if (contains(in_.model, "amazon.nova-2")) {
      more["reasoningConfig"] = word == "none"
                                    ? json::value{{"type", "disabled"}}
                                    : json::value{{"type", "enabled"}, {"maxReasoningEffort", effort}};
      return;
    } else if (contains(in_.model, "openai.gpt-oss")) {
      more["reasoning_effort"] = effort;
      return;
    } else if (contains(in_.model, "qwen.")) {
      more["reasoning_config"] = effort;
      return;
    }
    args_.drop("reasoning_effort");
  }

  void add_sampling(json::object& inference, json::object& more) {
    const bool free = !traits_.fixed_sampling();
    if (const auto* temperature = args_.take("temperature")) {
      if (free && (!thinks_ || as_number(temperature) == 1.0))
        inference["temperature"] = *temperature;
      else
        args_.drop("temperature");
    }
    if (const auto* p = args_.take({"top_p", "topP"})) {
      const bool clash = traits_.one_sampling_knob() && inference.contains("temperature");
      if (free && !clash && (!thinks_ || as_number(p).value_or(0) >= 0.95))
        inference["topP"] = *p;
      else
        args_.drop("top_p");
    }
    if (const auto* k = args_.take("top_k")) {
      if (!free || thinks_)
        args_.drop("top_k");
      else if (contains(in_.model, "amazon.nova"))
        more["inferenceConfig"] = {{"topK", *k}};
      else
        more[contains(in_.model, "cohere.") ? "k" : "top_k"] = *k;
    }
  }

  void add_format() {
    if (wanted_.schema == nullptr) return;
    const bool native = traits_.version > 0 ? traits_.native_schema() : takes_schema(in_.model);
    if (!native || !is_closed_schema(*wanted_.schema)) {
      answer_by_tool_ = true;
      return;
    }
    json::object schema{{"name", json::string(wanted_.name)},
                        {"schema", json::string(to_json(portable_schema(*wanted_.schema)))}};
    if (!wanted_.description.empty()) schema["description"] = json::string(wanted_.description);
    settings_["outputConfig"] = {
        {"textFormat", {{"type", "json_schema"}, {"structure", {{"jsonSchema", std::move(schema)}}}}}};
  }

  // ---- body
  // ------------------------------------------------------------------------------------------------

  std::string& out() { return request_.body; }
  void string(std::string_view text) { append_json_string(out(), text); }
  void next(bool& first) {
    if (!std::exchange(first, false)) out() += ',';
  }

  Result<> write_body() {
    out() += '{';
    if (!settings_.contains("messages"))
      if (auto done = append_turns(out(), in_.dialog, blocks_, wire_name); !done) return done;
    if (!settings_.contains("system")) write_system();
    if (!settings_.contains("toolConfig")) write_tools();
    for (const auto& [name, value] : settings_) {
      if (out().size() > 1) out() += ',';
      string(name);
      out() += ':';
      append_json(out(), value);
    }
    out() += '}';
    return {};
  }

  void write_system() {
    bool first = true;
    for (const auto& message : in_.dialog.messages()) {
      if (message->role != Role::system) continue;
      for (const auto& part : message->parts)
        if (const auto* text = std::get_if<TextPart>(&part); text && !trim(text->text).empty()) {
          if (first) out() += out().size() > 1 ? ",\"system\":[" : "\"system\":[";
          blocks_.text(first, text->text);
          blocks_.cache_point(first, text->cache_ttl);
        }
    }
    if (!first) out() += ']';
  }

  // ---- tools
  // -----------------------------------------------------------------------------------------------

  void write_tool(bool& first, std::string_view name, std::string_view description,
                  const json::object& schema, bool strict = false) {
    next(first);
    out() += "{\"toolSpec\":{\"name\":";
    string(name);
    if (!description.empty()) {
      out() += ",\"description\":";
      string(description);
    }
    out() += ",\"inputSchema\":{\"json\":";
    append_parameters(out(), schema);
    out() += strict ? "},\"strict\":true}}" : "}}}";
  }

  void write_tools() {
    const std::size_t start = out().size();
    out() += start > 1 ? ",\"toolConfig\":{\"tools\":[" : "\"toolConfig\":{\"tools\":[";
    static const json::object no_schema;
    bool first = true;
    for (const auto& tool : in_.tools)
      write_tool(first, tool.name(), tool.description(), tool.parameters().value());
    if (const auto* given = as_array(args_.take("tools")))
      for (const auto& tool : *given) {
        const auto* function = find(tool, "function");
        if (function == nullptr) {  // toolSpec, systemTool or cachePoint: this API's own form
          next(first);
          append_json(out(), tool);
          continue;
        }
        const auto* schema = object_at(*function, "parameters");
        write_tool(first, text_at(*function, "name"), text_at(*function, "description"),
                   schema != nullptr ? *schema : no_schema,
                   as_boolean(find(*function, "strict")).value_or(false) &&
                       (traits_.native_schema() || takes_schema(in_.model)));
      }
    const bool any_function = !first;
    if (answer_by_tool_) write_tool(first, answer_tool, answer_tool_description, *wanted_.schema);
    if (first) write_past_tools(first);
    report_add_ons();
    const auto* choice = args_.take("tool_choice");
    if (const auto* parallel = args_.take("parallel_tool_calls");
        parallel != nullptr && as_boolean(parallel) == false)
      args_.drop("parallel_tool_calls");
    if (first) {
      out().resize(start);
      return;
    }
    out() += ']';
    write_choice(choice, any_function);
    out() += '}';
  }

  // Tool calls in the history must be declared, even when no tool is offered any more.
  void write_past_tools(bool& first) {
    std::set<std::string_view> names;
    for (const auto& message : in_.dialog.messages())
      for (const auto& call : message->tool_calls) names.insert(call.name);
    for (const auto name : names) write_tool(first, name, "No longer available.", {});
  }

  void report_add_ons() {
    if (!in_.dialog.top_prompt()) return;
    for (const auto& [name, value] : in_.dialog.top_prompt()->addon_args)
      if (is_wanted(value)) args_.drop(name);
    if (names_remote_server(*in_.dialog.top_prompt())) args_.drop("mcp_servers");
  }

  void write_choice(const json::value* given, bool any_function) {
    const auto choice = read_tool_choice(given);
    const auto force = [&](std::string_view name) {
      out() += R"(,"toolChoice":{"tool":{"name":)";
      string(name);
      out() += "}}";
    };
    // Llama and its like take no choice; a Claude that thinks may not be forced.
    const bool can_force = !contains(in_.model, "meta.") && !thinks_;
    if (answer_by_tool_) {
      if (can_force && any_function)
        out() += R"(,"toolChoice":{"any":{}})";
      else if (can_force)
        force(answer_tool);
      return;
    }
    const bool takes_choice = !contains(in_.model, "meta.");
    if (choice.is_forced() && !(takes_choice && traits_.can_be_forced(thinking_))) {
      args_.drop("tool_choice");
    } else if (choice.kind == ToolChoice::Kind::named) {
      force(choice.name);
    } else if (choice.kind == ToolChoice::Kind::automatic) {
      if (takes_choice) out() += R"(,"toolChoice":{"auto":{}})";  // what it does anyway
    } else if (choice.kind == ToolChoice::Kind::required) {
      out() += R"(,"toolChoice":{"any":{}})";
    } else if (given != nullptr) {
      args_.drop("tool_choice");  // "none": the API has no word for it
    }
  }

  const EncodeInput& in_;
  ModelArgs args_;
  ClaudeTraits traits_;
  WantedFormat wanted_;
  EncodedRequest request_;
  Blocks blocks_{request_.body, in_.model};
  json::object settings_;  ///< what goes into the body beside messages, system and toolConfig
  std::string thinking_;   ///< "enabled" (within a budget), "adaptive" or "disabled"; empty: not said
  bool thinks_ = false;
  bool answer_by_tool_ = false;
};

}  // namespace

Result<EncodedRequest> encode(const EncodeInput& input) {
  return Encoder(input).run();
}

}  // namespace lllm::bedrock
