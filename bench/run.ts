/**
 * `npm run bench`: the performance suite of DESIGN section 9 and of the way of a request (docs/BENCHMARKS.md). Every speed
 * is a ratio to a bare Fastify + undici proxy measured in the same run.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { resolve } from 'node:path';
import type { RouterProcess } from '../test/support/router-process.js';
import { readOptions, runCommand, UsageError } from '../tools/command.js';
import { startChild } from './child.js';
import { admissionCost } from './admission-cost.js';
import { observabilityCost } from './observability-cost.js';
import { hitCost, missCost } from './answer-cost.js';
import { decisionTime } from './decision.js';
import { doorCost } from './door-cost.js';
import {
  addedLatency,
  cacheHits,
  concurrentStreams,
  plainRequests,
  resilienceCost,
  startUp,
  streamedChunks,
  type Bench,
} from './measurements.js';
import { FULL, QUICK, type Pace } from './pace.js';
import { asMarkdown, asText, isMet, type Row } from './report.js';
import { burstCost, plainCost, redisCost, streamCost } from './request-cost.js';
import { sessionCost } from './session-cost.js';
import { shareCost } from './share-cost.js';
import { soak } from './soak.js';
import { benchConfig, startRouter } from './router-under-test.js';
import { begunAtOnce, pacedCrowd } from './stream-crowds.js';

const MEASUREMENTS = {
  'plain-cost': plainCost,
  'stream-cost': streamCost,
  'burst-cost': burstCost,
  'paced-crowd': pacedCrowd,
  'at-once': begunAtOnce,
  'redis-cost': redisCost,
  'admission-cost': admissionCost,
  'observability-cost': observabilityCost,
  'hit-cost': hitCost,
  'miss-cost': missCost,
  'share-cost': shareCost,
  'door-cost': doorCost,
  decision: decisionTime,
  plain: plainRequests,
  resilience: resilienceCost,
  stream: streamedChunks,
  cache: cacheHits,
  latency: addedLatency,
  concurrent: concurrentStreams,
  start: startUp,
  session: sessionCost,
};
/** Only by name: it takes 20 minutes, or as many as are asked for. */
const BY_NAME = { soak };

const USAGE = `Usage: npm run bench -- [options]
  --quick              short rounds: for a look, not for a document
  --only <a>,<b>       these rows: ${[...Object.keys(MEASUREMENTS), ...Object.keys(BY_NAME)].join(', ')}
                       (${Object.keys(BY_NAME).join(', ')} only by name)
  --minutes <n>        the time of soak
  --markdown           the table as docs/BENCHMARKS.md has it
  --strict             exit 1 when a figure is missed`;

interface Wanted {
  readonly pace: Pace;
  readonly only: readonly string[] | undefined;
}

/** @throws UsageError */
function wantedOf({ quick, minutes, only }: { quick: boolean; minutes?: string; only?: string }): Wanted {
  const names = only?.split(',');
  const unknown = names?.find((name) => !(name in MEASUREMENTS || name in BY_NAME));
  if (unknown !== undefined) throw new UsageError(`--only ${unknown}: there is no such row`);
  const soakMinutes = Number(minutes);
  if (minutes !== undefined && !(soakMinutes > 0)) throw new UsageError(`--minutes ${minutes}: must be above 0`);
  const pace = quick ? QUICK : FULL;
  return { only: names, pace: minutes === undefined ? pace : { ...pace, soakMinutes } };
}

async function measure(bench: Bench, only: Wanted['only']): Promise<Row[]> {
  const rows: Row[] = [];
  const wanted = only
    ? Object.entries({ ...MEASUREMENTS, ...BY_NAME }).filter(([name]) => only.includes(name))
    : Object.entries(MEASUREMENTS);
  for (const [name, measurement] of wanted) {
    process.stderr.write(`measuring: ${name}\n`);
    rows.push(...(await measurement(bench)));
  }
  return rows;
}

async function withProcesses<T>(pace: Pace, use: (bench: Bench) => Promise<T>): Promise<T> {
  const started: (() => Promise<unknown>)[] = [];
  const startBench = async (cache: boolean): Promise<RouterProcess> => {
    const { router } = await startRouter(benchConfig(upstream.port, cache));
    started.push(() => router.kill());
    return router;
  };
  const upstream = await startChild('upstream');
  started.push(() => upstream.stop());
  try {
    const bare = await startChild('bare-proxy', [String(upstream.port)]);
    started.push(() => bare.stop());
    const [router, everythingOn] = [await startBench(false), await startBench(true)];
    return await use({ upstreamPort: upstream.port, bare, router, everythingOn, pace });
  } finally {
    for (const stop of started.reverse()) await stop();
  }
}

function save(result: { readonly date: string }): void {
  const directory = resolve('bench/results');
  mkdirSync(directory, { recursive: true });
  const text = `${JSON.stringify(result, null, 2)}\n`;
  for (const name of [result.date.replaceAll(':', '-'), 'latest']) writeFileSync(`${directory}/${name}.json`, text);
}

async function bench(): Promise<number> {
  const flag = { type: 'boolean', default: false } as const;
  const text = { type: 'string' } as const;
  const options = readOptions({ quick: flag, markdown: flag, strict: flag, only: text, minutes: text });
  const { pace, only } = wantedOf(options);
  const started = performance.now();
  const load = loadavg()[0] ?? 0;
  if (load > 0.5) process.stderr.write(`the machine is busy (load ${load.toFixed(1)}): ratios hold, times do not\n`);
  const rows = await withProcesses(pace, (processes) => measure(processes, only));
  const machine = { load, node: process.version, cpus: availableParallelism(), cpu: cpus()[0]?.model ?? 'unknown' };
  const seconds = Math.round((performance.now() - started) / 1000);
  const mode = options.quick ? 'quick' : 'full';
  if (!only) {
    const shown = rows.map((row) => ({ ...row, met: isMet(row) }));
    save({ date: new Date().toISOString(), mode, seconds, ...machine, rows: shown } as { date: string });
  }
  // the result of the command: standard output, while progress goes to standard error
  console.log(options.markdown ? asMarkdown(rows) : asText(rows));
  console.log(
    `\n${mode}, ${seconds} s, ${machine.cpus} CPUs (${machine.cpu}), Node ${machine.node}, load before ${load.toFixed(1)}`,
  );
  return options.strict && !rows.every(isMet) ? 1 : 0;
}

await runCommand(USAGE, bench);
