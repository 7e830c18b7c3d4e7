import { listedPrice } from './prices/price-lists.js';
import type { Price, Rates } from './prices/price.js';
import type { Target } from './target.js';
import { countOf, type Usage } from './usage.js';

const TOKENS_PER_PRICE_UNIT = 1_000_000;
const NANO_PER_MICRO_USD = 1_000;
const NANO_PER_USD = 1e9;
const DAY_MS = 86_400_000;

/** What was counted of an answer: `readUsage` made the three counts of it, its other fields are as its server wrote them. */
type Counted = Pick<Usage, 'prompt_tokens' | 'completion_tokens'> & Readonly<Record<string, unknown>>;

const NO_DETAILS: Readonly<Record<string, unknown>> = Object.freeze({});

const detailsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : NO_DETAILS;

/**
 * What an answer cost in USD, as its provider bills it, to the billionth: header, log, record, metrics and usage all have the
 * same number, and add up to the same. `null` when a count or the price is unknown. A part of the prompt
 * that a server says is cached, or audio, and that is more than the whole prompt, is none: then it costs as all of it does.
 *
 * @param at when it was asked for, milliseconds of the epoch: some prices change with the day or the hour
 * @see https://platform.openai.com/docs/api-reference/chat/object (`usage`)
 */
export function costUsd(usage: Counted | null, price: Price | null, at?: number): number | null {
  if (!usage || !price) return null;
  const { prompt_tokens: counted, completion_tokens: completion } = usage;
  if (counted === null || completion === null) return null;
  const ofPrompt = detailsOf(usage['prompt_tokens_details']);
  const ofAnswer = detailsOf(usage['completion_tokens_details']);
  const total = countOf(usage['total_tokens']) ?? 0;
  let cached = cachedTokens(usage, ofPrompt);
  const written = writtenTokens(usage, ofPrompt);
  const prompt = counted + besidePrompt(usage, counted, total - counted - completion);
  // what the total has besides are reasoning tokens that completion_tokens lacks (Gemini, xAI): they are output
  const apart = price.reasoningApart ? (countOf(ofAnswer['reasoning_tokens']) ?? 0) : 0;
  const answer = completion + Math.max(0, total - prompt - completion, apart);
  const audioInput = Math.min(countOf(ofPrompt['audio_tokens']) ?? 0, prompt);
  const audioOutput = Math.min(countOf(ofAnswer['audio_tokens']) ?? 0, answer);
  const kept = Math.min(written, prompt - audioInput);
  if (cached + kept + audioInput > prompt) cached = 0;
  const rates = ratesOf(price, prompt, at);
  const { input, output } = rates;
  const usd =
    (prompt - cached - kept - audioInput) * input +
    cached * (rates.cachedInput ?? input) +
    kept * (rates.cacheWrite ?? input) +
    audioInput * (rates.audioInput ?? input) +
    (answer - audioOutput) * output +
    audioOutput * (rates.audioOutput ?? output);
  return Math.round(usd * NANO_PER_MICRO_USD) / NANO_PER_USD;
}

/** Which sides of a request may be audio. */
export interface AudioSides {
  readonly sendsAudio?: boolean;
  readonly wantsAudio?: boolean;
}

const NO_AUDIO: AudioSides = Object.freeze({});

/**
 * What a prompt and an answer of so many tokens cost at most, USD: nothing is cached, all of it may be written to the cache,
 * all of a side that may be audio is.
 */
export function mostCostUsd(
  prompt: number,
  completion: number,
  price: Price | null,
  { sendsAudio, wantsAudio } = NO_AUDIO,
): number | null {
  if (!price) return null;
  const { input, output, cacheWrite = 0, audioInput = 0, audioOutput = 0 } = ratesOf(price, prompt);
  const read = Math.max(input, cacheWrite, sendsAudio ? audioInput : 0);
  const said = Math.max(output, wantsAudio ? audioOutput : 0);
  return (prompt * read + completion * said) / TOKENS_PER_PRICE_UNIT;
}

