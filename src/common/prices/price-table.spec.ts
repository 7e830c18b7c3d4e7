import { readFileSync } from 'node:fs';
import { calcPrice, findProvider, type MatchLogic } from '@pydantic/genai-prices';
import { ADDITIONS } from '../../../tools/prices/additions.js';
import { priceTableText } from '../../../tools/prices/price-table-text.js';
import { costUsd } from '../cost.js';
import { listedPrice, type ListedModels } from './price-lists.js';
import type { PriceListName } from './price.js';
import { PRICE_TABLE } from './price-table.js';

const lists = Object.keys(PRICE_TABLE.lists) as PriceListName[];

/** A name that a rule of the package is made for. */
function namesOf(match: MatchLogic): string[] {
  if ('or' in match) return match.or.flatMap(namesOf);
  if ('and' in match) return match.and.flatMap(namesOf);
  if ('equals' in match) return [match.equals, match.equals.toUpperCase()];
  if ('starts_with' in match) return [`${match.starts_with}-20250102`, match.starts_with];
  if ('ends_with' in match) return [`x${match.ends_with}`];
  if ('contains' in match) return [`x${match.contains}y`];
  return [
    match.regex
      .replace(/\\d\{(\d)\}/g, (_, digits: string) => '20250102'.slice(-Number(digits)))
      .replace(/[\\^$]/g, ''),
  ];
}

/** What the package cannot tell the whole price of from a usage object. */
const isUncounted = (prices: object): boolean =>
  ['requests_kcount', 'output_reasoning_mtok', 'output_citation_mtok', 'audio_hours'].some((key) => key in prices) ||
  !('input_mtok' in prices);

