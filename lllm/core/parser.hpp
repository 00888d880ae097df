#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"
#include "lllm/core/schema.hpp"

namespace lllm {

/// Makes data of a reply's text. Pure; may be called from any thread.
class Parser {
 public:
  virtual ~Parser() = default;
  /// @param args  `parser_args` of the call.
  /// `parse_failed` says everything that is wrong, in words the model can act on: the agent loop hands it
  /// back.
  [[nodiscard]] virtual Result<json::value> parse(std::string_view text, const json::object& args) const = 0;
};

/// What a DefaultTagParser looks for.
struct TagSpec {
  TagSpec() = default;
  std::vector<std::string> xml_tags;           ///< `<name>…</name>`
  std::vector<std::string> md_tags;            ///< fenced blocks: ```name … ```
  std::vector<std::string> signal_tags;        ///< `<name>` or `<name/>` standing alone
  std::vector<std::string> required_xml_tags;  ///< must be there at least once; so must the next
  std::vector<std::string> required_md_tags;
};

/// Gives {raw, xml_tags: {name: [text…]}, md_tags: {name: [text…]}, signal_tags: {name: bool}}. All required
/// ones that are missing are listed in one error.
class DefaultTagParser final : public Parser {
 public:
  explicit DefaultTagParser(TagSpec spec);
  [[nodiscard]] Result<json::value> parse(std::string_view text, const json::object& args) const override;

 private:
  TagSpec spec_;
};

/// Reads JSON out of the reply (bare, or in a fenced block, or with words around it) and checks it against a
/// schema, when there is one.
class JsonParser final : public Parser {
 public:
  JsonParser() = default;
  explicit JsonParser(Schema schema) : schema_(std::move(schema)) {}
  [[nodiscard]] Result<json::value> parse(std::string_view text, const json::object& args) const override;

 private:
  Schema schema_;
};

}  // namespace lllm
