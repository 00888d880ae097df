// The files of a package and the refs to them: any bytes give a value or an error with a message, never more.
#include <string>
#include <string_view>

#include "lllm/formats/front_matter.hpp"
#include "lllm/runtime/agent_spec.hpp"
#include "lllm/runtime/manifest.hpp"
#include "lllm/runtime/prompt_file.hpp"
#include "lllm/runtime/proxy.hpp"
#include "lllm/runtime/resource_ref.hpp"
#include "lllm/runtime/service.hpp"
#include "lllm/runtime/tactic.hpp"
#include "lllm/runtime/tool_file.hpp"
#include "tests/fuzz/fuzz.hpp"

LLLM_FUZZ(package) {
  const auto ref = lllm::parse_ref(input);
  if (ref) lllm::test::must(ref->text() == input);
  if (const auto parts = lllm::split_front_matter(input))
    lllm::test::must(parts->body.size() <= input.size());
  if (const auto prompt = lllm::parse_prompt_text("fuzz", input)) (void)prompt->content_hash();
  (void)lllm::parse_prompt_tables("fuzz", input);
  for (const auto syntax : {lllm::Syntax::toml, lllm::Syntax::json})
    if (const auto tools = lllm::parse_tool_file("fuzz", "/folder", syntax, input))
      for (const auto& declared : *tools) lllm::test::must(lllm::is_tool_name(declared.tool.name()));
  if (const auto proxy = lllm::parse_proxy_file("fuzz", lllm::Syntax::toml, input)) (void)proxy->info();
  if (const auto tactic = lllm::parse_tactic_file("fuzz", "demo", lllm::Syntax::toml, input))
    for (const auto& step : tactic->order)
      for (const auto& name : step) lllm::test::must(tactic->agent(name) != nullptr);
  if (const auto service = lllm::parse_service_file("fuzz", "demo", lllm::Syntax::toml, input))
    lllm::test::must(lllm::check_service(*service).has_value());
  if (const auto config = lllm::parse_yaml(input)) (void)lllm::parse_agent_specs(*config, "fuzz");
  if (const auto manifest = lllm::parse_manifest("fuzz/lllm.toml", input))
    lllm::test::must(lllm::check_package_name(manifest->name).has_value());
}
