// What people write down in packages: no bytes make a reader throw, and what one reads, locate() can point
// into.
#include <string>
#include <string_view>

#include "lllm/base/json.hpp"
#include "lllm/formats/document.hpp"
#include "tests/fuzz/fuzz.hpp"

LLLM_FUZZ(document) {
  for (const auto syntax : {lllm::Syntax::yaml, lllm::Syntax::toml, lllm::Syntax::json}) {
    const auto value = lllm::parse_document(syntax, input);
    if (!value) {
      lllm::test::must(!value.error().message().empty());
      continue;
    }
    (void)lllm::to_json(*value);
    if (const auto* object = value->if_object(); object != nullptr && !object->empty())
      (void)lllm::locate(syntax, input, "/" + std::string(object->begin()->key()));
  }
}
