#include "lllm/wires/gemini_config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "lllm/base/text.hpp"
#include "lllm/core/prompt.hpp"
#include "lllm/wires/model_args.hpp"
#include "lllm/wires/prompt_wishes.hpp"

namespace lllm::gemini {
namespace {

struct Renamed {
  std::string_view openai, gemini;
};

// Arguments that mean the same under another name.
constexpr std::array renamed{
    Renamed{"temperature", "temperature"},
    Renamed{"top_p", "topP"},
    Renamed{"top_k", "topK"},
    Renamed{"max_tokens", "maxOutputTokens"},
    Renamed{"max_completion_tokens", "maxOutputTokens"},
    Renamed{"max_output_tokens", "maxOutputTokens"},
    Renamed{"seed", "seed"},
    Renamed{"presence_penalty", "presencePenalty"},
    Renamed{"frequency_penalty", "frequencyPenalty"},
    Renamed{"media_resolution", "mediaResolution"},
    Renamed{"speech_config", "speechConfig"},
    Renamed{"image_config", "imageConfig"},
    Renamed{"thinking_config", "thinkingConfig"},
};

// "gemini-3.7-flash": 7. What is always the newest ("gemini-flash-latest") is newer than all that is known.
int minor_version(std::string_view model) {
  if (model.ends_with("-latest")) return std::numeric_limits<int>::max();
  model.remove_prefix(model.rfind('/') + 1);  // 0 where there is none
  const auto dot = model.find('.');
  int minor = 0;
  if (dot != model.npos) std::from_chars(model.data() + dot + 1, model.data() + model.size(), minor);
  return minor;
}

class Maker {
 public:
  Maker(const EncodeInput& input, int generation) : in_(input), generation_(generation) {}
  Config make();

 private:
  void take_argument(std::string_view name, const json::value& value);
  void take_effort(std::string_view effort);
  void take_response_format(const json::value& format);
  void take_tool(const json::value& tool);
  void take_tool_choice(const json::value& choice);
  void take_format();
  void take_addons();
  void add_function(std::string_view name, std::string_view description, const json::value& parameters);
  void finish_tools();
  void drop(std::string_view name) { config_.dropped.emplace_back(name); }
  void set(std::string_view name, json::value value) { generation_config_[name] = std::move(value); }
  void want_json(const json::value& schema);

