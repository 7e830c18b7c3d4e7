import { waitForUpdate } from '@pydantic/genai-prices';
import type { MatchLogic, ModelInfo, ModelPrice, Provider } from '@pydantic/genai-prices';
import type { ListedChange, ListedModels, ListedPrice } from '../../src/common/prices/price-lists.js';
import type { Rates } from '../../src/common/prices/price.js';
import { ADDITIONS } from './additions.js';

/** The providers whose servers speak OpenAI's protocol at a host of their own (`src/common/prices/price-lists.ts`). */
const PROVIDERS = [
  'anthropic',
  'azure',
  'cerebras',
  'cohere',
  'deepseek',
  'fireworks',
  'google',
  'groq',
  'mistral',
  'moonshotai',
  'openai',
  'openrouter',
  'together',
  'x-ai',
  'zai',
] as const;

/** What the package calls the rates that a usage object tells the tokens of. */
const RATES = {
  input: 'input_mtok',
  output: 'output_mtok',
  cachedInput: 'cache_read_mtok',
  cacheWrite: 'cache_write_mtok',
  audioInput: 'input_audio_mtok',
  audioOutput: 'output_audio_mtok',
} as const;

/** Every request costs something for these too, and no usage object says how much: such models stay unknown. */
const UNCOUNTED = ['requests_kcount', 'output_reasoning_mtok', 'output_citation_mtok', 'audio_hours'];
/** Made to hear or speak, and audio costs a multiple of text: without its rate the price is half a one. */
const FOR_AUDIO = /audio|voxtral/;
/** Sold by the token here, and by the search besides. */
const WITH_SEARCHES = /^perplexity\//;

export interface TableOrigin {
  /** Version of the package. */
  readonly version: string;
  /** Day of its release, YYYY-MM-DD. */
  readonly date: string;
}

/** The source text of `src/common/prices/price-table.ts`, always the same for the same package and day. */
export async function priceTableText({ version, date }: TableOrigin): Promise<string> {
  const all = await waitForUpdate();
  if (!all) throw new Error('@pydantic/genai-prices has no prices');
  const lists = PROVIDERS.map((id) => listText(providerOf(all, id), date));
  return `// Written by \`npm run prices:update\` from @pydantic/genai-prices ${version} (MIT License, Copyright (c) Pydantic Services Inc.).
// USD per million tokens; src/common/prices/price-lists.ts says what a row means.
/* eslint-disable max-lines -- a row a line, so that a changed price is one line of a diff */
export const PRICE_TABLE = {
  source: '@pydantic/genai-prices',
  version: '${version}',
  /** Day of that release. */
  date: '${date}',
  lists: {
${lists.join('\n')}
  },
} as const;
`;
}

function providerOf(all: readonly Provider[], id: string): Provider {
  const found = all.find((provider) => provider.id === id);
  if (!found) throw new Error(`@pydantic/genai-prices no longer has the provider ${id}`);
  return found;
}

