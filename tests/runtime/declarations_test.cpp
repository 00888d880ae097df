// Tools, tactics, services and agents as files write them: what they mean, and where a mistake is.
#include <doctest/doctest.h>

#include "lllm/runtime/agent_spec.hpp"
#include "lllm/runtime/service.hpp"
#include "lllm/runtime/tactic.hpp"
#include "lllm/runtime/tool_file.hpp"
#include "tests/runtime/support.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

/// "line:column message", or what it is instead of an error.
template <class T>
std::string problem(const Result<T>& result) {
  if (!result) {
    const auto& error = result.error();
    CHECK(error.kind() == ErrorKind::bad_resource);
    return std::to_string(error.line()) + ':' + std::to_string(error.column()) + ' ' + error.message();
  }
  return "no problem";
}

std::string tool_problem(const std::string& text) {
  return problem(parse_tool_file("web/search", "/package/tools/web", Syntax::toml, text));
}
std::string tactic_problem(const std::string& text) {
  return problem(parse_tactic_file("brief", "demo", Syntax::toml, text));
}
std::string service_problem(const std::string& text) {
  return problem(parse_service_file("api", "demo", Syntax::toml, text));
}

const std::string two_agents =
    "[agents.a]\nmodel_name = 'm'\n[agents.b]\nmodel_name = 'm'\nmessage = '{a} {task}'\n";

}  // namespace

