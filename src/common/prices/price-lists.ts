import { BoundedMap } from '../bounded-map.js';
import { ownField } from '../json/fields.js';
import type { Target } from '../target.js';
import type { Price, PriceChange, PriceListName, Rates } from './price.js';
import { PRICE_TABLE } from './price-table.js';

/** Rates that hold instead of a row's own at certain times. */
export interface ListedChange extends Rates {
  /** From this day on, 00:00 UTC. */
  readonly from?: string;
  /** Each day from the first until the second of these times, UTC; over midnight where the first is the later one. */
  readonly between?: readonly [string, string];
}

export interface ListedPrice extends Rates {
  readonly changes?: readonly ListedChange[];
}

/**
 * One row of the table: names of models with blanks between them, and their price; `null` = not paid by the token alone.
 * `name*` begins so, `*name` ends so, `*name*` has it anywhere, `/expression/` matches. The first row that fits counts.
 */
export type ListedModels = readonly [names: string, price: ListedPrice | null];

/**
 * Whose prices the server at a host has. Regional hosts that cost more than the list says (eu.api.openai.com, Vertex AI's
 * regions) and those that bill another currency (api.moonshot.cn) are not here.
 */
const HOSTS: Readonly<Record<string, PriceListName>> = {
  'api.openai.com': 'openai',
  'api.anthropic.com': 'anthropic',
  'generativelanguage.googleapis.com': 'google',
  'api.mistral.ai': 'mistral',
  'api.groq.com': 'groq',
  'api.deepseek.com': 'deepseek',
  'api.x.ai': 'x-ai',
  'api.cohere.ai': 'cohere',
  'api.cohere.com': 'cohere',
  'api.cerebras.ai': 'cerebras',
  'api.fireworks.ai': 'fireworks',
  'api.together.ai': 'together',
  'api.together.xyz': 'together',
  'api.moonshot.ai': 'moonshotai',
  'api.z.ai': 'zai',
  'openrouter.ai': 'openrouter',
};

const AZURE_HOST = /\.(openai|services\.ai|cognitiveservices)\.azure\.com$/;

/** At these reasoning tokens are no part of `completion_tokens`, and are billed as if they were. */
const REASONING_APART: ReadonlySet<PriceListName> = new Set<PriceListName>(['x-ai']);

/** Names from outside are looked up as they come: no more than these are kept, and none that is longer than any name. */
const MOST_NAMES = 500;
const LONGEST_NAME = 200;

interface Entry {
  readonly names: readonly string[];
  readonly price: Price | null;
}

const entries = new Map<PriceListName, readonly Entry[]>();
const known = new Map<PriceListName, BoundedMap<string, Price | null>>();

type Place = Pick<Target, 'tier' | 'provider'> & {
  readonly baseUrl?: string | undefined;
  readonly endpoint?: string | undefined;
};

/**
 * The list with the prices of a target's server; `null` where nobody knows them: local machines, private servers, proxies.
 * A deployment of Azure OpenAI, or of Claude in Microsoft Foundry, is Azure's wherever its endpoint is.
 */
export function priceListOf({ tier, provider, baseUrl, endpoint }: Place): PriceListName | null {
  if (tier === 'local' || provider === 'simulated') return null;
  if (provider === 'azure-openai' || (provider === 'anthropic' && endpoint)) return 'azure';
  const host = URL.parse(baseUrl ?? '')?.hostname.replace(/\.$/, '') ?? '';
  return ownField(HOSTS, host) ?? (AZURE_HOST.test(host) ? 'azure' : null);
}

/** The list that has the prices of a target as it is configured; `null` = none, or its owner said what it costs. */
export const targetPriceList = ({
  price,
  ...place
}: Place & { readonly price?: Price | undefined }): PriceListName | null =>
  price ? (price.list ?? null) : priceListOf(place);

const dearestOfLists = new Map<PriceListName, Price>();

/** No model of a list costs more, whenever it is asked and whatever the prompt; not what one of them costs. */
export function dearestPrice(list: PriceListName): Price {
  let dearest = dearestOfLists.get(list);
  if (!dearest) dearestOfLists.set(list, (dearest = { ...dearestRates(list), list }));
  return dearest;
}

