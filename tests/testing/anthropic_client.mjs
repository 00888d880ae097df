// node anthropic_client.mjs NPM_FOLDER ORIGIN: drives the fake provider with Anthropic's own client.
import {createRequire} from 'node:module';

const [folder, baseURL] = process.argv.slice(2);
const Anthropic = createRequire(folder + '/')('@anthropic-ai/sdk').default;
const client = new Anthropic({apiKey: 'sk-peer', baseURL, maxRetries: 0});
const model = 'claude-haiku-4-5';
const hello = {model, max_tokens: 100, messages: [{role: 'user', content: 'Hello'}]};
const seen = {};

const whole = await client.messages.create(hello);
seen.whole = {kinds: whole.content.map((block) => block.type), thinking: whole.content[0].thinking,
              text: whole.content[1].text, stop: whole.stop_reason, output: whole.usage.output_tokens};

seen.streamed = {text: '', chunks: 0, thinking: ''};
const stream = client.messages.stream(hello);
stream.on('text', (delta) => { seen.streamed.text += delta; seen.streamed.chunks += 1; });
stream.on('thinking', (delta) => { seen.streamed.thinking += delta; });
const final = await stream.finalMessage();
seen.streamed.kinds = final.content.map((block) => block.type);
seen.streamed.signed = final.content[0].signature === whole.content[0].signature;
seen.streamed.stop = final.stop_reason;
seen.streamed.output = final.usage.output_tokens;

const tools = [{name: 'look_up', input_schema: {type: 'object', properties: {word: {type: 'string'}}}}];
const question = {role: 'user', content: 'What is Bern?'};
const asked = await client.messages.stream({...hello, messages: [question], tools}).finalMessage();
const call = asked.content.find((block) => block.type === 'tool_use');
seen.call = {name: call.name, input: call.input, stop: asked.stop_reason};
const answered = await client.messages.create({...hello, tools, messages: [
  question, {role: 'assistant', content: asked.content},
  {role: 'user', content: [{type: 'tool_result', tool_use_id: call.id, content: 'a city'}]},
]});
seen.answer = answered.content.find((block) => block.type === 'text').text;

seen.errors = [];
for (const messages of [[question, {role: 'assistant', content: asked.content}], [{role: 'user', content: 'fail'}]]) {
  try {
    await client.messages.create({...hello, messages});
  } catch (error) {
    seen.errors.push({name: error.constructor.name, status: error.status, type: error.error?.error?.type});
  }
}
try {
  await client.messages.stream({...hello, messages: [{role: 'user', content: 'break'}]}).finalMessage();
} catch (error) {
  seen.broken = error.error?.error?.type ?? error.message;
}
console.log(JSON.stringify(seen));
