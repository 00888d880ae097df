#include "lllm/runtime/prompt_file.hpp"

#include "lllm/formats/front_matter.hpp"
#include "lllm/runtime/resource_ref.hpp"

namespace lllm {
namespace {

/// Reads the keys of one prompt; knows where its text stands for errors.
class PromptReader {
 public:
  PromptReader(Syntax syntax, std::string_view text, int first_line, std::string base)
      : syntax_(syntax), text_(text), first_line_(first_line), base_(std::move(base)) {}

  [[noreturn]] void fail(const std::string& pointer, const std::string& message) const {
    auto where = locate(syntax_, text_, base_ + pointer);
    if (where.line > 0) where.line += first_line_ - 1;
    throw_error(Error(ErrorKind::bad_resource, message).at({}, where.line, where.column));
  }

  /// One mistake in a key does not hide those in the others.
  void apply(Prompt& prompt, const json::object& data, std::vector<Error>& mistakes) const {
    for (const auto& [key, value] : data) {
      try {
        apply(prompt, std::string(key), value, data);
      } catch (const Exception& failure) {
        mistakes.push_back(failure.error());
      }
    }
  }

 private:
  void apply(Prompt& prompt, const std::string& name, const json::value& value,
             const json::object& data) const {
    if (name == "tools")
      for (auto& ref : texts(value, "/tools")) prompt.tools.emplace_back(std::move(ref));
    else if (name == "format")
      prompt.format = format(value);
    else if (name == "parser")
      prompt.parser = parser(prompt, value, data);
    else if (name == "mcp_servers")
      servers(prompt, value);
    else if (name == "addon_args")
      prompt.addon_args = object(value, "/addon_args");
    else if (name == "handler")
      handler(prompt, object(value, "/handler"));
    else
      prompt.metadata[name] = value;
  }

  const json::object& object(const json::value& value, const std::string& pointer) const {
    if (!value.is_object()) fail(pointer, "'" + pointer.substr(1) + "' must be a mapping");
    return value.get_object();
  }

  std::string text(const json::value& value, const std::string& pointer) const {
    if (!value.is_string()) fail(pointer, "'" + pointer.substr(1) + "' must be a string");
    return std::string(as_text(&value));
  }

  std::vector<std::string> texts(const json::value& value, const std::string& pointer) const {
    std::vector<std::string> list;
    if (value.is_string()) return {std::string(as_text(&value))};
    if (!value.is_array()) fail(pointer, "'" + pointer.substr(1) + "' must be a list of strings");
    for (const auto& element : value.get_array())
      list.push_back(text(element, pointer + "/" + std::to_string(list.size())));
    return list;
  }

  Schema format(const json::value& value) const {
    const Schema schema(object(value, "/format"));
    // A schema that is none is found now, at the line that holds it, and not at the first call.
    if (const auto valid = schema.validate(nullptr);
        !valid && valid.error().kind() == ErrorKind::bad_resource)
      fail("/format", "'format' is no JSON schema: " + valid.error().message());
    return schema;
  }

  std::shared_ptr<const Parser> parser(const Prompt& prompt, const json::value& value,
                                       const json::object& data) const {
    if (value.is_string()) {
      if (as_text(&value) != "json") fail("/parser", "'parser' must be \"json\" or a mapping of tags");
      const auto* schema = find(data, "format");
      return std::make_shared<JsonParser>(schema != nullptr ? format(*schema) : prompt.format);
    }
    TagSpec spec;
    for (const auto& [key, tags] : object(value, "/parser")) {
      const std::string pointer = "/parser/" + std::string(key);
      if (key == "xml_tags")
        spec.xml_tags = texts(tags, pointer);
      else if (key == "md_tags")
        spec.md_tags = texts(tags, pointer);
      else if (key == "signal_tags")
        spec.signal_tags = texts(tags, pointer);
      else if (key == "required_xml_tags")
        spec.required_xml_tags = texts(tags, pointer);
      else if (key == "required_md_tags")
        spec.required_md_tags = texts(tags, pointer);
      else
        fail(pointer, "unknown key '" + std::string(key) +
                          "' (xml_tags, md_tags, signal_tags, required_xml_tags, required_md_tags)");
    }
    return std::make_shared<DefaultTagParser>(std::move(spec));
  }

