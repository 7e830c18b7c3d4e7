import fc from 'fast-check';
import { answerPrice, budgetPrice, costUsd, mostCostUsd, ratesOf } from './cost.js';
import type { Price } from './prices/price.js';
import type { Target } from './target.js';
import { readUsage } from './usage.js';

const MILLION = 1_000_000;
const PRICE: Price = { input: 10, output: 100, cachedInput: 1, cacheWrite: 12.5, audioInput: 40, audioOutput: 400 };

/** What a server reports, in thousands of tokens, costs in thousandths of a USD. */
function cost(reported: object, price: Price | null = PRICE): number | null {
  const usd = costUsd(readUsage(reported), price);
  return usd === null ? null : Math.round(usd * MILLION) / 1_000;
}
const usage = (prompt: number, completion: number, rest: object = {}): object => ({
  ...{ prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
  ...rest,
});

describe('costUsd', () => {
  it.each<[string, object, number | null]>([
    ['nothing but counts', usage(100, 10), 2],
    ['OpenAI, 80 of 100 cached', usage(100, 10, { prompt_tokens_details: { cached_tokens: 80 } }), 0.2 + 0.08 + 1],
    ['all of it cached', usage(100, 10, { prompt_tokens_details: { cached_tokens: 100 } }), 1.1],
    ['OpenAI, 50 written', usage(100, 10, { prompt_tokens_details: { cache_write_tokens: 50 } }), 0.5 + 0.625 + 1],
    ['Moonshot', usage(100, 10, { cached_tokens: 80 }), 1.28],
    ['DeepSeek', usage(100, 10, { prompt_cache_hit_tokens: 80, prompt_cache_miss_tokens: 20 }), 1.28],
    [
      'a proxy of Anthropic that counts the cache in',
      usage(100, 10, { cache_read_input_tokens: 60, cache_creation_input_tokens: 20 }),
      0.2 + 0.06 + 0.25 + 1,
    ],
    [
      'one that counts it beside, by the total',
      usage(100, 10, { cache_read_input_tokens: 60, cache_creation_input_tokens: 20, total_tokens: 190 }),
      1 + 0.06 + 0.25 + 1,
    ],
    [
      'one that counts it beside, as it is more than the prompt',
      { prompt_tokens: 5, completion_tokens: 10, cache_read_input_tokens: 100 },
      0.05 + 0.1 + 1,
    ],
    ['reasoning that is in', usage(100, 10, { completion_tokens_details: { reasoning_tokens: 9 } }), 2],
    [
      'reasoning that is beside, by the total',
      usage(100, 10, { completion_tokens_details: { reasoning_tokens: 30 }, total_tokens: 140 }),
      1 + 4,
    ],
    ['thoughts that only the total has', usage(100, 10, { total_tokens: 140 }), 1 + 4],
    ['a total that is too small', usage(100, 10, { total_tokens: 3 }), 2],
    ['audio', usage(100, 10, { prompt_tokens_details: { audio_tokens: 90 } }), 0.1 + 3.6 + 1],
    ['spoken answers', usage(100, 10, { completion_tokens_details: { audio_tokens: 8 } }), 1 + 0.2 + 3.2],
    ['more cached than there is', usage(100, 10, { prompt_tokens_details: { cached_tokens: 101 } }), 2],
    ['more audio than there is', usage(100, 10, { prompt_tokens_details: { audio_tokens: 1e6 } }), 5],
    ['less than nothing cached', usage(100, 10, { prompt_tokens_details: { cached_tokens: -50 } }), 2],
    ['half a token cached', usage(100, 10, { prompt_tokens_details: { cached_tokens: 0.5 } }), 2],
    ['a text for a count', usage(100, 10, { prompt_tokens_details: { cached_tokens: '80' } }), 2],
    ['details that are none', usage(100, 10, { prompt_tokens_details: 7, completion_tokens_details: null }), 2],
    ['no completion tokens', { prompt_tokens: 100 }, null],
    ['no usage', {}, null],
  ])('%s', (_, reported, milliUsd) => expect(cost(reported)).toBe(milliUsd));

  it('is unknown where the price is', () => expect(cost(usage(1, 1), null)).toBeNull());

  it('takes what has no price of its own as other tokens of its side', () => {
    const details = { cached_tokens: 50, cache_write_tokens: 10, audio_tokens: 10 };
    expect(cost(usage(100, 10, { prompt_tokens_details: details }), { input: 10, output: 100 })).toBe(2);
  });

  it('counts reasoning in where its provider does, whatever the total says', () => {
    const reported = { prompt_tokens: 100, completion_tokens: 10, completion_tokens_details: { reasoning_tokens: 30 } };
    expect(cost(reported, { ...PRICE, reasoningApart: true })).toBe(5);
    expect(cost({ ...reported, total_tokens: 140 }, { ...PRICE, reasoningApart: true })).toBe(5);
  });

  it('is never less than what the counts cost at the lowest rates, never more than all at the highest', () => {
    const count = fc.oneof(
      fc.nat(300),
      fc.constantFrom<unknown>(NaN, -1, 1e300, 2 ** 53, null, '5', {}, [], undefined, true, Infinity, 1.5),
    );
    const details = fc.oneof(
      fc.record({
        ...{ cached_tokens: count, cache_write_tokens: count, audio_tokens: count, reasoning_tokens: count },
      }),
      fc.jsonValue(),
    );
    const reported = fc.record({
      ...{ prompt_tokens: fc.nat(300), completion_tokens: fc.nat(300), total_tokens: count },
      ...{ cached_tokens: count, cache_read_input_tokens: count, cache_creation_input_tokens: count },
      ...{ prompt_cache_hit_tokens: count, prompt_tokens_details: details, completion_tokens_details: details },
    });
    const tiered: Price = { ...PRICE, tiers: [{ above: 200, input: 20, output: 150, cachedInput: 2 }] };
    fc.assert(
      fc.property(reported, fc.boolean(), (all, reasoningApart) => {
        const read = readUsage(all)!;
        const usd = costUsd(read, { ...tiered, reasoningApart })! * MILLION;
        const { prompt_tokens: prompt, completion_tokens: completion } = all;
        expect(usd).toBeGreaterThanOrEqual(prompt * 1 + completion * 100 - 1e-9);
        expect(usd).toBeLessThanOrEqual((prompt + 600) * 40 + (completion + 900) * 400 + 1e-9);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('prices that change', () => {
  const night: Price = {
    ...{ input: 1, output: 1 },
    changes: [
      { fromMs: Date.parse('2026-12-01'), rates: { input: 2, output: 2 } },
      { fromMs: 0, dayMs: [22 * 3_600_000, 3_600_000], rates: { input: 3, output: 3 } },
    ],
  };
  it.each([
    ['2026-11-30T12:00:00Z', 1],
    ['2026-12-01T12:00:00Z', 2],
    ['2026-11-30T22:00:00Z', 3],
    ['2026-12-02T00:59:59Z', 3],
    ['2026-12-02T01:00:00Z', 2],
  ])('at %s', (time, input) => expect(ratesOf(night, 0, Date.parse(time)).input).toBe(input));
});

describe('what is set aside', () => {
  it('is at the full price, or that of writing to the cache', () => {
    expect(mostCostUsd(100, 10, { input: 10, output: 100, cachedInput: 1 })).toBeCloseTo(0.002, 12);
    expect(mostCostUsd(100, 10, PRICE)).toBeCloseTo(0.00225, 12);
    expect(mostCostUsd(100, 10, null)).toBeNull();
  });

  const spoken: Price = { input: 2.5, output: 10, audioInput: 40, audioOutput: 80 };
  it.each<[string, Parameters<typeof mostCostUsd>[3], number]>([
    ['text', {}, (100 * 2.5 + 10 * 10) / 1e6],
    ['audio that is sent', { sendsAudio: true }, (100 * 40 + 10 * 10) / 1e6],
    ['audio that is asked for', { wantsAudio: true }, (100 * 2.5 + 10 * 80) / 1e6],
  ])('is at the rates of %s', (_, audio, usd) => expect(mostCostUsd(100, 10, spoken, audio)).toBeCloseTo(usd, 12));
});

describe('answerPrice', () => {
  const ours: Price = { input: 7, output: 7 };
  const target = (over: Partial<Target>): Target =>
    ({ model: 'gpt-4o', price: null, priceList: 'azure', ...over }) as Target;

  it.each<[string, Partial<Target>, string, number | undefined]>([
    ['the version that answered', { price: ours }, 'gpt-4o-2024-05-13', 5],
    ['the model of a deployment with a name of its own', { model: 'ours' }, 'gpt-4.1-2025-04-14', 2],
    ['the model that was asked, where the other is unknown', { price: ours }, 'acme', 7],
    ['the configured price', { price: ours, priceList: null }, 'gpt-4o-2024-05-13', 7],
    ['nothing, where nobody knows', { model: 'ours' }, 'acme', undefined],
  ])('is that of %s', (_, over, model, input) =>
    expect(answerPrice({ target: target(over), model })?.input).toBe(input),
  );
});

describe('budgetPrice', () => {
  it('is the dearest of the tier, by its rates of now', () => {
    const cheap: Price = { input: 1, output: 1 };
    const dear: Price = { ...cheap, changes: [{ fromMs: 0, rates: { input: 5, output: 5 } }] };
    const target = (price: Price | null) => ({ tier: 'cloud', provider: 'openai', price }) as const;
    expect(budgetPrice(target(null), [target(cheap), target(dear), target({ input: 2, output: 2 })])).toBe(dear);
    expect(budgetPrice(target(null), [target(null)])).toBeNull();
  });
});
