import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { AZURE_PRICES } from './azure-prices.js';
import { billOf } from './bill.js';
import { breakEvenOf, machineMonthUsd, MACHINES } from './break-even.js';
import { leversOf } from './levers.js';
import { loadOf } from './load.js';
import { LOG_ALERTS } from './monitoring.js';
import { DEFAULTS } from './options.js';
import { reportOf } from './report.js';
import { ENVIRONMENTS, setupOf, type Workload } from './workload.js';

const asked = (changes: Partial<Workload>): Workload => ({ ...DEFAULTS, ...changes });
const usd = (workload: Workload, part: string): number =>
  billOf(workload).parts.find(({ name }) => name.startsWith(part))!.usd;

describe('the bill is of what the Bicep makes', () => {
  it.each(ENVIRONMENTS)('a replica in %s', (environment) => {
    const text = ['main.bicep', `main.${environment}.bicepparam`].map((name) => readFileSync(`infra/${name}`, 'utf8'));
    const said = (name: string): string =>
      text.flatMap((one) => [...one.matchAll(new RegExp(`^param ${name}(?: string)? = '([\\d.]+)`, 'gm'))]).at(-1)![1]!;
    const { vCpu, gib } = setupOf(asked({ environment })).replica;
    expect([vCpu, gib]).toEqual([Number(said('cpu')), Number(said('memory'))]);
  });

  it('alert rules are switched on in production alone', () => {
    expect(readFileSync('infra/main.bicep', 'utf8')).toContain("param alertsEnabled bool = environmentName == 'prod'");
    expect(ENVIRONMENTS.filter((environment) => usd(asked({ environment }), 'Alert rules') > 0)).toEqual(['prod']);
  });
});

describe('the bill, by hand', () => {
  // 2,400 a day are 73,000 a month; half from the cache, a fifth of the others strong
  const small = asked({
    users: 2_400,
    requests: 1,
    promptTokens: 800,
    answerTokens: 400,
    cacheHit: 0.5,
    strongShare: 0.2,
  });

  it('models: tokens at the prices of the table, nothing for what the cache answers', () => {
    // gpt-5-mini: 800 x 0.25 + 400 x 2 = 1,000 USD a million requests; gpt-5.1: 800 x 1.25 + 400 x 10 = 5,000
    expect(usd(small, 'Small model')).toBe(29.2);
    expect(usd(small, 'Strong model')).toBe(36.5);
  });

  it('models: prompt tokens that the provider still has cost less', () => {
    // half of 800 at 0.025: 100 + 10 + 800 = 910
    expect(usd({ ...small, providerCached: 0.5 }, 'Small model')).toBe(26.57);
  });

  it('Container Apps: two replicas all month, less what is free', () => {
    // (5,256,000 - 180,000) x 0.000024 + (10,512,000 - 360,000) x 0.000003 + 6.76 million probes x 0.4
    expect(usd(asked({ users: 0 }), 'Container Apps')).toBe(154.98);
  });

  it('Container Apps: the idle rate where no probe comes', () => {
    const workload = asked({ users: 0 });
    const { parts } = billOf(workload, { ...setupOf(workload), idleRate: true });
    // 5,076,000 x 0.000003 + 10,152,000 x 0.000003
    expect(parts.find(({ name }) => name === 'Container Apps')!.usd).toBe(45.68);
  });

  it('Cosmos DB: the floor of 1,000 RU/s, and what serverless uses', () => {
    expect(usd(asked({ users: 0 }), 'Cosmos DB')).toBe(8.76); // 100 RU/s x 730 h
    // 1 kB a turn: 5.5 + 0.1 x (2.5 + 10) = 6.75 RU, 73,000 of them, and 79 MB kept
    const dev = asked({ environment: 'dev', users: 2_400, requests: 1, promptTokens: 0, answerTokens: 100 });
    expect(usd(dev, 'Cosmos DB')).toBe(0.14);
  });

  it('Redis: the size that holds an hour of turns, and of answers that are not known yet', () => {
    // 300,000 an hour, 7,000 bytes a turn and 2,068 an answer, twice: 5.5 GB, without answers 4.2
    const busy = asked({ users: 100_000, requests: 30, cacheHit: 0 });
    expect(reportOf(busy).assumptions.load).toMatchObject({ redis: 'Balanced B10', redis_gb: 5.45 });
    expect(reportOf({ ...busy, cacheHit: 1 }).assumptions.load).toMatchObject({ redis: 'Balanced B5', redis_gb: 4.21 });
    expect(usd(busy, 'Azure Managed Redis')).toBe(570.86);
  });

  it('Log Analytics: traces by the share that is kept', () => {
    // 7.3 million requests x 2,210 bytes x 0.75 = 12.1 GB
    const busy = asked({ users: 2_400, requests: 100 });
    const saved = usd(busy, 'Log Analytics') - usd({ ...busy, traceRatio: 0.1 }, 'Log Analytics');
    expect(saved).toBeCloseTo(12.1 * 0.9 * 2.3, 1);
  });

  it('what stands without a single request', () => {
    const { parts, totalUsd } = billOf(asked({ requests: 0, regions: 2 }));
    const bill = Object.fromEntries(parts.map(({ name, usd: value }) => [name, value]));
    expect(bill).toMatchObject({
      'Small model (gpt-5-mini)': 0,
      'Strong model (gpt-5.1)': 0,
      'Front Door Premium': 330,
    });
    expect(bill).toMatchObject({ 'API Management': 1_400, 'Azure Managed Redis': 93.44, 'Container Registry': 101.41 });
    expect(totalUsd).toBeGreaterThan(2_000);
  });

  it('every alert rule of infra/ is paid for', () => {
    expect(readdirSync('infra/alerts').filter((name) => name.endsWith('.kql'))).toHaveLength(LOG_ALERTS);
  });
});

