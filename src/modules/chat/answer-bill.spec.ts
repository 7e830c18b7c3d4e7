import { jest } from '@jest/globals';
import type { ChatFrame } from '../../common/chat.js';
import { AnsweredPrices } from '../../common/prices/answered-prices.js';
import type { Target, TargetStatus } from '../../common/target.js';
import { AnswerBill, type ExchangedTexts } from './answer-bill.js';

const price = { input: 10, output: 100, cachedInput: 1 };
const target = { id: 'a', tier: 'cloud', provider: 'openai', model: 'm', price, priceList: null } as unknown as Target;
const answer = { target, model: 'm' };
const texts: ExchangedTexts = {
  promptTokens: () => 7,
  answer: () => ({ choices: [{ message: { content: 'word '.repeat(400) } }] }),
};
const frame = (json: object): ChatFrame => ({ text: JSON.stringify(json), json }) as ChatFrame;
const more = frame({ choices: [{ delta: { content: 'x' } }] });

const billFor = (targets: ConstructorParameters<typeof AnswerBill>[0]) => new AnswerBill(targets, new AnsweredPrices());

describe('AnswerBill', () => {
  it('counts what is cached in the cost and in what is booked', () => {
    const bill = billFor([]);
    const usage = { prompt_tokens: 1_000, completion_tokens: 10, prompt_tokens_details: { cached_tokens: 900 } };
    bill.note(frame({ choices: [], usage }));
    expect(bill.costUsd(bill.usage(texts), answer)).toBeCloseTo(0.0029, 12);
    expect(bill.billed(bill.usage(texts), answer, texts)).toEqual({ tokens: 1_010, usd: expect.closeTo(0.0029, 12) });
  });

  it('keeps what the total has besides, when more was said after it', () => {
    const bill = billFor([]);
    bill.note(frame({ choices: [], usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 1_110 } }));
    const before = bill.costUsd(bill.usage(texts), answer)!;
    bill.note(more);
    const usage = bill.usage(texts);
    expect(usage.completion_tokens).toBeGreaterThan(10);
    expect(usage.total_tokens).toBe(1_000 + 100 + usage.completion_tokens!);
    expect(bill.costUsd(usage, answer)).toBeCloseTo(before + ((usage.completion_tokens! - 10) * 100) / 1e6, 12);
  });

  it('books a count that is missing as estimated, at the price of its target; the cost is unknown', () => {
    const bill = billFor([]);
    bill.note(frame({ choices: [], usage: { completion_tokens: 10 } }));
    const usage = bill.usage(texts);
    expect(bill.costUsd(usage, answer)).toBeNull();
    expect(bill.billed(usage, answer, texts).usd).toBeCloseTo((7 * 10 + 10 * 100) / 1e6, 12);
  });

  it('books the price of the model that answered, where the name that was asked says none', () => {
    const ours = { model: 'gpt-4o-mini-2024-07-18', target: { ...target, price: null, priceList: 'azure' } as const };
    const bill = billFor([{ ...target, price: { input: 1_000, output: 1_000 } } as never]);
    bill.note(frame({ choices: [], usage: { prompt_tokens: 1_000, completion_tokens: 100 } }));
    expect(bill.costUsd(bill.usage(texts), ours)).toBeCloseTo(0.00021, 12);
    expect(bill.billed(bill.usage(texts), ours, texts).usd).toBeCloseTo(0.00021, 12);
    expect(bill.billed(bill.usage(texts), { ...ours, model: 'acme' }, texts).usd).toBeCloseTo(1.1, 12);
  });

  it('learns nothing of a call that was left, and takes the price of the answers before it', () => {
    const prices = new AnsweredPrices();
    const bill = new AnswerBill([], prices);
    const deployment = { ...target, model: 'house', price: null, priceList: 'azure' } as unknown as TargetStatus;
    const left = { target: deployment, model: 'house', isUnheard: true } as const;
    const usage = { prompt_tokens: 1_000, completion_tokens: 0, total_tokens: 1_000 };
    expect(bill.costUsd(usage, left)).toBeNull();
    expect(bill.billed(usage, left, texts).usd).toBeGreaterThan(0);
    expect(prices.mayCount(deployment)).toBe(true);
    prices.note({ target: deployment, model: 'gpt-4o-mini-2024-07-18' });
    expect(bill.costUsd(usage, left)).toBeCloseTo(0.00015, 12);
    expect(bill.billed(usage, left, texts).usd).toBeCloseTo(0.00015, 12);
  });

  it('finds the dearest prompt; free ones are none', () => {
    const at = (id: string, input: number) => ({ ...target, id, price: { input, output: input } }) as TargetStatus;
    const bill = billFor([]);
    expect(bill.dearest([at('a', 1), at('b', 3), at('c', 2)])?.id).toBe('b');
    expect(bill.dearest([at('free', 0)])).toBeNull();
    expect(bill.dearest([])).toBeNull();
  });

  it('tells one cost, also over the hour in which a price changes', () => {
    jest.useFakeTimers({ now: Date.parse('2026-11-27T00:59:59Z') });
    const changes = [{ fromMs: 0, dayMs: [3_600_000, 7_200_000] as const, rates: { input: 20, output: 200 } }];
    const changing = { model: 'm', target: { ...target, price: { ...price, changes } } };
    const bill = billFor([]);
    bill.note(frame({ choices: [], usage: { prompt_tokens: 100, completion_tokens: 10 } }));
    const first = bill.costUsd(bill.usage(texts), changing);
    jest.setSystemTime(Date.parse('2026-11-27T01:00:01Z'));
    expect(bill.costUsd(bill.usage(texts), changing)).toBe(first);
    expect(bill.billed(bill.usage(texts), changing, texts).usd).toBe(first);
    expect(billFor([]).costUsd(bill.usage(texts), changing)).toBe(first! * 2);
    jest.useRealTimers();
  });
});
