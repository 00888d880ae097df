#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"

namespace lllm {

/// Fills a prompt's template. Implementations are pure and may be called from any thread.
class Renderer {
 public:
  virtual ~Renderer() = default;
  /// `missing_variable` lists every variable the template needs and `args` lacks. Extra ones are ignored.
  [[nodiscard]] virtual Result<std::string> render(std::string_view text, const json::object& args) const = 0;
  /// The variables of the template, each once, in order of appearance; `parse_failed` for a broken template.
  [[nodiscard]] virtual Result<std::vector<std::string>> variables(std::string_view text) const = 0;
};

/// `{name}` is a variable, `{{` and `}}` are literal braces. Values are inert text: whatever they hold is
/// neither a template nor a format. Strings are written as they are, other JSON as JSON. A brace that is part
/// of no
/// `{identifier}` stays as it is, so a prompt may show JSON without doubling.
class BraceRenderer final : public Renderer {
 public:
  [[nodiscard]] Result<std::string> render(std::string_view text, const json::object& args) const override;
  [[nodiscard]] Result<std::vector<std::string>> variables(std::string_view text) const override;
};

}  // namespace lllm
