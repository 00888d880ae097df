// `lllm call`, `lllm replay` and `lllm models`, run as a user runs them.
#include <array>
#include <fstream>
#include <sstream>

#include "tests/cli/program.hpp"
#include "tests/support/temp_dir.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

std::string contents(const std::filesystem::path& file) {
  std::ostringstream bytes;
  bytes << std::ifstream(file, std::ios::binary).rdbuf();
  return std::move(bytes).str();
}

json::value parsed(const ShellResult& result) {
  auto value = parse_json(result.output);
  REQUIRE_MESSAGE(value.has_value(), result.output);
  return std::move(*value);
}

json::value replayed(const std::filesystem::path& file) {
  return parsed(run("replay --json " + quoted(file.string()))).at(0);
}

struct Wire {
  const char* name;
  const char* model;
  const char* base;
  const char* variable;
  const char* more = "";
};
constexpr std::array wires{
    Wire{"openai-chat", "openai/gpt-4o-mini", "/v1", "OPENAI_API_KEY"},
    Wire{"openai-responses", "openai/gpt-5-mini", "/v1", "OPENAI_API_KEY", " --api response"},
    Wire{"anthropic-messages", "claude-haiku-4-5", "", "ANTHROPIC_API_KEY"},
    Wire{"gemini-generate", "gemini/gemini-3-pro-preview", "/v1beta", "GEMINI_API_KEY"},
    Wire{"bedrock-converse", "bedrock/anthropic.claude-haiku-4-5-20251001-v1:0", "",
         "AWS_REGION=us-east-1 AWS_BEARER_TOKEN_BEDROCK"},
    Wire{"cohere-chat", "cohere/command-a-03-2025", "", "COHERE_API_KEY"},
    Wire{"ollama-chat", "ollama/llama3.2", "", "OLLAMA_API_KEY"}};

}  // namespace