function dearestRates(list: PriceListName): Rates & Pick<Price, 'reasoningApart'> {
  const most = { input: 0, output: 0, audioInput: 0, audioOutput: 0, reasoningApart: REASONING_APART.has(list) };
  const raise = ({ input, output, cacheWrite = 0, audioInput = 0, audioOutput = 0, tiers = [] }: Rates): void => {
    most.input = Math.max(most.input, input, cacheWrite);
    most.output = Math.max(most.output, output);
    most.audioInput = Math.max(most.audioInput, audioInput);
    most.audioOutput = Math.max(most.audioOutput, audioOutput);
    tiers.forEach(raise);
  };
  for (const { price } of entriesOf(list)) {
    if (price) [price, ...(price.changes ?? []).map(({ rates }) => rates)].forEach(raise);
  }
  for (const other of PRICE_TABLE.lists[list].sellsFor as readonly PriceListName[]) {
    const sold = dearestRates(other);
    raise(sold);
    most.reasoningApart ||= sold.reasoningApart === true;
  }
  return most;
}

/**
 * What a model costs, by the name that the configuration or its server gives it (case, `models/` in front and the way a
 * date is written do not matter). `null` = the table does not know.
 */
export function listedPrice(list: PriceListName, model: string): Price | null {
  if (model.length > LONGEST_NAME) return null;
  let names = known.get(list);
  if (!names) known.set(list, (names = new BoundedMap(MOST_NAMES)));
  const found = names.get(model);
  if (found !== undefined) return found;
  const name = model
    .toLowerCase()
    .trim()
    .replace(/^models\//, '');
  const dated = withDashedDates(name);
  const entry = findEntry(list, name) ?? (dated === name ? undefined : findEntry(list, dated));
  const price = entry?.price ?? null;
  names.set(model, price);
  return price;
}

/** In the list itself, else in those of the providers whose models it sells for the same price. */
function findEntry(list: PriceListName, name: string): Entry | undefined {
  const own = entriesOf(list).find(({ names }) => names.some((pattern) => fits(pattern, name)));
  if (own) return own;
  for (const other of PRICE_TABLE.lists[list].sellsFor as readonly PriceListName[]) {
    const found = findEntry(other, name);
    if (found) return found;
  }
  return undefined;
}

function entriesOf(list: PriceListName): readonly Entry[] {
  let read = entries.get(list);
  if (!read) {
    const rows = JSON.parse(PRICE_TABLE.lists[list].rows) as readonly ListedModels[];
    read = rows.map(([names, price]) => ({
      names: names.split(' '),
      price: price && priceOf(price, list),
    }));
    entries.set(list, read);
  }
  return read;
}

function priceOf({ changes, ...rates }: ListedPrice, list: PriceListName): Price {
  return {
    ...rates,
    list,
    ...(changes ? { changes: changes.map(changeOf) } : {}),
    ...(REASONING_APART.has(list) ? { reasoningApart: true } : {}),
  };
}

function changeOf({ from, between, ...rates }: ListedChange): PriceChange {
  return {
    fromMs: from === undefined ? 0 : Date.parse(from),
    ...(between ? { dayMs: [timeOfDay(between[0]), timeOfDay(between[1])] as const } : {}),
    rates,
  };
}

const timeOfDay = (time: string): number => Date.parse(`1970-01-01T${time}`);

function fits(pattern: string, name: string): boolean {
  if (pattern.startsWith('/')) return new RegExp(pattern.slice(1, -1)).test(name);
  const [front, back] = [pattern.startsWith('*'), pattern.endsWith('*')];
  const text = pattern.slice(front ? 1 : 0, back ? -1 : undefined);
  if (front && back) return name.includes(text);
  if (front) return name.endsWith(text);
  return back ? name.startsWith(text) : name === text;
}

/** `-20250807` as `-2025-08-07`: providers write the date of a version one way or the other. */
const withDashedDates = (name: string): string =>
  name.replace(/-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)/g, '-$1-$2-$3');
