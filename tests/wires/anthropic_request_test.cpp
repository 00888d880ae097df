#include "tests/wires/anthropic_wire.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace lllm::test::anthropic_wire;

TEST_SUITE("wires/anthropic_request") {
  TEST_CASE("a plain question becomes a Messages request") {
    Dialog dialog;
    dialog.put_text("Be brief.", Role::system).put_text("Hi");
    Call call(dialog, "claude-3-5-haiku-latest");
    call.options.model_args({{"temperature", 0.2}, {"max_tokens", 100}, {"stop", "END"}, {"user", "u1"}});
    call.stream = true;
    const auto request = call.encode(codec());
    REQUIRE(request.has_value());
    CHECK(request->path == "/v1/messages");
    CHECK(request->headers.get("anthropic-version") == "2023-06-01");
    CHECK_FALSE(request->headers.contains("anthropic-beta"));
    CHECK(request->dropped.empty());
    CHECK(js(request->body) ==
          js(R"({"model":"claude-3-5-haiku-latest","system":[{"type":"text","text":"Be brief."}],
      "messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],"max_tokens":100,"temperature":0.2,
      "stop_sequences":["END"],"metadata":{"user_id":"u1"},"stream":true})"));
    CHECK(request->model_args.at("temperature") == 0.2);
  }

  TEST_CASE("max_tokens has a default that the model accepts") {
    const auto limit = [](const char* model) {
      return *integer_at(Call(asked(), model).body(codec()), "max_tokens");
    };
    CHECK(limit("claude-3-haiku-20240307") == 4096);
    CHECK(limit("claude-3-5-sonnet-20241022") == 8192);
    CHECK(limit("claude-sonnet-4-20250514") == 32000);
    CHECK(limit("claude-sonnet-5") == 32000);
  }

  TEST_CASE("what the wire cannot take is dropped and named") {
    Call call(asked(), "claude-sonnet-4-5");
    call.options.model_args({{"seed", 1},
                             {"logprobs", true},
                             {"n", 2},
                             {"temperature", 0.1},
                             {"top_p", 0.9},
                             {"frequency_penalty", 0.5},
                             {"stop", json::array{"\n"}},
                             {"seedling", nullptr}});
    const auto request = call.encode(codec());
    REQUIRE(request.has_value());
    CHECK(request->dropped ==
          std::vector<std::string>{"top_p", "stop", "n", "seed", "logprobs", "frequency_penalty"});
    CHECK_FALSE(js(request->body).as_object().contains("stop_sequences"));
  }

  TEST_CASE("several tool results go into one user message, before what the user says") {
    Dialog dialog = asked();
    Message reply(Role::assistant, "");
    reply.tool_calls = {ToolCall("toolu_1", "weather", R"({"city": "Bonn"})"),
                        ToolCall("call.2:x", "time", "")};
    dialog.append(reply);
    dialog.put_tool_result("toolu_1", "weather", "rain").put_text("and?");
    dialog.put_tool_result("call.2:x", "time", "broken", true);
    const auto messages = *find(Call(dialog, "claude-sonnet-4-5").body(codec()), "messages");
    REQUIRE(messages.as_array().size() == 3);
    const auto id = std::string(text_at(messages.at(1).at("content").at(1), "id"));
    CHECK(id.starts_with("call_2_x_"));  // the API's alphabet
    CHECK(messages.at(1).at("content").at(0) ==
          js(R"({"type":"tool_use","id":"toolu_1","name":"weather","input":{"city":"Bonn"}})"));
    CHECK(messages.at(1).at("content").at(1).at("input") == json::object());
    CHECK(messages.at(2).at("role") == "user");
    CHECK(messages.at(2).at("content").at(0) ==
          js(R"({"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","text":"rain"}]})"));
    CHECK(messages.at(2).at("content").at(1).at("tool_use_id") == json::string(id));
    CHECK(messages.at(2).at("content").at(1).at("is_error") == true);
    CHECK(messages.at(2).at("content").at(2).at("text") == "and?");
  }

  TEST_CASE("a tool message without its call id is an error") {
    Dialog dialog = asked();
    dialog.append(Message::tool("", "weather", "rain"));
    const auto request = Call(dialog, "claude-sonnet-4-5").encode(codec());
    REQUIRE(request.has_error());
    CHECK(request.error().kind() == ErrorKind::invalid_argument);
  }

  TEST_CASE("images, PDFs, texts, addresses and uploads go out as the API's blocks") {
    Message message(Role::user, "Look");
    MediaPart image(MediaKind::image, "image/png");
    image.base64 = std::make_shared<const std::string>("aWk=");
    image.cache_ttl = "1h";
    MediaPart pdf(MediaKind::file, "application/pdf");
    pdf.base64 = std::make_shared<const std::string>("cGRm");
    pdf.name = "a.pdf";
    MediaPart text(MediaKind::file, "text/plain");
    text.base64 = std::make_shared<const std::string>("SGk=");
    MediaPart far(MediaKind::image, "");
    far.url = "https://example.com/a.png";
    MediaPart upload(MediaKind::file, "");
    upload.file_id = "file_1";
    message.parts.insert(message.parts.end(), {image, pdf, text, far, upload});
    Dialog dialog;
    dialog.append(message);
    const auto request = Call(dialog, "claude-sonnet-4-5").encode(codec());
    REQUIRE(request.has_value());
    CHECK(request->headers.get("anthropic-beta") == "files-api-2025-04-14");
    CHECK(js(request->body).at("messages").at(0).at("content") == js(R"([{"type":"text","text":"Look"},
      {"type":"image","source":{"type":"base64","media_type":"image/png","data":"aWk="},
       "cache_control":{"type":"ephemeral","ttl":"1h"}},
      {"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"cGRm"},"title":"a.pdf"},
      {"type":"document","source":{"type":"text","media_type":"text/plain","data":"Hi"}},
      {"type":"image","source":{"type":"url","url":"https://example.com/a.png"}},
      {"type":"document","source":{"type":"file","file_id":"file_1"}}])"));

    Message sound(Role::user, "");
    sound.parts.emplace_back(MediaPart(MediaKind::audio, "audio/wav"));
    Dialog loud;
    loud.append(sound);
    CHECK(Call(loud, "claude-sonnet-4-5").encode(codec()).error().kind() == ErrorKind::unsupported);
  }

  TEST_CASE("no more than four cache marks are sent, the newest") {
    Dialog dialog;
    for (int i = 0; i < 6; ++i) {
      Message message(i == 0 ? Role::system : Role::user, "m" + std::to_string(i));
      std::get<TextPart>(message.parts[0]).cache_ttl = "";
      dialog.append(message);
    }
    const auto body = Call(dialog, "claude-sonnet-4-5").body(codec());
    CHECK_FALSE(body.at("system").at(0).as_object().contains("cache_control"));
    const auto& content = body.at("messages").at(0).at("content").as_array();
    CHECK_FALSE(content.at(0).as_object().contains("cache_control"));
    for (std::size_t i = 1; i < 5; ++i)
      CHECK(content.at(i).at("cache_control") == js(R"({"type":"ephemeral"})"));
  }

  TEST_CASE("tools and the choice among them are mapped") {
    Call call(asked(), "claude-sonnet-4-5");
    call.tools = {a_tool("weather")};
    const auto choice = [&](json::value given, json::value parallel = nullptr) {
      call.options = CallOptions().model_args({{"tool_choice", given}, {"parallel_tool_calls", parallel}});
      const auto body = call.body(codec());
      const auto* made = find(body, "tool_choice");
      return made != nullptr ? *made : json::value();
    };
    CHECK(choice("auto") == js(R"({"type":"auto"})"));
    CHECK(choice("required") == js(R"({"type":"any"})"));
    CHECK(choice("none") == js(R"({"type":"none"})"));
    CHECK(choice(js(R"({"type":"function","function":{"name":"weather"}})")) ==
          js(R"({"type":"tool","name":"weather"})"));
    CHECK(choice(nullptr, false) == js(R"({"type":"auto","disable_parallel_tool_use":true})"));
    CHECK(choice("required", false) == js(R"({"type":"any","disable_parallel_tool_use":true})"));
    CHECK(choice(nullptr, true).is_null());
    CHECK(call.body(codec()).at("tools").at(0) ==
          js(R"({"name":"weather","description":"What a test needs.","input_schema":{"type":"object",
                 "properties":{"city":{"type":"string"}},"required":["city"]}})"));
    call.tools.clear();
    CHECK(choice("required").is_null());  // nothing to choose from
  }

  TEST_CASE("an effort becomes a thinking budget, or adaptive thinking where the model has it") {
    Call call(asked(), "claude-sonnet-4-0");
    call.options.model_args({{"reasoning_effort", "low"}, {"max_tokens", 500}, {"temperature", 0.3}});
    auto request = call.encode(codec());
    REQUIRE(request.has_value());
    CHECK(js(request->body).at("thinking") == js(R"({"type":"enabled","budget_tokens":2048})"));
    CHECK(js(request->body).at("max_tokens") == 2548);  // thinking counts, and leaves the answer its room
    CHECK(request->dropped == std::vector<std::string>{"temperature"});

    call.model = "claude-opus-4-7";
    request = call.encode(codec());
    CHECK(js(request->body).at("thinking") == js(R"({"type":"adaptive","display":"summarized"})"));
    CHECK(js(request->body).at("output_config") == js(R"({"effort":"low"})"));
    CHECK(js(request->body).at("max_tokens") == 500);
  }

  TEST_CASE("a model that thinks within a budget is not told to call a tool; adaptive ones may be, mostly") {
    Call call(asked(), "claude-sonnet-4-5");
    call.tools = {a_tool("weather")};
    const auto is_told = [&](const char* model, json::object args) {
      call.model = model;
      bool told = false;
      for (const json::value& choice :
           {json::value("required"), js(R"({"type":"function","function":{"name":"weather"}})")}) {
        args["tool_choice"] = choice;
        call.options.model_args(args);
        const auto request = call.encode(codec()).value();
        told = find(js(request.body), "tool_choice") != nullptr;
        CHECK(told == request.dropped.empty());
      }
      return told;
    };
    CHECK(is_told("claude-sonnet-4-5", {}));
    CHECK_FALSE(is_told("claude-sonnet-4-5", {{"reasoning_effort", "low"}}));
    CHECK(is_told("claude-sonnet-4-5", {{"reasoning_effort", "none"}}));
    CHECK(is_told("claude-opus-4-7", {{"reasoning_effort", "low"}}));
    CHECK_FALSE(is_told("claude-opus-5-5", {{"reasoning_effort", "low"}}));
  }

  TEST_CASE(
      "a Claude that takes over in the middle of another model's calls does not think within a budget") {
    Message foreign(Role::assistant, "");
    foreign.tool_calls.emplace_back("call_1", "weather", "{}");
    const auto request = [](const Message& reply, const char* model, bool question = false) {
      Dialog dialog = asked();
      dialog.append(reply).put_tool_result("call_1", "weather", "rain");
      if (question) dialog.put_text("And?");
      Call call(dialog, model);
      call.options.model_args({{"reasoning_effort", "low"}, {"temperature", 0.3}});
      return call.encode(codec()).value();
    };
    const auto taken_over = request(foreign, "claude-sonnet-4-5");
    CHECK(taken_over.dropped == std::vector<std::string>{"reasoning_effort"});
    CHECK(find(js(taken_over.body), "thinking") == nullptr);
    CHECK(js(taken_over.body).at("temperature") == 0.3);
    // It does where the turn is its own, with the next question, and where it decides itself.
    Message own = foreign;
    own.parts.insert(own.parts.begin(), [] {
      ReasoningPart thought("Hm.");
      thought.signature = "SIG";
      return thought;
    }());
    CHECK(find(js(request(own, "claude-sonnet-4-5").body), "thinking") != nullptr);
    CHECK(find(js(request(foreign, "claude-sonnet-4-5", true).body), "thinking") != nullptr);
    CHECK(find(js(request(foreign, "claude-opus-4-6").body), "thinking") != nullptr);
  }

  TEST_CASE("a schema goes out as the API's own format, open parts of it and older models by a forced tool") {
    Call call(asked(), "claude-sonnet-4-5");
    call.format =
        Schema({{"type", "object"},
                {"title", "City"},
                {"properties", {{"n", {{"type", "integer"}, {"minimum", 1}, {"description", "Many"}}}}},
                {"required", {"n"}}});
    CHECK(call.body(codec()).at("output_config") ==
          js(R"({"format":{"type":"json_schema","schema":{"type":"object","properties":{"n":{"type":"integer",
                "description":"Many {minimum: 1}"}},"required":["n"],"additionalProperties":false}}})"));

    call.model = "claude-3-5-sonnet-latest";
    auto body = call.body(codec());
    CHECK_FALSE(body.as_object().contains("output_config"));
    const auto name = body.at("tools").at(0).at("name");
    CHECK(body.at("tool_choice") == json::object{{"type", "tool"}, {"name", name}});
    CHECK(body.at("tools").at(0).at("input_schema") == json::value(call.format.value()));

    call.model = "claude-sonnet-4-5";
    call.format = Schema({{"type", "object"}, {"additionalProperties", {{"type", "string"}}}});
    call.tools = {a_tool("weather")};
    body = call.body(codec());
    CHECK(body.at("tools").as_array().size() == 2);
    CHECK(body.at("tool_choice") == js(R"({"type":"any"})"));

    // The forced tool's call is the answer, streamed or not, and comes back as the text it stands for.
    const std::string tool(as_text(&name));
    const auto whole =
        decode(R"({"id":"m","type":"message","content":[{"type":"tool_use","id":"t","name":")" + tool +
               R"(","input":{"n":3}}],"stop_reason":"tool_use"})");
    const auto streamed = stream(
        codec(),
        {start() + block(0, R"({"type":"tool_use","id":"t","name":")" + tool + R"(","input":{}})") +
         delta(0, R"({"type":"input_json_delta","partial_json":"{\"n\": 3}"})") + stop(0) + end("tool_use")});
    REQUIRE(whole.has_value());
    CHECK(whole->message.text() == R"({"n":3})");
    CHECK(whole->message.tool_calls.empty());
    CHECK(streamed.text == R"({"n": 3})");
    REQUIRE(streamed.result.has_value());
    CHECK(streamed.result->message.text() == R"({"n":3})");
    CHECK(next_turn(whole->message).at(1).at("content") == js(R"([{"type":"text","text":"{\"n\":3}"}])"));
  }

  TEST_CASE("web search, computer use and MCP servers are declared with the betas they need") {
    Prompt prompt("p", "Hi");
    prompt.addon_args = {{"web_search", {{"max_uses", 3}}}, {"computer_use", json::object()}};
    McpServer server;
    server.name = "wiki";
    server.url = "https://mcp.example.com/mcp";
    server.options = {{"allowed_tools", {"ask"}}, {"headers", {{"Authorization", "Bearer t0k"}}}};
    McpServer child;
    child.command = {"server"};
    prompt.mcp_servers = {server, child};
    Dialog dialog;
    dialog.put_prompt(prompt);
    const auto request = Call(dialog, "claude-sonnet-4-0").encode(codec());
    REQUIRE(request.has_value());
    const auto body = js(request->body);
    CHECK(body.at("tools") == js(R"([{"type":"web_search_20250305","name":"web_search","max_uses":3},
      {"type":"computer_20250124","name":"computer","display_width_px":1024,"display_height_px":768},
      {"type":"mcp_toolset","mcp_server_name":"wiki","default_config":{"enabled":false},
       "configs":{"ask":{"enabled":true}}}])"));
    CHECK(body.at("mcp_servers") == js(R"([{"type":"url","url":"https://mcp.example.com/mcp","name":"wiki",
      "authorization_token":"t0k"}])"));
    CHECK(request->headers.get("anthropic-beta") == "computer-use-2025-01-24,mcp-client-2025-11-20");
  }

  TEST_CASE(
      "an MCP server is offered by one toolset, the caller's own or one that says what the server did") {
    const auto body_with = [](const char* args) {
      Call call(asked(), "claude-sonnet-4-5");
      call.options.model_args(js(args).as_object());
      return call.body(codec());
    };
    // All tools of a server that says nothing of them; the first beta's words for some or none of them.
    const json::value old = body_with(R"({"mcp_servers":[{"type":"url","url":"https://a","name":"a"},
      {"type":"url","url":"https://b","name":"b","tool_configuration":{"enabled":true,"allowed_tools":["x"]}},
      {"type":"url","url":"https://c","name":"c","tool_configuration":{"enabled":false}}]})");
    CHECK(old.at("tools") == js(R"([{"type":"mcp_toolset","mcp_server_name":"a"},
      {"type":"mcp_toolset","mcp_server_name":"b","default_config":{"enabled":false},
       "configs":{"x":{"enabled":true}}},
      {"type":"mcp_toolset","mcp_server_name":"c","default_config":{"enabled":false}}])"));
    CHECK(old.at("mcp_servers") == js(R"([{"type":"url","url":"https://a","name":"a"},
      {"type":"url","url":"https://b","name":"b"},{"type":"url","url":"https://c","name":"c"}])"));
    const json::value own = body_with(R"({"mcp_servers":[{"type":"url","url":"https://a","name":"a"}],
      "tools":[{"type":"mcp_toolset","mcp_server_name":"a","default_config":{"defer_loading":true}}]})");
    CHECK(own.at("tools") ==
          js(R"([{"type":"mcp_toolset","mcp_server_name":"a","default_config":{"defer_loading":true}}])"));
  }

  TEST_CASE("extra_body and extra_headers reach the wire and win") {
    Call call(asked(), "claude-sonnet-4-5");
    call.options.model_args({{"extra_body", {{"max_tokens", 7}, {"future", true}}},
                             {"extra_headers", {{"anthropic-beta", "a-1, b-2"}, {"x-mine", "1"}}}});
    const auto request = call.encode(codec());
    REQUIRE(request.has_value());
    CHECK(js(request->body).at("max_tokens") == 7);
    CHECK(js(request->body).at("future") == true);
    CHECK(request->headers.get("anthropic-beta") == "a-1,b-2");
    CHECK(request->headers.get("x-mine") == "1");
  }

  TEST_CASE("another wire's reasoning is left out, its words and calls are kept") {
    Message reply(Role::assistant, "Yes");
    ReasoningPart thought("hm");
    thought.signature = "GEMINI";
    reply.parts.insert(reply.parts.begin(), thought);
    reply.wire_state = std::make_shared<const WireState>("gemini-generate", json::array());
    CHECK(next_turn(reply).at(1).at("content") == js(R"([{"type":"text","text":"Yes"}])"));
  }

  TEST_CASE("an answer begun for the model does not end in white space") {
    Dialog dialog = asked();
    dialog.append(Message::assistant("{ \"a\": \n"));
    CHECK(
        Call(dialog, "claude-sonnet-4-5").body(codec()).at("messages").at(1).at("content").at(0).at("text") ==
        "{ \"a\":");
  }
}
