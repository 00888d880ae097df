#ifndef LLLM_TOOLS_PLUGIN_H
#define LLLM_TOOLS_PLUGIN_H

/* What a shared object exports to be a plugin of tools: plain C, values in and text out, so that it needs no
 * lllm to link with, and may be written in any language. Loaded only where LoadOptions::plugins says so:
 * opening it runs its code.
 *
 *     static int shout(void* self, const char* arguments, size_t size, lllm_plugin_reply reply, void* to) {
 *       ...
 *       reply(to, text, strlen(text));
 *       return 0;
 *     }
 *     static const struct lllm_plugin_tool tools[] = {
 *         {"shout", "Says it louder.", "{\"type\": \"object\", ...}", shout, NULL}};
 *     static const struct lllm_plugin plugin = {LLLM_PLUGIN_VERSION, sizeof tools[0], 1, tools};
 *     LLLM_PLUGIN_EXPORT const struct lllm_plugin* lllm_plugin_open(void) { return &plugin; }
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Rises when what is below changes its meaning; members are only ever added at the end of lllm_plugin_tool.
 */
#define LLLM_PLUGIN_VERSION 1
#define LLLM_PLUGIN_EXPORT __attribute__((visibility("default")))

/* Appends to the answer; may be called several times, only before `call` returns. The bytes are copied. */
typedef void (*lllm_plugin_reply)(void* to, const char* text, size_t size);

struct lllm_plugin_tool {
  const char* name;        /* letters, digits, '_' and '-', at most 64 */
  const char* description; /* for the model */
  const char* parameters;  /* JSON schema of an object; NULL: no arguments */
  /* Runs the tool. `arguments` is JSON that fits the schema, `size` bytes and a NUL. Runs on a thread of its
   * own and may block; several calls may run at once. Whoever called may have gone: it cannot be cancelled.
   * Must not throw. Returns 0, or anything else when the answer says what went wrong. */
  int (*call)(void* self, const char* arguments, size_t size, lllm_plugin_reply reply, void* to);
  void* self; /* handed to `call` */
};

struct lllm_plugin {
  uint32_t version;   /* LLLM_PLUGIN_VERSION */
  uint32_t tool_size; /* sizeof(struct lllm_plugin_tool) */
  size_t tool_count;
  const struct lllm_plugin_tool* tools;
};

/* The one function that a plugin exports. What it returns must live as long as the process; NULL: it cannot
 * be used here. */
LLLM_PLUGIN_EXPORT const struct lllm_plugin* lllm_plugin_open(void);

#ifdef __cplusplus
}
#endif

#endif
