#include "lllm/runtime/resource_ref.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "lllm/base/text.hpp"

namespace lllm {
namespace {

struct SectionType {
  std::string_view section, type;
};
constexpr std::array standard{
    SectionType{"tactics", "tactic"}, SectionType{"services", "service"},
    SectionType{"configs", "config"}, SectionType{"assets", "asset"},
    SectionType{"prompts", "prompt"}, SectionType{"tools", "tool"},
    SectionType{"proxies", "proxy"},  SectionType{"context_managers", "context_manager"},
};

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    const char lower = ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

/// What a message may show of a ref that somebody else wrote.
std::string shown(std::string_view text) {
  return "'" + strip_terminal_escapes(to_valid_utf8(excerpt(text, 200))) + "'";
}

Error bad_ref(std::string_view text, std::string_view why) {
  return Error(ErrorKind::bad_ref, "ref " + shown(text) + ": " + std::string(why));
}

}  // namespace

Result<ResourceRef> parse_ref(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == text.npos) return bad_ref(text, "no ':' before the path (<package>.<section>:<path>)");
  const auto space = text.substr(0, colon);
  // Only dots before the colon count: a path may hold its own ("demo.assets:logo.png").
  const auto dot = space.find('.');
  if (dot == space.npos)
    return bad_ref(text, "no '.' between package and section (<package>.<section>:<path>)");
  if (const auto valid = check_namespace(space); !valid) return bad_ref(text, valid.error().message());
  const auto path = text.substr(colon + 1);
  if (const auto valid = check_resource_path(path); !valid) return valid.error();
  return ResourceRef(std::string(space.substr(0, dot)), std::string(space.substr(dot + 1)),
                     std::string(path));
}

std::size_t hash_of_ref(std::string_view ref) {
  const auto word_at = [&](std::size_t at, std::size_t count) {
    std::uint64_t word = 0;
    std::memcpy(&word, ref.data() + at, count);
    return word;
  };
  // A product spreads bits upwards; the shift brings the upper ones down again.
  const auto mix = [](std::uint64_t word, std::uint64_t odd) {
    word *= odd;
    return word ^ (word >> 32);
  };
  constexpr std::uint64_t odd_1 = 0x9e3779b97f4a7c15, odd_2 = 0xd1342543de82ef95;
  std::uint64_t hash = ref.size() * odd_1;
  std::size_t at = 0;
  for (; at + 8 < ref.size(); at += 8) hash = mix(hash ^ word_at(at, 8), odd_1);
  // The last eight bytes, some of which may have been taken already.
  const auto rest = ref.size() >= 8 ? word_at(ref.size() - 8, 8)
                    : ref.empty()   ? 0  // its bytes may be nowhere
                                    : word_at(0, ref.size());
  return mix(mix(hash ^ rest, odd_1), odd_2);
}

Result<> check_resource_path(std::string_view path) {
  if (path.empty()) return bad_ref(path, "the path is empty");
  if (path.size() > 1024) return bad_ref(path, "the path is longer than 1,024 bytes");
  if (has_control_break(path)) return bad_ref(path, "the path holds NUL or a line break");
  if (path.front() == '/') return bad_ref(path, "the path is absolute");
  for (const auto part : split(path, '/')) {
    if (part == "..") return bad_ref(path, "the path holds '..'");
    if (part.empty() || part == ".") return bad_ref(path, "the path has an empty part");
  }
  return {};
}

Result<> check_namespace(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == text.npos || !is_name(text.substr(0, dot)) || !is_name(text.substr(dot + 1)))
    return Error(ErrorKind::bad_ref,
                 "namespace " + shown(text) + " is not <package>.<section> (letters, digits, '_' and '-')");
  return {};
}

Result<> check_package_name(std::string_view name) {
  if (!is_name(name) || name.size() > 128)
    return Error(ErrorKind::invalid_argument,
                 "package name " + shown(name) + " must be letters, digits, '_' and '-'");
  return {};
}

std::string type_of_section(std::string_view section) {
  for (const auto& row : standard)
    if (row.section == section) return std::string(row.type);
  return std::string(section);
}

std::string section_of_type(std::string_view type) {
  for (const auto& row : standard)
    if (row.type == type) return std::string(row.section);
  return std::string(type);
}

bool is_standard_section(std::string_view section) {
  return std::any_of(standard.begin(), standard.end(),
                     [&](const SectionType& row) { return row.section == section; });
}

}  // namespace lllm
