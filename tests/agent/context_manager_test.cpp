#include "lllm/agent/context_manager.hpp"

#include <doctest/doctest.h>

#include "tests/support/loop.hpp"

using namespace lllm;
using namespace lllm::test;

TEST_SUITE("agent/context_manager") {
  TEST_CASE("the first message and the newest that fit are kept, and the one at the border is truncated") {
    Dialog dialog;
    dialog.put_text("system", Role::system);
    for (int i = 0; i < 50; ++i)
      dialog.put_text("message " + std::to_string(i) + " " + std::string(400, 'x'));
    DefaultContextManager manager(1500, 500);
    const Dialog shorter = run_to_end(manager.prepare(dialog, "m"));
    CHECK(shorter.messages()[0]->text() == "system");
    CHECK(shorter.messages()[1]->text().starts_with("[…] "));
    CHECK(shorter.tail().text() == dialog.tail().text());
    std::size_t tokens = 0;
    for (const auto& message : shorter.messages()) tokens += estimate_tokens(*message);
    CHECK(tokens <= 1000);
    CHECK(tokens > 850);
  }

  TEST_CASE("a tool result never stays without its call") {
    Dialog dialog;
    dialog.put_text("system", Role::system);
    Message call = Message::assistant(std::string(4000, 'x'));
    call.tool_calls.emplace_back("c", "t", "{}");
    dialog.append(call);
    dialog.put_tool_result("c", "t", "result");
    dialog.put_text("and now?");
    DefaultContextManager manager(300, 100);
    const Dialog shorter = run_to_end(manager.prepare(dialog, "m"));
    REQUIRE(shorter.size() == 2);
    CHECK(shorter.tail().text() == "and now?");
  }

  TEST_CASE("a model of unknown window is sent everything") {
    Dialog dialog;
    for (int i = 0; i < 50; ++i) dialog.put_text(std::string(4000, 'x'));
    DefaultContextManager manager;
    CHECK(run_to_end(manager.prepare(dialog, "nobody/knows")).size() == 50);
  }

  TEST_CASE("a safety buffer of 5,000 tokens is kept free unless another is asked for") {
    Dialog dialog;
    for (int i = 0; i < 50; ++i) dialog.put_text(std::string(400, 'x'));  // of about 100 tokens each
    const auto kept = [&](DefaultContextManager manager) {
      return run_to_end(manager.prepare(dialog, "m")).size();
    };
    CHECK(kept(DefaultContextManager(6'000)) == kept(DefaultContextManager(6'000, 5'000)));
    CHECK(kept(DefaultContextManager(6'000)) < 12);
    CHECK(kept(DefaultContextManager(6'000, 0)) == 50);
  }
}
