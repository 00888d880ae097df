#include "lllm/core/dialog.hpp"

#include <doctest/doctest.h>

#include "lllm/base/base64.hpp"

using namespace lllm;

TEST_SUITE("core/dialog") {
  TEST_CASE("a copy costs a reference count, and changing it leaves the original alone") {
    Dialog first;
    first.put_text("one");
    Dialog second = first;
    second.put_text("two");
    CHECK(first.size() == 1);
    CHECK(second.size() == 2);
    CHECK(first.messages()[0] == second.messages()[0]);  // the very same object
  }

  TEST_CASE("a fork shares messages and keeps lineage: id, parent, children, split point") {
    Dialog root;
    root.put_text("system", Role::system).put_text("a").put_text("b").put_text("c");
    const Dialog whole = root.fork();
    const Dialog ends = root.fork(1, 1);
    CHECK(whole.size() == 4);
    REQUIRE(ends.size() == 2);
    CHECK(ends.messages()[0]->text() == "system");
    CHECK(ends.messages()[1]->text() == "c");
    CHECK(ends.messages()[1] == root.messages()[3]);
    CHECK(ends.parent_id() == root.id());
    CHECK(ends.split_point() == 4);
    CHECK(root.children() == std::vector<std::string>{whole.id(), ends.id()});
    CHECK(root.tree_overview().find(ends.id()) != std::string::npos);
    CHECK(root.fork(10, 10).size() == 4);  // no message twice
  }

  TEST_CASE("put_prompt renders and becomes the top prompt; put_text resets it") {
    Dialog dialog;
    dialog.put_prompt(Prompt("greet", "Hello {name}, {{literal}}"), {{"name", "{name} %s {{x}}"}});
    CHECK(dialog.tail().text() == "Hello {name} %s {{x}}, {literal}");  // fault 116: values are inert
    REQUIRE(dialog.top_prompt());
    dialog.put_text("plain");
    CHECK(dialog.top_prompt() == nullptr);
  }

  TEST_CASE("images are recognised by content, and anything else is refused") {
    Dialog dialog;
    const std::string png = "\x89PNG\r\n\x1a\n rest";
    dialog.put_image(png, "a picture")
        .put_image(base64_encode("GIF89a..."))
        .put_image("data:image/webp;base64," + base64_encode(std::string("RIFF\0\0\0\0WEBP", 12)));
    CHECK(std::get<MediaPart>(dialog.messages()[0]->parts[1]).mime == "image/png");
    CHECK(dialog.messages()[0]->text() == "a picture");
    CHECK(std::get<MediaPart>(dialog.messages()[1]->parts[0]).mime == "image/gif");
    CHECK(std::get<MediaPart>(dialog.messages()[2]->parts[0]).mime == "image/webp");
    CHECK_THROWS_AS(dialog.put_image("%PDF-1.7"), Exception);
  }

  TEST_CASE("JSON both ways loses nothing") {
    Dialog dialog;
    dialog.put_text("Grüße", Role::user, "Ann");
    Message reply = Message::assistant("answer");
    ReasoningPart thought("hmm");
    thought.signature = "sig";
    reply.parts.insert(reply.parts.begin(), thought);
    reply.tool_calls.emplace_back("call_1", "search", "{\"q\":1}");
    reply.tool_calls.back().provider_id = "";
    reply.logprobs.push_back({"a", -0.5, {{"b", -1.5}}});
    reply.usage.prompt_tokens = 3;
    reply.cost_breakdown = Cost{Money::picodollars(7), {}, {}, {}, {}};
    reply.metadata = {{"k", 1}};
    reply.api_type = ApiType::response;
    reply.vectors = {0.5F, 1.0F};
    reply.parsed = json::array{1, "x"};
    reply.citations.push_back(json::object{{"url", "u"}});
    reply.wire_state = std::make_shared<const WireState>("anthropic-messages", json::array{1, 2});
    dialog.append(reply);
    dialog.put_tool_result("call_1", "search", "failed", true);
    const json::value first = dialog.to_json();
    const auto back = Dialog::from_json(first);
    REQUIRE(back.has_value());
    CHECK(back->to_json() == first);
    CHECK(back->cost() == Money::picodollars(7));
    CHECK(back->messages()[1]->wire_state->content == reply.wire_state->content);
  }

  TEST_CASE("an overview shows one line per message") {
    Dialog dialog;
    dialog.put_text("line one\nline two");
    CHECK(dialog.overview() == "[0] user: line one line two\n");
  }
}
