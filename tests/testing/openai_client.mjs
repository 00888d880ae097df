// Drives an OpenAI-compatible server with OpenAI's own client, and prints what it understood as one JSON object.
//   node openai_client.mjs NPM_FOLDER BASE_URL
import { createRequire } from "node:module";

const [folder, baseURL] = process.argv.slice(2);
const OpenAI = createRequire(folder + "/")("openai").default;
const client = new OpenAI({ apiKey: "sk-peer", baseURL, maxRetries: 0 });
const messages = [{ role: "user", content: "Say it" }];
const tools = [
  {
    type: "function",
    function: {
      name: "search",
      parameters: { type: "object", properties: { query: { type: "string" } }, required: ["query"] },
    },
  },
];
const result = {};

const plain = await client.chat.completions.create({ model: "gpt-4o-mini", messages });
result.plain = { text: plain.choices[0].message.content, finish: plain.choices[0].finish_reason, usage: plain.usage };

const stream = await client.chat.completions.create({
  model: "gpt-4o-mini",
  messages,
  stream: true,
  stream_options: { include_usage: true },
});
result.streamed = { text: "", chunks: 0, finish: null, usage: null };
for await (const chunk of stream) {
  const choice = chunk.choices[0];
  if (choice?.delta?.content) {
    result.streamed.text += choice.delta.content;
    result.streamed.chunks += 1;
  }
  if (choice?.finish_reason) result.streamed.finish = choice.finish_reason;
  if (chunk.usage) result.streamed.usage = chunk.usage;
}

const called = await client.chat.completions.create({ model: "gpt-4o-mini", messages, tools });
const call = called.choices[0].message.tool_calls[0];
result.call = { id: call.id, name: call.function.name, arguments: JSON.parse(call.function.arguments) };

const runner = client.chat.completions.stream({ model: "gpt-4o-mini", messages, tools });
const assembled = (await runner.finalChatCompletion()).choices[0].message.tool_calls[0];
result.streamedCall = { name: assembled.function.name, arguments: JSON.parse(assembled.function.arguments) };

const answered = await client.chat.completions.create({
  model: "gpt-4o-mini",
  messages: [...messages, called.choices[0].message, { role: "tool", tool_call_id: call.id, content: "found" }],
  tools,
});
result.afterTool = answered.choices[0].message.content;

try {
  await client.chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content: "fail" }] });
} catch (error) {
  result.error = { name: error.constructor.name, status: error.status, type: error.type, requestId: error.requestID };
}
console.log(JSON.stringify(result));
