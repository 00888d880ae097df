#pragma once

#include <string_view>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"
#include "lllm/formats/document.hpp"

namespace lllm {

/// A text file taken apart into the data at its top and the text below it.
struct FrontMatter {
  FrontMatter() = default;
  json::object data;           ///< empty when there is none
  std::string_view body;       ///< a view into the text given
  std::string_view data_text;  ///< what `data` was read from, a view as well
  Syntax syntax = Syntax::yaml;
  int data_line = 0;  ///< the file's line on which `data_text` begins; 0 without front matter
};

/// Splits at front matter: a first line `---` (YAML, up to a line `---` or `...`) or `+++` (TOML, up to
/// `+++`). The body starts on the line after, less one empty line. Without front matter all of it is the
/// body, so a text may begin with a rule of dashes only when it is no front matter: `---` alone on the first
/// line always opens one. `parse_failed` and `limit_exceeded` carry line and column of the whole file.
Result<FrontMatter> split_front_matter(std::string_view text);

}  // namespace lllm
