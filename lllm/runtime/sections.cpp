#include "lllm/runtime/sections.hpp"

#include "lllm/core/prompt.hpp"
#include "lllm/formats/document.hpp"
#include "lllm/runtime/asset.hpp"
#include "lllm/runtime/backends.hpp"
#include "lllm/runtime/prompt_file.hpp"
#include "lllm/runtime/proxy.hpp"
#include "lllm/runtime/resource_ref.hpp"
#include "lllm/runtime/service.hpp"
#include "lllm/runtime/tactic.hpp"
#include "lllm/runtime/tool_file.hpp"

namespace lllm {
namespace {

/// The path without the suffix of its last part.
std::string without_suffix(std::string_view path) {
  const auto slash = path.rfind('/');
  const auto dot = path.rfind('.');
  if (dot == path.npos || dot == 0 || (slash != path.npos && dot <= slash + 1)) return std::string(path);
  return std::string(path.substr(0, dot));
}

bool keeps_suffix(std::string_view section) {
  return section == "assets" || !is_standard_section(section);
}

ResourceNode::Parts parts_of(const SectionFile& file, std::string path) {
  ResourceNode::Parts parts;
  parts.ns = file.ns();
  parts.path = std::move(path);
  parts.type = type_of_section(file.section);
  parts.file = file.file;
  return parts;
}

NodePtr prompt_node(const SectionFile& file, Prompt prompt) {
  auto parts = parts_of(file, prompt.path);
  prompt.ref = parts.ns + ':' + parts.path;
  return ResourceNode::eager(std::move(parts), ResourceValue::of(std::move(prompt)));
}

Result<SectionContents> read_prompts(const SectionFile& file, std::string_view bytes,
                                     std::vector<Error>& others) {
  SectionContents contents;
  auto& nodes = contents.nodes;
  if (file.path.ends_with(".toml")) {
    auto prompts = parse_prompt_tables(without_suffix(file.path), bytes, &others);
    if (!prompts) return prompts.error();
    for (auto& prompt : *prompts) nodes.push_back(prompt_node(file, std::move(prompt)));
  } else {
    auto prompt = parse_prompt_text(without_suffix(file.path), bytes, &others);
    if (!prompt) return prompt.error();
    nodes.push_back(prompt_node(file, std::move(*prompt)));
  }
  return contents;
}

std::string folder_of(const std::string& file) {
  const auto slash = file.rfind('/');
  return slash == file.npos ? "." : file.substr(0, slash);
}

Result<SectionContents> read_tools(const SectionFile& file, std::string_view bytes,
                                   std::vector<Error>& others) {
  auto tools =
      parse_tool_file(without_suffix(file.path), folder_of(file.file), *syntax_of(file.path), bytes, &others);
  if (!tools) return tools.error();
  SectionContents contents;
  for (auto& declared : *tools) {
    auto parts = parts_of(file, std::move(declared.path));
    parts.metadata["backend"] = json::string(declared.backend);
    contents.nodes.push_back(
        ResourceNode::eager(std::move(parts), ResourceValue::of(std::move(declared.tool))));
  }
  return contents;
}

Result<SectionContents> read_proxy(const SectionFile& file, std::string_view bytes,
                                   std::vector<Error>& others) {
  auto proxy = parse_proxy_file(without_suffix(file.path), *syntax_of(file.path), bytes, &others);
  if (!proxy) return proxy.error();
  auto parts = parts_of(file, without_suffix(file.path));
  proxy->ref = parts.ns + ':' + parts.path;
  SectionContents contents;
  for (auto& tool : proxy->tools()) {
    ResourceNode::Parts below;
    below.ns = file.package + ".tools";
    below.path = parts.path + '/' + tool.name();
    below.type = "tool";
    below.file = file.file;
    below.metadata = {{"backend", "proxy"}, {"proxy", json::string(proxy->ref)}};
    contents.nodes.push_back(ResourceNode::eager(std::move(below), ResourceValue::of(std::move(tool))));
  }
  contents.nodes.push_back(ResourceNode::eager(std::move(parts), ResourceValue::of(std::move(*proxy))));
  return contents;
}

/// The one node of a file that holds one value with a `ref`.
template <class T>
Result<SectionContents> one_node(const SectionFile& file, Result<T> value) {
  if (!value) return value.error();
  auto parts = parts_of(file, without_suffix(file.path));
  value->ref = parts.ns + ':' + parts.path;
  SectionContents contents;
  contents.nodes.push_back(ResourceNode::eager(std::move(parts), ResourceValue::of(std::move(*value))));
  return contents;
}

Result<SectionContents> read_tactic(const SectionFile& file, std::string_view bytes,
                                    std::vector<Error>& others) {
  const auto syntax = *syntax_of(file.path);
  auto tactic = parse_tactic_file(without_suffix(file.path), file.package, syntax, bytes, &others);
  std::vector<Diagnostic> warnings;
  if (tactic)
    for (const auto& agent : tactic->agents)
      for (const auto& key : agent.spec.unknown_keys) {
        const auto where = locate(syntax, bytes, "/agents/" + agent.spec.name + '/' + key);
        warnings.emplace_back(unknown_key_warning(agent.spec, key), file.file, where.line, where.column);
      }
  auto contents = one_node(file, std::move(tactic));
  if (contents) contents->warnings = std::move(warnings);
  return contents;
}

Result<SectionContents> read_service(const SectionFile& file, std::string_view bytes,
                                     std::vector<Error>& others) {
  return one_node(file, parse_service_file(without_suffix(file.path), file.package, *syntax_of(file.path),
                                           bytes, &others));
}

Error in_file(const Error& error, const std::string& file) {
  Error copy(error.kind() == ErrorKind::parse_failed ? ErrorKind::bad_resource : error.kind(),
             error.message());
  return copy.code(error.code()).at(file, error.line(), error.column());
}

}  // namespace

FileUse use_of(std::string_view section, std::string_view file_name) {
  const auto ends = [&](std::initializer_list<std::string_view> suffixes) {
    for (const auto suffix : suffixes)
      if (file_name.size() > suffix.size() && file_name.ends_with(suffix)) return true;
    return false;
  };
  if (keeps_suffix(section)) return FileUse::lazy;
  if (ends({".py"})) return FileUse::python;
  if (section == "configs") return ends({".yaml", ".yml", ".toml", ".json"}) ? FileUse::lazy : FileUse::other;
  if (section == "prompts")
    return ends({".md", ".txt", ".prompt", ".toml"}) ? FileUse::eager : FileUse::other;
  if (section == "tools" && ends({".toml", ".json"})) return FileUse::eager;
  if (section == "tools" && ends({".so"})) return FileUse::plugin;
  const bool declared = section == "proxies" || section == "tactics" || section == "services";
  if (declared && ends({".toml"})) return FileUse::eager;
  return ends({".toml", ".json", ".yaml", ".yml", ".so"}) ? FileUse::unread : FileUse::other;
}

Result<SectionContents> read_plugin(const SectionFile& file) {
  const auto tools = open_plugin(file.file);
  if (!tools) return tools.error();
  SectionContents contents;
  const auto path = without_suffix(file.path);
  for (const auto& tool : *tools) {
    const bool own_name = path.substr(path.rfind('/') + 1) == tool.name();
    auto parts = parts_of(file, own_name ? path : path + '/' + tool.name());
    parts.metadata["backend"] = "plugin";
    contents.nodes.push_back(ResourceNode::eager(std::move(parts), ResourceValue::of(tool)));
  }
  return contents;
}

Result<SectionContents> read_section_file(const SectionFile& file, std::string_view bytes,
                                          std::vector<Error>& others) {
  if (file.section == "prompts") return read_prompts(file, bytes, others);
  if (file.section == "tools") return read_tools(file, bytes, others);
  if (file.section == "proxies") return read_proxy(file, bytes, others);
  if (file.section == "tactics") return read_tactic(file, bytes, others);
  if (file.section == "services") return read_service(file, bytes, others);
  return Error(ErrorKind::unsupported, "no files are read for section '" + file.section + "'");
}

NodePtr broken_node(const SectionFile& file, const Error& error) {
  auto parts = parts_of(file, keeps_suffix(file.section) ? file.path : without_suffix(file.path));
  return ResourceNode::broken(std::move(parts), in_file(error, file.file));
}

NodePtr lazy_node(const SectionFile& file, std::shared_ptr<const FileSource> files, std::int64_t limit) {
  const bool is_config = file.section == "configs";
  const auto syntax = syntax_of(file.path);
  auto load = [path = file.file, files = std::move(files), limit, is_config,
               syntax]() -> Result<ResourceValue> {
    auto contents = files->read(path, limit);
    if (!contents) return contents.error();
    std::optional<json::value> data;
    if (syntax) {
      auto parsed = parse_document(*syntax, contents->bytes);
      if (!parsed) return in_file(parsed.error(), path);
      data = std::move(*parsed);
    }
    if (is_config) {
      if (data->is_null()) data->emplace_object();  // an empty YAML file
      return ResourceValue::of(std::move(*data));
    }
    Asset asset;
    asset.file = path;
    asset.bytes = std::move(contents->bytes);
    asset.data = std::move(data);
    return ResourceValue::of(std::move(asset));
  };
  auto parts = parts_of(file, is_config ? without_suffix(file.path) : file.path);
  return ResourceNode::lazy(std::move(parts), std::move(load));
}

}  // namespace lllm
