// `lllm mcp`, run as a user runs it.
#include "tests/cli/program.hpp"
#include "tests/support/skip.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

std::string server(const std::string& mode) {
  return "-- " + quoted((build_root() / "tests/mcp/scripted_server").string()) + ' ' + mode;
}

}  // namespace

TEST_SUITE("cli/mcp") {
  TEST_CASE("mcp tools lists what a server has, for people and as JSON") {
    const auto listed = run("mcp tools " + server("plain"));
    CHECK(listed.status == 0);
    CHECK(listed.output.starts_with("echo                     Does echo.\nexit "));
    const auto parsed = parse_json(run("mcp tools --json " + server("plain")).output);
    REQUIRE(parsed.has_value());
    CHECK(text_at(*parsed, "name") == "scripted");
    CHECK(text_at(*parsed, "protocol_version") == "2025-06-18");
    CHECK(as_text(find_at(*parsed, "/tools/0/name")) == "echo");
    CHECK(as_text(find_at(*parsed, "/tools/0/parameters/type")) == "object");
  }

  TEST_CASE("a server that fails is told in one sentence, with its last words") {
    check_refusal(run("mcp tools " + server("die_at_once")), "no such license");
    check_refusal(run("mcp tools " + server("refuse")), "it speaks 2026-07-28");
    check_refusal(run("mcp tools no-such-program-here"), "no-such-program-here");
    check_refusal(run("mcp tools http://127.0.0.1:1/mcp"), "127.0.0.1:1");
    check_refusal(run("mcp tools http://127.0.0.1:1/mcp --key-env NOT_SET"), "NOT_SET is not set");
    check_refusal(run("mcp tools --timeout 0.2 " + server("hang_in_initialize")), "in time");
  }
}
