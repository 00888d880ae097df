#include "lllm/core/renderer.hpp"

#include <algorithm>

#include "lllm/base/text.hpp"

namespace lllm {
namespace {

bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool continues_name(char c) {
  return starts_name(c) || (c >= '0' && c <= '9') || c == '.';
}

// Calls literal(text) and variable(name) for the pieces of the template, in order.
template <class Literal, class Variable>
void walk(std::string_view text, Literal literal, Variable variable) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto brace = text.find_first_of("{}", i);
    literal(text.substr(i, brace == text.npos ? brace : brace - i));
    if (brace == text.npos) return;
    const auto rest = text.substr(brace);
    if (rest.size() > 1 && rest[1] == rest[0]) {
      literal(rest.substr(0, 1));
      i = brace + 2;
      continue;
    }
    std::size_t end = 1;
    if (rest[0] == '{' && rest.size() > 1 && starts_name(rest[1]))
      while (end < rest.size() && continues_name(rest[end])) ++end;
    if (end > 1 && end < rest.size() && rest[end] == '}') {
      variable(rest.substr(1, end - 1));
      i = brace + end + 1;
    } else {
      literal(rest.substr(0, 1));
      i = brace + 1;
    }
  }
}

// "user.city" looks for the member `city` of the argument `user` when there is no argument of the whole name.
const json::value* look_up(const json::object& args, std::string_view name) {
  if (const auto* value = find(args, name)) return value;
  const auto dot = name.find('.');
  if (dot == name.npos) return nullptr;
  const auto* outer = find(args, name.substr(0, dot));
  return outer != nullptr && outer->is_object() ? look_up(outer->get_object(), name.substr(dot + 1))
                                                : nullptr;
}

}  // namespace

Result<std::string> BraceRenderer::render(std::string_view text, const json::object& args) const {
  std::string rendered;
  rendered.reserve(text.size());
  std::vector<std::string> missing;
  walk(
      text, [&](std::string_view literal) { rendered += literal; },
      [&](std::string_view name) {
        const auto* value = look_up(args, name);
        if (value == nullptr) {
          if (std::find(missing.begin(), missing.end(), name) == missing.end()) missing.emplace_back(name);
        } else if (value->is_string()) {
          rendered += as_text(value);
        } else {
          append_json(rendered, *value);
        }
      });
  if (!missing.empty())
    return Error(ErrorKind::missing_variable,
                 (missing.size() == 1 ? "missing variable: " : "missing variables: ") + join(missing, ", "));
  return rendered;
}

Result<std::vector<std::string>> BraceRenderer::variables(std::string_view text) const {
  std::vector<std::string> names;
  walk(
      text, [](std::string_view) {},
      [&](std::string_view name) {
        if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
      });
  return names;
}

}  // namespace lllm
