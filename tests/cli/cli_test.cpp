// The program, run as a user runs it.
#include <doctest/doctest.h>

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "tests/cli/program.hpp"
#include "tests/support/temp_dir.hpp"

using namespace lllm;
using namespace lllm::test;

TEST_SUITE("cli/chat") {
  TEST_CASE("one question is answered on standard output, streamed or not") {
    FakeInThread fake;
    fake.script(FakeReply("Forty-two."));
    fake.script(FakeReply("Forty-two."));
    CHECK(run("chat 'What is it?'", with_key(fake)).output == "Forty-two.\n");
    CHECK(run("chat --no-stream 'What is it?'", with_key(fake)).output == "Forty-two.\n");
  }

  TEST_CASE("what is piped in is the question") {
    FakeInThread fake;
    fake.respond_with(
        [](const FakeRequest& request) { return FakeReply("You said " + request.last_user_text); });
    CHECK(shell("echo hello | " + program("chat", with_key(fake))).output == "You said hello\n");
  }

  TEST_CASE("--json prints one object with text, usage, cost and attempts") {
    FakeInThread fake;
    fake.script(FakeReply("Hi."));
    const auto result = run("chat --json -m openai/gpt-4o-mini hello", with_key(fake));
    const auto parsed = parse_json(result.output);
    REQUIRE_MESSAGE(parsed.has_value(), result.output);
    CHECK(text_at(*parsed, "text") == "Hi.");
    CHECK(as_number(find(*parsed, "cost_usd")).value_or(0) > 0);
    CHECK(integer_at(*parsed, "attempts") == 1);
    CHECK(*find_at(*parsed, "/usage/completion_tokens") == 1);
  }

  TEST_CASE("a prompt of a package is rendered with --var, and its hash is in the result") {
    FakeInThread fake;
    fake.respond_with([](const FakeRequest& request) { return FakeReply(request.last_user_text); });
    const auto result =
        run("chat --json --package " + newsroom() +
                " --prompt newsroom.prompts:letters/thanks --var reader=Ann --var subject=bridges",
            with_key(fake));
    const auto parsed = parse_json(result.output);
    REQUIRE_MESSAGE(parsed.has_value(), result.output);
    CHECK(text_at(*parsed, "text") == "Thank Ann for the letter about bridges, in two sentences.");
    CHECK(text_at(*parsed, "prompt_ref") == "newsroom.prompts:letters/thanks");
    CHECK(text_at(*parsed, "prompt_hash").size() == 64);
  }

  TEST_CASE("bad input is refused in one clear sentence") {
    FakeInThread fake(FakeOptions().require_key("another").models({"gpt-4o-mini"}));
    check_refusal(run("chat hi", with_key(fake)), "401");
    check_refusal(run("chat hi", with_key(fake)), "it refused the key from OPENAI_API_KEY");
    check_refusal(run("chat hi"), "OPENAI_API_KEY");
    check_refusal(run("chat -m opnai/gpt-4o hi"), "opnai");
    check_refusal(run("chat --base-url http://127.0.0.1:1/v1 --model-args '{\"x\":' hi", "OPENAI_API_KEY=k"),
                  "JSON object");
    check_refusal(
        run("chat --package " + newsroom() + " --prompt newsroom.prompts:letters/thanks --var reader=Ann",
            with_key(fake)),
        "missing variable: subject");
    check_refusal(
        run("chat --package " + newsroom() + " --prompt newsroom.prompts:letters/thank", with_key(fake)),
        "letters/thanks");

    FakeInThread other(FakeOptions().models({"gpt-4o"}));
    check_refusal(run("chat -m gpt-nothing hi", with_key(other)),
                  "They said: The model 'gpt-nothing' does not exist.");
  }

  TEST_CASE("a dead port is told with its address") {
    std::string dead;
    {
      dead = FakeInThread()->base_url();
    }
    const auto result = run("chat --base-url " + dead + " hi", "OPENAI_API_KEY=" + key);
    check_refusal(result, "refused");
    CHECK(result.output.find("127.0.0.1") != std::string::npos);
  }

  TEST_CASE("a certificate that nobody trusts is refused, and accepted with its authority") {
    FakeInThread fake(FakeOptions().tls(true));
    check_refusal(run("chat hi", with_key(fake)), "certificate");
    const test::TempDir folder;
    const auto ca = folder.write("ca.pem", fake->ca_pem());
    fake.script(FakeReply("Trusted."));
    CHECK(run("chat --ca-file " + quoted(ca.string()) + " hi", with_key(fake)).output == "Trusted.\n");
  }

  TEST_CASE("a malformed manifest is told with file, line and column") {
    const test::TempDir folder;
    folder.write("lllm.toml", "[package]\nname = \"x\nversion = 1\n");
    check_refusal(run("resources --package " + quoted(folder.path().string())), "lllm.toml:2");
  }

  TEST_CASE("Ctrl-C cancels the call and ends with 130") {
    FakeInThread fake(FakeOptions().time_to_first_token(std::chrono::seconds(60)));
    const test::TempDir folder;
    const auto pid_file = folder.path() / "pid";
    std::thread person([&] {
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (fake->stats().in_flight == 0 && std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
      pid_t pid = 0;
      std::ifstream(pid_file) >> pid;
      if (pid > 0) ::kill(pid, SIGINT);
    });
    const auto result =
        shell("echo $$ > " + quoted(pid_file.string()) + "; exec " + program("chat hi", with_key(fake)));
    person.join();
    CHECK(result.status == 130);
    CHECK(result.output.find("cancelled") != std::string::npos);
  }
}

TEST_SUITE("cli/resources") {
  TEST_CASE("resources lists every ref, by type or as JSON") {
    const auto all = run("resources --package " + newsroom());
    CHECK(all.output.find("newsroom.prompts:desk/system") != std::string::npos);
    CHECK(all.output.find("archive.configs:archive") != std::string::npos);  // by its alias
    const auto configs = run("resources --type config --json --package " + newsroom());
    const auto parsed = parse_json(configs.output);
    REQUIRE_MESSAGE(parsed.has_value(), configs.output);
    for (const auto& row : parsed->as_array()) CHECK(text_at(row, "type") == "config");
    const auto none = run("resources --type context_manager --package " + newsroom());
    CHECK(none.status == 0);
    CHECK(none.output.empty());
    check_refusal(run("resources --type prompts --package " + newsroom()), "did you mean 'prompt'?");
    check_refusal(run("resources --type TYPO --package " + newsroom()), "nothing here is of type 'TYPO'");
  }

  TEST_CASE("show tells what a resource says, and near matches of a ref that is not there") {
    const auto prompt = run("show newsroom.prompts:desk/system --package " + newsroom());
    CHECK(prompt.output.find("You are the editor of the {section} desk") != std::string::npos);
    check_refusal(run("show newsroom.prompts:desk/sytem --package " + newsroom()),
                  "newsroom.prompts:desk/system");
  }

  TEST_CASE("new, check and pkg take a package from its first day to its last") {
    const test::TempDir folder;
    const auto there = [&](const std::string& arguments) {
      return shell("cd " + quoted(folder.path().string()) + " && " + program(arguments));
    };
    const auto json_of = [&](const std::string& arguments) {
      const auto result = there(arguments);
      CAPTURE(result.output);
      CHECK(result.status == 0);
      return parse_json(result.output).value();
    };
    CHECK(there("new fresh").status == 0);
    CHECK(there("check fresh").output == "1 package, 3 resources: 0 problems, 0 warnings\n");
    CHECK(json_of("pkg export fresh fresh.zip --json").as_array().size() == 4);
    const auto installed = json_of("pkg install fresh.zip --as f --json");
    REQUIRE(installed.as_array().size() == 1);
    CHECK(text_at(installed.as_array()[0], "name") == "fresh");
    CHECK(text_at(installed.as_array()[0], "alias") == "f");
    CHECK(json_of("pkg list --json").as_array().size() == 1);
    CHECK(text_at(json_of("pkg remove fresh --json"), "removed") == "fresh");
    CHECK(json_of("pkg list --json").as_array().empty());
    check_refusal(there("pkg remove fresh"), "'fresh' is not installed");

    folder.write("fresh/configs/assistant.yaml",
                 "name: assistant\nmodel_name: m\nsystem_prompt_path: gone\n");
    const auto checked = there("check fresh");
    CHECK(checked.status == 1);
    CHECK(checked.output.find("assistant.yaml:3:21: ") != std::string::npos);
    const auto report = json_of("check fresh --json || true");
    REQUIRE(array_at(report, "problems") != nullptr);
    CHECK(array_at(report, "problems")->size() == 1);
  }

  TEST_CASE("providers says which are configured and never shows a key") {
    const auto result = run("providers", "OPENAI_API_KEY=" + key);
    CHECK(result.status == 0);
    CHECK(result.output.find("by OPENAI_API_KEY") != std::string::npos);
    CHECK(result.output.find("set ANTHROPIC_API_KEY") != std::string::npos);
    CHECK(result.output.find("canary") == std::string::npos);
    CHECK(parse_json(run("providers --json").output).has_value());
  }

  TEST_CASE("Bedrock is ready by a profile only when its file holds keys") {
    const test::TempDir folder;
    const auto file =
        folder.write("credentials", "[dev]\naws_access_key_id = AKIA\naws_secret_access_key = canary\n");
    const auto state = [&](const std::string& environment) {
      const json::value rows = parse_json(run("providers --json", environment).output).value();
      for (const auto& row : rows.as_array())
        if (text_at(row, "name") == "bedrock") return std::string(text_at(row, "state"));
      return std::string();
    };
    const std::string at = "AWS_REGION=eu-west-1 AWS_SHARED_CREDENTIALS_FILE=" + quoted(file.string());
    CHECK(state(at + " AWS_PROFILE=dev") == "ready");
    CHECK(state(at + " AWS_PROFILE=other") == "partial");
    CHECK(state(at) == "not set");
    CHECK(state("AWS_PROFILE=dev AWS_SHARED_CREDENTIALS_FILE=" + quoted(file.string())) == "partial");
    CHECK(state("AWS_REGION=eu-west-1 AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b") == "ready");
    const auto told = run("providers", at + " AWS_PROFILE=other");
    CHECK(told.output.find("no AWS credentials") != std::string::npos);
    CHECK(told.output.find("canary") == std::string::npos);
  }

  TEST_CASE("a wrong command line says so and ends with 2") {
    CHECK(run("").status == 2);
    CHECK(run("chat --no-such-option").status == 2);
    CHECK(run("--help").status == 0);
    CHECK(run("--version").output.starts_with("lllm "));
  }
}

TEST_SUITE("cli/demo") {
  TEST_CASE("the demo holds its dialogs on one thread and reports them as JSON") {
    const auto result = run("demo --dialogs 60 --json --package " + newsroom());
    const auto report = parse_json(result.output);
    REQUIRE_MESSAGE(report.has_value(), result.output);
    CHECK(result.status == 0);
    CHECK(integer_at(*report, "dialogs") == 60);
    CHECK(integer_at(*report, "failures") == 0);
    CHECK(integer_at(*report, "calls") == 120);
    CHECK(integer_at(*report, "chunks") == 2400);
    // The loader's helpers have gone by then; a sanitizer may have a thread of its own.
    CHECK(integer_at(*report, "threads").value_or(9) <= 2);
    for (const auto* name : {"wall_s", "calls_per_s", "ttft_p50_ms", "ttft_p99_ms", "prompt_tokens",
                             "completion_tokens", "cost_usd", "peak_rss_mib"})
      CHECK(as_number(find(*report, name)).value_or(-1) > 0);
  }

  TEST_CASE("a demo whose dialogs fail ends with 1") {
    FakeInThread fake(FakeOptions().require_key("another"));
    const auto result =
        run("demo --dialogs 5 --json --package " + newsroom() + " --base-url " + fake->base_url(),
            "OPENAI_API_KEY=k");
    CHECK(result.status == 1);
    CHECK(result.output.find("\"failures\":5") != std::string::npos);
  }
}

TEST_SUITE("cli/examples") {
  TEST_CASE("every example runs against the fake provider") {
    FakeInThread fake;
    const auto example = [&](const std::string& name, const std::string& arguments = {}) {
      const auto path = (test::build_root() / "examples" / name).string();
      const ShellResult result = shell("cd " + quoted(test::source_root().string()) + " && " +
                                       with_key(fake) + " " + quoted(path) + " " + arguments);
      CAPTURE(result.output);
      CHECK(result.status == 0);
      return result.output;
    };
    CHECK(example("01_hello_call", "'Why?'").ends_with(".\n"));
    CHECK(example("02_stream_to_terminal").find("tokens, $") != std::string::npos);
    CHECK(example("03_tools").find("weather{\"city\":\"example\"} -> {\"sky\":") != std::string::npos);
    const auto package = example("04_package_and_registry");
    CHECK(package.starts_with("writer/system, echo\n"));
    CHECK(package.find("You are the editor of the city desk") != std::string::npos);
    CHECK(example("05_many_dialogs", "50").starts_with("50 dialogs, "));
    CHECK(example("07_watch_calls")
              .find("\nlllm_retries_total{provider=\"openai\",model=\"openai/gpt-4o-mini\"} 1\n") !=
          std::string::npos);
    CHECK(example("08_mcp_tools") == "reverse: Turns a text round.\nstressed -> desserts\n");
  }

  TEST_CASE("an example without a key says what is missing and ends with 1") {
    const auto path = (test::build_root() / "examples/01_hello_call").string();
    const ShellResult result = shell("env -i " + quoted(path) + " hi");
    CHECK(result.status == 1);
    CHECK(result.output.starts_with("error: "));
    CHECK(result.output.find("OPENAI_API_KEY") != std::string::npos);
  }
}