TEST_SUITE("runtime/tool_file") {
  TEST_CASE("a tool's key is its file's path, and its name when that is another") {
    const auto key = [](const std::string& text) {
      return parse_tool_file("web/search", "/f", Syntax::toml, text).value().front().path;
    };
    CHECK(key("[exec]\nargv = ['true']\n") == "web/search");
    CHECK(key("name = 'search'\n[exec]\nargv = ['true']\n") == "web/search");
    CHECK(key("name = 'find'\n[exec]\nargv = ['true']\n") == "web/search/find");
    const auto several = parse_tool_file("web", "/f", Syntax::toml,
                                         "[[tool]]\nname = 'a'\n[tool.exec]\nargv = ['true']\n"
                                         "[[tool]]\nname = 'b'\n[tool.exec]\nargv = ['true']\n")
                             .value();
    REQUIRE(several.size() == 2);
    CHECK(several[1].path == "web/b");
    CHECK(several[1].tool.name() == "b");
    CHECK(several[1].backend == "exec");
    const auto json =
        parse_tool_file("x", "/f", Syntax::json, R"({"description": "d", "exec": {"argv": ["true"]}})")
            .value();
    CHECK(json.front().tool.description() == "d");
    CHECK(as_text(find(json.front().tool.parameters().value(), "type")) == "object");
  }

  TEST_CASE("fault 96: a mistake in a tool's declaration is named with line and column") {
    CHECK(tool_problem("[exec]\nargv = ['true']\n") == "no problem");
    CHECK(contains(tool_problem("description = 1\n[exec]\nargv = ['true']\n"), "1:"));
    CHECK(contains(tool_problem("a = [\n"), "1:"));
    CHECK(contains(tool_problem("description = ''\n"), "needs exactly one backend"));
    CHECK(contains(tool_problem("[exec]\nargv = ['true']\n[mcp]\nurl = 'https://a.example.com'\n"),
                   "3:2 tool 'search' needs exactly one backend"));
    CHECK(contains(tool_problem("name = 'a b'\n[exec]\nargv = ['true']\n"), "1:"));
    CHECK(contains(tool_problem("[exec]\nargv = []\n"), "2:"));
    CHECK(contains(tool_problem("[exec]\nargv = ['{x}']\n"), "an argument may not choose it"));
    CHECK(contains(tool_problem("[exec]\nargv = ['echo', '{x}']\n"), "'{x}' is no property of 'parameters'"));
    CHECK(contains(tool_problem("[exec]\nargv = ['true']\nshell = true\n"), "3:1 unknown key 'exec.shell'"));
    CHECK(contains(tool_problem("[exec]\nargv = ['true']\ntimeout = -1\n"), "3:"));
    CHECK(contains(tool_problem("[parameters]\ntype = 'string'\n[exec]\nargv = ['true']\n"),
                   "must be a JSON schema of an object"));
    CHECK(contains(tool_problem("[parameters]\nproperties = 1\n[exec]\nargv = ['true']\n"),
                   "is no JSON schema"));
    CHECK(contains(tool_problem("[http]\nurl = 'https://api.example.com/?a=b'\n"),
                   "a query is written in 'query'"));
    CHECK(contains(tool_problem("[http]\nurl = 'https://{h}.example.com/'\n"), "the host must be fixed"));
    CHECK(contains(tool_problem("[http]\nurl = 'https://a.example.com'\nmethod = 'FETCH'\n"), "3:"));
    CHECK(contains(tool_problem("[http]\nurl = 'https://a.example.com'\nheaders = { 'A b' = 'c' }\n"), "3:"));
  }

  TEST_CASE("fault 96: a mistake in the declaration of an MCP server is named with line and column") {
    const auto problem = [](const std::string& mcp) { return tool_problem("[mcp]\n" + mcp); };
    const std::string url = "url = 'https://a.example.com/mcp'\n";
    const std::string command = "command = ['true']\n";
    CHECK(problem(url + "headers = { X = 'y' }\nauth = { env = 'KEY' }\nprivate_addresses = true\n"
                        "timeout = 5\ntool = 'other'\n") == "no problem");
    CHECK(problem(command + "directory = 'x'\nenv = { A = 'b' }\npass_env = ['C']\n") == "no problem");
    CHECK(contains(problem(""), "needs either 'url' or 'command'"));
    CHECK(contains(problem(url + command), "needs either 'url' or 'command'"));
    CHECK(contains(problem(url + "verify = false\n"), "3:1 unknown key 'mcp.verify'"));
    CHECK(contains(problem(url + "pass_env = ['A']\n"), "3:1 'mcp.pass_env' is of no use beside 'url'"));
    CHECK(contains(problem(command + "headers = { A = 'b' }\n"), "3:1 'mcp.headers' is of no use beside"));
    CHECK(contains(problem("url = 'mcp.example.com'\n"), "2:"));
    CHECK(contains(problem("url = 'https://u:p@a.example.com'\n"), "holds credentials"));
    CHECK(contains(problem(url + "headers = { 'A b' = 'c' }\n"), "3:"));
    CHECK(contains(problem(url + "auth = { }\n"), "3:"));
    CHECK(contains(problem("command = ['']\n"), "must name a program"));
    CHECK(contains(problem(command + "env = { 'A=' = 'b' }\n"), "holds no proper variables"));
    CHECK(contains(problem(command + "timeout = 0\n"), "3:"));
  }

  TEST_CASE("fault 113: no declaration can switch TLS verification off") {
    for (const std::string key : {"verify", "insecure", "tls_verify", "ca_file"}) {
      CAPTURE(key);
      CHECK(contains(tool_problem("[http]\nurl = 'https://a.example.com'\n" + key + " = false\n"),
                     "unknown key"));
      CHECK(contains(tool_problem("[mcp]\nurl = 'https://a.example.com'\n" + key + " = false\n"),
                     "unknown key"));
    }
  }
}

