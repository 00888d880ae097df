#include <algorithm>
#include <array>
#include <optional>

#include "lllm/base/text.hpp"
#include "lllm/wires/anthropic.hpp"
#include "lllm/wires/anthropic_blocks.hpp"
#include "lllm/wires/claude.hpp"
#include "lllm/wires/model_args.hpp"
#include "lllm/wires/providers.hpp"
#include "lllm/wires/structured_output.hpp"

namespace lllm::anthropic {
namespace {

// Server tools that work only with the feature's beta header.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> tool_betas = {{
    {"computer_20241022", "computer-use-2024-10-22"},
    {"computer_20250124", "computer-use-2025-01-24"},
    {"computer_20251124", "computer-use-2025-11-24"},
    {"code_execution_20250522", "code-execution-2025-05-22"},
    {"code_execution_20250825", "code-execution-2025-08-25"},
    {"web_fetch_20250910", "web-fetch-2025-09-10"},
    {"memory_20250818", "context-management-2025-06-27"},
    {"advisor_20260301", "advisor-tool-2026-03-01"},
}};

// Builds one request; the body goes straight into one string.
class Encoder {
 public:
  explicit Encoder(const EncodeInput& input)
      : in_(input), args_(input.options.model_args()), traits_(claude_traits(input.model)) {}

  Result<EncodedRequest> run() {
    wanted_ = take_format(in_.format, args_);
    read_arguments();
    if (auto done = write_body(); !done) return done.error();
    request_.path = "/v1/messages";
    request_.headers.add("content-type", "application/json");
    request_.headers.add("anthropic-version", "2023-06-01");
    if (const auto* headers = as_object(args_.take("extra_headers")))
      for (const auto& [name, value] : *headers) {
        if (iequals(name, "anthropic-beta"))
          for (const auto one : split(as_text(&value), ',')) beta(trim(one));
        else
          request_.headers.set(name, as_text(&value));
      }
    if (!betas_.empty()) request_.headers.add("anthropic-beta", join(betas_, ","));
    request_.model_args = std::move(settings_);
    request_.dropped = args_.dropped();
    return std::move(request_);
  }

 private:
  // ---- settings
  // --------------------------------------------------------------------------------------------

  void read_arguments() {
    read_thinking();
    const auto* limit = args_.take({"max_tokens", "max_completion_tokens", "max_output_tokens"});
    std::int64_t max_tokens = as_integer(limit).value_or(traits_.default_max_tokens());
    // Anthropic counts thinking into max_tokens and wants room for an answer besides.
    const auto* thinking = find(settings_, "thinking");
    const auto budget = thinking != nullptr ? integer_at(*thinking, "budget_tokens") : std::nullopt;
    if (budget && max_tokens <= *budget) max_tokens += *budget;
    settings_["max_tokens"] = max_tokens;

    read_sampling();
    if (const auto* given = args_.take({"stop_sequences", "stop"})) {
      auto stop = stop_list(given);
      if (stop.empty())
        args_.drop("stop");
      else
        settings_["stop_sequences"] = std::move(stop);
    }
    if (const auto* user = args_.take("user"); user != nullptr && user->is_string())
      settings_["metadata"] = json::object{{"user_id", *user}};
    if (const auto* metadata = args_.take("metadata")) {
      if (const auto* id = find(*metadata, "user_id"))
        settings_["metadata"] = json::object{{"user_id", *id}};
      else
        args_.drop("metadata");
    }
    if (const auto* tier = args_.take("service_tier")) {
      if (as_text(tier) == "auto" || as_text(tier) == "standard_only")
        settings_["service_tier"] = *tier;
      else
        args_.drop("service_tier");
    }
    if (const auto* n = args_.take("n"); n != nullptr && as_integer(n) != 1) args_.drop("n");
    for (const auto own : {"cache_control", "container", "context_management", "inference_geo", "speed"})
      args_.pass(own, settings_);
    if (settings_.contains("context_management")) beta("context-management-2025-06-27");
    if (const auto* names = as_array(args_.take("betas")))
      for (const auto& name : *names) beta(as_text(&name));

    if (wanted_.schema != nullptr) {
      if (traits_.native_schema() && is_closed_schema(*wanted_.schema))
        deep_merge(settings_["output_config"],
                   {{"format", {{"type", "json_schema"}, {"schema", portable_schema(*wanted_.schema)}}}});
      else
        answer_by_tool_ = true;
    }
    // What the caller writes for this very API wins over everything that was made here.
    if (const auto* extra = args_.take("extra_body"); extra != nullptr && extra->is_object())
      for (const auto& [key, value] : extra->get_object()) deep_merge(settings_[key], value);
  }

