// A zip of any bytes is installed or refused; either way nothing appears outside its scope.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

#include <unistd.h>

#include "lllm/runtime/sharing.hpp"
#include "tests/fuzz/fuzz.hpp"

LLLM_FUZZ(zip) {
  namespace fs = std::filesystem;
  const fs::path root = fs::temp_directory_path() / ("lllm-fuzz-zip-" + std::to_string(::getpid()));
  fs::create_directories(root);
  std::ofstream(root / "in.zip", std::ios::binary) << input;
  lllm::ShareOptions options;
  options.project = (root / "project").string();
  options.home = (root / "home").string();
  options.most_bytes = 1 << 20;
  const auto installed = lllm::install_package((root / "in.zip").string(), options);
  if (!installed) lllm::test::must(!fs::exists(root / "project"));
  for (const auto& entry : fs::directory_iterator(root))
    lllm::test::must(entry.path().filename() == "in.zip" || entry.path().filename() == "project");
  fs::remove_all(root);
}
