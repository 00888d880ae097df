// The files of a package and the refs to them: any bytes give a value or an error with a message, never more.
#include <string>
#include <string_view>

#include "lllm/formats/front_matter.hpp"
#include "lllm/runtime/manifest.hpp"
#include "lllm/runtime/prompt_file.hpp"
#include "lllm/runtime/resource_ref.hpp"
#include "tests/fuzz/fuzz.hpp"

LLLM_FUZZ(package) {
  const auto ref = lllm::parse_ref(input);
  if (ref) lllm::test::must(ref->text() == input);
  if (const auto parts = lllm::split_front_matter(input))
    lllm::test::must(parts->body.size() <= input.size());
  if (const auto prompt = lllm::parse_prompt_text("fuzz", input)) (void)prompt->content_hash();
  (void)lllm::parse_prompt_tables("fuzz", input);
  if (const auto manifest = lllm::parse_manifest("fuzz/lllm.toml", input))
    lllm::test::must(lllm::check_package_name(manifest->name).has_value());
}
