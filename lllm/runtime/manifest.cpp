#include "lllm/runtime/manifest.hpp"

#include <algorithm>
#include <filesystem>

#include "lllm/base/text.hpp"
#include "lllm/formats/document.hpp"
#include "lllm/formats/toml_positions.hpp"
#include "lllm/runtime/resource_ref.hpp"

namespace lllm {
namespace {

/// The folder's name, with what a package name may not hold replaced.
std::string name_of_folder(const std::string& folder) {
  auto name = std::filesystem::path(folder).lexically_normal().filename().string();
  if (name.empty()) name = std::filesystem::path(folder).parent_path().filename().string();
  for (char& c : name) {
    const char lower = ascii_lower(c);
    if ((lower < 'a' || lower > 'z') && (c < '0' || c > '9') && c != '_' && c != '-') c = '_';
  }
  return name.empty() ? "package" : name;
}

class Reader {
 public:
  Reader(const std::string& file, std::string_view bytes) : bytes_(bytes) {
    manifest_.file = file;
    manifest_.folder = std::filesystem::path(file).parent_path().string();
    if (manifest_.folder.empty()) manifest_.folder = ".";
  }

  Manifest read() {
    auto document = parse_document(Syntax::toml, bytes_);
    if (!document) {
      const auto& error = document.error();
      throw_error(
          Error(ErrorKind::bad_resource, error.message()).at(manifest_.file, error.line(), error.column()));
    }
    const auto& root = document->get_object();
    for (const auto& [key, value] : root)
      attempt([&, &about = value, name = std::string(key)] {
        if (!about.is_object()) fail("/" + name, "'" + name + "' must be a table: [" + name + "]");
        if (name == "package")
          package(about.get_object());
        else if (name == "dependencies")
          dependencies(about.get_object());
        else
          section(name, about.get_object());
      });
    if (manifest_.name.empty()) manifest_.name = name_of_folder(manifest_.folder);
    std::sort(manifest_.sections.begin(), manifest_.sections.end(),
              [](const ManifestSection& a, const ManifestSection& b) { return a.name < b.name; });
    return std::move(manifest_);
  }

  /// In the order they were found.
  [[nodiscard]] const std::vector<Error>& mistakes() const { return mistakes_; }

 private:
  /// One mistake does not hide the others.
  template <class Step>
  void attempt(const Step& step) {
    try {
      step();
    } catch (const Exception& failure) {
      mistakes_.push_back(failure.error());
    }
  }
  [[noreturn]] void fail(const std::string& pointer, const std::string& message) const {
    const auto where = locate(Syntax::toml, bytes_, pointer);
    throw_error(Error(ErrorKind::bad_resource, message).at(manifest_.file, where.line, where.column));
  }
  void warn(const std::string& pointer, const std::string& message) {
    const auto where = locate(Syntax::toml, bytes_, pointer);
    manifest_.warnings.emplace_back(message, manifest_.file, where.line, where.column);
  }
  std::string text(const json::value& value, const std::string& pointer) const {
    if (!value.is_string()) fail(pointer, "'" + pointer.substr(1) + "' must be a string");
    return std::string(as_text(&value));
  }

  void package(const json::object& table) {
    for (const auto& [key, value] : table) {
      const std::string pointer = "/package/" + std::string(key);
      if (key == "name") {
        attempt([&, &name = value] {
          manifest_.name = text(name, pointer);
          if (const auto valid = check_package_name(manifest_.name); !valid)
            fail(pointer, valid.error().message());
        });
      } else if (key == "version") {
        attempt([&, &version = value] { manifest_.version = text(version, pointer); });
      } else if (key == "description") {
        attempt([&, &description = value] { manifest_.description = text(description, pointer); });
      } else {  // authors, license, …: a package may say more about itself
        const auto meant = near_matches(std::string_view(key), {"name", "version", "description"}, 1);
        if (!meant.empty() && !table.contains(meant.front()))
          warn(pointer, "unknown key '" + std::string(key) + "'; did you mean '" + meant.front() + "'?");
      }
    }
  }

