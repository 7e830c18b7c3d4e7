import { describe, expect, it } from '@jest/globals';
import { completed } from './completed-event.fixture.js';
import { spendingOf } from './spending.js';

const NOTHING = { promptTokens: 0, completionTokens: 0, costUsd: 0 };

describe('spendingOf', () => {
  it.each(['answered', 'cut', 'aborted'] as const)('counts what an %s request used', (outcome) => {
    expect(spendingOf(completed({ outcome }))).toEqual({ promptTokens: 10, completionTokens: 20, costUsd: 0.5 });
  });

  it('counts nothing for failed requests and cache hits', () => {
    expect(spendingOf(completed({ outcome: 'failed' }))).toEqual(NOTHING);
    expect(spendingOf(completed({ cache: { result: 'HIT', key: null, completion: null } }))).toEqual(NOTHING);
  });

  it('counts nothing for what is unknown', () => {
    const unknown = { prompt_tokens: null, completion_tokens: null, total_tokens: null };
    expect(spendingOf(completed({ usage: unknown, costUsd: null }))).toEqual(NOTHING);
    expect(spendingOf(completed({ usage: null, costUsd: null }))).toEqual(NOTHING);
  });
});
