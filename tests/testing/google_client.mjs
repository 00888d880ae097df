// node google_client.mjs NPM_FOLDER ORIGIN: drives the fake provider with @google/genai and prints what it saw.
import {createRequire} from 'node:module';

const [folder, origin] = process.argv.slice(2);
const {GoogleGenAI} = createRequire(folder + '/')('@google/genai');
const ai = new GoogleGenAI({apiKey: 'sk-fake', httpOptions: {baseUrl: origin}});
const model = 'gemini-2.5-flash';
const seen = {};

const whole = await ai.models.generateContent({model, contents: 'Hello'});
seen.whole = whole.text;
seen.whole_tokens = whole.usageMetadata.totalTokenCount;

seen.streamed = '';
seen.thoughts = '';
seen.chunks = 0;
for await (const chunk of await ai.models.generateContentStream({model, contents: 'Hello'})) {
  for (const part of chunk.candidates?.[0]?.content?.parts ?? []) {
    if (part.thought) seen.thoughts += part.text;
    else seen.streamed += part.text ?? '';
  }
  seen.chunks += 1;
  if (chunk.usageMetadata) seen.streamed_tokens = chunk.usageMetadata.totalTokenCount;
}

const tools = [{functionDeclarations: [{
  name: 'look_up',
  description: 'Looks a word up.',
  parametersJsonSchema: {type: 'object', properties: {word: {type: 'string'}}},
}]}];
const contents = [{role: 'user', parts: [{text: 'What is Bern?'}]}];
const asked = await ai.models.generateContent({model, contents, config: {tools}});
const call = asked.functionCalls[0];
seen.call = JSON.stringify({name: call.name, args: call.args});
contents.push(asked.candidates[0].content);
contents.push({role: 'user', parts: [{functionResponse: {name: call.name, response: {output: 'a city'}}}]});
seen.answer = (await ai.models.generateContent({model, contents, config: {tools}})).text;

try {
  await ai.models.generateContent({model, contents: 'Hello'});
} catch (error) {
  seen.error_status = error.status;
}
console.log(JSON.stringify(seen));
