#pragma once

#include <string>
#include <string_view>

#include "lllm/base/error.hpp"

namespace lllm {

/// `<package>.<section>:<path>`, taken apart: demo.prompts:writer/system.
struct ResourceRef {
  ResourceRef() = default;
  ResourceRef(std::string package_name, std::string section_name, std::string resource_path)
      : package(std::move(package_name)), section(std::move(section_name)), path(std::move(resource_path)) {}
  std::string package;
  std::string section;
  std::string path;
  [[nodiscard]] std::string text() const { return package + '.' + section + ':' + path; }
  friend bool operator==(const ResourceRef&, const ResourceRef&) = default;
};

/// `bad_ref` says what is wrong with it.
Result<ResourceRef> parse_ref(std::string_view text);

/// Of a whole ref, for tables of this process. Eight bytes at a time: every lookup begins with it.
std::size_t hash_of_ref(std::string_view ref);

/// A path inside a section: relative, without `..`, NUL or line breaks. `bad_ref` otherwise.
Result<> check_resource_path(std::string_view path);
/// A namespace is `<package>.<section>`.
Result<> check_namespace(std::string_view text);
/// Letters, digits, `_` and `-`; `invalid_argument` otherwise.
Result<> check_package_name(std::string_view name);

/// prompts → prompt, proxies → proxy, …; a custom section's type is its own name.
std::string type_of_section(std::string_view section);
/// prompt → prompts, …; the inverse.
std::string section_of_type(std::string_view type);
/// One of the eight sections that every package may have.
bool is_standard_section(std::string_view section);

}  // namespace lllm
