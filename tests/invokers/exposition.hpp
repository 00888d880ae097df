#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "lllm/base/text.hpp"

namespace lllm::test {

/// Reads Prometheus's text exposition format (version 0.0.4) strictly. Gives what is wrong with it, or
/// nothing.
///
/// Every sample belongs to the family announced last, by one HELP and one TYPE line; counters are called
/// _total; no series is there twice; labels are quoted and escaped, in UTF-8; the buckets of a histogram grow
/// up to +Inf, which is its count.
class Exposition {
 public:
  static std::string problem(std::string_view text) {
    Exposition reader;
    if (!is_utf8(text)) return "it is not UTF-8";
    if (!text.ends_with('\n')) return "it does not end with a line feed";
    text.remove_suffix(1);
    for (const auto line : split(text, '\n')) {
      const char* wrong = line.starts_with("# ") ? reader.comment(line.substr(2)) : reader.sample(line);
      if (wrong != nullptr) return std::string(wrong) + ": " + std::string(line);
    }
    return reader.close_histogram() ? "" : "a histogram without +Inf, sum or count: " + reader.family_;
  }

 private:
  static bool is_name(std::string_view text) {
    for (const char c : text)
      if ((c < 'a' || c > 'z') && c != '_') return false;
    return !text.empty();
  }

  const char* comment(std::string_view rest) {
    const auto words = split(rest, ' ');
    if (words.size() < 3 || !is_name(words[1])) return "a comment that is neither HELP nor TYPE";
    if (words[0] == "HELP") {
      if (!close_histogram()) return "a histogram without +Inf, sum or count comes before";
      family_ = words[1];
      type_.clear();
      return families_.insert(family_).second ? nullptr : "a family that is there twice";
    }
    if (words[0] != "TYPE" || words[1] != family_ || !type_.empty()) return "a TYPE out of place";
    type_ = words[2];
    if (type_ == "counter") return family_.ends_with("_total") ? nullptr : "a counter not called _total";
    return type_ == "gauge" || type_ == "histogram" ? nullptr : "a type that nobody knows";
  }

  const char* sample(std::string_view line) {
    const auto end_of_name = line.find_first_of("{ ");
    if (end_of_name == line.npos) return "a sample without a value";
    const std::string name(line.substr(0, end_of_name));
    if (type_.empty()) return "a sample before its TYPE";
    const std::string part = name.starts_with(family_) ? name.substr(family_.size()) : "?";
    const bool fits =
        type_ == "histogram" ? part == "_bucket" || part == "_sum" || part == "_count" : part.empty();
    if (!fits) return "a sample of another family";
    line.remove_prefix(end_of_name);
    std::map<std::string, std::string> labels;
    if (line.front() == '{') {
      const auto end = read_labels(line, labels);
      if (!end) return "labels that are not well formed";
      line.remove_prefix(*end);
    }
    if (!line.starts_with(' ')) return "no blank before the value";
    std::size_t used = 0;
    const std::string number(line.substr(1));
    double value = 0;
    try {
      value = std::stod(number, &used);
    } catch (const std::exception&) {
      return "a value that is no number";
    }
    if (used != number.size()) return "something behind the value";
    std::string series = name;
    for (const auto& [label, words] : labels) series += '\n' + label + '=' + words;
    if (!series_.insert(series).second) return "a series that is there twice";
    if (value < 0) return "a negative value";
    return type_ == "histogram" ? histogram(part, labels, value) : nullptr;
  }

  /// How much the labels take; nothing when they are malformed.
  static std::optional<std::size_t> read_labels(std::string_view text,
                                                std::map<std::string, std::string>& into) {
    std::size_t at = 1;
    while (true) {
      const auto equals = text.find("=\"", at);
      if (equals == text.npos || !is_name(text.substr(at, equals - at))) return {};
      const std::string name(text.substr(at, equals - at));
      std::string value;
      for (at = equals + 2; at < text.size() && text[at] != '"'; ++at) {
        value += text[at];
        if (text[at] != '\\') continue;
        if (++at == text.size() || std::string_view("\\\"n").find(text[at]) == std::string_view::npos)
          return {};
        value += text[at];
      }
      if (at == text.size() || !into.emplace(name, value).second) return {};
      if (++at == text.size()) return {};
      if (text[at] == '}') return at + 1;
      if (text[at++] != ',') return {};
    }
  }

  const char* histogram(const std::string& part, std::map<std::string, std::string> labels, double value) {
    if (part == "_sum") return ++sums_, nullptr;
    if (part == "_count") return ++counts_, value == total_ ? nullptr : "a count that is not its last bucket";
    if (labels.count("le") == 0) return "a bucket without a bound";
    const std::string bound = labels["le"];
    labels.erase("le");
    if (labels != open_) {
      open_ = labels;
      last_bound_ = -1;
      total_ = 0;
    }
    const double upper = bound == "+Inf" ? 1e300 : std::stod(bound);
    if (upper <= last_bound_ || value < total_) return "buckets that do not grow";
    last_bound_ = upper;
    total_ = value;
    if (bound == "+Inf") ++infinities_;
    return nullptr;
  }

  bool close_histogram() {
    const bool whole = infinities_ == sums_ && sums_ == counts_;
    infinities_ = sums_ = counts_ = 0;
    open_.clear();
    last_bound_ = -1;
    return whole;
  }

  std::string family_, type_;
  std::set<std::string> families_, series_;
  std::map<std::string, std::string> open_;
  double last_bound_ = -1;
  double total_ = 0;
  int infinities_ = 0, sums_ = 0, counts_ = 0;
};

}  // namespace lllm::test