function listText({ id, models, fallback_model_providers: others = [] }: Provider, date: string): string {
  const own = models.flatMap((model) => rowsOf(model, date));
  const rows = [...own, ...(ADDITIONS[id] ?? [])].map((row) => JSON.stringify(row));
  const sellsFor = others.filter((other) => PROVIDERS.some((known) => known === other));
  const text = `[\n${rows.join(',\n')}\n]`;
  if (/`|\$\{/.test(text)) throw new Error(`a row of ${id} cannot be written in a template string`);
  return `    '${id}': {\n      sellsFor: ${JSON.stringify(sellsFor)},\n      rows: String.raw\`${text}\`,\n    },`;
}

/** A model that cannot be priced keeps its row: it stands in front of others that its name fits too. */
function rowsOf(model: ModelInfo, date: string): ListedModels[] {
  const price = WITH_SEARCHES.test(model.id) ? null : priceOf(model, date);
  const names = [...new Set(namesOf(model.match))];
  const heard = price?.audioInput === undefined ? names.filter((name) => FOR_AUDIO.test(name)) : [];
  const others = names.filter((name) => !heard.includes(name));
  const rows: ListedModels[] = heard.length > 0 ? [[heard.join(' '), null]] : [];
  return others.length > 0 ? [...rows, [others.join(' '), price]] : rows;
}

function namesOf(match: MatchLogic): string[] {
  if ('or' in match) return match.or.flatMap(namesOf);
  if ('equals' in match) return [literal(match.equals)];
  if ('starts_with' in match) return [`${literal(match.starts_with)}*`];
  if ('ends_with' in match) return [`*${literal(match.ends_with)}`];
  if ('contains' in match) return [`*${literal(match.contains)}*`];
  const source = expressionOf(match);
  if (source.includes(' ')) throw new Error(`blanks stand between names: ${source}`);
  return [`/${source}/`];
}

function literal(name: string): string {
  if (/[\s*]|^\//.test(name)) throw new Error(`cannot be told from a pattern: ${name}`);
  return name.toLowerCase();
}

/** As one regular expression, for what needs one. */
function expressionOf(match: MatchLogic): string {
  if ('regex' in match) return match.regex;
  if ('and' in match) return `^${match.and.map((part) => `(?=.*?(?:${expressionOf(part)}))`).join('')}`;
  if ('or' in match) return `(?:${match.or.map(expressionOf).join('|')})`;
  const text = (value: string) => value.toLowerCase().replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  if ('equals' in match) return `^${text(match.equals)}$`;
  if ('starts_with' in match) return `^${text(match.starts_with)}`;
  return 'ends_with' in match ? `${text(match.ends_with)}$` : text(match.contains);
}

/** What is over on that day is left out; what comes later, or at certain hours, are changes. */
function priceOf({ id, prices }: ModelInfo, date: string): ListedPrice | null {
  if (!Array.isArray(prices)) return ratesOf(id, prices);
  const changes: ListedChange[] = [];
  for (const { constraint, prices: rates } of prices.toReversed()) {
    const found = ratesOf(id, rates);
    if (!found) return null;
    if (constraint?.type === 'time_of_date') {
      changes.unshift({ between: [constraint.start_time, constraint.end_time], ...found });
    } else if (constraint && constraint.start_date > date) {
      changes.unshift({ from: constraint.start_date, ...found });
    } else {
      return { ...found, ...(changes.length > 0 ? { changes } : {}) };
    }
  }
  throw new Error(`no price of ${id} holds on ${date}`);
}

/** `null` where tokens are not what is paid for, or not all of it. Models that embed have no output. */
function ratesOf(id: string, prices: ModelPrice): Rates | null {
  if (id.endsWith(':free') && Object.keys(prices).length === 0) return { input: 0, output: 0 };
  if (UNCOUNTED.some((key) => prices[key] !== undefined) || prices.input_mtok === undefined) return null;
  if (prices.output_mtok === undefined && !id.includes('embed')) return null;
  const starts = Object.values(RATES).flatMap((key) => tiersOf(prices, key).map(({ start }) => start));
  const steps = [...new Set(starts)].sort((a, b) => a - b);
  const tiers = steps.map((above) => ({ above, ...ratesAbove(prices, above) }));
  return { ...ratesAbove(prices, -1), ...(tiers.length > 0 ? { tiers } : {}) };
}

/** Of a request with more prompt tokens than that. */
function ratesAbove(prices: ModelPrice, tokens: number): Omit<Rates, 'tiers'> {
  const rates: Record<string, number> = {};
  for (const [name, key] of Object.entries(RATES)) {
    const price = prices[key];
    if (price === undefined) continue;
    const base = typeof price === 'number' ? price : price.base;
    const tier = tiersOf(prices, key).findLast(({ start }) => start <= tokens);
    rates[name] = tier?.price ?? base;
  }
  return { input: 0, output: 0, ...rates };
}

function tiersOf(prices: ModelPrice, key: string) {
  const price = prices[key];
  return typeof price === 'object' ? price.tiers : [];
}
