import { describe, expect, it } from '@jest/globals';
import { completedChat } from './completed-event.fixture.js';
import { spendingOf } from './usage-ledger.js';

const NOTHING = { prompt_tokens: 0, completion_tokens: 0, cost_usd: 0 };

describe('spendingOf', () => {
  it.each(['answered', 'cut', 'aborted'] as const)('counts what an %s request used', (outcome) => {
    expect(spendingOf(completedChat({ outcome }))).toEqual({ prompt_tokens: 10, completion_tokens: 20, cost_usd: 0.5 });
  });

  it('counts nothing for failed requests and for answers that were not made for them', () => {
    expect(spendingOf(completedChat({ outcome: 'failed' }))).toEqual(NOTHING);
    expect(spendingOf(completedChat({ pays: false }))).toEqual(NOTHING);
  });

  it('counts nothing for what is unknown', () => {
    const unknown = { prompt_tokens: null, completion_tokens: null, total_tokens: null };
    expect(spendingOf(completedChat({ usage: unknown, costUsd: null }))).toEqual(NOTHING);
    expect(spendingOf(completedChat({ usage: null, costUsd: null }))).toEqual(NOTHING);
  });
});