/** OpenAI's name for it, Moonshot's, DeepSeek's, Anthropic's. */
const cachedTokens = (usage: Counted, details: Readonly<Record<string, unknown>>): number =>
  countOf(details['cached_tokens']) ??
  countOf(usage['cached_tokens']) ??
  countOf(usage['prompt_cache_hit_tokens']) ??
  countOf(usage['cache_read_input_tokens']) ??
  0;

/** Prompt tokens that the provider had in its cache, as its server tells; 0 where it does not. */
export const cachedTokensOf = (usage: Counted): number =>
  cachedTokens(usage, detailsOf(usage['prompt_tokens_details']));

const writtenTokens = (usage: Counted, details: Readonly<Record<string, unknown>>): number =>
  countOf(details['cache_write_tokens']) ?? countOf(usage['cache_creation_input_tokens']) ?? 0;

/**
 * Prompt tokens that a server counts beside `prompt_tokens`, as Anthropic counts those of its cache: where they are more
 * than it, or the total has them too.
 *
 * @param inTotal tokens of the total that are neither prompt nor completion
 */
function besidePrompt(usage: Counted, prompt: number, inTotal: number): number {
  const read = countOf(usage['cache_read_input_tokens']) ?? 0;
  const sum = read + (countOf(usage['cache_creation_input_tokens']) ?? 0);
  return sum > prompt || (sum > 0 && inTotal >= sum) ? sum : 0;
}

/** The rates of a prompt of so many tokens at that time (milliseconds of the epoch; left out: now). */
export function ratesOf(price: Price, promptTokens: number, at?: number): Rates {
  const { changes } = price;
  let rates: Rates = changes === undefined ? price : ratesAt(price, at ?? Date.now());
  if (rates.tiers === undefined) return rates;
  for (const tier of rates.tiers) {
    if (promptTokens > tier.above) rates = tier;
  }
  return rates;
}

function ratesAt(price: Price, at: number): Rates {
  const change = price.changes?.findLast(
    ({ fromMs, dayMs }) => at >= fromMs && (!dayMs || isBetween(at % DAY_MS, dayMs)),
  );
  return change?.rates ?? price;
}

const isBetween = (time: number, [from, until]: readonly [number, number]): boolean =>
  from < until ? time >= from && time < until : time >= from || time < until;

/**
 * The price of an answer: its owner's, else the table's for the model that answered (servers name the dated version, and
 * of a deployment that has a name of its own, its model), else for the one that was asked.
 */
export function answerPrice(answer: Answered): Price | null {
  const { price, priceList, model: asked } = answer.target;
  if (!priceList) return price;
  const { model } = answer; // looked for in the answer
  return model === asked ? price : (listedPrice(priceList, model) ?? price);
}

/** Who answered. */
export interface Answered {
  readonly target: Target;
  /** As its server names it. */
  readonly model: string;
  /** Nothing came of it: the model is the one that was asked for. */
  readonly isUnheard?: true;
}

/** A target as the configuration or the catalogue knows it. */
export type Priced = Pick<Target, 'tier' | 'provider'> & { readonly price?: Price | null | undefined };

const FREE: Price = Object.freeze({ input: 0, output: 0 });

/**
 * What tokens of a target count in budgets: its own price; where nobody knows one, the dearest known price of its tier,
 * else of all (`limits.unpriced: count`). `null` when no target has a price. Simulated targets are free.
 */
export function budgetPrice(target: Priced, targets: readonly Priced[]): Price | null {
  if (target.price) return target.price;
  if (target.provider === 'simulated') return FREE;
  return dearest(targets.filter(({ tier }) => tier === target.tier)) ?? dearest(targets);
}

function dearest(targets: readonly Priced[]): Price | null {
  let found: Price | null = null;
  let highest = -1;
  for (const { price } of targets) {
    if (!price || pricePerPair(price) <= highest) continue;
    found = price;
    highest = pricePerPair(price);
  }
  return found;
}

/** Of a prompt token and an answer token of a short request, to compare prices. */
export function pricePerPair(price: Price): number {
  const { input, output } = ratesOf(price, 0);
  return input + output;
}
