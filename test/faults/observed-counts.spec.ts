import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { figure } from '../support/figure.js';
import { words } from '../support/openai-answer.js';
import { eventually, jsonOf } from '../support/router-calls.js';
import type { RouterProcess } from '../support/router-process.js';
import { GENEROUS, keyFor, targetOn } from '../support/router-targets.js';
import { StoreStack } from '../support/store-stack.js';
import { answer, contentFiltered, status } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-script.js';
import { UpstreamServer } from '../support/upstream-server.js';
import type { CountsJson, Summary } from '../../tools/loadtest/summary.js';

const SLOW = 240_000;
const WRITTEN_MS = 30_000;
const POLL_MS = 500;
const PAGE = 100;
const NANO = 1e9;
/** USD per million tokens: whole millionths of a USD a token, so that what a caller can work out is exact. */
const PRICES = { first: { input: 1, output: 3 }, second: { input: 7, output: 11 } };
const OPERATOR = { authorization: 'Bearer house' };
const PROMPTS = ['plain one', 'plain two', 'fallback one', 'filtered one', 'plain three', 'fallback two'];

/** What one of the four that count has counted. */
interface Count {
  readonly byStatus: Readonly<Record<string, number>>;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly nanoUsd: number;
  readonly hits: number;
  readonly fallbacks: number;
}

interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface RecordJson {
  readonly request_id: string;
  readonly status: number;
  readonly outcome: string;
  readonly streamed: boolean;
  readonly cache: string | null;
  readonly fallback: boolean;
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
  readonly cost_usd: number | null;
}

const behave: Behaviour = (request, model) => {
  const text = JSON.stringify(request.body?.messages.at(-1)?.content).slice(1);
  if (text.startsWith('filtered')) return contentFiltered(request, model);
  if (text.startsWith('fallback') && request.body?.model === 'first') return status(500)(request, model);
  return answer(words(5 + (text.length % 7)))(request, model);
};

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

function addAll(parts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const all = new Map<string, number>();
  for (const part of parts) for (const [name, n] of Object.entries(part)) all.set(name, (all.get(name) ?? 0) + n);
  return Object.fromEntries([...all].filter(([, n]) => n > 0).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function seriesOf(text: string): Series[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key!, text!] as const);
      return { name, labels: Object.fromEntries(pairs), value: Number(value) };
    });
}