TEST_SUITE("cli/call") {
  TEST_CASE("an exchange is recorded without its key on every wire, and replays to what was seen") {
    const TempDir folder;
    for (const auto& wire : wires)
      for (const bool streamed : {true, false}) {
        CAPTURE(wire.name);
        CAPTURE(streamed);
        FakeInThread fake;
        FakeReply reply("Grüße aus Bern.");
        reply.reasoning = "Hm.";
        fake.script(reply);
        const auto file = folder.path() / "exchange.json";
        const auto result =
            run("call Hello -m " + std::string(wire.model) + wire.more + " --base-url " + fake->origin() +
                    wire.base + (streamed ? "" : " --no-stream") + " --record " + quoted(file.string()),
                std::string(wire.variable) + "=" + key);
        CHECK(result.status == 0);
        CHECK(result.output == "Grüße aus Bern.\n");
        CHECK(fake.last_request().api_key == key);
        const std::string text = contents(file);
        CHECK(text.find("canary") == std::string::npos);
        const json::value recording = parse_json(text).value();
        CHECK(text_at(recording, "wire") == wire.name);
        CHECK(text_at(recording, "id") == "exchange");
        CHECK(as_boolean(find(recording, "streaming")) == streamed);
        CHECK(text_at(recording.at("request"), "host").starts_with("127.0.0.1:"));
        CHECK(find_at(recording, "/request/body") != nullptr);
        const json::value seen = replayed(file);
        CHECK(text_at(seen, "text") == reply.text);
        CHECK(text_at(seen, "reasoning") == reply.reasoning);
        CHECK(*find_at(seen, "/usage/completion_tokens") ==
              *find_at(recording, "/expect/usage/completion_tokens"));
      }
  }

  TEST_CASE("fault 110: a refusal that quotes the key is recorded and printed without it") {
    const TempDir folder;
    FakeInThread fake;
    fake.script(FakeReply::error(401, "invalid_request_error", "Incorrect API key provided: " + key));
    const auto file = folder.path() / "refused.json";
    const auto result = run("call hi --record " + quoted(file.string()), with_key(fake));
    check_refusal(result, "401");
    const std::string text = contents(file);
    CHECK(text.find("canary") == std::string::npos);
    CHECK(text.find("REDACTED") != std::string::npos);
    CHECK(text_at(replayed(file), "error_kind") == "authentication");
    CHECK(run("replay " + quoted(file.string())).output.find("Incorrect API key") != std::string::npos);
  }

  TEST_CASE("a stream that broke is recorded as far as it came") {
    const TempDir folder;
    FakeInThread fake;
    FakeReply cut("one two three four");
    cut.fault = FakeFault::close;
    cut.fault_after = 2;
    for (int i = 0; i < 3; ++i) fake.script(cut);
    const auto file = folder.path() / "cut.json";
    const auto result = run("call hi --record " + quoted(file.string()), with_key(fake));
    CHECK(result.status == 1);
    CHECK(result.output.find("one two\nlllm: ") != std::string::npos);  // the failure has a line of its own
    CHECK(text_at(replayed(file), "text") == "one two");
    CHECK(text_at(replayed(file), "error_kind") == "incomplete_reply");
  }

  TEST_CASE("where no answer came there is no recording, and a place that cannot be written is told first") {
    const TempDir folder;
    const auto file = folder.path() / "nothing.json";
    const auto result = run("call hi --base-url http://127.0.0.1:1/v1 --record " + quoted(file.string()),
                            "OPENAI_API_KEY=" + key);
    CHECK(result.status == 1);
    CHECK(result.output.find("nothing was recorded") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(file));
    // What stood there is overwritten by an answer only.
    const auto kept = folder.write("kept.json", "an older recording");
    run("call hi --base-url http://127.0.0.1:1/v1 --record " + quoted(kept.string()),
        "OPENAI_API_KEY=" + key);
    CHECK(contents(kept) == "an older recording");
    FakeInThread fake;
    check_refusal(run("call hi --record /nonexistent/x.json", with_key(fake)), "/nonexistent/x.json");
    CHECK(fake->stats().requests == 0);
    run("call hi --record " + quoted(kept.string()), with_key(fake));
    CHECK(text_at(replayed(kept), "error_kind").empty());
  }

  TEST_CASE("the system's trust store is what a server is measured by") {
    const TempDir folder;
    FakeInThread fake(FakeOptions().tls(true));
    fake.script(FakeReply("Trusted."));
    const auto ca = folder.write("ca.pem", fake->ca_pem());
    const std::string call = "call hi -m gpt-4o-mini --base-url " + fake->base_url();
    const auto stranger = run(call, "OPENAI_API_KEY=" + key);
    check_refusal(stranger, "is not trusted");
    CHECK(fake->stats().requests == 0);
    // OpenSSL's own variable for another store.
    const auto known = run(call, "OPENAI_API_KEY=" + key + " SSL_CERT_FILE=" + quoted(ca.string()));
    CHECK_MESSAGE(known.output == "Trusted.\n", known.output);
  }

  TEST_CASE("--json prints text, calls, usage, cost and what was dropped") {
    FakeInThread fake;
    fake.script(FakeReply::call("weather", {{"city", "Bern"}}));
    const json::value reply =
        parsed(run("call --json -m gpt-4o-mini --model-args '{\"n\":3,\"seed\":1}' hi", with_key(fake)));
    CHECK(text_at(reply.at("tool_calls").at(0), "arguments") == R"({"city":"Bern"})");
    CHECK(reply.at("dropped_args") == json::array{"n"});
    CHECK(*find_at(reply, "/model_args/seed") == 1);
    CHECK(as_number(find(reply, "cost_usd")).value_or(0) > 0);
    fake.script(FakeReply::call("weather", {{"city", "Bern"}}));
    CHECK(run("call hi", with_key(fake)).output == "weather {\"city\":\"Bern\"}\n");
  }

  TEST_CASE("--messages takes a whole dialog in OpenAI's format, from a file or standard input") {
    FakeInThread fake;
    fake.respond_with([](const FakeRequest& request) { return FakeReply(request.last_tool_result); });
    const std::string messages =
        R"([{"role":"user","content":"Weather?"},
            {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"w","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"c1","content":"Rain."}])";
    CHECK(shell("echo " + quoted(messages) + " | " + program("call --messages -", with_key(fake))).output ==
          "Rain.\n");
    const TempDir folder;
    const auto file = folder.write("dialog.json", messages);
    CHECK(run("call --messages " + quoted(file.string()), with_key(fake)).output == "Rain.\n");
    check_refusal(run("call --messages /nonexistent", with_key(fake)), "/nonexistent");
    check_refusal(shell("echo '{}' | " + program("call --messages -", with_key(fake))), "JSON array");
    check_refusal(run("call --image /nonexistent hi", with_key(fake)), "/nonexistent");
  }
}

TEST_SUITE("cli/call") {
  TEST_CASE("an image file goes out with the question, whatever its name; what is no image is refused") {
    const TempDir folder;
    FakeInThread fake;
    const auto picture = folder.write("picture.txt", "\x89PNG\r\n\x1a\n rest");
    fake.script(FakeReply("A cat."));
    CHECK(run("call 'What is it?' --image " + quoted(picture.string()), with_key(fake)).output == "A cat.\n");
    const std::string sent = to_json(fake.last_request().body);
    CHECK_MESSAGE(sent.find("data:image/png;base64,iVBORw0KGgogcmVzdA==") != std::string::npos, sent);
    CHECK(sent.find("What is it?") != std::string::npos);
    const auto paper = folder.write("paper.png", "%PDF-1.7");
    check_refusal(run("call hi --image " + quoted(paper.string()), with_key(fake)), "image");
    CHECK(fake->stats().requests == 1);
  }
}

TEST_SUITE("cli/replay") {
  TEST_CASE("files that are no recordings are named, and the others are still read") {
    const TempDir folder;
    const auto good = folder.write(
        "good.json",
        R"({"wire":"openai-chat","response":{"status":200,"body":{"choices":[{"message":{"content":"Hi."},"finish_reason":"stop"}]}}})");
    const auto broken = folder.write("broken.json", "{");
    const auto other = folder.write("other.json", "{}");
    const auto unknown = folder.write("unknown.json", R"({"wire":"morse","response":{"status":200}})");
    const auto result = run("replay /nonexistent " + quoted(broken.string()) + " " + quoted(other.string()) +
                            " " + quoted(unknown.string()) + " " + quoted(good.string()));
    CAPTURE(result.output);
    CHECK(result.status == 1);
    for (const auto* words : {"/nonexistent: cannot be read", "broken.json: this is no recording",
                              "there is no 'response'", "the wire 'morse' is not known", "Hi."})
      CHECK(result.output.find(words) != std::string::npos);
    CHECK(run("replay").status == 2);
  }

  TEST_CASE("every recording of the shared folder replays") {
    LLLM_NEEDS_SHARED();
    const json::value rows = parsed(run("replay --json " + quoted((shared_dir() / "recordings").string())));
    CHECK(rows.as_array().size() >= 1080);
    std::size_t texts = 0;
    for (const auto& row : rows.as_array()) texts += text_at(row, "text").empty() ? 0 : 1;
    CHECK(texts > 500);
  }
}

TEST_SUITE("cli/models") {
  TEST_CASE("models lists prices, windows and capabilities; words, --provider and --with narrow it down") {
    const json::value minis = parsed(run("models --json gpt-4o-mini --provider openai"));
    const auto& rows = minis.as_array();
    const auto found = std::find_if(rows.begin(), rows.end(), [](const json::value& row) {
      return text_at(row, "model") == "gpt-4o-mini";
    });
    REQUIRE(found != rows.end());
    const json::value& mini = *found;
    CHECK(text_at(mini.at("price_per_million_usd"), "input") == "0.15");
    CHECK(text_at(mini.at("price_per_million_usd"), "output") == "0.60");
    CHECK(integer_at(mini, "context_window") == 128000);
    const json::value all = parsed(run("models --json"));
    CHECK(all.as_array().size() >= 400);
    const json::value readers = parsed(run("models --json --with reasoning --with pdf"));
    for (const auto& row : readers.as_array()) {
      const auto& has = row.at("capabilities").as_array();
      CHECK(std::find(has.begin(), has.end(), json::value("reasoning")) != has.end());
      CHECK(std::find(has.begin(), has.end(), json::value("pdf")) != has.end());
    }
    const auto table = run("models sonnet anthropic");
    CHECK(table.output.find("anthropic/claude-sonnet-4") != std::string::npos);
    CHECK(table.output.find("dollars per million tokens") != std::string::npos);
    check_refusal(run("models no-such-model"), "no model");
    CHECK(run("models --with wings").status == 2);
  }
}