TEST_SUITE("runtime/tactic") {
  TEST_CASE("agents, their prompts and models, and the order") {
    const auto tactic =
        parse_tactic_file("desk/brief", "demo", Syntax::toml,
                          "description = 'd'\norder = ['a', ['b', 'c']]\n[agents.a]\nmodel_name = 'm'\n"
                          "prompt = 'p'\ntools = ['search']\n[agents.b]\nconfig = 'writer'\ntemprature = 1\n"
                          "[agents.c]\nmodel = 'm'\nmessage = '{a} {previous}'\n")
            .value();
    CHECK(tactic.name == "brief");
    CHECK(tactic.order == std::vector<std::vector<std::string>>{{"a"}, {"b", "c"}});
    CHECK(tactic.agent("a")->spec.tools == std::vector<std::string>{"search"});
    CHECK(tactic.agent("a")->spec.package == "demo");
    CHECK(tactic.agent("b")->spec.config == "writer");
    CHECK(tactic.agent("b")->spec.unknown_keys == std::vector<std::string>{"temprature"});
    CHECK(tactic.agent("b")->spec.model_args.at("temprature") == json::value(1));
  }

  TEST_CASE("fault 96: a mistake in a tactic is named with line and column") {
    CHECK(tactic_problem("order = ['a', 'b']\n" + two_agents) == "no problem");
    CHECK(contains(tactic_problem(two_agents), "'order' is missing"));
    CHECK(contains(tactic_problem("order = ['b', 'a']\n" + two_agents), "6:"));
    CHECK(contains(tactic_problem("order = ['b', 'a']\n" + two_agents), "'{a}' is neither an argument"));
    CHECK(contains(tactic_problem("order = ['a']\n" + two_agents), "agent 'b' is not in 'order'"));
    CHECK(contains(tactic_problem("order = ['a', 'b', 'x']\n" + two_agents), "names 'x'"));
    CHECK(contains(tactic_problem("order = ['a', 'b', 'a']\n" + two_agents), "twice"));
    CHECK(contains(tactic_problem("[agents.a]\nprompt = 'p'\n"), "needs 'model_name'"));
    CHECK(
        contains(tactic_problem("[agents.a]\nmodel_name = 'm'\nprompt = 'p'\nmessage = 'm'\n"), "keep one"));
    CHECK(contains(tactic_problem("[agents.a]\nmodel_name = 'm'\ntools = 'x'\n"), "must be a list of refs"));
    CHECK(contains(tactic_problem("agents = {}\n"), "at least one"));
  }
}

TEST_SUITE("runtime/service") {
  TEST_CASE("a tactic at a host, port and path") {
    const auto service =
        parse_service_file("desk/api", "demo", Syntax::toml,
                           "tactic = 'brief'\nhost = '0.0.0.0'\nport = 9000\npath = '/brief'\n")
            .value();
    CHECK(service.name == "api");
    CHECK(service.url() == "http://0.0.0.0:9000/brief");
    Runtime runtime("demo");
    runtime.register_service("api", service);
    runtime.register_service("api", service);  // services may be replaced
    CHECK(runtime.get_service("api").value()->ref == "demo.services:api");
    CHECK(error_of([&] { runtime.register_service("none", Service()); }).kind() ==
          ErrorKind::invalid_argument);
  }

  TEST_CASE("fault 96: a mistake in a service is named with line and column") {
    CHECK(contains(service_problem("port = 1\n"), "'tactic' is missing"));
    CHECK(contains(service_problem("tactic = 'x'\nport = 70000\n"), "2:"));
    CHECK(contains(service_problem("tactic = 'x'\npath = 'no-slash'\n"), "2:"));
    CHECK(contains(service_problem("tactic = 'x'\nhost = 'a b'\n"), "2:"));
    CHECK(contains(service_problem("tactic = 'x'\nprot = 1\n"), "2:1 unknown key 'prot'"));
  }
}