  void read_thinking() {
    if (const auto* effort = args_.take("reasoning_effort")) {
      auto thinking = claude_thinking(traits_, as_text(effort));
      if (thinking.empty()) args_.drop("reasoning_effort");
      for (auto& [key, value] : thinking) settings_[key] = std::move(value);
    }
    args_.pass("thinking", settings_);
    if (const auto* config = args_.take("output_config")) deep_merge(settings_["output_config"], *config);
    const auto* thinking = find(settings_, "thinking");
    thinking_ = thinking != nullptr ? text_at(*thinking, "type") : std::string_view();
    if (thinking_ == "enabled" && continues_unthought_calls(in_.dialog, wire_name)) {
      args_.drop(find(in_.options.model_args(), "thinking") != nullptr ? "thinking" : "reasoning_effort");
      settings_.erase("thinking");
      thinking_.clear();
    }
    thinks_ = thinking_ == "enabled" || thinking_ == "adaptive";
  }

  void read_sampling() {
    const auto number = [&](std::string_view name, bool accepted) {
      const auto* value = args_.take(name);
      if (value == nullptr) return false;
      if (!accepted) return args_.drop(name), false;
      settings_[name] = *value;
      return true;
    };
    const bool free = !traits_.fixed_sampling();
    // While it thinks, a model samples at temperature 1, and top_p may only be close to 1.
    const auto* wanted = find(in_.options.model_args(), "temperature");
    const bool warm = wanted != nullptr && as_number(wanted) == 1.0;
    const bool has_temperature = number("temperature", free && (!thinks_ || warm));
    const auto* p = find(in_.options.model_args(), "top_p");
    const bool near_one = as_number(p).value_or(0) >= 0.95;
    number("top_p", free && (!thinks_ || near_one) && !(has_temperature && traits_.one_sampling_knob()));
    number("top_k", free && !thinks_);
  }

  void beta(std::string_view name) {
    if (!name.empty() && std::find(betas_.begin(), betas_.end(), name) == betas_.end())
      betas_.emplace_back(name);
  }

  // ---- body
  // ------------------------------------------------------------------------------------------------

  Result<> write_body() {
    std::size_t size = 1024;
    for (const auto& message : in_.dialog.messages())
      for (const auto& part : message->parts)
        if (const auto* text = std::get_if<TextPart>(&part))
          size += text->text.size() + text->text.size() / 16 + 64;
        else if (const auto* media = std::get_if<MediaPart>(&part))
          size += media->data().size() + 256;
    out().reserve(size);

    blocks_.emplace(out(), in_.dialog);
    out() += '{';
    if (!settings_.contains("model")) {
      out() += "\"model\":";
      string(in_.model);
    } else {
      out() += "\"model\":";
      append_json(out(), settings_["model"]);
      settings_.erase("model");
    }
    if (!settings_.contains("tools")) write_tools();
    if (!settings_.contains("system")) write_system();
    if (!settings_.contains("messages")) {
      out() += ',';
      if (auto done = append_turns(out(), in_.dialog, *blocks_, wire_name); !done) return done;
      if (blocks_->names_upload()) beta("files-api-2025-04-14");
    }
    for (const auto& [name, value] : settings_) member(name, value);
    if (in_.stream) out() += ",\"stream\":true";
    out() += '}';
    return {};
  }

  std::string& out() { return request_.body; }
  void string(std::string_view text) { append_json_string(out(), text); }
  void member(std::string_view name, const json::value& value) {
    out() += ',';
    string(name);
    out() += ':';
    append_json(out(), value);
  }

  void write_system() {
    bool first = true;
    for (const auto& message : in_.dialog.messages()) {
      if (message->role != Role::system) continue;
      for (const auto& part : message->parts)
        if (const auto* text = std::get_if<TextPart>(&part); text && !trim(text->text).empty()) {
          out() += first ? ",\"system\":[" : "";
          blocks_->text(first, text->text, text->cache_ttl);
        }
    }
    if (!first) out() += ']';
  }

  // ---- tools
  // -----------------------------------------------------------------------------------------------

  void next(bool& first) {
    if (!std::exchange(first, false)) out() += ',';
  }

