#include "lllm/wires/openai_chat_choice.hpp"

namespace lllm::openai_chat {

void Choice::clear() {
  index.reset();
  finish_reason.reset();
  logprobs = reasoning_content = reasoning = reasoning_details = refusal = error = annotations =
      content_blocks = {};
  content.clear();
  tool_count = 0;
  extras.clear();
  message_extras.clear();
}

bool Choice::read(JsonReader& in) {
  clear();
  return in.object([&](std::string_view key) {
    if (key == "delta" || key == "message") {
      in.object([&](std::string_view member) { read_message_member(in, member); });
    } else if (key == "index") {
      index = in.integer();
    } else if (key == "finish_reason") {
      finish_reason = in.optional_text();
    } else if (in.kind() == JsonReader::Kind::null) {
      return;
    } else if (key == "logprobs") {
      logprobs = in.raw();
    } else if (key == "error") {
      error = in.raw();
    } else {
      extras.emplace_back(key, in.raw());
    }
  });
}

bool Choice::is_only_words() const {
  const auto all_empty = [](auto... views) { return (views.empty() && ...); };
  return index.value_or(0) == 0 && !finish_reason && content.size() == 1 &&
         content.front().first == ChunkKind::text && tool_count == 0 && extras.empty() &&
         message_extras.empty() &&
         all_empty(logprobs, reasoning_content, reasoning, reasoning_details, refusal, error, annotations,
                   content_blocks);
}

void Choice::read_message_member(JsonReader& in, std::string_view key) {
  if (key == "content") {
    read_content(in);
  } else if (key == "reasoning_content") {
    reasoning_content = in.text();
  } else if (key == "reasoning") {
    reasoning = in.text();
  } else if (key == "refusal") {
    refusal = in.text();
  } else if (key == "tool_calls") {
    in.array([&] { read_tool_call(in); });
  } else if (key == "role" || in.kind() == JsonReader::Kind::null) {
    return;
  } else if (key == "reasoning_details") {
    reasoning_details = in.raw();
  } else if (key == "annotations") {
    annotations = in.raw();
  } else {
    message_extras.emplace_back(key, in.raw());
  }
}

void Choice::read_content(JsonReader& in) {
  if (in.kind() != JsonReader::Kind::array) {
    const auto text = in.text();
    if (!text.empty()) content.emplace_back(ChunkKind::text, text);
    return;
  }
  // Mistral: a list of text and thinking blocks; the list itself is kept for the next turn.
  JsonReader blocks = in;
  content_blocks = in.raw();
  blocks.array([&] {
    std::string_view type;
    std::string_view text;
    std::vector<std::string_view> thoughts;
    blocks.object([&](std::string_view key) {
      if (key == "type") {
        type = blocks.text();
      } else if (key == "text") {
        text = blocks.text();
      } else if (key == "thinking") {
        if (blocks.kind() == JsonReader::Kind::string)
          thoughts.push_back(blocks.text());
        else
          blocks.array([&] {
            blocks.object([&](std::string_view inner) {
              if (inner == "text") thoughts.push_back(blocks.text());
            });
          });
      }
    });
    for (const auto thought : thoughts) content.emplace_back(ChunkKind::reasoning, thought);
    if (!text.empty() && (type == "text" || type == "output_text" || type.empty()))
      content.emplace_back(ChunkKind::text, text);
  });
}

void Choice::read_tool_call(JsonReader& in) {
  if (tools.size() == tool_count) tools.emplace_back();
  ToolDelta& tool = tools[tool_count];
  tool.call = {};
  tool.extras.clear();
  std::string_view type;
  ToolCallDelta custom;
  const auto read_arguments = [&in]() -> std::string_view {
    // Some servers send the arguments as the object itself instead of as its text.
    if (in.kind() == JsonReader::Kind::object) return in.raw();
    return in.text();
  };
  const bool is_object = in.object([&](std::string_view key) {
    if (key == "index") {
      tool.call.index = in.integer();
    } else if (key == "id") {
      tool.call.id = in.optional_text();
    } else if (key == "type") {
      type = in.text();
    } else if (key == "function") {
      in.object([&](std::string_view member) {
        if (member == "name") tool.call.name = in.text();
        if (member == "arguments") tool.call.arguments = read_arguments();
      });
    } else if (key == "custom") {
      in.object([&](std::string_view member) {
        if (member == "name") custom.name = in.text();
        if (member == "input") custom.arguments = in.text();
      });
    } else if (in.kind() != JsonReader::Kind::null) {
      tool.extras.emplace_back(key, in.raw());
    }
  });
  if (!is_object) return;
  if (type == "custom" || (tool.call.name.empty() && !custom.name.empty())) {
    tool.call.name = custom.name;
    tool.call.arguments = custom.arguments;
    tool.call.custom = true;
  }
  ++tool_count;
}

}  // namespace lllm::openai_chat
