import type { Caller } from '../../common/caller.js';
import { WINDOW_MS } from './sliding-window.js';
import { TakenAlone } from './taken-alone.js';

const userOf = (n: number): Caller => ({ tenant: 'acme', user: `u${n}`, scopes: ['chat'], limits: {} });

describe('what a replica lets in alone', () => {
  it('is forgotten with its window, however many users come while Redis is away', () => {
    const taken = new TakenAlone();
    for (let n = 0; n < 1_000; n += 1) taken.add(userOf(n), { tokens: 1 }, n);
    taken.forgetOld(WINDOW_MS + 499);
    expect(taken.callers).toHaveLength(500);
    taken.forgetOld(WINDOW_MS + 1_000);
    expect(taken.callers).toEqual([]);
  });
});
