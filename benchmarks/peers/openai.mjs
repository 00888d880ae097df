// OpenAI's own client: node openai.mjs NPM_FOLDER BASE_URL IN_FLIGHT SECONDS; prints how many calls were made.
import { createRequire } from "node:module";

const [folder, baseURL, inFlight, seconds] = process.argv.slice(2);
const OpenAI = createRequire(folder + "/")("openai").default;
const client = new OpenAI({ apiKey: "sk-benchmark", baseURL, maxRetries: 0 });
const messages = [
  { role: "system", content: "Answer in plain words." },
  { role: "user", content: "Which numbers would show whether line 7 has become worse since the summer?" },
];
const end = Date.now() + Number(seconds) * 1000;
let calls = 0;
async function place() {
  while (Date.now() < end) {
    const answer = await client.chat.completions.create({ model: "gpt-4o-mini", messages, temperature: 0.2 });
    if (answer.usage.total_tokens !== 159) throw new Error("another answer");
    ++calls;
  }
}
await Promise.all(Array.from({ length: Number(inFlight) }, place));
console.log(calls);
