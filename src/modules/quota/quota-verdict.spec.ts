import { duration, rateLimitHeaders } from './quota-verdict.js';

describe('x-ratelimit headers', () => {
  it.each([
    [0, '0s'],
    [1, '1s'],
    [6000, '6s'],
    [59_001, '1m0s'],
    [60_000, '1m0s'],
    [360_000, '6m0s'],
  ])('writes %i ms as %s', (ms, text) => expect(duration(ms)).toBe(text));

  it('never tells of a negative rest, and leaves out a limit that does not exist', () => {
    const window = { used: 14, emptyInMs: 1500, fitsInMs: 1500 };
    expect(rateLimitHeaders({ tokensPerMinute: 10 }, { requests: window, tokens: window })).toEqual({
      'x-ratelimit-limit-tokens': '10',
      'x-ratelimit-remaining-tokens': '0',
      'x-ratelimit-reset-tokens': '2s',
    });
  });
});