  const EncodeInput& in_;
  const int generation_;
  Config config_;
  json::object generation_config_;
  json::array functions_;
  json::array server_tools_;
  json::object calling_;  // toolConfig.functionCallingConfig
};

void Maker::take_effort(std::string_view effort) {
  json::object thinking;
  if (generation_ >= 3) {
    // Levels; thinking cannot be switched off, so the least is the nearest to none. Pro models know no
    // "minimal", nor do Flash models from 3.7 on (Google's table of levels, in Firebase AI Logic's guide to
    // thinking), and the first Pro no "medium" either.
    const bool flash = in_.model.find("flash") != in_.model.npos;
    const int minor = minor_version(in_.model);
    std::string_view level = effort;
    if (effort == "none" || effort == "disable" || effort == "minimal")
      level = flash && minor < 7 ? "minimal" : "low";
    if (effort == "xhigh" || effort == "max") level = "high";
    if (effort == "medium" && !flash && generation_ == 3 && minor == 0) level = "high";
    thinking["thinkingLevel"] = json::string(level);
  } else {
    // Budgets in tokens, as Google's own OpenAI endpoint maps them. Pro cannot do without thinking.
    const bool pro = in_.model.find("pro") != in_.model.npos;
    std::int64_t budget = 24'576;
    if (effort == "none" || effort == "disable") budget = pro ? 128 : 0;
    if (effort == "minimal" || effort == "low") budget = 1'024;
    if (effort == "medium") budget = 8'192;
    thinking["thinkingBudget"] = budget;
    if (budget == 0) {
      set("thinkingConfig", std::move(thinking));
      return;
    }
  }
  thinking["includeThoughts"] = true;
  set("thinkingConfig", std::move(thinking));
}

void Maker::want_json(const json::value& schema) {
  set("responseMimeType", "application/json");
  if (schema.is_object() && !schema.get_object().empty()) set("responseJsonSchema", schema);
}

void Maker::take_response_format(const json::value& format) {
  const auto type = text_at(format, "type");
  if (type == "json_object") {
    want_json({});
  } else if (type == "json_schema") {
    const auto* schema = find_at(format, "/json_schema/schema");
    want_json(schema == nullptr ? json::value() : *schema);
  } else if (type != "text") {
    drop("response_format");
  }
}

void Maker::add_function(std::string_view name, std::string_view description, const json::value& parameters) {
  json::object function{{"name", json::string(name)}, {"description", json::string(description)}};
  if (parameters.is_object() && !parameters.get_object().empty())
    function["parametersJsonSchema"] = parameters;
  functions_.push_back(std::move(function));
}

void Maker::take_tool(const json::value& tool) {
  if (const auto* function = object_at(tool, "function")) {
    const auto* parameters = find(*function, "parameters");
    add_function(as_text(find(*function, "name")), as_text(find(*function, "description")),
                 parameters == nullptr ? json::value() : *parameters);
  } else if (tool.is_object()) {
    // Google's own, as they stand: {"googleSearch": {}}, {"codeExecution": {}}, …
    server_tools_.push_back(tool);
  }
}

void Maker::take_tool_choice(const json::value& choice) {
  if (const auto word = as_text(&choice); !word.empty()) {
    calling_["mode"] = word == "none" ? "NONE" : word == "required" || word == "any" ? "ANY" : "AUTO";
    return;
  }
  const auto name = as_text(find_at(choice, "/function/name"));
  if (name.empty()) return drop("tool_choice");
  calling_["mode"] = "ANY";
  calling_["allowedFunctionNames"] = json::array{json::string(name)};
}

void Maker::take_argument(std::string_view name, const json::value& value) {
  if (value.is_null()) return;  // not given
  for (const auto& [openai, gemini] : renamed)
    if (name == openai) return set(gemini, value);
  if (name == "stop") {
    set("stopSequences", value.is_array() ? value : json::value(json::array{value}));
  } else if (name == "n") {
    if (as_integer(&value) != 1) drop(name);
  } else if (name == "logprobs") {
    set("responseLogprobs", value);
  } else if (name == "top_logprobs") {
    set("logprobs", value);
  } else if (name == "modalities") {
    json::array upper;
    if (const auto* list = value.if_array())
      for (const auto& one : *list) {
        std::string word(as_text(&one));
        std::ranges::transform(word, word.begin(),
                               [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
        upper.push_back(json::string(word));
      }
    set("responseModalities", std::move(upper));
  } else if (name == "reasoning_effort") {
    take_effort(as_text(&value));
  } else if (name == "thinking") {  // as Anthropic has it, and LiteLLM for every provider
    json::object thinking;
    const bool enabled = text_at(value, "type") == "enabled" || text_at(value, "type") == "adaptive";
    thinking["includeThoughts"] = enabled;
    if (const auto budget = integer_at(value, "budget_tokens")) thinking["thinkingBudget"] = *budget;
    if (!enabled && generation_ < 3) thinking["thinkingBudget"] = 0;
    set("thinkingConfig", std::move(thinking));
  } else if (name == "response_format") {
    take_response_format(value);
  } else if (name == "tools") {
    if (const auto* list = value.if_array())
      for (const auto& tool : *list) take_tool(tool);
    config_.model_args["tools"] = value;
  } else if (name == "tool_choice") {
    take_tool_choice(value);
  } else if (name == "web_search_options") {
    server_tools_.push_back(json::object{{"googleSearch", json::object()}});
  } else if (name == "safety_settings") {
    config_.body["safetySettings"] = value;
  } else if (name == "cached_content") {
    config_.body["cachedContent"] = value;
  } else if (name == "labels") {
    config_.body["labels"] = value;
  } else if (name == "extra_body") {
    config_.extra_body = value;
    config_.model_args["extra_body"] = value;
  } else if (name == "extra_headers") {
    if (const auto* headers = value.if_object())
      for (const auto& [field, text] : *headers)
        if (text.is_string()) config_.headers.emplace_back(std::string(field), std::string(as_text(&text)));
  } else {
    drop(name);
  }
}

void Maker::take_format() {
  if (in_.format.empty() || generation_config_.contains("responseMimeType")) return;
  const bool other_tools = !functions_.empty() || !server_tools_.empty();
  if (other_tools && generation_ > 0 && generation_ < 3) {
    // These refuse a schema beside tools: the answer becomes a call of its own.
    add_function(answer_tool, answer_tool_description, in_.format.value());
    if (!calling_.contains("mode")) calling_["mode"] = "ANY";
    return;
  }
  want_json(in_.format.value());
}

void Maker::take_addons() {
  const auto& prompt = in_.dialog.top_prompt();
  if (!prompt) return;
  for (const auto& [name, value] : prompt->addon_args) {
    if (!is_wanted(value)) continue;
    // Before the third generation, Google's tools and one's own exclude each other.
    const bool alone = generation_ == 0 || generation_ >= 3 || functions_.empty();
    if (std::string_view(name) == "web_search" && alone)
      server_tools_.push_back(json::object{{"googleSearch", json::object()}});
    else if (std::string_view(name) == "computer_use" && alone)
      server_tools_.push_back(json::object{
          {"computerUse", value.is_object() && !value.get_object().empty()
                              ? value
                              : json::value(json::object{{"environment", "ENVIRONMENT_BROWSER"}})}});
    else
      drop(std::string_view(name));
  }
  if (names_remote_server(*prompt)) drop("mcp_servers");
}

void Maker::finish_tools() {
  json::object tool_config;
  if (!functions_.empty() && !calling_.empty()) tool_config["functionCallingConfig"] = std::move(calling_);
  if (!functions_.empty() && !server_tools_.empty() && generation_ >= 3)
    tool_config["includeServerSideToolInvocations"] = true;
  json::array tools = std::move(server_tools_);
  if (!functions_.empty()) tools.push_back(json::object{{"functionDeclarations", std::move(functions_)}});
  if (!tools.empty()) config_.body["tools"] = std::move(tools);
  if (!tool_config.empty()) config_.body["toolConfig"] = std::move(tool_config);
}

Config Maker::make() {
  for (const auto& tool : in_.tools) add_function(tool.name(), tool.description(), tool.parameters().value());
  for (const auto& [name, value] : in_.options.model_args()) take_argument(name, value);
  take_addons();
  take_format();
  finish_tools();
  for (const auto& [name, value] : generation_config_) config_.model_args[name] = value;
  for (const auto& name : {"safetySettings", "cachedContent", "labels", "toolConfig"})
    if (const auto* value = find(config_.body, name)) config_.model_args[name] = *value;
  if (!generation_config_.empty()) config_.body["generationConfig"] = std::move(generation_config_);
  return std::move(config_);
}

}  // namespace

Config make_config(const EncodeInput& input, int generation) {
  return Maker(input, generation).make();
}

}  // namespace lllm::gemini
