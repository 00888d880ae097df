// node responses_client.mjs NPM_FOLDER BASE_URL: drives the fake provider's Responses API with OpenAI's own client.
import {createRequire} from 'node:module';

const [folder, baseURL] = process.argv.slice(2);
const OpenAI = createRequire(folder + '/')('openai').default;
const client = new OpenAI({apiKey: 'sk-peer', baseURL, maxRetries: 0});
const model = 'gpt-5-mini';
const seen = {};

const whole = await client.responses.create({model, input: 'Hello'});
seen.whole = {text: whole.output_text, status: whole.status, usage: whole.usage,
              summary: whole.output[0].summary[0].text, kinds: whole.output.map((item) => item.type)};

seen.streamed = {text: '', chunks: 0, summary: '', events: []};
for await (const event of await client.responses.create({model, input: 'Hello', stream: true})) {
  if (event.type === 'response.output_text.delta') {
    seen.streamed.text += event.delta;
    seen.streamed.chunks += 1;
  }
  if (event.type === 'response.reasoning_summary_text.delta') seen.streamed.summary += event.delta;
  if (event.type === 'response.completed') {
    seen.streamed.usage = event.response.usage;
    seen.streamed.final = event.response.output.map((item) => item.type);
  }
  seen.streamed.events.push(event.sequence_number);
}

const background = await client.responses.create({model, input: 'Hello', background: true});
const retrieved = await client.responses.retrieve(background.id);
seen.background = {first: background.status, later: retrieved.status, text: retrieved.output_text,
                   same: background.id === retrieved.id};

const tools = [{type: 'function', name: 'look_up', strict: false,
                parameters: {type: 'object', properties: {word: {type: 'string'}}}}];
// The client puts the events together itself here and checks their order.
const assembled = await client.responses.stream({model, input: 'What is Bern?', tools}).finalResponse();
const call = assembled.output.find((item) => item.type === 'function_call');
seen.call = {name: call.name, arguments: JSON.parse(call.arguments)};
const answered = await client.responses.create({
  model, tools,
  input: [{role: 'user', content: 'What is Bern?'}, ...assembled.output,
          {type: 'function_call_output', call_id: call.call_id, output: 'a city'}],
});
seen.answer = answered.output_text;

const refusals = [
  {model, input: [{type: 'function_call_output', call_id: 'nobody', output: 'x'}]},
  {model, input: 'fail'},
];
seen.errors = [];
for (const request of refusals) {
  try {
    await client.responses.create(request);
  } catch (error) {
    seen.errors.push({name: error.constructor.name, status: error.status, message: error.message});
  }
}
try {
  await client.responses.retrieve('resp_fake_999999');
} catch (error) {
  seen.unknown = error.constructor.name;
}
try {
  for await (const event of await client.responses.create({model, input: 'break', stream: true}))
    seen.last_event = event.type;
} catch (error) {
  seen.broken = error.constructor.name;
}
console.log(JSON.stringify(seen));