  /// "folder under prefix" or {path, prefix | under}; for dependencies: "folder as alias" or {path, alias |
  /// as}.
  std::pair<std::string, std::string> path_and_word(const json::value& value, const std::string& pointer,
                                                    std::string_view word, std::string_view key) {
    std::pair<std::string, std::string> result;
    if (value.is_string()) {
      const std::string_view whole = trim(as_text(&value));
      const std::string infix = " " + std::string(word) + " ";
      const auto at = whole.rfind(infix);
      result.first = std::string(trim(whole.substr(0, at)));
      if (at != whole.npos) result.second = std::string(trim(whole.substr(at + infix.size())));
    } else if (value.is_object()) {
      for (const auto& [name, member] : value.get_object()) {
        const auto member_pointer = pointer + "/" + std::string(name);
        if (name == "path")
          result.first = text(member, member_pointer);
        else if (name == key || name == word)
          result.second = text(member, member_pointer);
        else
          warn(member_pointer, "unknown key '" + std::string(name) + "' (path, " + std::string(key) + ")");
      }
    } else {
      fail(pointer, "must be a string, or a table with 'path'");
    }
    if (result.first.empty()) fail(pointer, "the path is empty");
    if (result.first.find('\0') != std::string::npos) fail(pointer, "the path holds NUL");
    return result;
  }

  void dependencies(const json::object& table) {
    for (const auto& [key, value] : table) {
      const std::string pointer = "/dependencies/" + std::string(key);
      if (key != "packages") {
        warn(pointer, "unknown key '" + std::string(key) + "' (packages)");
        continue;
      }
      if (!value.is_array()) fail(pointer, "'packages' must be a list");
      const auto places = locate_toml_elements(bytes_, pointer);
      std::size_t index = 0;
      for (const auto& element : value.get_array()) {
        const auto where = index < places.size() ? places[index] : TextPosition();
        const auto element_pointer = pointer + "/" + std::to_string(index++);
        attempt([&] {
          ManifestDependency dependency;
          std::tie(dependency.path, dependency.alias) =
              path_and_word(element, element_pointer, "as", "alias");
          if (!dependency.alias.empty())
            if (const auto valid = check_package_name(dependency.alias); !valid)
              fail(element_pointer, "the alias is no name: " + valid.error().message());
          dependency.line = where.line;
          dependency.column = where.column;
          manifest_.dependencies.push_back(std::move(dependency));
        });
      }
    }
  }

  void section(const std::string& name, const json::object& table) {
    if (const auto valid = check_package_name(name); !valid)
      fail("/" + name, "the section's name must be letters, digits, '_' and '-'");
    ManifestSection section;
    section.name = name;
    const auto* paths = table.if_contains("paths");
    for (const auto& [key, value] : table)
      if (key != "paths")
        warn("/" + name + "/" + std::string(key),
             "unknown key '" + std::string(key) + "' in [" + name + "] (paths)");
    if (paths == nullptr) {
      section.implied = true;
      section.paths.emplace_back(name, "");
      if (!is_standard_section(name)) {
        const auto where = locate(Syntax::toml, bytes_, "/" + name);
        section.paths.back().line = where.line;
        section.paths.back().column = where.column;
      }
    } else {
      if (!paths->is_array()) fail("/" + name + "/paths", "'paths' must be a list");
      const auto places = locate_toml_elements(bytes_, "/" + name + "/paths");
      std::size_t index = 0;
      for (const auto& element : paths->get_array()) {
        const auto where = index < places.size() ? places[index] : TextPosition();
        const auto pointer = "/" + name + "/paths/" + std::to_string(index++);
        attempt([&] {
          SectionPath path;
          std::tie(path.path, path.prefix) = path_and_word(element, pointer, "under", "prefix");
          while (path.prefix.ends_with('/')) path.prefix.pop_back();
          if (!path.prefix.empty())
            if (const auto valid = check_resource_path(path.prefix); !valid)
              fail(pointer, valid.error().message());
          path.line = where.line;
          path.column = where.column;
          section.paths.push_back(std::move(path));
        });
      }
    }
    manifest_.sections.push_back(std::move(section));
  }

  std::string_view bytes_;
  Manifest manifest_;
  std::vector<Error> mistakes_;
};

}  // namespace

Result<Manifest> parse_manifest(const std::string& file, std::string_view bytes, std::vector<Error>* others) {
  try {
    Reader reader(file, bytes);
    auto manifest = reader.read();
    const auto& mistakes = reader.mistakes();
    if (mistakes.empty()) return manifest;
    if (others != nullptr) others->assign(mistakes.begin() + 1, mistakes.end());
    return mistakes.front();
  } catch (const Exception& failure) {
    return failure.error();
  }
}

Manifest anonymous_manifest(const std::string& folder) {
  Manifest manifest;
  manifest.folder = folder;
  manifest.name = name_of_folder(folder);
  for (const auto name :
       {"assets", "configs", "context_managers", "prompts", "proxies", "services", "tactics", "tools"}) {
    ManifestSection section;
    section.name = name;
    section.implied = true;
    section.paths.emplace_back(name, "");
    manifest.sections.push_back(std::move(section));
  }
  return manifest;
}

}  // namespace lllm
