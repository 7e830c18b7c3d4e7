import { setTimeout } from 'node:timers/promises';
import { Connection } from './connection.js';
import { withRedis, withRouters } from './fresh-routers.js';
import { assertCache, assertPlain, Requests, type Questions } from './load.js';
import type { Bench } from './measurements.js';
import { blocksOf, percentileOf, waits } from './one-caller.js';
import type { Pace } from './pace.js';
import { numberedBody } from './payloads.js';
import { PROMPTS } from './prompts.js';
import { hasRedis, NO_REDIS } from './redis-here.js';
import type { Row } from './report.js';
import { underLoad } from './request-cost.js';
import { alternately } from './rounds.js';
import { AUTHORIZED, benchConfig, CHAT, sideOf, type Side } from './router-under-test.js';
import { median, percentile } from './statistics.js';

/** An answer is kept after it went out. */
const SETTLE_MS = 150;
const US_PER_MS = 1000;

type Asked = Required<Pick<Questions, 'bodies' | 'isRepeated' | 'cache'>>;
const bodies = PROMPTS.map((prompt) => numberedBody('plain', false, prompt));
/** Questions of the same fields and lengths: each asked once, or the same 16 again and again. */
const NEW: Asked = { bodies, isRepeated: false, cache: 'MISS' };
const NEW_WITHOUT_CACHE: Asked = { ...NEW, cache: 'DISABLED' };
const KNOWN: Asked = { bodies, isRepeated: true, cache: 'HIT' };

const at = ({ port }: Side, asked: Asked): Questions => ({ ...asked, port, path: CHAT, headers: AUTHORIZED });

const HIT_FROM_REDIS = {
  what: 'hit from Redis, one caller, p99',
  unit: 'ms',
  atLeast: { at: 'most', value: 4 },
  target: null,
} as const;

/** What a hit costs: from memory, against a miss of the same process, and from Redis, where another replica has put it. */
export async function hitCost(bench: Bench): Promise<Row[]> {
  const rows = await hitsFromMemory(bench);
  if (!hasRedis()) return [...rows, { ...HIT_FROM_REDIS, value: NaN, detail: '', skipped: NO_REDIS }];
  return [...rows, await hitsFromRedis(bench)];
}

async function hitsFromMemory({ everythingOn, pace }: Bench): Promise<Row[]> {
  const router = sideOf(everythingOn);
  const loads = { miss: NEW, hit: KNOWN };
  const cpuUs = async (kind: keyof typeof loads, durationMs: number): Promise<number> => {
    if (kind === 'hit') await askAll(router); // misses may have driven them out
    return (await underLoad(router, { ...loads[kind], durationMs })).cpuUs;
  };
  const { rounds, roundMs, warmUpMs } = pace.answers;
  const kinds = ['miss', 'hit'] as const;
  const turns = await alternately(
    kinds,
    rounds,
    (kind) => cpuUs(kind, warmUpMs),
    (kind) => cpuUs(kind, roundMs),
  );
  const [hit, miss] = [median(turns.map((turn) => turn.hit)), median(turns.map((turn) => turn.miss))];
  await askAll(router);
  const blocks = await blocksOf(at(router, KNOWN), pace);
  return [
    {
      what: 'CPU of a hit from memory against a miss',
      value: median(turns.map((turn) => turn.hit / turn.miss)),
      unit: 'x',
      atLeast: { at: 'most', value: 0.33 },
      target: null,
      detail: `${hit.toFixed(0)} against ${miss.toFixed(0)} us`,
    },
    {
      what: 'hit from memory, one caller, p99',
      value: percentileOf(blocks, 0.99),
      unit: 'ms',
      atLeast: { at: 'most', value: 2 },
      target: null,
      detail: `p50 ${percentileOf(blocks, 0.5).toFixed(2)} ms`,
    },
  ];
}

