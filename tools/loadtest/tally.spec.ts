import { collectGarbage } from '../../test/support/collected-garbage.js';
import type { Outcome } from './outcome.js';
import { Tally } from './tally.js';

const OUTCOME: Outcome = {
  ...{ status: 200, error: null, target: 'small', cache: 'MISS', fallback: false, attempts: 1 },
  ...{ tokens: { prompt: 3, completion: 2 }, costUsd: 0.00000001, firstTokenMs: 4, gapMs: 2, ms: 10 },
};
const MILLION = 1_000_000;
const requestsOf = (sums: object): number =>
  Object.values(sums as Record<string, { requests: number }>).reduce((sum, { requests }) => sum + requests, 0);

describe('the tally of a load test', () => {
  it('adds a million requests up exactly, in memory that does not grow', () => {
    const tally = new Tally();
    tally.add(OUTCOME, 0, 10, true);
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
    for (let n = 1; n < MILLION; n += 1)
      tally.add(n % 10 === 0 ? { ...OUTCOME, status: 429, error: 'e' } : OUTCOME, n, 10, true);
    collectGarbage();
    expect(process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed - before).toBeLessThan(64 * 1024 * 1024);
    expect(tally.timeline.length).toBeLessThanOrEqual(240);
    expect(tally.timeline.reduce((sum, slice) => sum + (slice?.answered ?? 0) + (slice?.failed ?? 0), 0)).toBe(MILLION);
    expect(tally.total.all.toJSON()['all']).toEqual({
      ...{ requests: MILLION, prompt_tokens: 3 * MILLION, completion_tokens: 2 * MILLION, cost_usd: 0.01 },
    });
    const { byStatus, byTarget, byStatusAndTarget, byCache } = tally.total;
    expect([byStatus, byTarget, byStatusAndTarget, byCache].map((sums) => requestsOf(sums.toJSON()))).toEqual(
      Array(4).fill(MILLION),
    );
    expect(requestsOf(tally.total.errors.toJSON()) + tally.total.answered).toBe(MILLION);
  });

  it('has a name for everything beyond a hundred names', () => {
    const tally = new Tally();
    for (let n = 0; n < 1_000; n += 1) tally.add({ ...OUTCOME, target: `t${n}` }, 0, 10, true);
    const targets = tally.total.byTarget.toJSON();
    expect(Object.keys(targets)).toHaveLength(101);
    expect(requestsOf(targets)).toBe(1_000);
    expect(targets['other']?.requests).toBe(900);
  });

  it('counts the warm-up, and does not measure it', () => {
    const tally = new Tally();
    tally.add(OUTCOME, 0, 5_000, false);
    tally.add({ ...OUTCOME, cache: 'HIT' }, 10, 30, true);
    tally.add({ ...OUTCOME, cache: 'SHARED' }, 20, 20, true);
    tally.add({ ...OUTCOME, cache: 'HIT', status: 'cut', error: 'stream_without_end' }, 30, 20, true);
    expect([tally.total.requests, tally.measured.requests, tally.measured.hits]).toEqual([4, 3, 1]);
    expect(tally.latency.totalCount).toBe(2);
    expect(tally.latency.maxValue / 1000).toBeCloseTo(30, 0);
    expect(tally.service.maxValue / 1000).toBeCloseTo(10, 0);
    expect(tally.firstToken.maxValue / 1000).toBeCloseTo(24, 0); // 20 ms of it before it was sent
  });

  it('takes what was ended from here for no failure over time', () => {
    const tally = new Tally();
    tally.add({ ...OUTCOME, status: 'aborted', error: 'interrupted' }, 0, 10, true);
    expect(tally.timeline).toEqual([]);
    expect([tally.total.requests, tally.total.interrupted]).toEqual([1, 1]);
  });
});
