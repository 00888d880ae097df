#include "lllm/tools/plugin.h"

#include <dlfcn.h>

#include <algorithm>
#include <memory>
#include <string>

#include "lllm/async/worker_pool.hpp"
#include "lllm/base/text.hpp"
#include "lllm/runtime/backends.hpp"
#include "lllm/runtime/table_reader.hpp"

namespace lllm {
namespace {

constexpr std::size_t longest_answer = 1 << 20;
constexpr std::size_t most_tools = 1000;
constexpr std::size_t most_threads = 8;

/// Apart from the pool that reads files: a plugin may take as long as it likes.
WorkerPool& plugin_threads() {
  static WorkerPool& pool = *new WorkerPool(most_threads);  // a call may still run when the process ends
  return pool;
}

struct Answer {
  std::string text;
  bool cut = false;
};

extern "C" void lllm_append_answer(void* to, const char* text, std::size_t size) {
  auto& answer = *static_cast<Answer*>(to);
  const auto room = longest_answer - answer.text.size();
  answer.cut = answer.cut || size > room;
  if (text != nullptr) answer.text.append(text, std::min(size, room));
}

ToolResult call_plugin(const lllm_plugin_tool& tool, const std::string& arguments) {
  Answer answer;
  const int status = tool.call(tool.self, arguments.c_str(), arguments.size(), lllm_append_answer, &answer);
  std::string text = to_valid_utf8(answer.text);
  if (answer.cut) text += "\n[the answer was cut at " + std::to_string(longest_answer) + " bytes]";
  if (status == 0) return ToolResult(std::move(text));
  if (text.empty()) text = "the plugin failed with code " + std::to_string(status);
  return ToolResult::failure(std::move(text));
}

asio::awaitable<ToolResult> run_plugin(lllm_plugin_tool tool, json::object arguments) {
  auto job = [tool, text = to_json(arguments)] { return call_plugin(tool, text); };
  auto running = plugin_threads().run(std::move(job));
  co_return co_await std::move(running);
}

Result<Tool> tool_of(const lllm_plugin_tool& declared) {
  if (declared.name == nullptr || !is_tool_name(declared.name))
    return Error(ErrorKind::bad_resource, "one of its tools has no proper name");
  const std::string name = declared.name;
  if (declared.call == nullptr)
    return Error(ErrorKind::bad_resource, "its tool '" + name + "' has no function");
  json::object schema{{"type", "object"}, {"properties", json::object()}};
  if (declared.parameters != nullptr) {
    const auto parsed = parse_json(declared.parameters);
    if (!parsed || !parsed->is_object())
      return Error(ErrorKind::bad_resource, "the parameters of its tool '" + name + "' are no JSON object");
    schema = parsed->get_object();
  }
  if (const auto valid = Schema(schema).validate(nullptr);
      !valid && valid.error().kind() == ErrorKind::bad_resource)
    return Error(ErrorKind::bad_resource,
                 "the parameters of its tool '" + name + "': " + valid.error().message());
  return Tool(name, declared.description == nullptr ? "" : declared.description, std::move(schema),
              [declared](json::object arguments) { return run_plugin(declared, std::move(arguments)); });
}

}  // namespace

Result<std::vector<Tool>> open_plugin(const std::string& file) {
  const auto refuse = [&](ErrorKind kind, const std::string& why) {
    return Error(kind, "no plugin of tools: " + why).at(file);
  };
  void* const handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* why = ::dlerror();
    return refuse(ErrorKind::bad_resource, why == nullptr ? "it cannot be opened" : why);
  }
  using Open = const lllm_plugin* (*)();
  const auto open = reinterpret_cast<Open>(::dlsym(handle, "lllm_plugin_open"));
  if (open == nullptr) {
    ::dlclose(handle);
    return refuse(ErrorKind::bad_resource, "it does not export lllm_plugin_open");
  }
  const lllm_plugin* plugin = open();
  if (plugin == nullptr) return refuse(ErrorKind::unsupported, "it says it cannot be used here");
  if (plugin->version != LLLM_PLUGIN_VERSION)
    return refuse(ErrorKind::unsupported, "it has version " + std::to_string(plugin->version) +
                                              " of the interface, this build has " +
                                              std::to_string(LLLM_PLUGIN_VERSION));
  if (plugin->tool_size < sizeof(lllm_plugin_tool) || plugin->tool_count > most_tools ||
      (plugin->tools == nullptr && plugin->tool_count > 0))
    return refuse(ErrorKind::bad_resource, "its list of tools is malformed");
  std::vector<Tool> tools;
  const auto* bytes = reinterpret_cast<const char*>(plugin->tools);
  for (std::size_t i = 0; i < plugin->tool_count; ++i) {
    // A newer plugin's entries may be longer than ours.
    const auto tool = tool_of(*reinterpret_cast<const lllm_plugin_tool*>(bytes + i * plugin->tool_size));
    if (!tool) return refuse(tool.error().kind(), tool.error().message());
    tools.push_back(*tool);
  }
  return tools;
}

}  // namespace lllm
