// A tool in a shared object: plain C, built without lllm. Put it into a package's tools/ and load the package
// with LoadOptions::plugins.
//   c++ -shared -fPIC -o tools/word_count.so 06_tool_plugin.cpp
#include <cstdio>
#include <cstring>

#include <lllm/tools/plugin.h>

// A real plugin reads its arguments with a JSON library; this one counts the spaces between words.
static int word_count(void*, const char* arguments, size_t size, lllm_plugin_reply reply, void* to) {
  int words = 0;
  bool inside = false;
  for (size_t i = 0; i < size; ++i) {
    const bool letter = std::strchr(" {}:\",", arguments[i]) == nullptr;
    if (letter && !inside) ++words;
    inside = letter;
  }
  --words;  // the name of the argument
  if (words <= 0) {
    reply(to, "There is no text.", std::strlen("There is no text."));
    return 1;
  }
  char text[64];
  const int length = std::snprintf(text, sizeof text, "%d words", words);
  reply(to, text, static_cast<size_t>(length));
  return 0;
}

static const lllm_plugin_tool tools[] = {
    {"word_count", "Counts the words of a text.",
     R"({"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}})", word_count,
     nullptr}};
static const lllm_plugin plugin = {LLLM_PLUGIN_VERSION, sizeof tools[0], 1, tools};

extern "C" LLLM_PLUGIN_EXPORT const lllm_plugin* lllm_plugin_open() {
  return &plugin;
}
