#pragma once

#include <string>

#include "lllm/base/error.hpp"

namespace lllm {

/// Something to tell the author of a package, with its place.
struct Diagnostic {
  Diagnostic() = default;
  explicit Diagnostic(std::string text, std::string in_file = {}, int at_line = 0, int at_column = 0)
      : message(std::move(text)), file(std::move(in_file)), line(at_line), column(at_column) {}
  std::string message;
  std::string file;
  int line = 0;
  int column = 0;

  /// `file:line:col: message`, as compilers write it.
  [[nodiscard]] std::string to_string() const {
    std::string text = file;
    if (!file.empty() && line > 0) text += ':' + std::to_string(line);
    if (!file.empty() && line > 0 && column > 0) text += ':' + std::to_string(column);
    return text.empty() ? message : text + ": " + message;
  }
  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

}  // namespace lllm
