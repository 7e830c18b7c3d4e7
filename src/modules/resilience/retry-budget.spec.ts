import { RetryBudget } from './retry-budget.js';

describe('RetryBudget', () => {
  let nowMs: number;
  let budget: RetryBudget;
  const taken = (tries: number) => Array.from({ length: tries }, () => budget.take()).filter(Boolean).length;
  beforeEach(() => {
    nowMs = 0;
    budget = new RetryBudget(() => nowMs);
  });

  it('gives ten retries at once and no more', () => expect(taken(500)).toBe(10));

  it('gives one more a second, and never more than ten', () => {
    taken(10);
    nowMs = 3_000;
    expect(taken(500)).toBe(3);
    nowMs = 1_000_000;
    expect(taken(500)).toBe(10);
  });

  it('gives one more for five successes', () => {
    taken(10);
    for (let i = 0; i < 5; i += 1) budget.succeeded();
    expect(taken(500)).toBe(1);
  });
});
