// JSON files that people write: duplicate keys refused, places named.
#include <charconv>
#include <set>

#include "lllm/base/text.hpp"
#include "lllm/formats/document.hpp"

namespace lllm {
namespace {

/// Walks text that is known to be JSON, to find what a parser forgets: where things stand.
class Walker {
 public:
  Walker(std::string_view text, std::vector<std::string> wanted) : text_(text), wanted_(std::move(wanted)) {}

  /// The offset of the deepest value on the way to the wanted one.
  std::size_t walk() {
    value(0, true);
    return found_;
  }
  [[nodiscard]] const std::optional<std::pair<std::string, std::size_t>>& duplicate() const {
    return duplicate_;
  }

 private:
  void space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
      ++at_;
  }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  std::string string() {
    const std::size_t start = at_++;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    ++at_;
    const auto raw = text_.substr(start, at_ - start);
    if (raw.find('\\') == raw.npos) return std::string(raw.substr(1, raw.size() - 2));
    const auto unescaped = parse_json(raw);
    return unescaped ? std::string(as_text(&*unescaped)) : std::string(raw);
  }

  void value(std::size_t depth, bool on_path) {
    space();
    if (on_path) found_ = at_;
    const auto leads = [&](const std::string& key) {
      return on_path && depth < wanted_.size() && wanted_[depth] == key;
    };
    if (peek() == '{') {
      ++at_;
      std::set<std::string> keys;
      for (space(); at_ < text_.size() && peek() != '}'; space()) {
        const std::size_t key_at = at_;
        auto key = string();
        if (!keys.insert(key).second && !duplicate_) duplicate_.emplace(key, key_at);
        space();
        ++at_;  // the colon
        value(depth + 1, leads(key));
        space();
        if (peek() == ',') ++at_;
      }
      ++at_;
    } else if (peek() == '[') {
      ++at_;
      std::size_t index = 0;
      for (space(); at_ < text_.size() && peek() != ']'; space()) {
        value(depth + 1, leads(std::to_string(index++)));
        space();
        if (peek() == ',') ++at_;
      }
      ++at_;
    } else if (peek() == '"') {
      string();
    } else {
      while (at_ < text_.size() && std::string_view(",]} \n\r\t").find(text_[at_]) == std::string_view::npos)
        ++at_;
    }
  }

  std::string_view text_;
  std::vector<std::string> wanted_;
  std::size_t at_ = 0;
  std::size_t found_ = 0;
  std::optional<std::pair<std::string, std::size_t>> duplicate_;
};

/// parse_json names the byte; a person wants the line.
TextPosition place_of(const Error& error, std::string_view text) {
  constexpr std::string_view mark = "at byte ";
  const auto& message = error.message();
  const auto found = message.find(mark);
  if (found == message.npos) return {};
  std::size_t offset = 0;
  const char* digits = message.data() + found + mark.size();
  std::from_chars(digits, message.data() + message.size(), offset);
  return position_at(text, offset);
}

}  // namespace

Result<json::value> parse_strict_json(std::string_view text) {
  auto value = parse_json(text);
  if (!value) {
    auto error = value.error();
    const auto where = place_of(error, text);
    if (where.line > 0) {
      const auto reason = error.code() ? error.code().message() : "something follows the value";
      error.message("not JSON: " + reason);
    }
    return error.at({}, where.line, where.column);
  }
  Walker walker(text, {});
  walker.walk();
  if (walker.duplicate()) {
    const auto where = position_at(text, walker.duplicate()->second);
    return Error(ErrorKind::parse_failed, "the key '" + walker.duplicate()->first + "' is there twice")
        .at({}, where.line, where.column);
  }
  return value;
}

TextPosition detail::locate_json(std::string_view text, std::string_view pointer) {
  if (!parse_json(text)) return {};
  return position_at(text, Walker(text, pointer_parts(pointer)).walk());
}

}  // namespace lllm