describe('replicas', () => {
  // 1.2 million requests a day: 33.3 a second over ten hours, 100 at the peak; 240 tokens take 5 s
  const crowd = asked({ users: 1_200, requests: 1_000, answerTokens: 240, cacheHit: 0 });

  it('500 requests in flight take 10 replicas of 50', () => {
    const load = loadOf(crowd, setupOf(crowd));
    expect(load).toMatchObject({ replicas: { needed: 10, byDay: 10, byNight: 2, fits: true } });
    expect(load.peakPerSecond).toBeCloseTo(100);
    expect(load.atOnce).toBeCloseTo(500);
  });

  it('two regions share them', () => {
    expect(loadOf({ ...crowd, regions: 2 }, setupOf(crowd)).replicas).toMatchObject({ needed: 5, byDay: 5 });
  });

  it('the processor asks for more than the requests in flight where the cache answers', () => {
    const cached = asked({ users: 100_000, requests: 120, cacheHit: 1 });
    // 1,000 a second x 0.395 ms = 0.395 of a core, and a replica has 0.35
    expect(loadOf(cached, setupOf(cached)).replicas.needed).toBe(2);
    expect(loadOf(cached, { ...setupOf(cached), replica: { vCpu: 0.25, gib: 0.5 } }).replicas.needed).toBe(5);
  });

  it('more than 20 do not fit, and it says so', () => {
    const report = reportOf({ ...crowd, users: 2_401 });
    expect(report.assumptions.load).toMatchObject({ replicas_needed: 21, replicas_by_day: 20, fits: false });
    expect(report.assumptions.does_not_fit.join()).toContain('21 replicas in a region, and maxReplicas is 20');
    expect(reportOf({ ...crowd, users: 2_400 }).assumptions.does_not_fit).toEqual([]);
  });
});

const share = fc.double({ min: 0, max: 1, noNaN: true });
const workloads: fc.Arbitrary<Workload> = fc.record({
  users: fc.integer({ min: 0, max: 100_000 }),
  requests: fc.double({ min: 0, max: 200, noNaN: true }),
  promptTokens: fc.integer({ min: 0, max: 100_000 }),
  answerTokens: fc.integer({ min: 0, max: 20_000 }),
  ...{ cacheHit: share, strongShare: share, providerCached: share, traceRatio: share },
  environment: fc.constantFrom(...ENVIRONMENTS),
  regions: fc.constantFrom(1, 2),
  smallModel: fc.constantFrom('gpt-5-mini', 'gpt-5-nano', 'gpt-4.1-mini'),
  strongModel: fc.constantFrom('gpt-5.1', 'gpt-5.4', 'gpt-4.1'),
});
const total = (workload: Workload): number => billOf(workload).totalUsd;

