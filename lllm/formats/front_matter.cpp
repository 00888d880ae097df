#include "lllm/formats/front_matter.hpp"

#include "lllm/base/text.hpp"

namespace lllm {
namespace {

/// Takes the next line off `rest`, without its line end.
std::string_view take_line(std::string_view& rest) {
  const auto newline = rest.find('\n');
  auto line = rest.substr(0, newline);
  rest.remove_prefix(newline == rest.npos ? rest.size() : newline + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string_view without_trailing_space(std::string_view line) {
  while (line.ends_with(' ') || line.ends_with('\t')) line.remove_suffix(1);
  return line;
}

}  // namespace

Result<FrontMatter> split_front_matter(std::string_view text) {
  const auto checked = checked_text(text);
  if (!checked) return checked.error();
  FrontMatter parts;
  parts.body = *checked;
  std::string_view rest = *checked;
  const auto opening = without_trailing_space(take_line(rest));
  if (opening != "---" && opening != "+++") return parts;
  parts.syntax = opening == "---" ? Syntax::yaml : Syntax::toml;
  const char* const begin = rest.data();
  while (true) {
    if (rest.empty())
      return Error(ErrorKind::parse_failed,
                   "the front matter is not closed with '" + std::string(opening) + "'")
          .at({}, 1, 1);
    const char* const line_begin = rest.data();
    const auto line = without_trailing_space(take_line(rest));
    if (line == opening || (parts.syntax == Syntax::yaml && line == "...")) {
      parts.data_text = std::string_view(begin, static_cast<std::size_t>(line_begin - begin));
      break;
    }
  }
  parts.data_line = 2;
  parts.body = rest;
  if (parts.body.starts_with("\r\n"))
    parts.body.remove_prefix(2);
  else if (parts.body.starts_with('\n'))
    parts.body.remove_prefix(1);

  auto data = parse_document(parts.syntax, parts.data_text);
  const auto at_file_line = [&](Error error, int line, int column) {
    return error.at({}, line == 0 ? parts.data_line : line + parts.data_line - 1, column);
  };
  if (!data) {
    auto error = data.error();
    return at_file_line(error, error.line(), error.column());
  }
  if (data->is_null()) return parts;
  if (!data->is_object())
    return at_file_line(Error(ErrorKind::parse_failed, "front matter must be a mapping of keys to values"), 1,
                        1);
  parts.data = std::move(data->get_object());
  return parts;
}

}  // namespace lllm
