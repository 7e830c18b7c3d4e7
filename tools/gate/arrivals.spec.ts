import { decide, type Decision } from './decide.js';
import type { Sample, Samples } from './samples.js';

/** Of each minute the requests of the new revision; `null` = it has no row; the old one has 900. */
function samples(arrived: readonly (number | null)[], weight?: number): Samples {
  const at = (i: number) => new Date(Date.UTC(2026, 0, 12, 10, i)).toISOString();
  const one = (i: number, requests: number): Sample => ({
    at: at(i),
    ...{ requests, errors: 0, p95_ms: 800, cost_usd: requests / 1000 },
  });
  return {
    old: arrived.map((_, i) => one(i, 900)),
    new: arrived.flatMap((requests, i) => (requests === null ? [] : [one(i, requests)])),
    ...(weight === undefined ? {} : { weight }),
  };
}

const minutes = (count: number, requests: number | null) => Array.from({ length: count }, () => requests);
const EVERY_FIFTH = Array.from({ length: 15 }, (_, i) => (i % 5 === 2 ? null : 100));
const ONCE = [...minutes(7, 100), null, ...minutes(7, 100)];

/** A replica that is dead and requests that are lost on the way leave no line at all. */
describe('requests that nobody answered', () => {
  it.each<[string, (number | null)[], number | undefined, Decision['decision'], RegExp]>([
    ['all arrive', minutes(15, 100), undefined, 'promote', /no worse/],
    ['all arrive, and the weight is known', minutes(15, 100), 10, 'promote', /no worse/],
    ['three minutes of 15 are empty', EVERY_FIFTH, undefined, 'rollback', /answers to nobody: .+ 3 minutes/],
    ['one minute is empty', ONCE, undefined, 'hold', /no request in 1 of 15 minutes/],
    ['the last one is empty', [...minutes(15, 100), null], undefined, 'hold', /no request for 1 min;/],
    ['the last three are', [...minutes(15, 100), ...minutes(3, null)], undefined, 'hold', /no request for 3 min;/],
    ['the last four are', [...minutes(15, 100), ...minutes(4, null)], undefined, 'rollback', /nobody: .+ 4 minutes/],
    ['few, then none', [...minutes(12, 15), ...minutes(4, null)], undefined, 'rollback', /nobody: .+ 4 minutes/],
    ['so few that empty minutes are no wonder', EVERY_FIFTH.map((n) => n && 3), undefined, 'hold', /too little|gaps/i],
    ['a fifth of what the weight brings', minutes(15, 20), 10, 'rollback', /loses requests: .+ 2\.17 %.+ 10\.00 %/],
    ['the same, from the third minute on', minutes(3, 20), 10, 'rollback', /loses requests/],
    ['one minute tells nothing', minutes(1, 20), 10, 'hold', /1 of 15 minutes/],
    ['one of five replicas is dead', minutes(15, 80), 10, 'hold', /may lose requests: .+ 8\.16 %/],
    ['a little less than the weight', minutes(15, 94), 10, 'promote', /no worse/],
    ['more than the weight', minutes(15, 130), 10, 'promote', /no worse/],
    ['none at all, perhaps late', minutes(3, null), 10, 'hold', /has had no request/],
    ['none at all', minutes(4, null), 10, 'rollback', /answers to nobody: .+ 4 minutes/],
    ['none at all, weight not known', minutes(4, null), undefined, 'hold', /has had no request/],
    ['bad minutes at the start only', [20, ...minutes(14, 100)], 10, 'promote', /no worse/],
  ])('%s', (_, arrived, weight, decision, reason) => {
    expect(decide(samples(arrived, weight))).toMatchObject({ decision, reason: expect.stringMatching(reason) });
  });
});
