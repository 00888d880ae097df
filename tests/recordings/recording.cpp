#include "tests/recordings/recording.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <toml++/toml.h>

#include "lllm/base/text.hpp"

namespace lllm::test {
namespace {

std::string read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  if (!in) throw std::runtime_error("cannot read " + file.string());
  return std::move(bytes).str();
}

// Null, "" and absent are one: a Message has one word for "the provider said nothing".
bool says_nothing(const json::value* value) {
  return value == nullptr || value->is_null() || (value->is_string() && value->get_string().empty());
}

bool same(const json::value* a, const json::value* b) {
  if (says_nothing(a) || says_nothing(b)) return says_nothing(a) && says_nothing(b);
  if (a->is_number() && b->is_number()) {
    const double x = *as_number(a);
    const double y = *as_number(b);
    return x == y || std::fabs(x - y) <= 1e-9 * std::max(std::fabs(x), std::fabs(y));
  }
  if (a->is_array() && b->is_array()) {
    const auto& x = a->get_array();
    const auto& y = b->get_array();
    return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                      [](const json::value& p, const json::value& q) { return same(&p, &q); });
  }
  if (a->is_object() && b->is_object()) {
    const auto covers = [](const json::object& p, const json::object& q) {
      return std::all_of(p.begin(), p.end(),
                         [&q](const auto& member) { return same(&member.value(), find(q, member.key())); });
    };
    return covers(a->get_object(), b->get_object()) && covers(b->get_object(), a->get_object());
  }
  return *a == *b;
}

// As same(), but an id that the wire does not give (null) is not an id that it gives empty ("").
bool same_calls(const json::value* a, const json::value* b) {
  if (!same(a, b)) return false;
  const auto* x = as_array(a);
  const auto* y = as_array(b);
  if (x == nullptr || y == nullptr) return true;
  for (std::size_t i = 0; i < x->size(); ++i) {
    const auto* p = find((*x)[i], "id");
    const auto* q = find((*y)[i], "id");
    if ((p != nullptr && p->is_string()) != (q != nullptr && q->is_string())) return false;
  }
  return true;
}

std::string shown(const json::value* value) {
  return value == nullptr ? "nothing" : excerpt(to_json(*value), 600);
}

}  // namespace

Recording load_recording(const std::filesystem::path& file) {
  auto recording = read_recording(read_file(file));
  if (!recording) throw std::runtime_error(file.string() + ": " + recording.error().message());
  return std::move(*recording);
}

std::vector<std::filesystem::path> recording_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> differences(const Recording& recording, const Outcome& outcome) {
  static constexpr std::array<std::string_view, 10> fields{
      "error",         "text",  "reasoning",  "refusal",   "tool_calls",
      "finish_reason", "usage", "signatures", "citations", "chunks"};
  const json::object actual = described(recording, outcome);
  std::vector<std::string> found;
  const json::value zero = 0;
  for (const auto field : fields) {
    const auto* expected = find(recording.expect, field);
    const auto* got = find(actual, field);
    // Counts that are not given are zero.
    if ((field == "signatures" || field == "citations") && expected == nullptr) expected = &zero;
    if (field == "tool_calls" ? same_calls(expected, got) : same(expected, got)) continue;
    found.push_back(std::string(field) + "\n      expected " + shown(expected) + "\n      got      " +
                    shown(got));
  }
  return found;
}

std::vector<std::pair<std::string, std::string>> load_deviations(const std::filesystem::path& file) {
  std::vector<std::pair<std::string, std::string>> deviations;
  const toml::table table = toml::parse_file(file.string());
  if (const auto* list = table["deviation"].as_array())
    for (const auto& one : *list)
      if (const auto* entry = one.as_table())
        deviations.emplace_back((*entry)["id"].value_or(std::string()),
                                (*entry)["why"].value_or(std::string()));
  return deviations;
}

}  // namespace lllm::test
