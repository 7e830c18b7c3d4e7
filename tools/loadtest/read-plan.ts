import { readFileSync } from 'node:fs';
import { isLoopbackUrl } from '../../src/common/loopback.js';
import { readOptions, UsageError } from '../command.js';
import { numberIn, optionalNumber, pairOf } from './option-values.js';
import type { Asking, Load, LocalPlan, Objectives, Plan } from './plan.js';
import { promptsOf } from './prompts.js';

const text = { type: 'string' } as const;
const several = { type: 'string', multiple: true } as const;
const flag = { type: 'boolean', default: false } as const;
const OPTIONS = {
  ...{ url: several, 'allow-remote': flag, local: text, config: text, 'kill-one': flag, 'kill-signal': text },
  ...{ users: text, requests: text, 'think-ms': text, rate: text, arrivals: text, 'max-in-flight': text },
  ...{ duration: text, warmup: text, seed: text, model: text, strategy: text, stream: flag, prompt: text },
  ...{ prompts: text, repeats: text, same: flag, sessions: text, turns: text, 'max-tokens': text, key: several },
  ...{ 'key-file': text, header: several, 'timeout-seconds': text, 'p95-ms': text, 'p99-ms': text },
  ...{ 'first-token-p95-ms': text, 'gap-ms': text, 'max-error-rate': text, 'min-hit-rate': text, 'min-rate': text },
  ...{ markdown: text, html: text, json: text },
} as const;
type Values = ReturnType<typeof readOptions<typeof OPTIONS>>;

const DEFAULT_URL = 'http://127.0.0.1:8080';
const DEFAULT_PROMPT = 'What is the capital of France?';
const MOST_SEED = 2_000_000_000;
const MOST_MS = 3_600_000;
const DAY_SECONDS = 86_400;

/** @throws UsageError that names the wrong option and the cure */
export function readPlan(
  args: string[] = process.argv.slice(2),
  newSeed: () => number = () => Math.floor(Math.random() * MOST_SEED),
): Plan {
  const values = readOptions(OPTIONS, args);
  const load = loadOf(values);
  const warmupMs = numberIn('warmup', values.warmup ?? '0', 0, DAY_SECONDS, false) * 1000;
  if (load.durationMs !== null && warmupMs >= load.durationMs) {
    throw new UsageError('--warmup must be shorter than --duration, or nothing is left to measure');
  }
  const local = localOf(values);
  return {
    urls: local ? [] : (values.url ?? [DEFAULT_URL]).map((url) => serviceUrl(url, values['allow-remote'])),
    local,
    load,
    warmupMs,
    timeoutMs: numberIn('timeout-seconds', values['timeout-seconds'] ?? '120', 1, 600) * 1000,
    asking: askingOf(values, load, newSeed),
    objectives: objectivesOf(values),
    files: { markdown: values.markdown ?? null, html: values.html ?? null, json: values.json ?? null },
  };
}

function serviceUrl(given: string, allowRemote: boolean): URL {
  if (!URL.canParse(given) || !/^https?:$/.test(new URL(given).protocol)) {
    throw new UsageError(`--url takes an http or https URL, not "${given}"`);
  }
  const url = new URL(given);
  if (!isLoopbackUrl(url) && !allowRemote) {
    throw new UsageError(`${url.hostname} is not this machine; add --allow-remote if you may put load on it`);
  }
  return url;
}

/** Options that mean nothing without (or with) another one are mistakes, not wishes. */
function refuse(values: Values, names: readonly (keyof Values)[], why: string): void {
  const given = names.find((name) => values[name] !== undefined && values[name] !== false);
  if (given !== undefined) throw new UsageError(`--${given} ${why}`);
}

function localOf(values: Values): LocalPlan | null {
  if (values.local === undefined) {
    refuse(values, ['config', 'kill-one', 'kill-signal'], 'is for replicas that are started here; add --local 3');
    return null;
  }
  refuse(values, ['url', 'allow-remote'], 'and --local exclude each other: leave one out');
  const replicas = numberIn('local', values.local, 1, 10);
  if (!values['kill-one']) refuse(values, ['kill-signal'], 'says how; add --kill-one');
  if (values['kill-one'] && replicas < 2) throw new UsageError('--kill-one leaves no replica; use --local 2 or more');
  const signal = values['kill-signal'] ?? 'SIGKILL';
  if (signal !== 'SIGKILL' && signal !== 'SIGTERM') {
    throw new UsageError(`--kill-signal takes SIGKILL or SIGTERM, not "${signal}"`);
  }
  return { replicas, configFile: values.config ?? null, kill: values['kill-one'] ? signal : null };
}

