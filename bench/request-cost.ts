import { setTimeout } from 'node:timers/promises';
import { Connection } from './connection.js';
import { withRedis, withRouters } from './fresh-routers.js';
import { assertCache, closedLoop, Requests, type LoadOptions, type LoadResult } from './load.js';
import type { Bench } from './measurements.js';
import { numberedBody, STREAM_CHUNKS, type BenchModel } from './payloads.js';
import { cpuMs } from './process-figures.js';
import { PROMPTS } from './prompts.js';
import type { Bound, Row } from './report.js';
import { inTurn, type Pair } from './rounds.js';
import { hasRedis, NO_REDIS } from './redis-here.js';
import { AUTHORIZED, benchConfig, CHAT, sideOf, type Side } from './router-under-test.js';
import { median, ratioOf } from './statistics.js';

const CONNECTIONS = 16;
/** What a request leaves to be done later (log, record, settling) is done before its processor time is read. */
const SETTLE_MS = 150;

interface Cost {
  readonly cpuUs: number;
  readonly perSecond: number;
}

interface Costs {
  readonly model: BenchModel;
  readonly router: Side;
  /** Left out: a plain answer. */
  readonly chunks?: number;
  readonly perSecond: (result: LoadResult) => number;
}

/**
 * A closed loop over 16 connections. Callers are the bench's own unless there are other headers.
 *
 * @returns what was done, and the process's processor time of a request, microseconds
 */
export async function underLoad(
  { port, pid }: Side,
  load: Omit<LoadOptions, 'port' | 'path' | 'connections'> & { readonly path?: string },
): Promise<LoadResult & { readonly cpuUs: number }> {
  const before = cpuMs(pid);
  const result = await closedLoop({ headers: AUTHORIZED, path: CHAT, ...load, port, connections: CONNECTIONS });
  await setTimeout(SETTLE_MS);
  return { ...result, cpuUs: ((cpuMs(pid) - before) * 1000) / result.requests };
}

/** Processor time and speed of both in the same rounds; the load generator's and the upstream's own are not in it. */
function costs({ bare, pace }: Bench, { model, router, chunks, perSecond }: Costs): Promise<Pair<Cost>[]> {
  const bodies = PROMPTS.map((prompt) => numberedBody(model, chunks !== undefined, prompt));
  const sides: Pair<Side> = { router, bare };
  const load = async (side: keyof Pair<Side>, durationMs: number): Promise<Cost> => {
    const asked = { bodies, durationMs };
    const result = await underLoad(sides[side], chunks === undefined ? asked : { ...asked, chunks });
    return { cpuUs: result.cpuUs, perSecond: perSecond(result) };
  };
  return inTurn(
    pace.rounds,
    (side) => load(side, pace.warmUpMs),
    (side) => load(side, pace.roundMs),
  );
}

function ratioRow(what: string, pairs: readonly Pair<number>[], unit: string, atLeast: Bound): Row {
  const shown = (side: keyof Pair<number>) => Math.round(median(pairs.map((pair) => pair[side]))).toLocaleString('en');
  const detail = `${shown('router')} against ${shown('bare')} ${unit}`;
  return { what, value: ratioOf(pairs), unit: 'x', atLeast, target: null, detail };
}

const figures = (pairs: readonly Pair<Cost>[], of: keyof Cost): Pair<number>[] =>
  pairs.map(({ router, bare }) => ({ router: router[of], bare: bare[of] }));

/** @throws Error unless the cache is on and knows no answer to the same prompt with another number */
async function assertMisses({ port }: Side): Promise<void> {
  const bodies = [numberedBody('plain', false, PROMPTS[0]!)];
  const questions = new Requests({ port, path: CHAT, headers: AUTHORIZED, bodies });
  const connection = await Connection.open(port);
  for (let n = 0; n < 2; n += 1) {
    assertCache(await connection.request(questions.next()), 'MISS');
    await setTimeout(SETTLE_MS); // an answer is kept after it went out
  }
  connection.close();
}

/** 16 prompts, everything on. */
export async function plainCost(bench: Bench): Promise<Row[]> {
  const router = sideOf(bench.everythingOn);
  await assertMisses(router);
  const pairs = await costs(bench, { model: 'plain', router, perSecond: (result) => result.perSecond });
  return [
    ratioRow('CPU of a plain request, 16 prompts', figures(pairs, 'cpuUs'), 'us', { at: 'most', value: 2.5 }),
    ratioRow('plain requests, 16 prompts', figures(pairs, 'perSecond'), 'requests/s', { at: 'least', value: 0.4 }),
  ];
}

/** Streams of 64 chunks, each chunk its own write of the model server. */
export async function streamCost(bench: Bench): Promise<Row[]> {
  const pairs = await streamCosts(bench, 'each');
  return [
    ratioRow('CPU of a stream of 64 chunks', figures(pairs, 'cpuUs'), 'us', { at: 'most', value: 1.8 }),
    ratioRow('streams of 64 chunks', figures(pairs, 'perSecond'), 'chunks/s', { at: 'least', value: 0.55 }),
  ];
}

/** The same streams, all chunks in one write. */
export async function burstCost(bench: Bench): Promise<Row[]> {
  const pairs = await streamCosts(bench, 'burst');
  return [
    ratioRow('CPU of a stream of 64 chunks in one burst', figures(pairs, 'cpuUs'), 'us', null),
    ratioRow('streams of 64 chunks in one burst', figures(pairs, 'perSecond'), 'chunks/s', { at: 'least', value: 0.4 }),
  ];
}

function streamCosts(bench: Bench, model: BenchModel): Promise<Pair<Cost>[]> {
  const perSecond = (result: LoadResult): number => result.eventsPerSecond;
  return costs(bench, { model, router: sideOf(bench.everythingOn), chunks: STREAM_CHUNKS, perSecond });
}

/** The plain row with the limits in a real redis-server on this machine. */
export async function redisCost(bench: Bench): Promise<Row[]> {
  const what = 'plain requests, limits in Redis';
  const atLeast = { at: 'least', value: 0.28 } as const;
  if (!hasRedis()) {
    return [{ what, value: NaN, unit: 'x', atLeast, target: null, detail: '', skipped: NO_REDIS }];
  }
  const perSecond = (result: LoadResult): number => result.perSecond;
  const config = benchConfig(bench.upstreamPort, true);
  const pairs = await withRedis((redis) =>
    withRouters({ router: { ...config, redis } }, ({ router }) => costs(bench, { model: 'plain', router, perSecond })),
  );
  const cpu = median(pairs.map((pair) => pair.router.cpuUs)).toFixed(0);
  const row = ratioRow(what, figures(pairs, 'perSecond'), 'requests/s', atLeast);
  return [{ ...row, detail: `${row.detail}; ${cpu} us of CPU a request` }];
}
