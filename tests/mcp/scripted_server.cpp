// An MCP server over its standard input and output that does as it is told: by its first argument when it
// starts, by the name of the tool when it is called. A program of its own, so that it can die.
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "lllm/formats/json_rpc.hpp"

namespace {

using namespace lllm;

std::string mode = "plain";
std::vector<RpcMessage> held;
std::vector<std::string> cancelled;
json::array more_tools;

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto size = ::write(fd, bytes.data(), bytes.size());
    if (size <= 0) ::_exit(9);
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
}

void say(const std::string& line) {
  write_all(1, line + '\n');
}

json::object text_result(std::string_view text) {
  return {{"content", json::array{json::object{{"type", "text"}, {"text", json::string(text)}}}}};
}

void answer(const RpcMessage& request, std::string_view text) {
  say(write_rpc_result(request.id, text_result(text)));
}

json::object tool(const std::string& name) {
  return {{"name", json::string(name)},
          {"description", json::string("Does " + name + ".")},
          {"inputSchema", {{"type", "object"}}}};
}

bool read_line(std::string& line) {
  static std::string unread;
  while (true) {
    if (const auto end = unread.find('\n'); end != unread.npos) {
      line = unread.substr(0, end);
      unread.erase(0, end + 1);
      return true;
    }
    char chunk[65536];
    const auto size = ::read(0, chunk, sizeof chunk);
    if (size <= 0) return false;
    unread.append(chunk, static_cast<std::size_t>(size));
  }
}

[[noreturn]] void sleep_for_ever() {
  while (true) ::pause();
}

// Each says in its name what it does.
void call(const RpcMessage& request) {
  const auto name = std::string(text_at(request.value, "name"));
  const auto* arguments = object_at(request.value, "arguments");
  const auto given = [&](const char* key, std::int64_t fallback = 0) {
    return arguments == nullptr ? fallback : integer_at(*arguments, key).value_or(fallback);
  };
  if (name == "echo") {
    answer(request, arguments == nullptr ? "" : text_at(*arguments, "text"));
  } else if (name == "pid") {
    answer(request, std::to_string(::getpid()));
  } else if (name == "exit") {
    write_all(2, "\x1b[31mfatal\x1b[0m: canary in the coal mine\n");
    ::_exit(static_cast<int>(given("code")));
  } else if (name == "answer_and_exit") {
    answer(request, "the last word");
    ::_exit(0);
  } else if (name == "kill") {
    ::raise(SIGKILL);
  } else if (name == "half_a_line") {
    write_all(1, R"({"jsonrpc":"2.0","id":)");
    ::_exit(4);
  } else if (name == "flood") {
    const std::string block(65536, 'e');
    for (std::int64_t sent = 0; sent < given("bytes"); sent += 65536) write_all(2, block);
    answer(request, "flooded");
    for (std::int64_t sent = 0; sent < given("bytes"); sent += 65536) write_all(2, block);
  } else if (name == "junk") {
    say("Starting the server, please wait …");
    say("{\"not\":\"a message\"}");
    say(std::string("\0\x01\xff\xfe binary \x1b[2J", 17));
    say("[]");
    for (std::int64_t i = 0; i < given("lines"); ++i) say("junk");
    answer(request, "after the junk");
  } else if (name == "endless_line") {
    const std::string block(65536, 'x');
    while (true) write_all(1, block);
  } else if (name == "large_line") {
    answer(request, std::string(static_cast<std::size_t>(given("bytes")), 'y'));
  } else if (name == "in_pieces") {
    const auto whole = write_rpc_result(request.id, text_result("in pieces")) + '\n';
    for (const char c : whole) write_all(1, {&c, 1});
  } else if (name == "hold") {
    held.push_back(request);
  } else if (name == "release") {  // those that are held, in the other order
    for (auto i = held.rbegin(); i != held.rend(); ++i)
      answer(*i, text_at(*object_at(i->value, "arguments"), "text"));
    held.clear();
    answer(request, "released");
  } else if (name == "twice") {
    answer(request, "first");
    answer(request, "second");
  } else if (name == "strangers") {
    say(write_rpc_result(std::int64_t{123456789}, text_result("not asked for")));
    const auto* id = std::get_if<std::int64_t>(&request.id);
    if (id != nullptr) say(write_rpc_result(std::to_string(*id), text_result("another's id, as text")));
    say(write_rpc_error({}, -32700, "whatever it was"));
    say(write_rpc_notification("notifications/progress", json::object{{"progress", 1}}));
    say(write_rpc_notification("notifications/message", json::object{{"data", "log"}}));
    say('[' + write_rpc_notification("notifications/unknown") + ',' +
        write_rpc_result(request.id, text_result("yours")) + ']');
  } else if (name == "ask_back") {
    std::string answers;
    say(write_rpc_request("ping-1", "ping", nullptr));
    say(write_rpc_request(std::int64_t{7}, "roots/list", nullptr));
    for (int i = 0; i < 2; ++i) {
      std::string line;
      if (!read_line(line)) return;
      answers += line + '\n';
    }
    answer(request, answers);
  } else if (name == "close_input") {
    ::close(0);
    answer(request, "deaf");
    sleep_for_ever();
  } else if (name == "close_output") {
    ::close(1);
    sleep_for_ever();
  } else if (name == "environment") {
    std::string text;
    for (char** variable = environ; *variable != nullptr; ++variable) text += std::string(*variable) + '\n';
    char folder[4096] = {};
    if (::getcwd(folder, sizeof folder) != nullptr) text += std::string("cwd=") + folder;
    answer(request, text);
  } else if (name == "cancelled") {
    std::string all;
    for (const auto& id : cancelled) all += id + ' ';
    answer(request, all);
  } else if (name == "change") {
    more_tools.push_back(tool("new_one"));
    answer(request, "changed");
    say(write_rpc_notification("notifications/tools/list_changed"));
  } else if (name == "grandchild") {
    const auto child = ::fork();
    if (child == 0) {
      ::close(1);
      ::close(2);
      sleep_for_ever();
    }
    answer(request, std::to_string(child));
  } else if (name == "fail") {
    auto result = text_result("it cannot be done");
    result["isError"] = true;
    say(write_rpc_result(request.id, result));
  } else if (name == "read_nothing_more") {
    sleep_for_ever();
  } else {
    say(write_rpc_error(request.id, rpc_invalid_params, "no tool is called that"));
  }
}