function loadOf(values: Values): Load {
  const durationMs = (optionalNumber('duration', values.duration, 1, DAY_SECONDS, false) ?? 0) * 1000 || null;
  if (values.rate === undefined) {
    refuse(values, ['arrivals', 'max-in-flight'], 'is for an open loop; add --rate');
    if (durationMs !== null) refuse(values, ['requests'], 'and --duration exclude each other: leave one out');
    return {
      kind: 'closed',
      users: numberIn('users', values.users ?? '100', 1, 10_000),
      requests: durationMs === null ? numberIn('requests', values.requests ?? '10', 1, 1_000_000) : null,
      thinkMs: numberIn('think-ms', values['think-ms'] ?? '0', 0, MOST_MS),
      durationMs,
    };
  }
  refuse(
    values,
    ['users', 'requests', 'think-ms'],
    'is for a closed loop; with --rate say --duration and --max-in-flight',
  );
  const arrivals = values.arrivals ?? 'constant';
  if (arrivals !== 'constant' && arrivals !== 'poisson') {
    throw new UsageError(`--arrivals takes constant or poisson, not "${arrivals}"`);
  }
  return {
    kind: 'open',
    rate: numberIn('rate', values.rate, 0.1, 20_000, false),
    arrivals,
    maxInFlight: numberIn('max-in-flight', values['max-in-flight'] ?? '1000', 1, 20_000),
    durationMs: durationMs ?? 10_000,
  };
}

function askingOf(values: Values, load: Load, newSeed: () => number): Asking {
  const sessions = optionalNumber('sessions', values.sessions, 1, 100_000) ?? 0;
  if (sessions === 0) refuse(values, ['turns'], 'is of conversations; add --sessions');
  if (load.kind === 'closed' && sessions > load.users) {
    throw new UsageError('--sessions may be --users at most: a user has one conversation at a time');
  }
  if (values.prompts !== undefined) refuse(values, ['prompt'], 'and --prompts exclude each other: leave one out');
  if (values.same) refuse(values, ['repeats', 'prompts'], 'and --same exclude each other: leave one out');
  const seed = optionalNumber('seed', values.seed, 0, MOST_SEED);
  return {
    seed: seed ?? newSeed(),
    model: values.model ?? 'auto',
    stream: values.stream,
    prompts: values.prompts === undefined ? [{ prompt: values.prompt ?? DEFAULT_PROMPT }] : promptsOf(values.prompts),
    verbatim: values.prompts !== undefined && values.repeats === undefined,
    repeats: optionalNumber('repeats', values.repeats, 0, 1, false) ?? 0,
    same: values.same,
    sessions,
    turns: numberIn('turns', values.turns ?? '5', 1, 1000),
    maxTokens: optionalNumber('max-tokens', values['max-tokens'], 1, 1_000_000),
    keys: keysOf(values),
    headers: headersOf(values),
  };
}

function keysOf(values: Values): string[] {
  const file = values['key-file'];
  const lines = file === undefined ? [] : readFileSync(file, 'utf8').split('\n');
  const given = [...(values.key ?? []), ...lines.map((line) => line.trim()).filter((line) => line !== '')];
  if (file !== undefined && given.length === 0)
    throw new UsageError(`--key-file ${file}: has no key; write one a line`);
  const environment = process.env['ROUTER_KEY'] ?? '';
  const keys = given.length > 0 || environment === '' ? given : [environment];
  const wrong = keys.findIndex((key) => !/^[\x21-\x7e]+$/.test(key));
  if (wrong >= 0) throw new UsageError(`--key: key ${wrong + 1} has characters that no header may hold; copy it again`);
  return keys;
}

const OWN_HEADERS = new Set(['content-type', 'content-length', 'host', 'connection', 'transfer-encoding']);

function headersOf(values: Values): Record<string, string> {
  const pairs = (values.header ?? []).map((given) => pairOf('header', given));
  for (const [name] of pairs) {
    if (OWN_HEADERS.has(name)) throw new UsageError(`--header ${name}: is set by the load test itself; leave it out`);
  }
  if (values.strategy !== undefined) pairs.push(pairOf('strategy', `x-router-strategy: ${values.strategy}`));
  return Object.fromEntries(pairs);
}

function objectivesOf(values: Values): Objectives {
  if (!values.stream) refuse(values, ['first-token-p95-ms', 'gap-ms'], 'is of streamed answers; add --stream');
  const milliseconds = (name: 'p95-ms' | 'p99-ms' | 'first-token-p95-ms' | 'gap-ms') =>
    optionalNumber(name, values[name], 1, MOST_MS);
  return {
    p95Ms: milliseconds('p95-ms') ?? 2000,
    p99Ms: milliseconds('p99-ms'),
    firstTokenP95Ms: milliseconds('first-token-p95-ms'),
    gapMs: milliseconds('gap-ms'),
    maxErrorRate: optionalNumber('max-error-rate', values['max-error-rate'], 0, 1, false) ?? 0.01,
    minHitRate: optionalNumber('min-hit-rate', values['min-hit-rate'], 0, 1, false),
    minRate: optionalNumber('min-rate', values['min-rate'], 0, 1_000_000, false),
  };
}
