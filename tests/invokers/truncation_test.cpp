// Every wire's answers, cut off anywhere on their way, by FIN or by RST: the whole answer or an error that
// holds what came, never a silent short answer.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>
#include <tuple>

#include <doctest/doctest.h>

#include "lllm/base/text.hpp"
#include "lllm/testing/fake_wire.hpp"
#include "tests/invokers/world.hpp"
#include "tests/recordings/recording.hpp"
#include "tests/support/skip.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

constexpr std::size_t largest_sample = 48 * 1024;
constexpr std::size_t most_samples = 60;

struct Sample {
  std::string name;
  bool streamed = false;
  std::string type;
  std::string body;
};

enum class Length { counted, chunked, until_close };
enum class End { fin, rst };

/// An answer and the byte at which it is cut off; `at` counts the bytes of head and body as they travel.
struct CutAnswer {
  std::string bytes;
  std::size_t at = 0;
  End end = End::fin;
};

std::string on_the_wire(const Sample& sample, Length length) {
  std::string head = "HTTP/1.1 200 OK\r\nContent-Type: " + sample.type + "\r\n";
  switch (length) {
    case Length::counted:
      return head + "Content-Length: " + std::to_string(sample.body.size()) + "\r\n\r\n" + sample.body;
    case Length::until_close:
      return head + "Connection: close\r\n\r\n" + sample.body;
    case Length::chunked:
      break;
  }
  std::string wire = head + "Transfer-Encoding: chunked\r\n\r\n";
  constexpr std::size_t piece = 700;
  for (std::size_t at = 0; at < sample.body.size(); at += piece) {
    const std::string part = sample.body.substr(at, piece);
    std::array<char, 20> size{};
    std::snprintf(size.data(), size.size(), "%zx\r\n", part.size());
    wire += size.data() + part + "\r\n";
  }
  return wire + "0\r\n\r\n";
}

asio::awaitable<void> send_cut(const CutAnswer& answer, HttpResponder& responder) {
  co_await responder.write_raw(std::string_view(answer.bytes).substr(0, answer.at));
  if (answer.end == End::rst)
    responder.abort();
  else
    responder.close();
}

/// One wire's world: the server sends `next`.
struct WireWorld {
  CutAnswer next;
  std::string wire;
  World world;

  explicit WireWorld(std::string of)
      : wire(std::move(of)), world([this](const HttpServerRequest&, HttpResponder& responder) {
          return send_cut(next, responder);
        }) {
    Provider provider;
    provider.name = "cut";
    provider.title = "Cut";
    provider.wire = wire;
    provider.base_url = world.server->url();
    provider.auth = Auth::none;
    HttpClientOptions http;
    http.proxies = ProxyRules();
    InvokerOptions options;
    options.provider(provider).environment(Environment(fixed_variables({}))).http(http).max_retries(0);
    world.invoker = std::make_unique<LiteLLMInvoker>(world.loop.get_executor(), std::move(options));
  }

  struct Told {
    std::optional<Error> error;
    Message message;
    std::string delivered;
  };
  Told ask(bool streamed) {
    Told told;
    Collector sink;
    CallOptions options;
    if (streamed) options.stream_handler(&sink);
    try {
      told.message = run_on(world.loop, world.invoker->call(question(), "cut/model", options)).message;
    } catch (const Exception& failure) {
      told.error = failure.error();
    }
    told.delivered = sink.text;
    return told;
  }
};

std::vector<Sample> made_samples(const std::string& wire) {
  const std::vector<std::pair<std::string, const FakeWire*>> fakes = {
      {"openai-chat", &fake_openai_chat()},
      {"openai-responses", &fake_openai_responses()},
      {"anthropic-messages", &fake_anthropic()},
      {"gemini-generate", &fake_gemini()},
      {"bedrock-converse", &fake_bedrock()},
      {"cohere-chat", &fake_cohere()},
      {"ollama-chat", &fake_ollama()}};
  std::vector<Sample> samples;
  for (const auto& [name, fake] : fakes) {
    if (name != wire) continue;
    FakeRequest request;
    request.wire = wire;
    request.model = "model";
    FakeReply reply("The answer, Grüße, has \\\"quotes\\\" and seven more words.");
    reply.tool_calls.emplace_back("call_a", "search", R"({"query":"x"})");
    samples.push_back({"made whole", false, "application/json", fake->whole(request, reply)});
    Sample streamed{"made stream", true, std::string(fake->stream_content_type()), {}};
    const auto writer = fake->stream(request, reply);
    const auto steps = steps_of(reply);
    writer->begin(streamed.body);
    for (const auto& step : steps) writer->step(streamed.body, step);
    writer->end(streamed.body);
    samples.push_back(std::move(streamed));
  }
  return samples;
}

