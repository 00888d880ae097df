#include "lllm/core/parser.hpp"

#include <algorithm>
#include <utility>

#include "lllm/base/text.hpp"

namespace lllm {
namespace {

json::array between(std::string_view text, std::string_view open, std::string_view close) {
  json::array found;
  for (std::size_t at = 0; (at = text.find(open, at)) != text.npos;) {
    const auto start = at + open.size();
    const auto end = text.find(close, start);
    if (end == text.npos) break;
    found.emplace_back(json::string(trim(text.substr(start, end - start))));
    at = end + close.size();
  }
  return found;
}

json::array fenced(std::string_view text, std::string_view language) {
  json::array found;
  std::string open = "```";
  open.append(language).append("\n");
  for (std::size_t at = 0; (at = text.find(open, at)) != text.npos;) {
    const auto start = at + open.size();
    // The closing fence stands at the start of a line; a fence inside a line belongs to the block.
    auto end = text.substr(start).starts_with("```") ? start : text.find("\n```", start);
    if (end == text.npos) break;
    found.emplace_back(json::string(trim(text.substr(start, end - start))));
    at = end + 4;
  }
  return found;
}

bool signalled(std::string_view text, const std::string& tag) {
  return text.find("<" + tag + ">") != text.npos || text.find("<" + tag + "/>") != text.npos ||
         text.find("<" + tag + " />") != text.npos;
}

// The JSON in a reply: all of it, a fenced block, or from the first brace to the last.
std::string_view json_inside(std::string_view text) {
  text = trim(text);
  if (text.starts_with("```")) {
    const auto line = text.find('\n');
    const auto close = text.rfind("```");
    if (line != text.npos && close > line) return trim(text.substr(line + 1, close - line - 1));
  }
  if (text.starts_with('{') || text.starts_with('[')) return text;
  const auto open = text.find_first_of("{[");
  if (open == text.npos) return text;
  const auto close = text.rfind(text[open] == '{' ? '}' : ']');
  return close == text.npos || close < open ? text : text.substr(open, close - open + 1);
}

}  // namespace

DefaultTagParser::DefaultTagParser(TagSpec spec) : spec_(std::move(spec)) {
  // A required tag is also one to look for.
  const auto include = [](std::vector<std::string>& all, const std::vector<std::string>& required) {
    for (const auto& tag : required)
      if (std::find(all.begin(), all.end(), tag) == all.end()) all.push_back(tag);
  };
  include(spec_.xml_tags, spec_.required_xml_tags);
  include(spec_.md_tags, spec_.required_md_tags);
}

Result<json::value> DefaultTagParser::parse(std::string_view text, const json::object&) const {
  json::object xml;
  json::object md;
  json::object signals;
  for (const auto& tag : spec_.xml_tags) xml[tag] = between(text, "<" + tag + ">", "</" + tag + ">");
  for (const auto& tag : spec_.md_tags) md[tag] = fenced(text, tag);
  for (const auto& tag : spec_.signal_tags) signals[tag] = signalled(text, tag);

  std::vector<std::string> missing;
  for (const auto& tag : spec_.required_xml_tags)
    if (xml[tag].get_array().empty()) missing.push_back("<" + tag + ">…</" + tag + ">");
  for (const auto& tag : spec_.required_md_tags)
    if (md[tag].get_array().empty()) missing.push_back("a fenced block ```" + tag);
  if (!missing.empty()) return Error(ErrorKind::parse_failed, "the reply lacks " + join(missing, ", "));

  return json::value(json::object{{"raw", json::string(text)},
                                  {"xml_tags", std::move(xml)},
                                  {"md_tags", std::move(md)},
                                  {"signal_tags", std::move(signals)}});
}

Result<json::value> JsonParser::parse(std::string_view text, const json::object&) const {
  auto value = parse_json(json_inside(text));
  if (!value) return Error(ErrorKind::parse_failed, "the reply is no JSON: " + value.error().message());
  if (const auto valid = schema_.validate(*value); !valid)
    return Error(valid.error().kind(), "the reply does not match its schema: " + valid.error().message());
  return std::move(*value);
}

}  // namespace lllm
