import type { PRICE_TABLE } from './price-table.js';

/** One provider's part of the table of prices. */
export type PriceListName = keyof typeof PRICE_TABLE.lists;

/** USD per million tokens. What is left out costs as much as other tokens of its side. */
export interface Rates {
  readonly input: number;
  readonly output: number;
  /** Prompt tokens that the provider still had from an earlier request. */
  readonly cachedInput?: number | undefined;
  /** Prompt tokens that it keeps for later ones. */
  readonly cacheWrite?: number | undefined;
  readonly audioInput?: number | undefined;
  readonly audioOutput?: number | undefined;
  /** Rates of the whole request from a length of its prompt on; the longest last. */
  readonly tiers?: readonly LongPromptRates[] | undefined;
}

/** What a request of more than so many prompt tokens costs. */
export interface LongPromptRates extends Omit<Rates, 'tiers'> {
  readonly above: number;
}

/** Rates that hold at certain times. */
export interface PriceChange {
  /** Milliseconds of the epoch. */
  readonly fromMs: number;
  /** Each day from the first until the second of these, milliseconds since 00:00 UTC; left out: all day. */
  readonly dayMs?: readonly [number, number];
  readonly rates: Rates;
}

/** What the tokens of a target cost. */
export interface Price extends Rates {
  /** The last of those that hold counts instead of the rates of the price itself. */
  readonly changes?: readonly PriceChange[] | undefined;
  /** Of the table it is from; left out: its owner said it. */
  readonly list?: PriceListName | undefined;
  /** The provider counts reasoning tokens beside `completion_tokens`. */
  readonly reasoningApart?: boolean | undefined;
}
