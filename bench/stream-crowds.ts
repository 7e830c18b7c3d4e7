import { setTimeout } from 'node:timers/promises';
import { Connection, requestBytes } from './connection.js';
import type { Questions } from './load.js';
import type { Bench } from './measurements.js';
import { begunStreams, pacedStreams, type PacedResult } from './paced-load.js';
import { numberedBody, PACED_CHUNKS } from './payloads.js';
import { cpuMs } from './process-figures.js';
import { PROMPTS } from './prompts.js';
import type { Row } from './report.js';
import { inTurn, type Pair } from './rounds.js';
import { AUTHORIZED, CHAT, sideOf } from './router-under-test.js';
import { median, percentile, ratioOf } from './statistics.js';

const STREAMS = 200;
/** 200 begin within the time that one takes, so that in the end they begin and end all the time. */
const PER_STEP = 3;
const BEGUN = 1_000;
const WITHIN_MS = 1_000;
const SETTLE_MS = 150;

const questions = (port: number): Questions => ({
  port,
  path: CHAT,
  headers: AUTHORIZED,
  bodies: PROMPTS.map((prompt) => numberedBody('paced', true, prompt)),
});

interface Crowd extends PacedResult {
  readonly cpuUsPerChunk: number;
}

/** 200 streams at once, through the router and through the bare pipe. */
export async function pacedCrowd({ everythingOn, bare, pace }: Bench): Promise<Row[]> {
  const sides = { router: sideOf(everythingOn), bare };
  const run = async (side: keyof Pair<Crowd>): Promise<Crowd> => {
    const { port, pid } = sides[side];
    const before = cpuMs(pid);
    const load = { streams: STREAMS, rounds: pace.crowdRounds, perStep: PER_STEP };
    const result = await pacedStreams({ ...questions(port), ...load });
    await setTimeout(SETTLE_MS);
    return { ...result, cpuUsPerChunk: ((cpuMs(pid) - before) * 1000) / (STREAMS * pace.crowdRounds * PACED_CHUNKS) };
  };
  const pairs = await inTurn(pace.streamPairs, run, run);
  const of = (side: keyof Pair<Crowd>, figure: (crowd: Crowd) => number) =>
    median(pairs.map((pair) => figure(pair[side])));
  const firstChunk = (share: number, most: number): Row => {
    const figure = ({ firstChunkMs }: Crowd) => percentile(firstChunkMs, share);
    return {
      what: `${STREAMS} paced streams: first chunk p${share * 100}`,
      value: of('router', figure),
      unit: 'ms',
      atLeast: { at: 'most', value: most },
      target: null,
      detail: `bare pipe ${of('bare', figure).toFixed(2)} ms`,
    };
  };
  return [
    firstChunk(0.5, 8),
    firstChunk(0.99, 30),
    {
      what: `${STREAMS} paced streams: CPU of a chunk`,
      value: of('router', (crowd) => crowd.cpuUsPerChunk),
      unit: 'us',
      atLeast: { at: 'most', value: 50 },
      target: null,
      detail: `bare pipe ${of('bare', (crowd) => crowd.cpuUsPerChunk).toFixed(1)} us`,
    },
  ];
}

/** How many streams the upstream had open at once since this was asked last. */
async function peakOf(upstreamPort: number): Promise<number> {
  const connection = await Connection.open(upstreamPort);
  let body = '';
  await connection.request(requestBytes({ port: upstreamPort, path: '/peak', body: '' }), (bytes) => {
    body += bytes.toString('latin1');
  });
  connection.close();
  return (JSON.parse(body) as { readonly peak: number }).peak;
}

/** 1,000 streams of 1.3 s begun within one second: how many of them really run at once. */
export async function begunAtOnce({ everythingOn, bare, upstreamPort, pace }: Bench): Promise<Row[]> {
  const ports = { router: sideOf(everythingOn).port, bare: bare.port };
  const slowest = { router: 0, bare: 0 };
  const pairs = await inTurn(pace.streamPairs, null, async (side) => {
    await peakOf(upstreamPort);
    const begunMs = await begunStreams({ ...questions(ports[side]), streams: BEGUN, withinMs: WITHIN_MS });
    slowest[side] = Math.max(slowest[side], begunMs);
    return peakOf(upstreamPort);
  });
  const shown = (side: keyof Pair<number>) => median(pairs.map((pair) => pair[side])).toFixed(0);
  return [
    {
      what: `${BEGUN.toLocaleString('en')} streams begun within a second: at once`,
      value: ratioOf(pairs),
      unit: 'x',
      atLeast: { at: 'least', value: 0.8 },
      target: null,
      detail: `${shown('router')} against ${shown('bare')}; sent within ${slowest.router.toFixed(0)} and ${slowest.bare.toFixed(0)} ms`,
    },
  ];
}
