/**
 * `npm run loadtest -- --url http://127.0.0.1:8080 --users 100 --requests 10`: many users at once against a running
 * service. Exit 0: the objectives are met; 1: they are not; 2: wrong options.
 */
import { performance } from 'node:perf_hooks';
import { Agent, request } from 'undici';
import { percentile } from '../bench/statistics.js';
import { readOptions, runCommand, UsageError } from './command.js';

const USAGE = `Usage: npm run loadtest -- [options]
  --url <url>             the service (default http://127.0.0.1:8080)
  --allow-remote          needed for a URL that is not on this machine
  --users <n>             callers at once, 1 to 10000 (default 100)
  --requests <n>          requests of each, 1 to 100000 (default 10)
  --model <name>          default auto
  --key <key>             API key; ROUTER_KEY in the environment keeps it out of the process list
  --stream                streamed answers; the first token is measured too
  --same                  everybody asks the same question, so that the cache can answer
  --prompt <text>         the question
  --timeout-seconds <n>   for one request, 1 to 600 (default 120)
  --p95-ms <n>            objective: p95 of whole answers, milliseconds (default 2000)
  --max-error-rate <n>    objective: share of failed requests, 0 to 1 (default 0.01)`;

interface Plan {
  readonly url: URL;
  readonly users: number;
  readonly requests: number;
  readonly model: string;
  readonly key: string;
  readonly stream: boolean;
  readonly same: boolean;
  readonly prompt: string;
  readonly timeoutMs: number;
  readonly p95Ms: number;
  readonly maxErrorRate: number;
}

/** One request, as its user saw it. */
interface Sample {
  readonly ms: number;
  /** Streamed answers only. */
  readonly firstTokenMs: number | null;
  /** `null` = a complete answer; else `code` of the error body, `http_<status>` or the network error's code. */
  readonly error: string | null;
  /** `x-router-cache`. */
  readonly cache: string;
}

function numberIn(name: string, text: string, min: number, max: number, whole = true): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= min && value <= max) || (whole && !Number.isInteger(value))) {
    throw new UsageError(
      `--${name} takes ${whole ? 'a whole number' : 'a number'} from ${min} to ${max}, not "${text}"`,
    );
  }
  return value;
}

function serviceUrl(text: string, allowRemote: boolean): URL {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new UsageError(`--url takes an http or https URL, not "${text}"`);
  }
  const url = new URL(text);
  const loopback = url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(\.\d+){3}$/.test(url.hostname);
  if (!loopback && !allowRemote) {
    throw new UsageError(`${url.hostname} is not this machine; add --allow-remote if you may put load on it`);
  }
  return url;
}

/** A guard against typing mistakes: so many results are kept in memory. */
const MOST_REQUESTS = 1_000_000;

function boundedPlan(): Plan {
  const plan = planOf();
  if (plan.users * plan.requests > MOST_REQUESTS) {
    throw new UsageError(`--users times --requests may be ${MOST_REQUESTS} at most`);
  }
  return plan;
}

/** @throws UsageError that names the wrong option */
function planOf(): Plan {
  const text = (fallback: string) => ({ type: 'string', default: fallback }) as const;
  const flag = { type: 'boolean', default: false } as const;
  const options = {
    url: text('http://127.0.0.1:8080'),
    'allow-remote': flag,
    users: text('100'),
    requests: text('10'),
    model: text('auto'),
    key: text(process.env['ROUTER_KEY'] ?? ''),
    stream: flag,
    same: flag,
    prompt: text('What is the capital of France?'),
    'timeout-seconds': text('120'),
    'p95-ms': text('2000'),
    'max-error-rate': text('0.01'),
  } as const;
  const values = readOptions(options);
  return {
    url: serviceUrl(values.url, values['allow-remote']),
    users: numberIn('users', values.users, 1, 10_000),
    requests: numberIn('requests', values.requests, 1, 100_000),
    model: values.model,
    key: values.key,
    stream: values.stream,
    same: values.same,
    prompt: values.prompt,
    timeoutMs: numberIn('timeout-seconds', values['timeout-seconds'], 1, 600) * 1000,
    p95Ms: numberIn('p95-ms', values['p95-ms'], 1, 3_600_000),
    maxErrorRate: numberIn('max-error-rate', values['max-error-rate'], 0, 1, false),
  };
}

function bodyOf(plan: Plan, number: number): string {
  const content = plan.same ? plan.prompt : `${plan.prompt} (${number})`;
  const stream = plan.stream ? { stream: true } : {};
  return JSON.stringify({ model: plan.model, ...stream, messages: [{ role: 'user', content }] });
}

/** A stream is complete only with its `[DONE]`; after an error event there is none. */
function errorIn(text: string, status: number, stream: boolean): string | null {
  if (status === 200 && (!stream || /^data: ?\[DONE\]/m.test(text))) return null;
  const code = /"code":\s*"([a-z_]+)"/.exec(text)?.[1];
  return code ?? (status === 200 ? 'stream_without_end' : `http_${status}`);
}