  void write_tool(bool& first, std::string_view name, std::string_view description,
                  const json::object& schema, bool strict) {
    next(first);
    out() += "{\"name\":";
    string(name);
    if (!description.empty()) {
      out() += ",\"description\":";
      string(description);
    }
    out() += ",\"input_schema\":";
    append_parameters(out(), schema);
    if (strict) out() += ",\"strict\":true";
    out() += '}';
  }

  void write_own_tool(bool& first, const json::value& tool) {  // in this API's own form
    const auto type = text_at(tool, "type");
    for (const auto& [known, header] : tool_betas)
      if (type == known) beta(header);
    next(first);
    append_json(out(), tool);
  }

  void write_tools() {
    const std::size_t start = out().size();
    out() += ",\"tools\":[";
    bool first = true;
    bool any_function = false;
    for (const auto& tool : in_.tools) {
      write_tool(first, tool.name(), tool.description(), tool.parameters().value(), false);
      any_function = true;
    }
    if (const auto* given = as_array(args_.take("tools")))
      for (const auto& tool : *given) {
        any_function = true;
        static const json::object no_schema;
        const auto* function = find(tool, "function");
        const auto* schema = function != nullptr ? object_at(*function, "parameters") : nullptr;
        if (function != nullptr)
          write_tool(first, text_at(*function, "name"), text_at(*function, "description"),
                     schema != nullptr ? *schema : no_schema,
                     as_boolean(find(*function, "strict")).value_or(false) && traits_.native_schema());
        else
          write_own_tool(first, tool);
      }
    write_add_ons(first);
    write_mcp_servers(first);
    if (answer_by_tool_) {
      write_tool(first, answer_tool, answer_tool_description, *wanted_.schema, false);
    }
    if (first)
      out().resize(start);  // none at all
    else
      out() += ']';
    write_tool_choice(!first, any_function);
  }

  void write_add_ons(bool& first) {
    if (!in_.dialog.top_prompt()) return;
    for (const auto& [name, value] : in_.dialog.top_prompt()->addon_args) {
      if (value.is_bool() && !value.get_bool()) continue;
      json::object tool;
      if (name == "web_search") {
        tool = {{"type", "web_search_20250305"}, {"name", "web_search"}};
        for (const auto key : {"max_uses", "allowed_domains", "blocked_domains", "user_location"})
          if (const auto* given = find(value, key)) tool[key] = *given;
        // OpenAI's word for the same wish.
        const auto size = text_at(value, "search_context_size");
        if (!size.empty() && !tool.contains("max_uses"))
          tool["max_uses"] = size == "low" ? 1 : size == "medium" ? 5 : 10;
      } else if (name == "computer_use") {
        const bool newer = traits_.version >= 405;
        tool = {{"type", newer ? "computer_20251124" : "computer_20250124"}, {"name", "computer"}};
        tool["display_width_px"] = integer_or(value, {"display_width_px", "display_width"}, 1024);
        tool["display_height_px"] = integer_or(value, {"display_height_px", "display_height"}, 768);
        if (const auto* number = find(value, "display_number")) tool["display_number"] = *number;
      } else {
        args_.drop(name);
        continue;
      }
      write_own_tool(first, tool);
    }
  }

  static std::int64_t integer_or(const json::value& from, std::initializer_list<std::string_view> keys,
                                 std::int64_t otherwise) {
    for (const auto key : keys)
      if (const auto number = integer_at(from, key)) return *number;
    return otherwise;
  }

  void write_tool_choice(bool any, bool any_function) {
    const auto* given = args_.take("tool_choice");
    const auto choice = read_tool_choice(given);
    const auto* parallel = args_.take("parallel_tool_calls");
    if (!any || settings_.contains("tool_choice")) return;  // the API refuses a choice among nothing
    json::object made;
    const bool cannot = choice.is_forced() && !traits_.can_be_forced(thinking_);
    if (given != nullptr && (cannot || choice.kind == ToolChoice::Kind::unset)) args_.drop("tool_choice");
    if (answer_by_tool_) {
      // With other tools at hand the model decides when it is done; while it thinks nothing may be forced.
      made["type"] = thinks_ ? "auto" : any_function ? "any" : "tool";
      if (made["type"] == "tool") made["name"] = json::string(answer_tool);
    } else if (cannot) {
      // it stays free to choose
    } else if (choice.kind == ToolChoice::Kind::named) {
      made = {{"type", "tool"}, {"name", json::string(choice.name)}};
    } else if (choice.kind != ToolChoice::Kind::unset) {
      made["type"] = choice.kind == ToolChoice::Kind::automatic ? "auto"
                     : choice.kind == ToolChoice::Kind::none    ? "none"
                                                                : "any";
    }
    if (parallel != nullptr && as_boolean(parallel) == false && choice.kind != ToolChoice::Kind::none) {
      if (made.empty()) made["type"] = "auto";
      made["disable_parallel_tool_use"] = true;
    }
    if (given != nullptr && given->is_object() && find(*given, "disable_parallel_tool_use") != nullptr)
      made["disable_parallel_tool_use"] = *find(*given, "disable_parallel_tool_use");
    if (!made.empty()) settings_["tool_choice"] = std::move(made);
  }