describe('the table of prices', () => {
  it('is what npm run prices:update makes of the installed package', async () => {
    const { version } = JSON.parse(readFileSync('node_modules/@pydantic/genai-prices/package.json', 'utf8')) as {
      version: string;
    };
    const { date } = PRICE_TABLE;
    expect(readFileSync('src/common/prices/price-table.ts', 'utf8')).toBe(await priceTableText({ version, date }));
  });

  it.each<[PriceListName, string, object | null]>([
    // by the providers' own pages: input and output, what is cached at a half, a quarter or a tenth of the input
    ['openai', 'gpt-4o-mini', { input: 0.15, output: 0.6, cachedInput: 0.075 }],
    ['openai', 'gpt-4o-2024-08-06', { input: 2.5, output: 10, cachedInput: 1.25 }],
    ['openai', 'gpt-4o-2024-05-13', { input: 5, output: 15 }],
    ['openai', 'gpt-4.1', { input: 2, output: 8, cachedInput: 0.5 }],
    ['openai', 'gpt-5-2025-08-07', { input: 1.25, output: 10, cachedInput: 0.125 }],
    ['openai', 'o3', { input: 2, output: 8, cachedInput: 0.5 }], // 10 and 40 until June 2025
    ['azure', 'gpt-4o-mini-2024-07-18', { input: 0.15, output: 0.6, cachedInput: 0.075 }],
    ['azure', 'phi-4', { input: 0.07, output: 0.14 }],
    ['anthropic', 'claude-sonnet-5', { input: 2, output: 10, cachedInput: 0.2, cacheWrite: 2.5 }],
    ['anthropic', 'claude-opus-4-1-20250805', { input: 15, output: 75, cachedInput: 1.5, cacheWrite: 18.75 }],
    ['mistral', 'mistral-large-latest', { input: 2, output: 6 }],
    ['groq', 'llama-3.1-8b-instant', { input: 0.05, output: 0.08 }],
    ['google', 'models/gemini-2.5-flash-lite', { input: 0.1, output: 0.4, cachedInput: 0.01, audioInput: 0.3 }],
    ['x-ai', 'grok-4-0709', { input: 3, output: 15, cachedInput: 0.75, reasoningApart: true }],
    ['openrouter', 'openai/gpt-4o-mini', { input: 0.15, output: 0.6 }],
    ['openrouter', 'perplexity/sonar', null],
    ['openai', 'whisper-1', null],
    ['openai', 'gpt-audio-mini', { input: 0.6, output: 2.4, audioInput: 10, audioOutput: 20 }],
    ['openai', 'gpt-4o-audio-preview-2024-12-17', null], // the price of audio is missing
    ['openrouter', 'openai/gpt-4o-audio-preview', null],
    ['openai', 'acme-xl', null],
  ])('%s, %s', (list, model, price) => {
    const found = listedPrice(list, model);
    if (price === null) expect(found).toBeNull();
    else expect(found).toMatchObject(price);
  });

  it('has a longer prompt cost more as a whole', () => {
    const at = (prompt: number) =>
      costUsd({ prompt_tokens: prompt, completion_tokens: 1_000_000 }, listedPrice('openai', 'gpt-5.4'));
    expect(at(271_999)).toBeCloseTo(0.271999 * 2.5 + 15, 9);
    expect(at(272_000)).toBeCloseTo(0.272 * 5 + 22.5, 9);
  });

  it('knows the hours in which a provider costs twice as much', () => {
    const price = listedPrice('deepseek', 'deepseek-v4-pro');
    const at = (time: string) =>
      costUsd({ prompt_tokens: 1_000_000, completion_tokens: 0 }, price, Date.parse(`2026-11-27T${time}Z`));
    const times = ['00:59:59', '01:00:00', '03:59:59', '04:00:00', '06:00:00', '10:00:00'];
    expect(times.map(at)).toEqual([0.66, 1.32, 1.32, 0.66, 1.32, 0.66]);
  });

  it('knows the day from which a price changes', () => {
    const price = listedPrice('google', 'gemini-3.6-flash');
    const at = (time: string) =>
      costUsd({ prompt_tokens: 0, completion_tokens: 1_000_000 }, price, Date.parse(`${time}Z`));
    expect(at('2027-01-01T00:00:00')).toBe(7.5);
    expect(at('2026-12-31T23:59:59')).not.toBe(7.5);
  });

  it.each(lists)('agrees with the package on every name of %s', (list) => {
    const provider = findProvider({ providerId: list })!;
    const times = ['2026-09-24T02:00:00Z', '2026-12-31T12:00:00Z', '2027-02-01T07:00:00Z', '2027-03-01T23:59:00Z'];
    const differing: unknown[] = [];
    let compared = 0;
    for (const { match } of provider.models) {
      for (const name of namesOf(match)) {
        for (const [i, time] of times.entries()) {
          const [prompt, cached, written, completion] = [300_000 - 90_000 * i, 1_000 * i, 700, 5_000 + i];
          const timestamp = new Date(time);
          const usage = { input_tokens: prompt, cache_read_tokens: cached, output_tokens: completion };
          const theirs = calcPrice({ ...usage, cache_write_tokens: written }, name, { providerId: list, timestamp });
          const details = { cached_tokens: cached, cache_write_tokens: written };
          const counted = { prompt_tokens: prompt, completion_tokens: completion, prompt_tokens_details: details };
          const ours = costUsd(counted, listedPrice(list, name), timestamp.getTime());
          if (ours === null) continue;
          compared += 1;
          if (!theirs || Math.abs(theirs.total_price - ours) > 1e-9) differing.push([name, ours, theirs?.total_price]);
        }
      }
    }
    expect(differing).toEqual([]);
    expect(compared).toBeGreaterThan(10);
  });

  it.each(lists)('leaves no price of %s out that counts tokens', (list) => {
    const missing = findProvider({ providerId: list })!
      .models.filter(({ prices }) => {
        const all = Array.isArray(prices) ? prices.map((entry) => entry.prices) : [prices];
        return !all.some(isUncounted) && all.every((rates) => 'output_mtok' in rates);
      })
      .flatMap(({ match }) => namesOf(match))
      .filter((name) => !/^perplexity\/|audio|voxtral/i.test(name))
      .filter((name) => listedPrice(list, name) === null && calcPrice({ input_tokens: 1 }, name, { providerId: list }));
    expect(missing).toEqual([]);
  });

  it.each(Object.entries(ADDITIONS).flatMap(([list, rows]) => rows.map(([names]) => [list, names.split(' ')[0]!])))(
    'adds to %s only what the package lacks: %s',
    (list, name) => expect(calcPrice({ input_tokens: 1 }, name, { providerId: list })).toBeNull(),
  );

  it('has rows that are read as they are meant', () => {
    const fields = new Set<string>();
    for (const { rows } of Object.values(PRICE_TABLE.lists)) {
      for (const [, price] of JSON.parse(rows) as ListedModels[]) {
        for (const name of Object.keys(price ?? {})) fields.add(name);
      }
    }
    expect([...fields].sort()).toEqual(
      ['audioInput', 'audioOutput', 'cacheWrite', 'cachedInput', 'changes', 'input', 'output', 'tiers'].sort(),
    );
  });
});