async function ask(plan: Plan, agent: Agent, number: number): Promise<Sample> {
  const sent = performance.now();
  let firstTokenMs: number | null = null;
  let cache = 'none';
  try {
    const response = await request(new URL('/v1/chat/completions', plan.url), {
      method: 'POST',
      dispatcher: agent,
      headers: { 'content-type': 'application/json', ...(plan.key ? { authorization: `Bearer ${plan.key}` } : {}) },
      body: bodyOf(plan, number),
      signal: AbortSignal.timeout(plan.timeoutMs),
    });
    cache = String(response.headers['x-router-cache'] ?? 'none');
    const pieces: Buffer[] = [];
    for await (const piece of response.body) {
      if (plan.stream) firstTokenMs ??= performance.now() - sent;
      pieces.push(piece as Buffer);
    }
    const error = errorIn(Buffer.concat(pieces).toString('utf8'), response.statusCode, plan.stream);
    return { ms: performance.now() - sent, firstTokenMs, error, cache };
  } catch (error) {
    const { name, code } = error as { name: string; code?: unknown };
    const shown = name === 'TimeoutError' ? 'timeout' : typeof code === 'string' ? code : name;
    return { ms: performance.now() - sent, firstTokenMs, error: shown, cache };
  }
}

/** A bar that is drawn over on a terminal, a line every tenth elsewhere. */
function progressBar(total: number): (samples: readonly Sample[]) => void {
  const width = 30;
  let shownTenth = 0;
  return (samples) => {
    const share = samples.length / total;
    const failed = samples.filter(({ error }) => error).length;
    const numbers = `${samples.length}/${total}, ${failed} failed`;
    if (process.stderr.isTTY) {
      const bar = '#'.repeat(Math.round(share * width)).padEnd(width, '.');
      process.stderr.write(`\r[${bar}] ${numbers}${share === 1 ? '\n' : ' '}`);
    } else if (Math.floor(share * 10) > shownTenth) {
      shownTenth = Math.floor(share * 10);
      process.stderr.write(`${shownTenth * 10} %: ${numbers}\n`);
    }
  };
}

const REDRAW_MS = 100;

async function run(plan: Plan): Promise<{ samples: Sample[]; seconds: number }> {
  const agent = new Agent({ connections: plan.users, pipelining: 1 });
  const samples: Sample[] = [];
  const show = progressBar(plan.users * plan.requests);
  const redraw = setInterval(() => show(samples), REDRAW_MS);
  const started = performance.now();
  const user = async (_: unknown, index: number): Promise<void> => {
    for (let i = 0; i < plan.requests; i += 1) samples.push(await ask(plan, agent, index * plan.requests + i));
  };
  try {
    await Promise.all(Array.from({ length: plan.users }, user));
  } finally {
    clearInterval(redraw);
    await agent.destroy();
  }
  show(samples);
  return { samples, seconds: (performance.now() - started) / 1000 };
}

const percentiles = (values: readonly number[]): string =>
  values.length === 0
    ? 'none'
    : [0.5, 0.95, 0.99].map((share) => `p${share * 100} ${percentile(values, share).toFixed(0)} ms`).join('   ');

function tally(values: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted.map(([value, count]) => `${value} ${count}`).join(', ') || 'none';
}

/** Prints the result; true when the objectives are met. */
function report(plan: Plan, samples: readonly Sample[], seconds: number): boolean {
  const answered = samples.filter(({ error }) => error === null);
  const errors = samples.flatMap(({ error }) => (error === null ? [] : [error]));
  const firstTokens = answered.flatMap(({ firstTokenMs }) => (firstTokenMs === null ? [] : [firstTokenMs]));
  const latencies = answered.map(({ ms }) => ms);
  const errorRate = errors.length / samples.length;
  const p95 = percentile(latencies, 0.95);
  const objectives = [
    { text: `p95 at most ${plan.p95Ms} ms`, met: p95 <= plan.p95Ms },
    { text: `error rate at most ${plan.maxErrorRate * 100} %`, met: errorRate <= plan.maxErrorRate },
  ];
  const lines = [
    `requests     ${samples.length} in ${seconds.toFixed(1)} s = ${(samples.length / seconds).toFixed(0)}/s, ${plan.users} users`,
    `answers      ${percentiles(latencies)}`,
    ...(plan.stream ? [`first token  ${percentiles(firstTokens)}`] : []),
    `errors       ${(errorRate * 100).toFixed(2)} %: ${tally(errors)}`,
    `cache        ${tally(samples.map(({ cache }) => cache))}`,
    ...objectives.map(({ text, met }) => `objective    ${text}: ${met ? 'met' : 'MISSED'}`),
  ];
  console.log(lines.join('\n'));
  return objectives.every(({ met }) => met);
}

await runCommand(USAGE, async () => {
  const plan = boundedPlan();
  const { samples, seconds } = await run(plan);
  return report(plan, samples, seconds) ? 0 : 1;
});
