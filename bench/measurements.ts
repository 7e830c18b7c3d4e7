import { setTimeout } from 'node:timers/promises';
import type { RouterProcess } from '../test/support/router-process.js';
import { childResult } from './child.js';
import { Connection, requestBytes, type RequestOptions } from './connection.js';
import { assertCache, closedLoop, oneCaller, type LoadResult, type Questions } from './load.js';
import { pacedStreams, type PacedResult } from './paced-load.js';
import { FIREHOSE_CHUNKS, requestBody } from './payloads.js';
import type { Pace } from './pace.js';
import { residentMb } from './process-figures.js';
import type { Bound, Row } from './report.js';
import { inTurn, type Pair } from './rounds.js';
import { AUTHORIZED, benchConfig, CHAT, portOf, startRouter, type Side } from './router-under-test.js';
import { median, percentile, ratioOf } from './statistics.js';

/** The processes of a run. */
export interface Bench {
  readonly upstreamPort: number;
  readonly bare: Side;
  /** Everything on but the cache of answers. */
  readonly router: RouterProcess;
  readonly everythingOn: RouterProcess;
  readonly pace: Pace;
}

const PLAIN_CONNECTIONS = 16;
const STREAM_CONNECTIONS = 8;
const PACED_STREAMS = 1_000;
/** Every 20 ms, while the load builds up: a burst of 1,000 would measure the backlog, not the streams. */
const PACED_PER_STEP = 25;

interface Comparison {
  readonly router: RequestOptions;
  readonly bare: RequestOptions;
  readonly connections: number;
  readonly chunks?: number;
  readonly figure: (result: LoadResult) => number;
}

function compare({ connections, chunks, figure, ...sides }: Comparison, pace: Pace): Promise<Pair<number>[]> {
  const run = async (side: keyof Pair<number>, durationMs: number): Promise<number> => {
    const load = { ...same(sides[side]), connections, durationMs };
    return figure(await closedLoop(chunks === undefined ? load : { ...load, chunks }));
  };
  return inTurn(
    pace.rounds,
    (side) => run(side, pace.warmUpMs),
    (side) => run(side, pace.roundMs),
  );
}

function ratioRow(what: string, rounds: readonly Pair<number>[], unit: string, atLeast: Bound = null): Row {
  const router = Math.round(median(rounds.map((round) => round.router)));
  const bare = Math.round(median(rounds.map((round) => round.bare)));
  const detail = `${router.toLocaleString('en')} against ${bare.toLocaleString('en')} ${unit}`;
  return { what, value: ratioOf(rounds), unit: 'x', atLeast, target: { at: 'least', value: 0.5 }, detail };
}

/** One question again and again. */
const same = ({ body, ...where }: RequestOptions): Questions => ({ ...where, bodies: [body] });

const chat = (port: number, body: string, path = CHAT): RequestOptions => ({ port, path, body, headers: AUTHORIZED });

export async function plainRequests({ router, bare, pace }: Bench): Promise<Row[]> {
  const body = requestBody('plain', false);
  const sides = { router: chat(portOf(router), body), bare: chat(bare.port, body) };
  const rounds = await compare({ ...sides, connections: PLAIN_CONNECTIONS, figure: (r) => r.perSecond }, pace);
  return [ratioRow('plain requests', rounds, 'requests/s')];
}

/** Microseconds a call. */
interface CallPathRound {
  readonly guarded: number;
  readonly straight: number;
}

/** What a plain request costs more because its model call survives failures (breaker, retries, recovery). */
export async function resilienceCost({ router, upstreamPort, pace }: Bench): Promise<Row[]> {
  const load = { ...same(chat(portOf(router), requestBody('plain', false))), connections: PLAIN_CONNECTIONS };
  await closedLoop({ ...load, durationMs: pace.warmUpMs });
  const { perSecond } = await closedLoop({ ...load, durationMs: pace.roundMs });
  const rounds = await childResult<CallPathRound[]>('call-path', [upstreamPort, pace.rounds, pace.roundMs]);
  const extraUs = median(rounds.map(({ guarded, straight }) => guarded - straight));
  const requestUs = 1e6 / perSecond;
  return [
    {
      what: 'plain requests with resilience against without',
      value: (requestUs - extraUs) / requestUs,
      unit: 'x',
      atLeast: null,
      target: { at: 'least', value: 0.95 },
      detail: `${extraUs.toFixed(1)} of ${requestUs.toFixed(0)} us a request`,
    },
  ];
}

/** Streams of 2,000 chunks, several in a read. */
export async function streamedChunks({ router, bare, pace }: Bench): Promise<Row[]> {
  const body = requestBody('firehose', true);
  const sides = { router: chat(portOf(router), body), bare: chat(bare.port, body) };
  const figure = (result: LoadResult): number => result.eventsPerSecond;
  const load = { ...sides, connections: STREAM_CONNECTIONS, chunks: FIREHOSE_CHUNKS, figure };
  return [ratioRow('streamed chunks', await compare(load, pace), 'chunks/s')];
}