void list(const RpcMessage& request) {
  const auto cursor = std::string(text_at(request.value, "cursor"));
  if (mode == "pages") {
    const auto page = cursor.empty() ? 1 : std::stoi(cursor);
    json::object result{{"tools", json::array{tool("tool.of/page " + std::to_string(page))}}};
    if (page < 3) result["nextCursor"] = json::string(std::to_string(page + 1));
    say(write_rpc_result(request.id, result));
  } else if (mode == "endless_pages") {
    say(write_rpc_result(request.id, json::object{{"tools", json::array()}, {"nextCursor", "again"}}));
  } else if (mode == "no_list") {
    say(write_rpc_result(request.id, json::object{{"tools", "none"}}));
  } else {
    json::array tools{tool("echo"), tool("exit"), tool("fail"), tool("absent")};
    for (const auto& one : more_tools) tools.push_back(one);
    say(write_rpc_result(request.id, json::object{{"tools", std::move(tools)}}));
  }
}

void initialize(const RpcMessage& request) {
  if (mode == "die_in_initialize") {
    write_all(2, "no database\n");
    ::_exit(5);
  }
  if (mode == "hang_in_initialize") return;
  if (mode == "refuse")
    return say(R"({"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"Unsupported protocol version",)"
               R"("data":{"supported":["2026-07-28"]}}})");
  json::object capabilities{{"tools", json::object{{"listChanged", true}}}};
  if (mode == "no_tools") capabilities.clear();
  const char* version = mode == "old" ? "1999-12-31" : "2025-06-18";
  say(write_rpc_result(request.id, json::object{{"protocolVersion", version},
                                                {"capabilities", std::move(capabilities)},
                                                {"serverInfo", {{"name", "scripted"}, {"version", "1.2"}}},
                                                {"instructions", "Be careful."}}));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) mode = argv[1];
  if (mode == "die_at_once") {
    write_all(2, "no such license\n");
    return 3;
  }
  if (mode == "stubborn") ::signal(SIGTERM, SIG_IGN);
  for (std::string line; read_line(line);) {
    const auto messages = read_rpc(line);
    if (!messages) return 7;
    const auto& message = messages->front();
    if (message.method == "initialize") initialize(message);
    if (message.method == "notifications/initialized" && mode == "die_after_initialize") ::_exit(6);
    if (message.method == "notifications/cancelled")
      cancelled.push_back(std::to_string(integer_at(message.value, "requestId").value_or(-1)));
    if (message.method == "tools/list") list(message);
    if (message.method == "tools/call") call(message);
  }
  if (mode == "stubborn") sleep_for_ever();
  return 0;
}
