#include "benchmarks/streams.hpp"

#include <stdexcept>

#include "lllm/testing/fake_wire.hpp"
#include "lllm/wires/codec.hpp"
#include "lllm/wires/routing.hpp"

namespace bench {
namespace {

struct Question {
  const char* model;
  lllm::ApiType api_type;
};

// One model of each wire.
constexpr Question questions[] = {{"openai/gpt-4o-mini", lllm::ApiType::completion},
                                  {"openai/gpt-4o-mini", lllm::ApiType::response},
                                  {"anthropic/claude-haiku-4-5", lllm::ApiType::completion},
                                  {"gemini/gemini-2.5-flash", lllm::ApiType::completion},
                                  {"bedrock/amazon.nova-lite-v1:0", lllm::ApiType::completion},
                                  {"cohere/command-r", lllm::ApiType::completion},
                                  {"ollama/llama3.2", lllm::ApiType::completion}};

WireStream record(const lllm::Router& router, const Question& question, const lllm::FakeReply& reply) {
  const auto route = router.route(question.model, question.api_type).value();
  lllm::Dialog dialog;
  dialog.put_text("Say something.");
  lllm::CallOptions options;
  options.api_type(question.api_type);
  const lllm::EncodeInput input{dialog, *route.provider, route.model, options, {}, {}, true};
  const auto request = lllm::find_codec(route.wire)->encode(input).value();
  const std::string path = request.path.substr(0, request.path.find('?'));
  const lllm::FakeWire* wire = nullptr;
  std::string asked;
  for (const std::string base : {"/v1", "/v1beta", "/v2", ""}) {
    asked = base + request.path;
    if ((wire = lllm::find_fake_wire("POST", asked.substr(0, asked.find('?')))) != nullptr) break;
  }
  if (wire == nullptr) return {};
  const auto read = wire->read(asked, lllm::parse_json(request.body).value()).value();
  WireStream recorded{
      route.wire, question.model, question.api_type, path, std::string(wire->stream_content_type()), {}};
  const auto stream = wire->stream(read, reply);
  stream->begin(recorded.body);
  for (const auto& step : lllm::steps_of(reply)) stream->step(recorded.body, step);
  stream->end(recorded.body);
  return recorded;
}

}  // namespace

std::vector<WireStream> record_streams(std::size_t words) {
  const lllm::Router router;
  std::string text;
  for (std::size_t i = 0; i < words; ++i) text += i == 0 ? "word" : " word";
  const lllm::FakeReply reply(text);
  std::vector<WireStream> all;
  for (const auto& question : questions)
    if (auto recorded = record(router, question, reply); !recorded.body.empty())
      all.push_back(std::move(recorded));
  return all;
}

}  // namespace bench
