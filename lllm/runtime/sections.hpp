#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/runtime/diagnostic.hpp"
#include "lllm/runtime/file_source.hpp"
#include "lllm/runtime/resource_node.hpp"

namespace lllm {

/// A file found in a section of a package.
struct SectionFile {
  SectionFile() = default;
  std::string package;
  std::string section;
  std::string path;  ///< prefix and path inside the section, with suffix
  std::string file;  ///< on disk

  [[nodiscard]] std::string ns() const { return package + '.' + section; }
};

/// What a section does with a file, by its name alone.
enum class FileUse {
  eager,   ///< read and parsed during the load
  lazy,    ///< read when somebody first asks
  python,  ///< a module for the Python runtime: reported once, skipped
  plugin,  ///< a shared object: opened during the load when the caller allows it, else reported
  unread,  ///< a form that this section does not take: reported, skipped
  other,   ///< not of this section: skipped
};
FileUse use_of(std::string_view section, std::string_view file_name);

/// What an eager file holds.
struct SectionContents {
  SectionContents() = default;
  std::vector<NodePtr> nodes;
  std::vector<Diagnostic> warnings;
};
/// Reads an eager file. Pure: errors have line and column, and no file yet. A proxy also gives its tools, as
/// `<package>.tools:<its path>/<tool>`.
/// @param others  Gets the mistakes in the file after the first, which is the result.
Result<SectionContents> read_section_file(const SectionFile& file, std::string_view bytes,
                                          std::vector<Error>& others);
/// Opens a plugin, which runs its code, and gives its tools. Blocks.
Result<SectionContents> read_plugin(const SectionFile& file);
/// The node of a file that cannot be used: every read of it gives `error`.
NodePtr broken_node(const SectionFile& file, const Error& error);
/// The node of a lazy file; reading it reads the file through `files`, which it keeps.
NodePtr lazy_node(const SectionFile& file, std::shared_ptr<const FileSource> files, std::int64_t limit);

}  // namespace lllm
