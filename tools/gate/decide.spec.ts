import { spawnSync } from 'node:child_process';
import { decide } from './decide.js';
import { SCENARIOS } from './simulated-releases.js';
import type { Sample, Samples } from './samples.js';

const USUAL = { requests: 900, errors: 9, p95_ms: 800, cost_usd: 0.9 };
const NEW = { requests: 100, errors: 1, p95_ms: 800, cost_usd: 0.1 };

function minutes(count: number, one: Omit<Sample, 'at'>, begin = 0): Sample[] {
  const at = (i: number) => new Date(Date.UTC(2026, 0, 12, 10, begin + i)).toISOString();
  return Array.from({ length: count }, (_, i) => ({ at: at(i), ...one }));
}

const released = (change: Partial<Sample>, count = 15, old: Partial<Sample> = {}): Samples => ({
  old: minutes(count, { ...USUAL, ...old }),
  new: minutes(count, { ...NEW, ...change }),
});

describe('the decision', () => {
  it.each<[string, Samples, string, RegExp]>([
    ['as good', released({}), 'promote', /no worse/],
    ['a minute less', released({}, 14), 'hold', /14 of 15 minutes/],
    ['failing, from the first minutes', released({ errors: 60 }, 2), 'rollback', /fails more: 60\.00 %/],
    ['failing, one minute', released({ errors: 60 }, 1), 'hold', /1 of 15/],
    [
      'refusing half, the others are well',
      released({ refused: 100 }, 15, { refused: 20 }),
      'rollback',
      /refuses more: 50/,
    ],
    ['refusing all', refusingAll(), 'rollback', /refuses more: 100\.00 %/],
    ['refusing as many', released({ refused: 10 }, 15, { refused: 90 }), 'promote', /9\.09 % are refused \(old 9/],
    ['refusing unknown of one', released({ refused: 0 }), 'hold', /refused requests of both are known in only 0 min/],
    ['slow', released({ p95_ms: 1200 }), 'rollback', /slower: its p95 is 1\.50 times/],
    ['slow and dear', released({ p95_ms: 1200, cost_usd: 0.2 }), 'rollback', /slower.+; it is dearer/],
    ['certainly slower, by what does not matter', released({ p95_ms: 860 }), 'promote', /p95 1\.07 times/],
    ['dearer than what was free', released({}, 15, { cost_usd: 0 }), 'rollback', /dearer/],
    ['free, both', released({ cost_usd: 0 }, 15, { cost_usd: 0 }), 'promote', /cost per request 1\.00 times/],
    ['one error of 105 against none of 100,000', oneError(), 'hold', /too little traffic: 105/i],
    ['twice as slow while it is cold', withP95([1800, 1800]), 'promote', /p95 1\.00 times/],
    ['slow for one minute more', withP95([1480, 1480, 1480]), 'promote', /no worse/],
    ['cold, the second look', withP95([1800, 1800], 2), 'hold', /2 of 15 minutes/],
    [
      'the newest minute is slow',
      newestSlow(800_000),
      'hold',
      /p95 was 1000\.00 times the old one's in the newest min/,
    ],
    ['the newest minute is a little slow', newestSlow(2000), 'promote', /no worse/],
    ['p95 not known', released({ p95_ms: null }), 'hold', /the p95 of both is known in only 0 minutes/],
    ['both beyond the limits', bothBad(), 'promote', /beyond its limits: error rate.+ 5 %.+; p95.+ 3 s/],
    ['both all but down', released({ errors: 90 }, 15, { errors: 810 }), 'hold', /more than half/i],
  ])('%s', (_, samples, decision, reason) => {
    expect(decide(samples)).toMatchObject({ decision, reason: expect.stringMatching(reason) });
  });

  function oneError(): Samples {
    const samples = released({ requests: 7, errors: 0, cost_usd: 0.007 }, 15, {
      requests: 6_667,
      errors: 0,
      cost_usd: 6.667,
    });
    samples.new[3]!.errors = 1;
    return samples;
  }
  function withP95(first: readonly number[], count = 15): Samples {
    const samples = released({}, count);
    first.forEach((p95, i) => (samples.new[i]!.p95_ms = p95));
    return samples;
  }
  function newestSlow(p95: number): Samples {
    const samples = released({});
    samples.new.at(-1)!.p95_ms = p95;
    return samples;
  }
  function refusingAll(): Samples {
    return released({ requests: 0, errors: 0, p95_ms: null, cost_usd: 0, refused: 100 }, 2, { refused: 20 });
  }
  function bothBad(): Samples {
    return released({ errors: 10, p95_ms: 4000 }, 15, { errors: 90, p95_ms: 4000 });
  }

  it('is the same in whatever order the minutes come, also where they come in parts', () => {
    const samples = released({ p95_ms: 900 });
    const { figures } = decide(samples);
    const reversed = { old: [...samples.old].reverse(), new: [...samples.new].reverse() };
    expect(decide(reversed).figures).toEqual(figures);
    const parts = samples.new.flatMap((one) => [
      { ...one, requests: 60, errors: 1, cost_usd: 0.06 },
      { ...one, at: one.at.replace(':00.000Z', ':30.000Z'), requests: 40, errors: 0, cost_usd: 0.04 },
    ]);
    const { failures, p95 } = decide({ old: samples.old, new: parts }).figures;
    expect({ failures, p95 }).toEqual({ failures: figures.failures, p95: figures.p95 });
  });

  it('adds two parts of a minute that are the same, as two replicas may have them', () => {
    const samples = released({ p95_ms: 900 });
    const halves = samples.new.flatMap((one) => {
      const half = { ...one, requests: 50, errors: 1, cost_usd: 0.05 };
      return [half, half];
    });
    expect(decide({ old: samples.old, new: halves }).figures.requests.new).toBe(1500);
  });

  it('leaves out minutes without requests and those before the new revision had any', () => {
    const samples = released({});
    const nothing = { requests: 0, errors: 0, p95_ms: null, cost_usd: 0 };
    const before = { old: minutes(30, USUAL, -30), new: minutes(30, nothing, -30) };
    const both = { old: [...before.old, ...samples.old], new: [...before.new, ...samples.new] };
    expect(decide(both)).toEqual(decide(samples));
  });
});

/** What docs/RELEASE.md promises of more runs holds for fewer, too, with what chance may add (three standard errors). */
describe('simulated releases, a look a minute', () => {
  const RUNS = 100;
  const shares = new Map<string, Readonly<Record<string, number>>>();
  const noise = (share: number) => 3 * Math.sqrt((share * (1 - share)) / RUNS);

  // in a process of its own: numbers are some 20 times as slow inside jest
  beforeAll(() => {
    const line = ['tools/run.mjs', 'tools/gate/simulate.ts', '--runs', `${RUNS}`];
    const { stdout, stderr } = spawnSync(process.execPath, line, { encoding: 'utf8' });
    expect(stderr).toBe('');
    for (const row of stdout.trim().split('\n').slice(2)) {
      const [name, requests, ...found] = row
        .split('|')
        .slice(1, -2)
        .map((cell) => cell.trim());
      const [promote, hold, rollback] = found.map((cell) => parseFloat(cell) / 100);
      shares.set(`${name}, ${requests}`, { promote: promote!, hold: hold!, rollback: rollback! });
    }
    expect(shares.size).toBe(SCENARIOS.length);
  }, 120_000);

  it.each<[string, string, number]>([
    ['equal, 100', 'promote', 0.8],
    ['errors 1 % -> 5 %, 100', 'rollback', 0.8],
    ['refused 2 % -> 10 %, 30', 'rollback', 0.95],
    ['everything fails, 30', 'rollback', 0.99],
    ['p95 + 50 %, 30', 'rollback', 0.9],
    ['cost + 30 %, 100', 'rollback', 0.8],
  ])('%s: %s in at least %f', (name, decision, share) => {
    expect(shares.get(name)?.[decision]).toBeGreaterThanOrEqual(share - noise(share));
  });

  it('equal revisions go back in at most 5 %, and as bad as the margin are promoted in at most 5 %', () => {
    const of = (pattern: RegExp, decision: string) =>
      [...shares].filter(([name]) => pattern.test(name)).map(([, found]) => found[decision]!);
    const [alarms, promotions] = [of(/^equal/, 'rollback'), of(/the margin/, 'promote')];
    expect([alarms.length, promotions.length]).toEqual([6, 10]);
    expect(Math.max(...alarms, ...promotions)).toBeLessThanOrEqual(0.05 + noise(0.05));
  });
});