describe('what a load test counts', () => {
  let stack: StoreStack;
  let first: UpstreamServer;
  let second: UpstreamServer;
  let folder: string;
  let replicas: RouterProcess[] = [];
  const everyone: RouterProcess[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'observed-counts-'));
    [stack, first, second] = await Promise.all([StoreStack.start(), UpstreamServer.start(), UpstreamServer.start()]);
    first.always(behave);
    second.always(behave);
    replicas = await Promise.all([create(), create(), create()]);
  }, SLOW);
  afterAll(async () => {
    await Promise.all(everyone.map((replica) => replica.kill()));
    await stack.close();
    await Promise.all([first.close(), second.close()]);
    rmSync(folder, { recursive: true, force: true });
  }, SLOW);

  const create = async (): Promise<RouterProcess> => {
    const replica = await stack.replica(first, {
      targets: [
        targetOn(first, { id: 'first', model: 'first', price: PRICES.first }),
        targetOn(second, { id: 'second', model: 'second', tier: 'cloud', price: PRICES.second }),
      ],
      models: [{ name: 'auto', strategy: 'priority', targets: ['first', 'second'] }],
      cache: { enabled: true },
      resilience: { retries: 0, breaker: { failures: 1_000_000 } },
      auth: { keys: [keyFor('load'), keyFor('house', { tenant: 'house', scopes: ['chat', 'admin', 'operator'] })] },
      limits: GENEROUS,
    });
    everyone.push(replica);
    return replica;
  };

  /** `npm run loadtest` itself. @returns everything that it sent */
  const loadTest = async (key: string, args: readonly string[]): Promise<CountsJson> => {
    const json = join(folder, 'report.json');
    const urls = replicas.flatMap(({ url }) => ['--url', url]);
    const all = ['tools/run.mjs', 'tools/loadtest/loadtest.ts', ...urls, '--key', key, ...args];
    const child = spawn(process.execPath, [...all, '--json', json], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (piece: Buffer) => (said += piece.toString()));
    const code = await new Promise((settle) => child.once('exit', settle));
    // 1: an objective is missed, as refusals do
    if (code !== 0 && code !== 1) throw new Error(`the load test ended with ${String(code)}: ${said}`);
    return (JSON.parse(readFileSync(json, 'utf8')) as Summary).total;
  };
  const scrape = async ({ url }: RouterProcess): Promise<Series[]> => {
    const response = await fetch(`${url}/metrics`);
    expect(response.status).toBe(200); // who asks too often is refused
    return seriesOf(await response.text());
  };
  const valueOf = (series: readonly Series[], name: string): number =>
    sum(series.filter((one) => one.name === name).map(({ value }) => value));
  const allIsWritten = (): Promise<void> =>
    eventually(
      'all is written',
      WRITTEN_MS,
      async () => {
        const scrapes = await Promise.all(replicas.map(scrape));
        return scrapes.every(
          (series) =>
            valueOf(series, 'router_usage_unwritten_requests') === 0 &&
            valueOf(series, 'router_records_unwritten') === 0,
        );
      },
      POLL_MS,
    );

  const byLabel = (series: readonly Series[], name: string, label: string): Record<string, number> =>
    addAll(series.filter((one) => one.name === name).map(({ labels, value }) => ({ [labels[label] ?? '']: value })));
  const metricsCount = (series: readonly Series[]): Count => {
    const tokens = byLabel(series, 'router_tokens_total', 'type');
    return {
      byStatus: byLabel(series, 'router_requests_total', 'status'),
      promptTokens: tokens['prompt'] ?? 0,
      completionTokens: tokens['completion'] ?? 0,
      nanoUsd: Math.round(valueOf(series, 'router_cost_usd_total') * NANO),
      hits: byLabel(series, 'router_cache_total', 'result')['HIT'] ?? 0,
      fallbacks: valueOf(series, 'router_fallbacks_total'),
    };
  };

  const records = async (): Promise<RecordJson[]> => {
    const found: RecordJson[] = [];
    for (let after = ''; ;) {
      const url = `${replicas[1]!.url}/admin/requests?limit=${PAGE}${after && `&after=${encodeURIComponent(after)}`}`;
      const response = await fetch(url, { headers: OPERATOR });
      expect(response.status).toBe(200);
      const page = await jsonOf<{ data: RecordJson[]; has_more: boolean; last_id: string }>(response);
      found.push(...page.data);
      if (!page.has_more) return found;
      after = page.last_id;
    }
  };
  const recordsCount = (found: readonly RecordJson[]): Count => {
    const paid = found.filter(({ cache }) => cache !== 'HIT' && cache !== 'SHARED');
    return {
      byStatus: addAll(found.map((one) => ({ [String(one.status)]: 1 }))),
      promptTokens: sum(paid.map(({ usage }) => usage?.prompt_tokens ?? 0)),
      completionTokens: sum(paid.map(({ usage }) => usage?.completion_tokens ?? 0)),
      nanoUsd: sum(found.map(({ cost_usd: usd }) => Math.round((usd ?? 0) * NANO))),
      hits: found.filter(({ cache }) => cache === 'HIT').length,
      fallbacks: found.filter(({ fallback }) => fallback).length,
    };
  };

  /** @param loads plain ones tell their cost, of streams it follows from tokens and prices */
  const callersCount = (plain: readonly CountsJson[], streamed: readonly CountsJson[]): Count => {
    const loads = [...plain, ...streamed];
    const paid = loads.map(({ by_cache: by }) => by['MISS'] ?? { prompt_tokens: 0, completion_tokens: 0 });
    const priceOf = ({ by_target: by }: CountsJson): number =>
      sum(
        Object.entries(PRICES).map(([target, { input, output }]) => {
          const { prompt_tokens: prompt = 0, completion_tokens: completion = 0 } = by[target] ?? {};
          return (prompt * input + completion * output) * 1_000;
        }),
      );
    return {
      byStatus: addAll(
        loads.map((one) => Object.fromEntries(Object.entries(one.by_status).map(([name, s]) => [name, s.requests]))),
      ),
      promptTokens: sum(paid.map(({ prompt_tokens: n }) => n)),
      completionTokens: sum(paid.map(({ completion_tokens: n }) => n)),
      nanoUsd: sum(plain.map(({ cost_usd: usd }) => Math.round((usd ?? 0) * NANO))) + sum(streamed.map(priceOf)),
      hits: sum(loads.map(({ by_cache: by }) => by['HIT']?.requests ?? 0)),
      fallbacks: sum(loads.map(({ fallbacks }) => fallbacks)),
    };
  };

  it(
    'R08 is what metrics, usage and records say, exactly, on three replicas with one killed and restarted between',
    async () => {
      const prompts = join(folder, 'prompts.jsonl');
      writeFileSync(prompts, PROMPTS.map((prompt) => JSON.stringify({ prompt })).join('\n'));
      const plain = [
        await loadTest('load', ['--users', '6', '--requests', '40', '--prompts', prompts]),
        await loadTest('load', ['--users', '4', '--requests', '30', '--prompt', 'plain as it is']),
      ];
      await allIsWritten();
      const victim = replicas[2]!;
      const last = await scrape(victim);
      await victim.kill();
      replicas = [replicas[0]!, replicas[1]!, await create()];
      // no two questions are the same: each is paid for by its own caller
      const streamed = [
        await loadTest('load', ['--users', '6', '--requests', '30', '--prompt', 'fallback stream', '--stream']),
      ];
      plain.push(await loadTest('load', ['--users', '6', '--requests', '20', '--repeats', '0.5', '--prompt', 'plain']));
      plain.push(await loadTest('load', ['--users', '3', '--requests', '4', '--model', 'nowhere']));
      const refused = await loadTest('no-such-key', ['--users', '2', '--requests', '5']);
      await allIsWritten();

      const callers = callersCount(plain, streamed);
      const series = [...last, ...(await Promise.all(replicas.map(scrape))).flat()];
      const seen = metricsCount(series);
      const found = await records();
      const usage = await fetch(`${replicas[0]!.url}/admin/usage?by=target&tenant=acme`, { headers: OPERATOR });
      const { total } = await jsonOf<{
        total: { requests: number; prompt_tokens: number; completion_tokens: number; cost_usd: number };
      }>(usage);
      const refusals = sum(Object.values(refused.by_status).map(({ requests }) => requests));
      figure('R08', `callers, metrics, usage and records agree: ${JSON.stringify({ ...callers, refusals })}`);

      expect(callers.hits).toBeGreaterThan(50);
      expect(callers.fallbacks).toBeGreaterThan(50);
      expect(Object.keys(callers.byStatus).length).toBeGreaterThan(2);
      expect(refused.by_status['401']?.requests).toBeGreaterThan(0);
      expect(seen).toEqual({
        ...callers,
        byStatus: addAll([
          callers.byStatus,
          Object.fromEntries(Object.entries(refused.by_status).map(([name, s]) => [name, s.requests])),
        ]),
      });
      const answered = found.filter(({ status }) => status === 200);
      expect(new Set(found.map(({ request_id: id }) => id)).size).toBe(found.length);
      expect(recordsCount(found)).toEqual({ ...callers, fallbacks: callers.fallbacks });
      expect(answered.filter(({ streamed: isStream }) => isStream)).toHaveLength(
        sum(streamed.map(({ by_status: by }) => by['200']?.requests ?? 0)),
      );
      expect({
        requests: total.requests,
        promptTokens: total.prompt_tokens,
        completionTokens: total.completion_tokens,
        nanoUsd: Math.round(total.cost_usd * NANO),
      }).toEqual({
        requests: sum(Object.values(callers.byStatus)),
        promptTokens: callers.promptTokens,
        completionTokens: callers.completionTokens,
        nanoUsd: callers.nanoUsd,
      });
    },
    SLOW,
  );
});