  void servers(Prompt& prompt, const json::value& value) const {
    if (!value.is_array()) fail("/mcp_servers", "'mcp_servers' must be a list of mappings");
    for (const auto& element : value.get_array()) {
      const std::string pointer = "/mcp_servers/" + std::to_string(prompt.mcp_servers.size());
      McpServer server;
      for (const auto& [key, member] : object(element, pointer)) {
        if (key == "name")
          server.name = text(member, pointer + "/name");
        else if (key == "url")
          server.url = text(member, pointer + "/url");
        else if (key == "command")
          server.command = texts(member, pointer + "/command");
        else
          server.options[key] = member;
      }
      if (server.name.empty()) fail(pointer, "an MCP server needs a 'name'");
      if (server.url.empty() == server.command.empty())
        fail(pointer, "MCP server '" + server.name + "' needs either 'url' or 'command'");
      prompt.mcp_servers.push_back(std::move(server));
    }
  }

  void handler(Prompt& prompt, const json::object& data) const {
    for (const auto& [key, value] : data) {
      const std::string pointer = "/handler/" + std::string(key);
      if (key == "exception_prompt")
        prompt.handler.exception_prompt = text(value, pointer);
      else if (key == "repeated_call_notice")
        prompt.handler.repeated_call_notice = text(value, pointer);
      else if (key == "final_answer_prompt")
        prompt.handler.final_answer_prompt = text(value, pointer);
      else
        fail(pointer, "unknown key '" + std::string(key) +
                          "' (exception_prompt, repeated_call_notice, final_answer_prompt)");
    }
  }

  Syntax syntax_;
  std::string_view text_;
  int first_line_;
  std::string base_;  // the pointer of the prompt's own table
};

/// The first of them, or `value`; the rest goes to `others`.
template <class T>
Result<T> unless(const std::vector<Error>& mistakes, T value, std::vector<Error>* others) {
  if (mistakes.empty()) return value;
  if (others != nullptr) others->assign(mistakes.begin() + 1, mistakes.end());
  return mistakes.front();
}

}  // namespace

Result<Prompt> parse_prompt_text(std::string path, std::string_view bytes, std::vector<Error>* others) {
  auto parts = split_front_matter(bytes);
  if (!parts) {
    Error error(parts.error().kind() == ErrorKind::limit_exceeded ? ErrorKind::limit_exceeded
                                                                  : ErrorKind::bad_resource,
                parts.error().message());
    return error.at({}, parts.error().line(), parts.error().column());
  }
  Prompt prompt(std::move(path), std::string(parts->body));
  if (parts->data.empty()) return prompt;
  std::vector<Error> mistakes;
  PromptReader(parts->syntax, parts->data_text, parts->data_line, {}).apply(prompt, parts->data, mistakes);
  return unless(mistakes, std::move(prompt), others);
}

Result<std::vector<Prompt>> parse_prompt_tables(const std::string& path, std::string_view bytes,
                                                std::vector<Error>* others) {
  const auto document = parse_document(Syntax::toml, bytes);
  if (!document)
    return Error(ErrorKind::bad_resource, document.error().message())
        .at({}, document.error().line(), document.error().column());
  std::vector<Error> mistakes;
  std::vector<Prompt> prompts;
  const auto attempt = [&](const auto& step) {
    try {
      step();
    } catch (const Exception& failure) {
      mistakes.push_back(failure.error());
    }
  };
  const PromptReader whole(Syntax::toml, bytes, 1, {});
  for (const auto& [key, value] : document->get_object())
    if (key != "prompt")
      attempt([&, name = std::string(key)] {
        whole.fail("/" + name, "unknown key '" + name + "' ([[prompt]])");
      });
  const auto* tables = array_at(*document, "prompt");
  if (tables == nullptr)
    attempt([&] { whole.fail("/prompt", "a prompt file in TOML holds [[prompt]] tables"); });
  for (std::size_t i = 0; tables != nullptr && i < tables->size(); ++i)
    attempt([&] {
      const auto& table = (*tables)[i];
      const PromptReader reader(Syntax::toml, bytes, 1, "/prompt/" + std::to_string(i));
      if (!table.is_object()) reader.fail("", "[[prompt]] must be a table");
      json::object data = table.get_object();
      Prompt prompt(path, std::string(text_at(table, "prompt")));
      data.erase("prompt");
      data.erase("path");
      reader.apply(prompt, data, mistakes);
      if (find(table, "prompt") == nullptr || !find(table, "prompt")->is_string())
        reader.fail("/prompt", "[[prompt]] needs 'prompt', the template");
      if (const auto* below = find(table, "path")) {
        if (const auto valid = check_resource_path(as_text(below)); !valid)
          reader.fail("/path", valid.error().message());
        prompt.path += '/' + std::string(as_text(below));
      } else if (tables->size() > 1) {
        reader.fail("", "[[prompt]] needs 'path' when a file has more than one");
      }
      prompts.push_back(std::move(prompt));
    });
  return unless(mistakes, std::move(prompts), others);
}

}  // namespace lllm
