#pragma once

// What a Loader works on; for its own two sources only.
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lllm/runtime/loader.hpp"

namespace lllm {

/// One file's place in the result.
struct Loader::Slot {
  SectionFile file;
  FileUse use = FileUse::eager;
  FileStamp stamp;
  std::vector<NodePtr> nodes;
  std::vector<Diagnostic> warnings;
  std::optional<Error> error;
};

/// One path of one section.
struct Loader::Section {
  std::string name;
  SectionPath path;
  bool implied = false;
  std::vector<Slot> slots;
  std::string python_file;  // the first one
  std::vector<std::string> folders;
  std::vector<Diagnostic> warnings;
  std::vector<Error> errors;
};

struct Loader::Package {
  std::string folder;  // canonical
  Manifest manifest;
  bool shared = false;
  std::string installed_alias;  // given when it was installed from a zip
  std::optional<Error> failure;
  std::vector<std::unique_ptr<Section>> sections;
  std::vector<Package*> dependencies;  // null: missing
  std::vector<Diagnostic> warnings;
  std::vector<std::string> aliases;
  std::atomic<std::int64_t> work_ns{0};
  std::atomic<std::size_t> pending{0};
};

}  // namespace lllm