std::vector<Sample> samples_of(const std::string& wire) {
  std::vector<Sample> samples = made_samples(wire);
  if (shared_dir().empty()) return samples;
  const auto folder = shared_dir() / "recordings" / wire;
  if (!std::filesystem::exists(folder)) return samples;
  const auto files = recording_files(folder);
  const std::size_t stride = std::max<std::size_t>(1, files.size() / most_samples);
  for (std::size_t i = 0; i < files.size(); i += stride) {
    const Recording recording = load_recording(files[i]);
    if (recording.status != 200 || recording.body.size() > largest_sample) continue;
    if (find_codec(wire)->poll_path(recording.body)) continue;  // not final: it would be asked for again
    std::string type = recording.streaming ? "text/event-stream" : "application/json";
    for (const auto& [name, value] : recording.headers)
      if (iequals(name, "content-type")) type = value;
    samples.push_back({recording.id, recording.streaming, type, recording.body});
  }
  return samples;
}

void sweep(const std::string& wire) {
  REQUIRE(find_codec(wire) != nullptr);
  const std::size_t wanted = std::getenv("LLLM_FULL") == nullptr ? 200 : 10'000;
  WireWorld world(wire);
  std::minstd_rand random(20'261'123);
  // What each sample says when nothing is cut off.
  struct Known {
    Sample sample;
    json::value message;
    std::string text;
  };
  std::vector<Known> known;
  for (Sample& sample : samples_of(wire)) {
    world.next = {on_the_wire(sample, Length::counted), 0, End::fin};
    world.next.at = world.next.bytes.size();
    const auto told = world.ask(sample.streamed);
    if (told.error) continue;  // a recorded failure
    const std::string text = told.message.text();
    json::value message = to_json_value(told.message);
    known.push_back({std::move(sample), std::move(message), text});
  }
  if (known.empty() && shared_dir().empty()) LLLM_SKIP("the folder ../shared is not beside the checkout");
  REQUIRE(!known.empty());

  std::size_t whole = 0;
  std::size_t partial = 0;
  std::size_t cuts = 0;
  std::set<std::tuple<std::size_t, Length, std::size_t>> made;  // each cut is at a byte of its own
  for (std::size_t i = 0; i < wanted; ++i) {
    std::size_t which = 0;
    auto length = Length::counted;
    bool fresh = false;
    for (int draws = 0; !fresh && draws < 1000; ++draws) {
      // Streams are what can end short: three of four are, where there are any.
      which = random() % known.size();
      for (int tries = 0; i % 4 != 0 && !known[which].sample.streamed && tries < 20; ++tries)
        which = random() % known.size();
      length = static_cast<Length>(random() % 3);
      world.next.bytes = on_the_wire(known[which].sample, length);
      // Every other cut is near the end: there a short answer is most easily taken for a whole one.
      const std::size_t size = world.next.bytes.size();
      world.next.at = random() % size;
      if (i % 2 == 0 && draws < 20) world.next.at = size - 1 - random() % std::min<std::size_t>(size, 120);
      fresh = made.emplace(which, length, world.next.at).second;
    }
    if (!fresh) break;  // without the recordings there are not so many bytes
    ++cuts;
    const Known& one = known[which];
    world.next.end = static_cast<End>(random() % 2);
    const auto told = world.ask(one.sample.streamed);
    CAPTURE(one.sample.name);
    CAPTURE(static_cast<int>(length));
    CAPTURE(world.next.at);
    CAPTURE(static_cast<int>(world.next.end));
    if (!told.error) {
      ++whole;
      REQUIRE(to_json_value(told.message) == one.message);
      continue;
    }
    const auto& came = told.error->partial();
    if (!told.delivered.empty()) {
      ++partial;
      REQUIRE(came);
      REQUIRE(came->text().starts_with(told.delivered));
    }
    if (came) REQUIRE(one.text.starts_with(came->text()));
    REQUIRE(told.error->provider() == "cut");
    REQUIRE(told.error->attempts() == 1);
  }
  CHECK(world.world.invoker->stats().open == 0);
  // All that were wanted, where there are twice as many bytes to cut at.
  std::size_t bytes = 0;
  for (const Known& one : known)
    for (const Length length : {Length::counted, Length::chunked, Length::until_close})
      bytes += on_the_wire(one.sample, length).size();
  CHECK(cuts >= std::min(wanted, bytes / 2));
  MESSAGE(wire << ": " << known.size() << " samples, " << cuts << " cuts: " << whole << " whole, " << partial
               << " with a partial answer, the rest before any words");
}

}  // namespace

TEST_SUITE("invokers/truncation") {
  TEST_CASE("fault 51: openai-chat cut off anywhere is never a silent short answer") {
    sweep("openai-chat");
  }
  TEST_CASE("fault 51: openai-responses cut off anywhere is never a silent short answer") {
    sweep("openai-responses");
  }
  TEST_CASE("fault 51: anthropic-messages cut off anywhere is never a silent short answer") {
    sweep("anthropic-messages");
  }
  TEST_CASE("fault 51: gemini-generate cut off anywhere is never a silent short answer") {
    sweep("gemini-generate");
  }
  TEST_CASE("fault 51: bedrock-converse cut off anywhere is never a silent short answer") {
    sweep("bedrock-converse");
  }
  TEST_CASE("fault 51: cohere-chat cut off anywhere is never a silent short answer") {
    sweep("cohere-chat");
  }
  TEST_CASE("fault 51: ollama-chat cut off anywhere is never a silent short answer") {
    sweep("ollama-chat");
  }
}
