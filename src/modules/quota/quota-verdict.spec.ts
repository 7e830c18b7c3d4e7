import { duration, rateLimitHeaders, type Counted } from './quota-verdict.js';

const OWNER = { tenant: 'acme', user: 'alice', model: null };
const IDLE = { inFlight: 0, spentUsd: 0, reservedUsd: 0 };

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
    const counted: Counted = {
      owner: OWNER,
      limits: { tokensPerMinute: 10 },
      state: { requests: window, tokens: window, ...IDLE },
    };
    expect(rateLimitHeaders([counted])).toEqual({
      'x-ratelimit-limit-tokens': '10',
      'x-ratelimit-remaining-tokens': '0',
      'x-ratelimit-reset-tokens': '2s',
    });
  });
});