TEST_SUITE("runtime/agent_spec") {
  TEST_CASE("agents of a config stand on its global part") {
    const auto config = parse_json(R"({
      "global": {"model_name": "gpt-4o-mini", "model_args": {"temperature": 0.1, "seed": 1}, "max_llm_recall": 2},
      "agent_configs": [
        {"name": "researcher", "system_prompt": "Find.", "tools": ["demo.tools:search"]},
        {"name": "writer", "system_prompt_path": "writer/system", "model_args": {"temperature": 0.9},
         "api_type": "response", "top_p": 0.5}
      ]})")
                            .value();
    const auto specs = parse_agent_specs(config, "x").value();
    REQUIRE(specs.size() == 2);
    CHECK(specs[0].name == "researcher");
    CHECK(specs[0].model_name == "gpt-4o-mini");
    CHECK(specs[0].max_llm_recall == 2);
    CHECK(specs[0].unknown_keys.empty());
    CHECK(specs[1].model_args.at("temperature") == json::value(0.9));
    CHECK(specs[1].model_args.at("seed") == json::value(1));
    // Unknown keys reach the model, with a warning.
    CHECK(specs[1].model_args.at("top_p") == json::value(0.5));
    REQUIRE(specs[1].unknown_keys == std::vector<std::string>{"top_p"});
    CHECK(contains(unknown_key_warning(specs[1], "top_p"), "agent 'writer': unknown key 'top_p'"));
  }

  TEST_CASE("a config without agent_configs is one agent; by name works as well as in a list") {
    CHECK(parse_agent_specs(json::object{{"model_name", "m"}}, "editor").value().front().name == "editor");
    const auto by_name = parse_agent_specs(
        json::object{{"agent_configs", json::object{{"a", json::object{{"model_name", "m"}}}}}}, "x");
    CHECK(by_name.value().front().name == "a");
  }

  TEST_CASE("a mistake is named with agent and key") {
    const auto message = [](const char* text) {
      const auto specs = parse_agent_specs(parse_json(text).value(), "x");
      return specs.has_error() ? specs.error().message() : "none";
    };
    CHECK(message(R"({"model_name": 1})") == "agent 'x': 'model_name' must be a string");
    CHECK(contains(message(R"({"max_llm_recall": -1})"), "'max_llm_recall'"));
    CHECK(contains(message(R"({"api_type": "chat"})"), "'api_type'"));
    CHECK(contains(message(R"({"agent_configs": [{"name": "a"}, {"name": "a"}]})"),
                   "two agents are called 'a'"));
    CHECK(contains(message(R"({"agent_configs": [{}]})"), "needs a 'name'"));
    CHECK(contains(message(R"({"system_prompt": "a", "system_prompt_path": "b"})"), "keep one"));
  }

  TEST_CASE("every mistake of a config of agents is found in one reading, each at its pointer") {
    const auto read = read_agent_specs(parse_json(R"({
      "global": {"model_name": 1, "max_llm_recall": "often", "model_args": {"seed": 1}},
      "agent_configs": {
        "a/b": {"api_type": "chat", "tools": [3], "system_args": []},
        "c": 7,
        "d": {"config": "x", "system_prompt": "a", "system_prompt_path": "b", "top_p": 1},
        "e": {"model_name": "m"}
      }})")
                                           .value(),
                                       "x");
    std::vector<std::pair<std::string, std::string>> told;
    for (const auto& mistake : read.mistakes) told.emplace_back(mistake.pointer, mistake.message);
    using Told = std::pair<std::string, std::string>;
    // What is wrong in `global` is told once, whoever stands on it.
    CHECK(
        told ==
        std::vector<Told>{
            {"/global/model_name", "'global': 'model_name' must be a string"},
            {"/global/max_llm_recall", "'global': 'max_llm_recall' must be a whole number from 0 to 1000"},
            {"/agent_configs/a~1b/api_type",
             "agent 'a/b': 'api_type' must be \"completion\" or \"response\""},
            {"/agent_configs/a~1b/tools", "agent 'a/b': 'tools' must be a list of refs"},
            {"/agent_configs/a~1b/system_args", "agent 'a/b': 'system_args' must be a mapping"},
            {"/agent_configs/c", "each of 'agent_configs' must be a mapping"},
            {"/agent_configs/d/system_prompt_path",
             "agent 'd' has both 'system_prompt' and 'system_prompt_path': keep one"},
            {"/agent_configs/d/config", "agent 'd': a config inherits with 'base'; 'config' is for tactics"},
        });
    // What is right is read all the same.
    REQUIRE(read.all.size() == 3);
    CHECK(read.all[0].model_args.at("seed") == json::value(1));
    CHECK(read.all[1].unknown_keys == std::vector<std::string>{"top_p"});
    CHECK(read.all[2].model_name == "m");
  }
}
