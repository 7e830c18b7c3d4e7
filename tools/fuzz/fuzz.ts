/**
 * `npm run fuzz -- --seconds 60 --seed 7`: requests made from the OpenAPI document and spoiled, against a service that is
 * started for it or one that runs. Exit 0: every answer is as documented; 1: one is not; 2: wrong options.
 */
import { join } from 'node:path';
import { readOptions, runCommand, UsageError } from '../command.js';
import type { CallsOptions } from './calls.js';
import { findingsOf, fuzzOwnService, fuzzService, type FuzzPlan, type FuzzReport } from './run.js';

const USAGE = `Usage: npm run fuzz -- [options]
  --seconds <n>      how long, 1 to 86400 (default 60)
  --seed <n>         the same seed makes the same requests (default: a new one, printed)
  --redis            the service that is started has a Redis
  --url <url>        a service that runs, instead of one that is started; it is not asked to delete or to drain
  --key <key>        API key for --url; ROUTER_KEY in the environment keeps it out of the process list`;

const MOST_SECONDS = 86_400;
const MOST_SEED = 2_000_000_000;
const KEEP_IN = join('node_modules', '.cache', 'fuzz');

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max) {
    throw new UsageError(`--${name} takes a whole number from ${min} to ${max}, not "${text}"`);
  }
  return value;
}

/** Of a service that somebody uses: nothing is erased, and no target taken out of rotation. */
const foreign = (key: string): CallsOptions => ({
  keysFor: ({ method, path }) => {
    if (method === 'DELETE' || path.endsWith('/drain')) return [];
    return key === '' ? [null] : [key, key, key, 'no-such-key', null];
  },
  known: { model: ['auto'], role: ['user', 'assistant', 'system'] },
  oddModel: null,
});

async function fuzz(): Promise<number> {
  const values = readOptions({
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * MOST_SEED)) },
    redis: { type: 'boolean', default: false },
    url: { type: 'string', default: '' },
    key: { type: 'string', default: process.env['ROUTER_KEY'] ?? '' },
  });
  const plan: FuzzPlan = {
    seconds: wholeNumber('seconds', values.seconds, 1, MOST_SECONDS),
    seed: wholeNumber('seed', values.seed, 0, MOST_SEED),
    keepIn: KEEP_IN,
  };
  if (values.url !== '' && !/^http:\/\/[^/]+\/?$/.test(values.url)) {
    throw new UsageError(`--url takes an address such as http://127.0.0.1:8080, not "${values.url}"`);
  }
  console.log(`seed         ${plan.seed}`);
  const own = values.url === '';
  const report = await (own
    ? fuzzOwnService(plan, values.redis)
    : fuzzService(new URL(values.url), foreign(values.key), plan));
  print(report, plan);
  return findingsOf(report).length === 0 ? 0 : 1;
}

function print(report: FuzzReport, { seconds }: FuzzPlan): void {
  const { requests, outcomes, overloads, slowest } = report.result;
  const { p50, p95, slowest: slowestHealth, stallP95, asked } = report.health;
  const counts = [...outcomes].sort(([, a], [, b]) => b - a).map(([name, count]) => `${name} ${count}`);
  console.log(`requests     ${requests} in ${seconds} s = ${(requests / seconds).toFixed(0)}/s`);
  console.log(`answers      ${counts.join(', ')}; ${overloads} times overloaded`);
  console.log(`slowest      ${slowest.ms.toFixed(0)} ms: ${slowest.what}`);
  const health = [p50, p95, slowestHealth, stallP95].map((ms) => ms.toFixed(1));
  console.log(
    `/health      p50 ${health[0]}, p95 ${health[1]}, slowest ${health[2]} ms of ${asked}; machine ${health[3]} ms`,
  );
  const findings = findingsOf(report);
  for (const finding of findings) console.log(`\nFOUND        ${finding}`);
  console.log(`\n${findings.length} findings`);
}

await runCommand(USAGE, fuzz);
