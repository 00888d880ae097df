// Vercel's AI SDK over its OpenAI-compatible fetch path: node ai.mjs NPM_FOLDER BASE_URL IN_FLIGHT SECONDS; prints how
// many calls were made. The provider package is not needed: the SDK takes any object that speaks its model interface,
// and this one does what a provider package does, with fetch.
import { createRequire } from "node:module";

const [folder, baseURL, inFlight, seconds] = process.argv.slice(2);
const { generateText } = createRequire(folder + "/")("ai");
const model = {
  specificationVersion: "v2",
  provider: "openai",
  modelId: "gpt-4o-mini",
  supportedUrls: {},
  async doGenerate({ prompt, temperature }) {
    const messages = prompt.map(({ role, content }) => ({
      role,
      content: typeof content === "string" ? content : content.map((part) => part.text).join(""),
    }));
    const response = await fetch(baseURL + "/chat/completions", {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: "Bearer sk-benchmark" },
      body: JSON.stringify({ model: "gpt-4o-mini", messages, temperature }),
    });
    const body = await response.json();
    return {
      content: [{ type: "text", text: body.choices[0].message.content }],
      finishReason: body.choices[0].finish_reason,
      usage: {
        inputTokens: body.usage.prompt_tokens,
        outputTokens: body.usage.completion_tokens,
        totalTokens: body.usage.total_tokens,
      },
      warnings: [],
    };
  },
};
const end = Date.now() + Number(seconds) * 1000;
let calls = 0;
async function place() {
  while (Date.now() < end) {
    const answer = await generateText({
      model,
      system: "Answer in plain words.",
      prompt: "Which numbers would show whether line 7 has become worse since the summer?",
      temperature: 0.2,
      maxRetries: 0,
    });
    if (answer.usage.totalTokens !== 159) throw new Error("another answer");
    ++calls;
  }
}
await Promise.all(Array.from({ length: Number(inFlight) }, place));
console.log(calls);
