#pragma once

#include <array>
#include <string>
#include <string_view>

#include "lllm/core/call_options.hpp"
#include "lllm/formats/aws_frames.hpp"

// The same short answer in every wire's clothes, with one thing about it that is odd: for faults that every
// codec has to stand.
namespace lllm::test {

struct WireRow {
  std::string_view wire;
  const char* model;  ///< for an invoker
  const char* base;   ///< of the provider's URL, behind the origin
  const char* stream_type = "text/event-stream";
  ApiType api = ApiType::completion;
};
inline constexpr std::array<WireRow, 7> wire_rows{{
    {"openai-chat", "openai/gpt-4o-mini", "/v1"},
    {"openai-responses", "openai/gpt-5-mini", "/v1", "text/event-stream", ApiType::response},
    {"anthropic-messages", "anthropic/claude-haiku-4-5", ""},
    {"gemini-generate", "gemini/gemini-2.5-flash", "/v1beta"},
    {"bedrock-converse", "bedrock/anthropic.claude-haiku-4-5-20251001-v1:0", "",
     "application/vnd.amazon.eventstream"},
    {"cohere-chat", "cohere/command-a-03-2025", ""},
    {"ollama-chat", "ollama/llama3.2", "", "application/x-ndjson"},
}};

/// What the answer says, as JSON text that is written into it as it is.
struct Says {
  std::string words = "\"ok\"";
  std::string finish = "\"end\"";  ///< empty: the member is not there
  bool novelty = false;            ///< a block, a member and an event of kinds that nobody knows
  bool usage_twice = false;        ///< 5 and 1 tokens first, then 5 and 3
  std::string call;                ///< arguments of a call of `look` without an id; empty: there is none
};
inline constexpr std::string_view novelty_mark = "hologram-payload";
inline constexpr std::string_view novel_event_mark = "hologram-event";  // in streams only

struct Made {
  std::string whole;
  std::string stream;
};

namespace made {

inline std::string member(std::string_view key, std::string_view value) {
  return value.empty() ? "" : ",\"" + std::string(key) + "\":" + std::string(value);
}
inline std::string data(const std::string& json) {
  return "data: " + json + "\n\n";
}
inline std::string typed(const std::string& type, const std::string& members) {
  return "event: " + type + "\ndata: {\"type\":\"" + type + "\"" + members + "}\n\n";
}
inline std::string frame(std::string_view type, const std::string& json) {
  std::string bytes;
  append_aws_event(bytes, type, json);
  return bytes;
}
inline const std::string novel = R"({"type":"hologram","hologram":{"x":"hologram-payload"}})";
inline const std::string novel_event = R"({"type":"hologram","hologram":{"z":"hologram-event"}})";
inline std::string quoted(const std::string& json) {  // a JSON text as a JSON string; of plain arguments
  std::string out = "\"";
  for (const char c : json) out += c == '"' ? std::string("\\\"") : std::string(1, c);
  return out + "\"";
}

inline Made chat(const Says& s) {
  const auto usage = [](int completion) {
    return R"({"prompt_tokens":5,"completion_tokens":)" + std::to_string(completion) + R"(,"total_tokens":)" +
           std::to_string(5 + completion) + "}";
  };
  const std::string odd = s.novelty ? R"(,"hologram":{"x":"hologram-payload"})" : "";
  const std::string function = R"("function":{"name":"look","arguments":)" + quoted(s.call) + "}";
  const std::string calls = s.call.empty() ? "" : R"(,"tool_calls":[{"index":0,)" + function + "}]";
  Made made;
  made.whole = R"({"choices":[{"index":0,"message":{"role":"assistant","content":)" + s.words + odd + calls +
               "}" + member("finish_reason", s.finish) + R"(}],"usage":)" + usage(3) + "}";
  made.stream = data(R"({"choices":[{"index":0,"delta":{"role":"assistant"}}]})");
  if (s.novelty) made.stream += "event: hologram\n" + data(novel_event);
  made.stream += data(R"({"choices":[{"index":0,"delta":{"content":)" + s.words + odd + calls + "}}]" +
                      (s.usage_twice ? ",\"usage\":" + usage(1) : "") + "}") +
                 data(R"({"choices":[{"index":0,"delta":{})" + member("finish_reason", s.finish) + "}]}") +
                 data(R"({"choices":[],"usage":)" + usage(3) + "}") + data("[DONE]");
  return made;
}

inline Made responses(const Says& s) {
  const auto usage = [](int completion) {
    return R"(,"usage":{"input_tokens":5,"output_tokens":)" + std::to_string(completion) +
           R"(,"total_tokens":)" + std::to_string(5 + completion) + "}";
  };
  const std::string call = R"({"type":"function_call","name":"look","arguments":)" + quoted(s.call) + "}";
  const std::string whole = "{\"output\":[" + (s.novelty ? novel + "," : "") +
                            R"({"type":"message","role":"assistant","content":[)" +
                            (s.novelty ? novel + "," : "") + R"({"type":"output_text","text":)" + s.words +
                            "}]}" + (s.call.empty() ? "" : "," + call) + "]" + member("status", s.finish) +
                            usage(3) + "}";
  Made made;
  made.whole = whole;
  made.stream =
      typed("response.created",
            R"(,"response":{"status":"in_progress","output":[])" + (s.usage_twice ? usage(1) : "") + "}") +
      (s.novelty ? data(novel_event) : "") +
      typed("response.output_text.delta", R"(,"output_index":0,"delta":)" + s.words) +
      (s.call.empty() ? ""
                      : typed("response.output_item.added",
                              R"(,"output_index":1,"item":{"type":"function_call","name":"look"})") +
                            typed("response.function_call_arguments.delta",
                                  ",\"output_index\":1,\"delta\":" + quoted(s.call))) +
      typed("response.completed", ",\"response\":" + whole);
  return made;
}

inline Made anthropic(const Says& s) {
  const auto usage = [](int completion) {
    return R"(,"usage":{"input_tokens":5,"output_tokens":)" + std::to_string(completion) + "}";
  };
  Made made;
  made.whole = R"({"type":"message","role":"assistant","content":[)" + (s.novelty ? novel + "," : "") +
               R"({"type":"text","text":)" + s.words + "}" +
               (s.call.empty() ? "" : R"(,{"type":"tool_use","name":"look","input":)" + s.call + "}") + "]" +
               member("stop_reason", s.finish) + usage(3) + "}";
  made.stream = typed("message_start", R"(,"message":{"role":"assistant","content":[])" + usage(1) + "}");
  if (s.usage_twice)
    made.stream += typed("message_start", R"(,"message":{"role":"assistant","content":[])" + usage(1) + "}");
  if (s.novelty)
    made.stream += data(novel_event) +
                   typed("content_block_start", ",\"index\":0,\"content_block\":" + novel) +
                   typed("content_block_delta", R"(,"index":0,"delta":{"type":"hologram_delta","y":1})") +
                   typed("content_block_stop", ",\"index\":0");
  made.stream +=
      typed("content_block_start", R"(,"index":1,"content_block":{"type":"text","text":""})") +
      typed("content_block_delta", R"(,"index":1,"delta":{"type":"text_delta","text":)" + s.words + "}");
  if (!s.call.empty())
    made.stream += typed("content_block_start",
                         R"(,"index":2,"content_block":{"type":"tool_use","name":"look","input":{}})") +
                   typed("content_block_delta", R"(,"index":2,"delta":{"type":"input_json_delta",)"
                                                R"("partial_json":)" +
                                                    quoted(s.call) + "}");
  made.stream +=
      typed("message_delta", R"(,"delta":{"x":1)" + member("stop_reason", s.finish) + "}" + usage(3)) +
      typed("message_stop", "");
  return made;
}

inline Made gemini(const Says& s) {
  const auto usage = [](int completion) {
    return R"(,"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":)" + std::to_string(completion) +
           R"(,"totalTokenCount":)" + std::to_string(5 + completion) + "}";
  };
  const std::string odd = s.novelty ? R"({"hologram":{"x":"hologram-payload"}},)" : "";
  const std::string call = s.call.empty() ? "" : R"(,{"functionCall":{"name":"look","args":)" + s.call + "}}";
  const std::string parts =
      R"("content":{"role":"model","parts":[)" + odd + "{\"text\":" + s.words + "}" + call + "]}";
  Made made;
  made.whole = R"({"candidates":[{"index":0,)" + parts + member("finishReason", s.finish) + "}]" + usage(3) +
               (s.novelty ? R"(,"hologram":1)" : "") + "}";
  made.stream =
      data(R"({"candidates":[{"index":0,)" + parts + "}]" + (s.usage_twice ? usage(1) : "") + "}") +
      (s.novelty ? data(novel_event) : "") +
      data(R"({"candidates":[{"index":0)" + member("finishReason", s.finish) + "}]" + usage(3) + "}") +
      data("[DONE]");
  return made;
}

inline Made bedrock(const Says& s) {
  const auto usage = [](int completion) {
    return R"("usage":{"inputTokens":5,"outputTokens":)" + std::to_string(completion) + R"(,"totalTokens":)" +
           std::to_string(5 + completion) + "}";
  };
  const std::string odd = R"({"hologram":{"x":"hologram-payload"}})";
  const std::string call = s.call.empty() ? "" : R"(,{"toolUse":{"name":"look","input":)" + s.call + "}}";
  Made made;
  made.whole = R"({"output":{"message":{"role":"assistant","content":[)" + (s.novelty ? odd + "," : "") +
               "{\"text\":" + s.words + "}" + call + "]}}" + member("stopReason", s.finish) + "," + usage(3) +
               "}";
  made.stream = frame("messageStart", R"({"role":"assistant"})");
  if (s.novelty)
    made.stream += frame("hologram", novel_event) +
                   frame("contentBlockStart", R"({"contentBlockIndex":0,"start":)" + odd + "}");
  made.stream += frame("contentBlockDelta", R"({"contentBlockIndex":1,"delta":{"text":)" + s.words + "}}");
  if (!s.call.empty())
    made.stream +=
        frame("contentBlockStart", R"({"contentBlockIndex":2,"start":{"toolUse":{"name":"look"}}})") +
        frame("contentBlockDelta",
              R"({"contentBlockIndex":2,"delta":{"toolUse":{"input":)" + quoted(s.call) + "}}}");
  if (s.usage_twice)  // behind the stop they would be behind the end
    made.stream += frame("metadata", "{" + usage(1) + "}") + frame("metadata", "{" + usage(3) + "}");
  made.stream += frame("messageStop", "{\"x\":1" + member("stopReason", s.finish) + "}");
  if (!s.usage_twice) made.stream += frame("metadata", "{" + usage(3) + "}");
  return made;
}

inline Made cohere(const Says& s) {
  const auto usage = [](int completion) {
    return R"("usage":{"tokens":{"input_tokens":5,"output_tokens":)" + std::to_string(completion) + "}}";
  };
  const std::string function = R"("function":{"name":"look","arguments":)" + quoted(s.call) + "}";
  Made made;
  made.whole = R"({"message":{"role":"assistant","content":[)" + (s.novelty ? novel + "," : "") +
               R"({"type":"text","text":)" + s.words + "}]" +
               (s.call.empty() ? "" : R"(,"tool_calls":[{"type":"function",)" + function + "}]") + "}" +
               member("finish_reason", s.finish) + "," + usage(3) + "}";
  made.stream = typed("message-start", R"(,"delta":{"message":{"role":"assistant"}})");
  if (s.novelty)
    made.stream += data(novel_event) +
                   typed("content-start", R"(,"index":0,"delta":{"message":{"content":)" + novel + "}}") +
                   typed("content-end", ",\"index\":0");
  made.stream +=
      typed("content-start", R"(,"index":1,"delta":{"message":{"content":{"type":"text","text":""}}})") +
      typed("content-delta", R"(,"index":1,"delta":{"message":{"content":{"text":)" + s.words + "}}}");
  if (!s.call.empty())
    made.stream +=
        typed("tool-call-start", R"(,"index":0,"delta":{"message":{"tool_calls":{)" + function + "}}}");
  made.stream +=
      typed("message-end", R"(,"delta":{"x":1)" + member("finish_reason", s.finish) + "," + usage(3) + "}");
  if (s.usage_twice) made.stream += typed("message-end", R"(,"delta":{)" + usage(3) + "}");
  return made;
}

inline Made ollama(const Says& s) {
  const auto usage = [](int completion) {
    return R"(,"prompt_eval_count":5,"eval_count":)" + std::to_string(completion);
  };
  const std::string odd = s.novelty ? R"(,"hologram":{"x":"hologram-payload"})" : "";
  const std::string calls =
      s.call.empty() ? "" : R"(,"tool_calls":[{"function":{"name":"look","arguments":)" + s.call + "}}]";
  const std::string message = R"("message":{"role":"assistant","content":)" + s.words + odd + calls + "}";
  Made made;
  made.whole = "{" + message + ",\"done\":true" + member("done_reason", s.finish) + usage(3) + "}";
  made.stream = "{" + message + ",\"done\":false" + (s.usage_twice ? usage(1) : "") + "}\n" +
                (s.novelty ? novel_event + "\n" : "") +
                R"({"message":{"role":"assistant","content":""},"done":true)" +
                member("done_reason", s.finish) + usage(3) + "}\n";
  return made;
}

}  // namespace made

inline Made made_answer(std::string_view wire, const Says& says) {
  if (wire == "openai-chat") return made::chat(says);
  if (wire == "openai-responses") return made::responses(says);
  if (wire == "anthropic-messages") return made::anthropic(says);
  if (wire == "gemini-generate") return made::gemini(says);
  if (wire == "bedrock-converse") return made::bedrock(says);
  if (wire == "cohere-chat") return made::cohere(says);
  return made::ollama(says);
}

/// What a stream may hold behind its end mark.
inline std::string more_words(std::string_view wire) {
  Says more;
  more.words = "\"late\"";
  more.call = "{}";
  return made_answer(wire, more).stream;
}

}  // namespace lllm::test
