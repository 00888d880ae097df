#include "lllm/core/prompt.hpp"

#include "lllm/base/hash.hpp"

namespace lllm {
namespace {

const Renderer& renderer_of(const Prompt& prompt) {
  static const BraceRenderer standard;
  return prompt.renderer ? *prompt.renderer : standard;
}

json::object described(const McpServer& server) {
  json::object object{{"name", json::string(server.name)}};
  if (!server.url.empty()) object["url"] = json::string(server.url);
  if (!server.command.empty()) object["command"] = json::array(server.command.begin(), server.command.end());
  return object;
}

}  // namespace

Result<std::string> Prompt::render(const json::object& args) const {
  auto text = renderer_of(*this).render(prompt, args);
  if (!text)
    return Error(text.error().kind(),
                 "prompt '" + (ref.empty() ? path : ref) + "': " + text.error().message());
  return text;
}

std::vector<std::string> Prompt::template_vars() const {
  auto names = renderer_of(*this).variables(prompt);
  return names ? std::move(*names) : std::vector<std::string>();
}

Result<> Prompt::validate_args(const json::object& args) const {
  const auto rendered = render(args);
  if (!rendered) return rendered.error();
  return {};
}

Result<Prompt> Prompt::extend(std::string new_path, const json::object& overrides) const {
  Prompt copy = *this;
  copy.path = std::move(new_path);
  copy.ref.clear();
  for (const auto& [key, value] : overrides) {
    const std::string name(key);
    const auto wrong = [&](const char* expected) {
      return Error(ErrorKind::invalid_argument,
                   "prompt '" + path + "': override '" + name + "' must be " + expected);
    };
    if (name == "prompt") {
      if (!value.is_string()) return wrong("a string");
      copy.prompt = std::string(as_text(&value));
    } else if (name == "metadata" || name == "addon_args") {
      if (!value.is_object()) return wrong("an object");
      json::value merged(name == "metadata" ? metadata : addon_args);
      deep_merge(merged, value);
      (name == "metadata" ? copy.metadata : copy.addon_args) = merged.get_object();
    } else if (name == "format") {
      if (!value.is_object()) return wrong("a JSON schema");
      copy.format = Schema(value.get_object());
    } else if (name == "tools") {
      if (!value.is_array()) return wrong("a list of tool refs");
      copy.tools.clear();
      for (const auto& tool : value.get_array()) {
        if (!tool.is_string()) return wrong("a list of tool refs");
        copy.tools.emplace_back(std::string(as_text(&tool)));
      }
    } else {
      return Error(ErrorKind::invalid_argument,
                   "prompt '" + path + "': '" + name +
                       "' cannot be overridden (prompt, metadata, format, tools, "
                       "addon_args can)");
    }
  }
  return copy;
}

json::object Prompt::info() const {
  json::array variables;
  for (const auto& name : template_vars()) variables.emplace_back(json::string(name));
  json::array names;
  for (const auto& tool : tools) {
    const auto* ref_text = std::get_if<std::string>(&tool);
    names.emplace_back(json::string(ref_text != nullptr ? *ref_text : std::get<Tool>(tool).name()));
  }
  json::array servers;
  for (const auto& server : mcp_servers) servers.push_back(described(server));
  return {{"path", json::string(path)},          {"ref", json::string(ref)},
          {"variables", std::move(variables)},   {"tools", std::move(names)},
          {"mcp_servers", std::move(servers)},   {"has_format", !format.empty()},
          {"hash", json::string(content_hash())}};
}

std::string Prompt::content_hash() const {
  // A JSON array keeps the members apart: no two different prompts concatenate to the same text.
  json::array told{json::string(prompt), format.value(), addon_args};
  for (const auto& tool : tools) {
    if (const auto* ref_text = std::get_if<std::string>(&tool))
      told.emplace_back(json::string(*ref_text));
    else
      told.emplace_back(std::get<Tool>(tool).to_tool());
  }
  for (const auto& server : mcp_servers) told.emplace_back(described(server));
  return sha256_hex(to_json(told));
}

}  // namespace lllm
