// Lets the model use two tools: a plain function and one that waits without blocking.
//   OPENAI_API_KEY=... ./03_tools
#include <iostream>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <lllm/lllm.hpp>

namespace asio = boost::asio;

struct City {
  std::string city;
  // What the model reads about each argument.
  static std::string_view describe_member(std::string_view name) {
    return name == "city" ? "Name of the city" : "";
  }
};
BOOST_DESCRIBE_STRUCT(City, (), (city))

struct Weather {
  std::string sky;
  double celsius = 0;
};
BOOST_DESCRIBE_STRUCT(Weather, (), (sky, celsius))

// The schema of the arguments is inferred from City; the result goes back as JSON.
Weather weather(const City& where) {
  return {where.city.size() % 2 == 0 ? "clear" : "cloudy", 17.5};
}

asio::awaitable<std::string> population(City where) {
  asio::steady_timer database(co_await asio::this_coro::executor, std::chrono::milliseconds(20));
  co_await database.async_wait(asio::use_awaitable);
  co_return where.city + " has 2.1 million inhabitants.";
}

asio::awaitable<void> run() {
  lllm::LiteLLMInvoker invoker(co_await asio::this_coro::executor);
  lllm::Agent agent("guide", invoker, "openai/gpt-4o-mini");
  agent.tools = {lllm::Tool::from<City>("weather", "Today's weather in a city.", weather),
                 lllm::Tool::from<City>("population", "How many people live in a city.", population)};
  agent.receive("What should I wear in Paris today, and will it be crowded?");
  const lllm::Message answer = co_await agent.respond();

  for (const auto& used : agent.session().tool_runs)
    std::cout << used.call.name << used.call.arguments << " -> " << used.result.text << '\n';
  std::cout << answer.text() << '\n';
}

int main() {
  return lllm::run(run());
}
