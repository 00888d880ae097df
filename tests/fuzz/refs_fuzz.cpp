// Refs and keys of any bytes: a lookup gives the node or an error in words, and what can be registered is
// found.
#include <string>
#include <string_view>

#include "lllm/base/text.hpp"
#include "lllm/core/prompt.hpp"
#include "lllm/runtime/resource_ref.hpp"
#include "lllm/runtime/runtime.hpp"
#include "tests/fuzz/fuzz.hpp"

LLLM_FUZZ(refs) {
  using lllm::test::must;
  if (const auto ref = lllm::parse_ref(input)) {
    must(ref->text() == input);
    must(lllm::check_resource_path(ref->path).has_value());
  }
  (void)lllm::check_namespace(input);
  (void)lllm::check_package_name(input);

  lllm::Runtime runtime("demo");
  runtime.register_prompt(lllm::Prompt("writer/system", "x"));
  runtime.register_config("writer", 1);
  runtime.register_value("golden", "set.json", lllm::ResourceValue::of(2), "demo.golden", true);
  for (const auto type : {"", "prompt", "config", "golden"}) {
    const auto found = runtime.get_node(input, type);
    must(found.has_value() == runtime.has(input, type));
    if (found)
      must((*found)->key().ends_with(input.substr(input.find(':') + 1)));
    else
      must(!found.error().message().empty() && lllm::is_utf8(found.error().message()));
  }
  (void)runtime.get_section_node(input);

  try {
    runtime.register_value("config", input, lllm::ResourceValue::of(std::string(input)), {}, true);
  } catch (const lllm::Exception& refused) {
    must(refused.kind() == lllm::ErrorKind::bad_ref);
    must(lllm::check_resource_path(input).has_error());
    return;
  }
  const std::string key = "demo.configs:" + std::string(input);
  must(*runtime.get_value<std::string>("config", key).value() == input);
  must(*runtime.find_value<std::string>("config", key) == input);
  must(runtime.get_node(key).value()->path() == input);
  must(runtime.unregister(key) && !runtime.has(key));
}