describe('properties', () => {
  it('the parts are whole cents, none below 0, and sum up to the total', () => {
    fc.assert(
      fc.property(workloads, (workload) => {
        const { parts, totalUsd } = billOf(workload);
        const inCents = parts.map(({ usd: value }) => Math.round(value * 100));
        expect(parts.every(({ usd: value }, at) => value === inCents[at]! / 100 && value >= 0)).toBe(true);
        expect(Math.round(totalUsd * 100)).toBe(inCents.reduce((sum, value) => sum + value, 0));
      }),
    );
  });

  it.each(['users', 'requests', 'promptTokens', 'answerTokens', 'traceRatio'] as const)(
    'never costs less with more %s',
    (field) => {
      fc.assert(
        fc.property(workloads, fc.double({ min: 0, max: 1, noNaN: true }), (workload, less) => {
          const lower = { ...workload, [field]: workload[field] * less };
          expect(total(lower)).toBeLessThanOrEqual(total(workload) + 0.13); // each of 13 parts is rounded by itself
        }),
      );
    },
  );

  it.each(['cacheHit', 'providerCached'] as const)('never costs more with more %s', (field) => {
    fc.assert(
      fc.property(workloads, fc.double({ min: 0, max: 1, noNaN: true }), (workload, less) => {
        expect(total(workload)).toBeLessThanOrEqual(total({ ...workload, [field]: workload[field] * less }) + 0.13);
      }),
    );
  });
});

describe('levers', () => {
  it('are the same model with one thing changed', () => {
    const workload = asked({});
    const saved = (name: string) => leversOf(workload).find((lever) => lever.name === name)?.saves_usd;
    expect(saved('cache hits +10 points')).toBeCloseTo(total(workload) - total(asked({ cacheHit: 0.3 })), 6);
    expect(saved('strong share -10 points')).toBeCloseTo(total(workload) - total(asked({ strongShare: 0.3 })), 1);
    expect(saved('replicas of half the size')).toBe(78.84); // 5,256,000 x (0.5 x 0.000024 + 1 x 0.000003)
  });

  it('a savings plan covers what always runs, not what the peak adds', () => {
    const saved = (workload: Workload) =>
      leversOf(workload).find(({ name }) => name === 'savings plan for compute, 1 year')!.saves_usd;
    const base = saved(asked({ users: 0 }));
    expect(base).toBeCloseTo(0.15 * (121.824 + 30.456), 1);
    const busy = asked({ users: 1_200, requests: 1_000, answerTokens: 240, cacheHit: 0 });
    expect(Math.abs(saved(busy) - base)).toBeLessThan(1);
  });

  it('are left out where there is nothing to change', () => {
    const names = (changes: Partial<Workload>) => leversOf(asked(changes)).map(({ name }) => name);
    expect(names({ environment: 'prod' })).not.toContain('Cosmos DB serverless');
    expect(names({ environment: 'staging' })).toContain('Cosmos DB serverless');
    expect(names({ environment: 'dev' })).not.toContain('Cosmos DB reserved capacity, 1 year');
    expect(names({ cacheHit: 1, strongShare: 0, traceRatio: 0, smallModel: 'gpt-5-nano' }).join()).not.toMatch(
      /cache hits|strong share|trace in ten|small model/,
    );
  });
});

describe("a machine of one's own", () => {
  const [own, rented] = MACHINES as unknown as readonly [(typeof MACHINES)[0], (typeof MACHINES)[0]];
  const workload = asked({ promptTokens: 1_000, answerTokens: 700 });
  const found = (machine: (typeof MACHINES)[0], one: Workload) => breakEvenOf(machine, one, loadOf(one, setupOf(one)));

  it('costs its price over its years, its place and its power, used or not', () => {
    expect(machineMonthUsd(own)).toBeCloseTo(15_000 / 36 + 150 + 0.6 * 0.2 * 730, 6);
    expect(machineMonthUsd(rented)).toBeCloseTo(3.67 * 730, 6);
  });

  it('breaks even where the cloud costs as much, if it can carry that', () => {
    // 0.00165 USD a request; 0.1 + 0.5 s of it, at 70 %: 1.1667 a second at the peak, 7.2 times the average
    expect(found(own, workload)).toMatchObject({ requests: Math.ceil(654.2666666666667 / 0.00165), pays: true });
    expect(found(own, workload).carries_requests).toBe(Math.floor((0.7 / 0.6 / 7.2) * 2_628_000));
    expect(found(rented, workload)).toMatchObject({ pays: false });
  });

  it('needs as many machines as the peak asks for', () => {
    const busy = { ...workload, users: 5_000, cacheHit: 0, strongShare: 0 };
    // 100,000 a day: 8.33 a second at the peak
    expect(found(own, busy).machines_now).toBe(Math.ceil(8.3333 / (0.7 / 0.6)));
  });

  it('has no bound where there are no tokens, and no break-even', () => {
    const nothing = asked({ promptTokens: 0, answerTokens: 0 });
    expect(found(own, nothing)).toMatchObject({ requests: null, tokens: null, carries_requests: null, pays: false });
  });
});

it('every price says where it is from', () => {
  for (const { source, confirmed, usd: value } of Object.values(AZURE_PRICES)) {
    expect(value).toBeGreaterThan(0);
    expect(source.startsWith('https://')).toBe(confirmed);
  }
});
