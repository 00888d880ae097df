#pragma once

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "lllm/base/describe.hpp"
#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"
#include "lllm/core/awaitable.hpp"
#include "lllm/core/content.hpp"
#include "lllm/core/schema.hpp"

namespace lllm {

/// What a tool gives back to the model.
class ToolResult {
 public:
  ToolResult() = default;
  ToolResult(std::string words) : text(std::move(words)) {}  // NOLINT: a string is a result
  static ToolResult failure(std::string words) {
    ToolResult result(std::move(words));
    result.is_error = true;
    return result;
  }

  std::string text;
  std::vector<MediaPart> media;  ///< images and files, on wires that take them in a tool result
  bool is_error = false;         ///< the model is told that the tool failed
};

/// A function that a model may call: a name, a description written for the model, a JSON schema of its
/// arguments and the code behind it. A cheap value: copies share everything.
///
/// Thread-safety: as the function behind it; lllm itself may run several calls of one tool at once.
class Tool {
 public:
  using Function = std::function<asio::awaitable<ToolResult>(json::object arguments)>;
  /// Turns the function's JSON result into the text for the model; the default writes strings as they are
  /// and everything else as JSON.
  using ResultProcessor = std::function<std::string(const json::value& result)>;

  Tool() = default;
  /// From a schema written by hand and a function that takes the arguments as JSON.
  Tool(std::string name, std::string description, json::object parameters, Function function);

  /// From a callable that takes one described struct: the schema is inferred from it. It may return a string,
  /// json::value, ToolResult, a described struct or number, or an awaitable of one of these.
  ///
  ///     struct Args { std::string city; };
  ///     BOOST_DESCRIBE_STRUCT(Args, (), (city))
  ///     Tool weather = Tool::from<Args>("weather", "Today's weather in a city.", [](Args a) { return
  ///     look_up(a.city); });
  template <Described Args, class Callable>
  static Tool from(std::string name, std::string description, Callable callable,
                   ResultProcessor processor = {});

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] const std::string& description() const;
  [[nodiscard]] const Schema& parameters() const;
  [[nodiscard]] bool empty() const { return state_ == nullptr; }

  /// The tool as providers take it: {"type":"function","function":{name, description, parameters}}.
  [[nodiscard]] json::object to_tool() const;

  /// Validates `arguments` against the schema and runs the function. A violation and whatever the function
  /// throws become a ToolResult with `is_error`, in words the model can act on; only cancellation is thrown.
  [[nodiscard]] asio::awaitable<ToolResult> call(json::object arguments) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

namespace detail {

template <class T>
inline constexpr bool is_awaitable = false;
template <class T, class E>
inline constexpr bool is_awaitable<asio::awaitable<T, E>> = true;

std::string tool_text(const json::value& result, const Tool::ResultProcessor& processor);

template <class R>
ToolResult tool_result(R&& result, const Tool::ResultProcessor& processor) {
  if constexpr (std::is_same_v<std::remove_cvref_t<R>, ToolResult>)
    return std::forward<R>(result);
  else if constexpr (std::is_convertible_v<R, std::string>)
    return processor ? ToolResult(processor(json::value(json::string(std::string(result)))))
                     : ToolResult(std::string(result));
  else
    return ToolResult(tool_text(to_json_value(std::remove_cvref_t<R>(std::forward<R>(result))), processor));
}

template <class Args, class Callable>
asio::awaitable<ToolResult> run_tool(std::shared_ptr<const Callable> callable,
                                     Tool::ResultProcessor processor, json::object arguments) {
  auto args = from_json<Args>(arguments);
  if (!args) co_return ToolResult::failure("Invalid arguments: " + args.error().message());
  using Returned = std::invoke_result_t<const Callable&, Args>;
  if constexpr (is_awaitable<Returned>) {
    auto pending = (*callable)(std::move(*args));
    auto result = co_await std::move(pending);
    co_return tool_result(std::move(result), processor);
  } else {
    co_return tool_result((*callable)(std::move(*args)), processor);
  }
}

}  // namespace detail

template <Described Args, class Callable>
Tool Tool::from(std::string name, std::string description, Callable callable, ResultProcessor processor) {
  auto shared = std::make_shared<const Callable>(std::move(callable));
  return Tool(std::move(name), std::move(description), schema_of<Args>(),
              [shared, processor = std::move(processor)](json::object arguments) {
                return detail::run_tool<Args, Callable>(shared, processor, std::move(arguments));
              });
}

}  // namespace lllm