  // Servers that the provider can reach (one that is a child process is the agent's to run), and for each a
  // toolset that says which of its tools are offered: the API refuses one without the other.
  // Spec: "MCP connector", mcp-client-2025-11-20.
  void write_mcp_servers(bool& first) {
    json::array servers;
    if (const auto* given = as_array(args_.take("mcp_servers")))
      for (const auto& server : *given) servers.push_back(offered_server(first, server));
    if (in_.dialog.top_prompt())
      for (const auto& server : in_.dialog.top_prompt()->mcp_servers) {
        if (server.url.empty()) continue;
        json::object entry{{"type", "url"}, {"url", json::string(server.url)}};
        entry["name"] = json::string(server.name.empty() ? "mcp" : server.name);
        if (const auto token = as_text(find(server.options, "authorization_token")); !token.empty())
          entry["authorization_token"] = json::string(token);
        else if (const auto* headers = as_object(find(server.options, "headers")))
          for (const auto& [name, value] : *headers)
            if (iequals(name, "authorization") && as_text(&value).starts_with("Bearer "))
              entry["authorization_token"] = json::string(as_text(&value).substr(7));
        if (const auto* allowed = find(server.options, "allowed_tools"))
          entry["tool_configuration"] = {{"allowed_tools", *allowed}};
        servers.push_back(offered_server(first, entry));
      }
    if (servers.empty() || settings_.contains("mcp_servers")) return;
    settings_["mcp_servers"] = std::move(servers);
    beta("mcp-client-2025-11-20");
  }

  // Writes the server's toolset among the tools, unless the caller did. Returns the server without the
  // tool_configuration that its first beta had in the toolset's place.
  json::value offered_server(bool& first, const json::value& server) {
    const auto name = text_at(server, "name");
    const auto* configuration = find(server, "tool_configuration");
    if (!has_toolset(name)) {
      json::object toolset{{"type", "mcp_toolset"}, {"mcp_server_name", json::string(name)}};
      const auto* allowed = configuration != nullptr ? array_at(*configuration, "allowed_tools") : nullptr;
      const bool none = configuration != nullptr && as_boolean(find(*configuration, "enabled")) == false;
      if (none || allowed != nullptr) toolset["default_config"] = {{"enabled", false}};
      if (allowed != nullptr && !none) {
        json::object configs;
        for (const auto& tool : *allowed) configs[as_text(&tool)] = {{"enabled", true}};
        toolset["configs"] = std::move(configs);
      }
      write_own_tool(first, toolset);
    }
    json::value bare = server;
    if (configuration != nullptr) bare.as_object().erase("tool_configuration");
    return bare;
  }

  bool has_toolset(std::string_view server) const {
    const auto* given = as_array(find(in_.options.model_args(), "tools"));
    return given != nullptr && std::any_of(given->begin(), given->end(), [server](const json::value& tool) {
             return text_at(tool, "type") == "mcp_toolset" && text_at(tool, "mcp_server_name") == server;
           });
  }

  const EncodeInput& in_;
  ModelArgs args_;
  ClaudeTraits traits_;
  WantedFormat wanted_;
  EncodedRequest request_;
  std::optional<Blocks> blocks_;  ///< while the body is written
  json::object settings_;  ///< what goes into the body beside model, system, tools, messages and stream
  std::vector<std::string> betas_;
  std::string thinking_;  ///< "enabled" (within a budget), "adaptive" or "disabled"; empty: not said
  bool thinks_ = false;
  bool answer_by_tool_ = false;
};

}  // namespace

Result<EncodedRequest> encode(const EncodeInput& input) {
  return Encoder(input).run();
}

}  // namespace lllm::anthropic