/** @throws Error when the second request for the same thing is not a hit */
export async function cacheHits({ bare, upstreamPort, pace }: Bench): Promise<Row[]> {
  const { router } = await startRouter(benchConfig(upstreamPort, true));
  try {
    const body = requestBody('plain', false);
    const side = chat(portOf(router), body);
    await assertHit(side);
    const sides = { router: side, bare: chat(bare.port, body, '/json') };
    const rounds = await compare({ ...sides, connections: PLAIN_CONNECTIONS, figure: (r) => r.perSecond }, pace);
    return [ratioRow('cache hits against a JSON route', rounds, 'requests/s', { at: 'least', value: 0.4 })];
  } finally {
    await router.kill();
  }
}

async function assertHit(server: RequestOptions): Promise<void> {
  const connection = await Connection.open(server.port);
  const bytes = requestBytes(server);
  await connection.request(bytes);
  await setTimeout(200); // the cache is filled after the answer went out
  const exchange = await connection.request(bytes);
  connection.close();
  assertCache(exchange, 'HIT');
}

/**
 * Blocks of requests to upstream, bare proxy and router in turn. The figure is the median over the blocks, so that a
 * pause of the machine spoils one block and not the percentile.
 */
export async function addedLatency({ router, bare, upstreamPort, pace }: Bench): Promise<Row[]> {
  const body = requestBody('plain', false);
  const asked = [chat(upstreamPort, body, `/plain${CHAT}`), chat(bare.port, body), chat(portOf(router), body)];
  const servers = asked.map(same);
  await oneCaller(servers, pace.oneCallerRequests);
  const blocks: number[][][] = [];
  for (let i = 0; i < pace.oneCallerBlocks; i += 1) blocks.push(await oneCaller(servers, pace.oneCallerRequests));
  const targets = [
    [0.5, 0.35, 0.5],
    [0.99, 1.2, 2],
  ] as const;
  return targets.map(([share, atMost, most]) => {
    const figures = blocks.map((block) => block.map((latencies) => percentile(latencies, share)));
    const of = (server: number) => median(figures.map((block) => block[server] ?? NaN)).toFixed(2);
    return {
      what: `added latency, one caller, p${share * 100}`,
      value: median(figures.map(([upstream = NaN, , routed = NaN]) => routed - upstream)),
      unit: 'ms',
      atLeast: { at: 'most', value: atMost },
      target: { at: 'most', value: most },
      detail: `router ${of(2)}, upstream ${of(0)}, bare proxy ${of(1)} ms`,
    };
  });
}

/**
 * The same streams straight from the upstream and through the router, in turn. The upstream's stamps tell its own
 * pauses; what the direct run shows beyond them is the stall of the machine and of the load generator.
 */
export async function concurrentStreams({ router, upstreamPort, pace }: Bench): Promise<Row[]> {
  const body = requestBody('paced', true);
  const load = { streams: PACED_STREAMS, rounds: pace.streamRounds, perStep: PACED_PER_STEP };
  let peakMb = 0;
  const pairs: { direct: number; routed: PacedResult }[] = [];
  for (let i = 0; i < pace.streamPairs; i += 1) {
    const direct = await pacedStreams({ ...same(chat(upstreamPort, body, `/paced${CHAT}`)), ...load });
    const sampler = setInterval(() => (peakMb = Math.max(peakMb, residentMb(router.pid))), 50);
    const routed = await pacedStreams({ ...same(chat(portOf(router), body)), ...load }).finally(() =>
      clearInterval(sampler),
    );
    pairs.push({ direct: direct.worstStallMs, routed });
  }
  const of = (figure: (pair: (typeof pairs)[number]) => number) => median(pairs.map(figure));
  const delay = (share: number) => of(({ routed }) => percentile(routed.delays, share)).toFixed(1);
  const worst = `router ${of((pair) => pair.routed.worstStallMs).toFixed(0)} ms, direct ${of((pair) => pair.direct).toFixed(0)} ms`;
  return [
    {
      what: '1,000 paced streams: stall beyond the upstream',
      value: Math.max(
        0,
        of(({ direct, routed }) => routed.worstStallMs - direct),
      ),
      unit: 'ms',
      atLeast: null,
      target: { at: 'most', value: 100 },
      detail: `worst: ${worst}; delay of a chunk p50 ${delay(0.5)}, p99 ${delay(0.99)} ms`,
    },
    {
      what: '1,000 paced streams: RSS',
      value: peakMb,
      unit: 'MB',
      atLeast: null,
      target: { at: 'most', value: 400 },
      detail: 'highest of samples every 50 ms',
    },
  ];
}

/** The embedded default: no configuration file, no Redis, no Cosmos. */
export async function startUp({ pace }: Bench): Promise<Row[]> {
  const times: number[] = [];
  const memory: number[] = [];
  for (let i = 0; i < pace.starts; i += 1) {
    const { router, readyMs } = await startRouter(null);
    times.push(readyMs / 1000);
    await setTimeout(500); // let start-up garbage settle
    memory.push(residentMb(router.pid));
    await router.kill();
  }
  const seconds = times.map((time) => time.toFixed(2)).join(', ');
  return [
    {
      what: 'start to ready, embedded',
      value: median(times),
      unit: 's',
      atLeast: { at: 'most', value: 0.5 },
      target: { at: 'most', value: 2 },
      detail: seconds,
    },
    {
      what: 'RSS, idle',
      value: median(memory),
      unit: 'MB',
      atLeast: { at: 'most', value: 150 },
      target: { at: 'most', value: 180 },
      detail: memory.map((mb) => mb.toFixed(0)).join(', '),
    },
  ];
}