/** One replica has the answers made; the other one, which is asked for them, keeps none in its memory. */
async function hitsFromRedis({ upstreamPort, pace }: Bench): Promise<Row> {
  const cache = { enabled: true }; // the first requests wait for the secret that the two share
  return withRedis(async (redis) => {
    const making = { ...benchConfig(upstreamPort, true), redis, cache };
    const giving = { ...making, cache: { ...cache, maxBytes: 0 } };
    return withRouters({ maker: making, router: giving }, async ({ maker, router }) => {
      await askAll(maker, 'MISS');
      const { cpuUs } = await underLoad(router, { ...KNOWN, durationMs: pace.answers.warmUpMs });
      const blocks = await blocksOf(at(router, KNOWN), pace);
      const detail = `p50 ${percentileOf(blocks, 0.5).toFixed(2)} ms; ${cpuUs.toFixed(0)} us of CPU under load`;
      return { ...HIT_FROM_REDIS, value: percentileOf(blocks, 0.99), detail };
    });
  });
}

/** What a miss costs more than where the cache is switched off: with memory alone, and with Redis on both sides. */
export async function missCost({ upstreamPort, pace }: Bench): Promise<Row[]> {
  const [off, on] = [benchConfig(upstreamPort, false), benchConfig(upstreamPort, true)];
  const rows = missRows('', await withRouters({ off, on }, (routers) => addedByCache(routers, pace)));
  const what = ', with Redis';
  if (!hasRedis()) return [...rows, ...missRows(what, null)];
  const added = await withRedis((redis) =>
    withRouters({ off: { ...off, redis }, on: { ...on, redis } }, (routers) => addedByCache(routers, pace)),
  );
  return [...rows, ...missRows(what, added)];
}

/** Microseconds a request. */
interface Figure {
  readonly added: number;
  readonly detail: string;
}

async function addedByCache(
  { off, on }: Readonly<Record<'off' | 'on', Side>>,
  pace: Pace,
): Promise<{ cpu: Figure; latency: Figure }> {
  const sides = { off: { router: off, asked: NEW_WITHOUT_CACHE }, on: { router: on, asked: NEW } };
  type Name = keyof typeof sides;
  const { rounds, roundMs, warmUpMs } = pace.answers;
  const cpuUs = async (name: Name, durationMs: number): Promise<number> =>
    (await underLoad(sides[name].router, { ...sides[name].asked, durationMs })).cpuUs;
  const costs = await alternately(
    ['off', 'on'],
    rounds,
    (name) => cpuUs(name, warmUpMs),
    (name) => cpuUs(name, roundMs),
  );
  const cpu = (name: Name): string => median(costs.map((turn) => turn[name])).toFixed(0);
  // block by block: of requests to both in turn, what one leaves to be done later would hold the other one up
  const wait = (name: Name): Promise<number[]> => waits(at(sides[name].router, sides[name].asked), pace);
  const turns = await alternately(['off', 'on'], rounds, wait, wait);
  const latency = (name: Name): string => {
    const blocks = turns.map((turn) => turn[name]);
    return `p50 ${percentileOf(blocks, 0.5).toFixed(2)}, p99 ${percentileOf(blocks, 0.99).toFixed(2)}`;
  };
  return {
    cpu: {
      added: median(costs.map(({ on, off }) => on - off)),
      detail: `${cpu('on')} against ${cpu('off')} us`,
    },
    latency: {
      added: median(turns.map(({ on, off }) => percentile(on, 0.5) - percentile(off, 0.5))) * US_PER_MS,
      detail: `${latency('on')} against ${latency('off')} ms`,
    },
  };
}

/** @param added `null` = there is no redis-server */
function missRows(where: string, added: { readonly cpu: Figure; readonly latency: Figure } | null): Row[] {
  const row = (what: string, figure: Figure | undefined): Row => ({
    what: `${what}${where}`,
    value: figure?.added ?? NaN,
    unit: 'us',
    atLeast: { at: 'most', value: 100 },
    target: null,
    detail: figure?.detail ?? '',
    ...(figure ? {} : { skipped: NO_REDIS }),
  });
  return [row('CPU that a miss adds', added?.cpu), row('latency that a miss adds, one caller, p50', added?.latency)];
}

/** Has each known question answered once, in turn. */
async function askAll(router: Side, expected?: 'MISS'): Promise<void> {
  const connection = await Connection.open(router.port);
  const questions = new Requests(at(router, KNOWN));
  try {
    for (const _ of bodies) {
      const exchange = await connection.request(questions.next());
      assertPlain(exchange, CHAT);
      if (expected) assertCache(exchange, expected);
    }
  } finally {
    connection.close();
  }
  await setTimeout(SETTLE_MS);
}
