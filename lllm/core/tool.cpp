#include "lllm/core/tool.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

namespace lllm {

struct Tool::State {
  std::string name;
  std::string description;
  Schema parameters;
  Function function;
};

Tool::Tool(std::string name, std::string description, json::object parameters, Function function) {
  auto state = std::make_shared<State>();
  state->name = std::move(name);
  state->description = std::move(description);
  state->parameters = Schema(std::move(parameters));
  state->function = std::move(function);
  state_ = std::move(state);
}

namespace {
const std::string no_text;
const Schema no_schema;
}  // namespace

const std::string& Tool::name() const {
  return state_ ? state_->name : no_text;
}
const std::string& Tool::description() const {
  return state_ ? state_->description : no_text;
}
const Schema& Tool::parameters() const {
  return state_ ? state_->parameters : no_schema;
}

json::object Tool::to_tool() const {
  json::object parameters = this->parameters().value();
  if (parameters.empty()) parameters = {{"type", "object"}, {"properties", json::object()}};
  return {{"type", "function"},
          {"function", json::object{{"name", json::string(name())},
                                    {"description", json::string(description())},
                                    {"parameters", std::move(parameters)}}}};
}

asio::awaitable<ToolResult> Tool::call(json::object arguments) const {
  const auto state = state_;  // the tool may be replaced in its registry while it runs
  if (!state || !state->function)
    co_return ToolResult::failure("The tool '" + name() + "' has no function behind it.");
  if (const auto valid = state->parameters.validate(arguments); !valid)
    co_return ToolResult::failure("Invalid arguments: " + valid.error().message());
  try {
    auto pending = state->function(std::move(arguments));
    co_return co_await std::move(pending);
  } catch (const boost::system::system_error& e) {
    if (e.code() == boost::asio::error::operation_aborted) throw;
    co_return ToolResult::failure(std::string("The tool failed: ") + e.what());
  } catch (const Exception& e) {
    if (e.kind() == ErrorKind::cancelled) throw;
    co_return ToolResult::failure("The tool failed: " + e.error().message());
  } catch (const std::exception& e) {
    co_return ToolResult::failure(std::string("The tool failed: ") + e.what());
  }
}

std::string detail::tool_text(const json::value& result, const Tool::ResultProcessor& processor) {
  if (processor) return processor(result);
  return result.is_string() ? std::string(as_text(&result)) : to_json(result);
}

}  // namespace lllm
