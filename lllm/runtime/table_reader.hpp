#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"
#include "lllm/core/schema.hpp"
#include "lllm/formats/document.hpp"

namespace lllm {

/// What is wrong in a document, in the order it was found.
struct Mistakes {
  Mistakes() = default;
  std::vector<Error> all;
  std::vector<std::string> refused;  ///< pointers of members that are wrong: what follows from it is not told
};

/// Reads one table of a document that a person wrote, strictly: every mistake is noted as `bad_resource` with
/// the line and column of what is wrong, and reading goes on as if the member had been left out, so that all
/// mistakes are found at once. What was read means nothing unless there are none in the end. The document,
/// its text and `mistakes` must outlive it.
class TableReader {
 public:
  TableReader(Syntax syntax, std::string_view text, const json::object& table, Mistakes& mistakes,
              std::string pointer = {}, std::string name = {})
      : syntax_(syntax),
        text_(text),
        table_(&table),
        mistakes_(&mistakes),
        pointer_(std::move(pointer)),
        name_(std::move(name)) {}

  /// @param key  Where: a member of this table; empty: the table itself.
  void fail(std::string_view key, const std::string& message) const;
  /// The same of a member that cannot be used at all: nothing else will be said about it.
  void refuse(std::string_view key, const std::string& message) const;
  /// Whether `key`, or all of this table, was refused.
  [[nodiscard]] bool refused(std::string_view key) const;
  /// How many mistakes the whole document has so far.
  [[nodiscard]] std::size_t mistakes() const { return mistakes_->all.size(); }
  [[nodiscard]] TextPosition where(std::string_view key) const;

  [[nodiscard]] const json::object& data() const { return *table_; }
  [[nodiscard]] const json::value* find(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
  /// Refuses members beside `keys`, and lists them.
  void only(std::initializer_list<std::string_view> keys) const;

  // A member that is not there gives the fallback, or an empty value.
  [[nodiscard]] std::string text(std::string_view key, std::string_view fallback = {}) const;
  [[nodiscard]] std::string required_text(std::string_view key) const;
  /// A list of strings; one string is a list of one.
  [[nodiscard]] std::vector<std::string> texts(std::string_view key) const;
  /// A table of strings, numbers and booleans, as text and in order.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> pairs(std::string_view key) const;
  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t fallback, std::int64_t least,
                                     std::int64_t most) const;
  /// A number of seconds, more than 0 and at most a day.
  [[nodiscard]] std::chrono::milliseconds seconds(std::string_view key,
                                                  std::chrono::milliseconds fallback) const;
  [[nodiscard]] bool flag(std::string_view key, bool fallback) const;
  /// A JSON schema of an object; one that takes no arguments when it is not there.
  [[nodiscard]] Schema parameters(std::string_view key) const;
  /// The table at `key`, which must be there.
  [[nodiscard]] TableReader table(std::string_view key) const;
  /// The tables of the list at `key`.
  [[nodiscard]] std::vector<TableReader> tables(std::string_view key) const;

 private:
  [[nodiscard]] std::string pointer(std::string_view key) const;
  [[nodiscard]] std::string shown(std::string_view key) const;

  Syntax syntax_;
  std::string_view text_;
  const json::object* table_;
  Mistakes* mistakes_;
  std::string pointer_;  // RFC 6901, of the table in its document
  std::string name_;     // for people: "http", "endpoints.quote"
};

/// What a model may call a tool: letters, digits, `_` and `-`, at most 64.
bool is_tool_name(std::string_view name);

/// Parses `bytes` and gives the whole document, which must be a table, to `read`. The first mistake it finds
/// is the result, the others go to `others`.
template <class Read>
auto read_table_document(Syntax syntax, std::string_view bytes, Read read,
                         std::vector<Error>* others = nullptr)
    -> Result<decltype(read(std::declval<const TableReader&>()))> {
  const auto document = parse_document(syntax, bytes);
  if (!document)
    return Error(document.error().kind() == ErrorKind::parse_failed ? ErrorKind::bad_resource
                                                                    : document.error().kind(),
                 document.error().message())
        .at({}, document.error().line(), document.error().column());
  const auto* table = document->if_object();
  if (table == nullptr)
    return Error(ErrorKind::bad_resource, "the file must hold a table (an object)").at({}, 1, 1);
  Mistakes mistakes;
  try {
    auto found = read(TableReader(syntax, bytes, *table, mistakes));
    if (mistakes.all.empty()) return found;
  } catch (const Exception& failure) {
    if (mistakes.all.empty()) return failure.error();
  }
  if (others != nullptr) others->assign(mistakes.all.begin() + 1, mistakes.all.end());
  return mistakes.all.front();
}

}  // namespace lllm
