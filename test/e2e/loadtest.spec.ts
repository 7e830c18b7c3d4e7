import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Summary } from '../../tools/loadtest/summary.js';
import { answer, rateLimited } from '../support/upstream-behaviours.js';
import { words } from '../support/openai-answer.js';
import { RouterProcess } from '../support/router-process.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { eventually } from '../support/router-calls.js';
import { cutAfter, paced } from '../support/upstream-twists.js';
import { UpstreamServer } from '../support/upstream-server.js';

const SLOW = 90_000;
const CHARTS = 8;

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  /** The JSON report. */
  readonly summary: Summary;
}

const requestsOf = (sums: Summary['total']['by_status']): Record<string, number> =>
  Object.fromEntries(Object.entries(sums).map(([name, { requests }]) => [name, requests]));
const sumOf = (sums: Summary['total']['by_status']): number =>
  Object.values(sums).reduce((sum, { requests }) => sum + requests, 0);

describe('npm run loadtest', () => {
  let directory: string;
  let upstream: UpstreamServer;
  let router: RouterProcess;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'router-loadtest-spec-'));
    upstream = await UpstreamServer.start();
    const price = { input: 1, output: 10 };
    const config = inOrder([targetOn(upstream, { id: 'local', price, concurrency: 1_000 })], {
      cache: { enabled: true },
      resilience: { retries: 0, breaker: { failures: 100_000 } },
    });
    router = await RouterProcess.start({ config });
  }, SLOW);
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await router.kill();
    await upstream.close();
    rmSync(directory, { recursive: true });
  });

  const report = (form: string): string => join(directory, `report.${form}`);
  function started(args: readonly string[]) {
    const tool = ['tools/run.mjs', 'tools/loadtest/loadtest.ts'];
    const reports = ['json', 'html', 'markdown'].flatMap((form) => [`--${form}`, report(form)]);
    const child = spawn(process.execPath, [...tool, ...reports, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const text = { out: '', err: '' };
    child.stdout.on('data', (piece) => (text.out += String(piece)));
    child.stderr.on('data', (piece) => (text.err += String(piece)));
    const ended = new Promise<Ran>((settle) =>
      child.once('close', (code) =>
        settle({ code, ...text, summary: JSON.parse(readFileSync(report('json'), 'utf8')) as Summary }),
      ),
    );
    return { child, text, ended };
  }
  const run = (line: string): Promise<Ran> => started(['--url', router.url, ...line.split(' ')]).ended;

  it(
    'counts plain answers as the model server does: requests, hits, tokens, cost',
    async () => {
      upstream.always(answer('one two three'));
      const { code, summary, out, err } = await run('--users 5 --requests 20 --repeats 0.4 --seed 11');
      const { total } = summary;
      const called = upstream.requests.length;
      expect({ code, requests: total.requests, status: requestsOf(total.by_status) }).toEqual({
        ...{ code: 0, requests: 100, status: { 200: 100 } },
      });
      expect(total.hits).toBeGreaterThan(0);
      const answers = requestsOf(total.by_cache);
      expect(answers['MISS']).toBe(called);
      expect((answers['HIT'] ?? 0) + (answers['SHARED'] ?? 0)).toBe(100 - called);
      expect([total.completion_tokens, total.answers_with_tokens]).toEqual([300, 100]);
      const prompts = upstream.requests.reduce((sum, { text }) => sum + messagesOf(text), 0);
      expect(total.by_cache['MISS']?.prompt_tokens).toBe(prompts);
      expect(total.by_cache['MISS']?.cost_usd).toBeCloseTo((prompts + 30 * called) / 1e6, 8);
      expect(out).toContain('objective   p95 at most 2000 ms: met');
      expect(err).toContain('100 %: 100 requests, 0 failed, 0 in flight');
    },
    SLOW,
  );

  it(
    'counts what fails, each request once',
    async () => {
      const cut = answer('a b c', {}, cutAfter(2));
      let turn = 0;
      upstream.always((request, model) => ([answer('a b'), rateLimited(), cut] as const)[turn++ % 3]!(request, model));
      const { code, summary } = await run('--users 3 --requests 10 --stream --timeout-seconds 3 --seed 12');
      const { total } = summary;
      expect({ code, requests: total.requests }).toEqual({ code: 1, requests: 30 });
      const groups = [total.by_status, total.by_target, total.by_status_and_target, total.by_cache];
      expect(groups.map(sumOf)).toEqual([30, 30, 30, 30]);
      expect(sumOf(total.errors) + total.answered).toBe(30);
      expect(total.answered).toBe(requestsOf(total.by_status)['200'] ?? 0);
      expect(summary.error_rate).toBeCloseTo(1 - total.answered / 30, 6);
    },
    SLOW,
  );

  it(
    'measures first token and largest gap of streams, whose cost nobody tells',
    async () => {
      upstream.always(answer(words(5), {}, paced(60)));
      const line = '--users 4 --requests 3 --stream --gap-ms 2000 --first-token-p95-ms 2000 --seed 13';
      const { code, summary } = await run(line);
      expect(code).toBe(0);
      expect(summary.total).toMatchObject({ answered: 12, completion_tokens: 60, cost_usd: null });
      expect(summary.gap_ms.p50).toBeGreaterThan(50);
      expect(summary.gap_ms.count).toBe(12);
      expect(summary.latency_ms.p50! - summary.first_token_ms.p50!).toBeGreaterThan(150);
    },
    SLOW,
  );

  it(
    'an open loop shows what a stall costs those who came while it lasted',
    async () => {
      const STALL_MS = 1_000;
      let stallUntil = 0;
      upstream.always((request, model) => {
        const now = performance.now();
        if (request.index === 40) stallUntil = now + STALL_MS;
        const ms = Math.max(0, stallUntil - now);
        return [{ do: 'wait', ms }, ...answer('a b')(request, model)];
      });
      const line = '--rate 100 --duration 4 --max-in-flight 4 --p95-ms 300 --seed 14';
      const { code, summary, out } = await run(line);
      expect(summary.total.requests + summary.not_started).toBe(400);
      expect(upstream.requests).toHaveLength(summary.total.requests);
      // Four waited for the model server; a hundred were due meanwhile, the last for hardly any time.
      expect(summary.service_ms.p95).toBeLessThan(STALL_MS / 2);
      expect(summary.latency_ms.p95).toBeGreaterThan(STALL_MS / 2);
      expect(summary.start_delay_ms.max).toBeGreaterThan(STALL_MS / 2);
      expect(code).toBe(1);
      expect(out).toContain('objective   p95 at most 300 ms: MISSED');
    },
    SLOW,
  );

  it(
    'what is due and cannot begin is told, and is an error',
    async () => {
      upstream.always((request, model) => [{ do: 'wait', ms: 1_500 }, ...answer('a b')(request, model)]);
      const { code, summary, out } = await run('--rate 50 --duration 1 --max-in-flight 2 --seed 15');
      expect(summary).toMatchObject({ not_started: 48, total: { requests: 2, answered: 2 }, error_rate: 0.96 });
      expect({ code, told: out.includes('48 that were due') }).toEqual({ code: 1, told: true });
    },
    SLOW,
  );

  it(
    'Ctrl-C ends it with a report of what was measured so far',
    async () => {
      upstream.always((request, model) => (request.index < 20 ? answer('a b')(request, model) : [{ do: 'silence' }]));
      const { child, ended } = started(['--url', router.url, '--users', '2', '--requests', '1000', '--seed', '16']);
      await upstream.received(21, 60_000);
      const from = performance.now();
      child.kill('SIGINT');
      const { code, summary, out } = await ended;
      expect(performance.now() - from).toBeLessThan(10_000);
      expect(code).toBe(130);
      expect(summary).toMatchObject({ interrupted: true, error_rate: 0 });
      expect(summary.total).toMatchObject({ requests: 22, answered: 20, interrupted: 2 });
      expect(out).toContain('Ended early');
      await upstream.idle(); // nobody goes on asking
    },
    SLOW,
  );

  it(
    'its pages have the figures, and load nothing',
    async () => {
      upstream.always(answer('one two'));
      const { summary, out } = await run('--users 2 --requests 15 --stream --seed 17');
      const html = readFileSync(report('html'), 'utf8');
      expect(html.match(/<svg /g)).toHaveLength(CHARTS);
      expect(html).not.toMatch(/<(script|link|img|iframe)\b|\b(src|href|srcset)=|@import|url\((?!#)/i);
      const addresses = html.match(/https?:\/\/[^\s"'<>]+/g) ?? [];
      expect(new Set(addresses)).toEqual(
        new Set(['http://www.w3.org/2000/svg', 'http://www.w3.org/1999/xlink', router.url]),
      );
      const cells = [...html.matchAll(/<td>([^<]*)<\/td>/g)].map(([, text]) => text);
      const p95 = summary.latency_ms.p95!;
      const shown = p95 < 10 ? p95.toFixed(2) : p95.toFixed(0);
      expect(cells).toEqual(expect.arrayContaining(['answers', shown, '200 30', 'local 30']));
      for (const text of [out, readFileSync(report('markdown'), 'utf8')]) {
        expect(text).toContain('200 30');
        expect(text).toMatch(new RegExp(`answers .*${shown}`));
      }
    },
    SLOW,
  );

  it(
    'one of two services that is not there is errors, not an end',
    async () => {
      const { code, summary } = await run('--url http://127.0.0.1:9 --users 2 --requests 2');
      expect(code).toBe(1);
      expect(requestsOf(summary.total.by_status)).toEqual({ 200: 2, network: 2 });
    },
    SLOW,
  );

  it(
    '--local starts replicas, replaces one, and leaves nothing behind',
    async () => {
      const line = '--local 2 --kill-one --rate 30 --duration 8 --repeats 0.5 --max-error-rate 0.1 --seed 18 --key k1';
      const { child, text, ended } = started(line.split(' '));
      const children = new Set<number>();
      for (const said of ['50 %', 'serves again']) {
        await eventually(said, 60_000, () => text.err.includes(said));
        for (const pid of childrenOf(child.pid as number)) children.add(pid);
      }
      const { code, summary } = await ended;
      expect(code).toBe(0);
      expect(summary.total.requests).toBe(240);
      expect(summary.total.hits).toBeGreaterThan(0);
      expect(summary.events.map(({ what }) => what)).toEqual([
        ...['replica 2 gets SIGKILL', 'replica 2 is gone', 'replica 2 serves again'],
      ]);
      // Only what the killed one had in hand is lost.
      const lost = Object.keys(summary.total.errors).filter((name) => !/^(replica_lost|UND_ERR_SOCKET)$/.test(name));
      expect(lost).toEqual([]);
      expect(children.size).toBeGreaterThan(4); // replicas, Redis, proxy, model server
      expect([...children].filter(isAlive)).toEqual([]);
    },
    SLOW,
  );

  it(
    'Ctrl-C stops what --local has started',
    async () => {
      const { child, text, ended } = started('--local 2 --rate 20 --duration 60 --seed 19'.split(' '));
      await eventually('it runs', 60_000, () => text.err.includes('10 %'));
      const children = childrenOf(child.pid as number);
      expect(children).toHaveLength(5);
      child.kill('SIGINT');
      const { code, summary } = await ended;
      expect({ code, interrupted: summary.interrupted }).toEqual({ code: 130, interrupted: true });
      expect(summary.total.answered).toBeGreaterThan(0);
      expect(children.filter(isAlive)).toEqual([]);
    },
    SLOW,
  );
});

function childrenOf(parent: number): number[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid=,comm='], { encoding: 'utf8' }).trim().split('\n');
  const rows = lines.map((line) => line.trim().split(/\s+/));
  return rows.filter(([, ppid, name]) => Number(ppid) === parent && name !== 'ps').map(([pid]) => Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false; // ESRCH
  }
}

/** As the model server counts them: the words of the messages. */
const messagesOf = (text: string): number =>
  JSON.stringify((JSON.parse(text) as { messages: unknown }).messages).split(/\s+/).length;
