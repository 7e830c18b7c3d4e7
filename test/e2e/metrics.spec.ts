import { readFileSync } from 'node:fs';
import { MetricRegistry } from '../../src/modules/telemetry/metrics/metric-registry.js';
import { RedisServer } from '../support/redis-server.js';
import { chat, eventually } from '../support/router-calls.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { GENEROUS, inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { answer, errorBody, neverAnswer, status } from '../support/upstream-behaviours.js';
import type { RecordedRequest } from '../support/upstream-script.js';
import { UpstreamServer } from '../support/upstream-server.js';

const REQUESTS = 10_000;
const AT_A_TIME = 32;
/** In everything that comes from outside. */
const FOREIGN = 'zq';
const OPEN_METRICS = { accept: 'application/openmetrics-text;version=1.0.0' };

const scrape = async ({ url }: { readonly url: string }, headers: Record<string, string> = {}): Promise<string> =>
  (await fetch(`${url}/metrics`, { headers })).text();

/** `name{labels}` of every sample. */
const seriesOf = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')));

const names = (...values: string[]): RegExp => new RegExp(`^(${values.join('|')})$`);
const STATUS = /^(200|40[013459]|41[35]|429|499|50[0-4]|cut|aborted)$/;
const OUTCOME = names(
  ...['ok', 'timeout', 'unreachable', 'cut', 'server_error', 'rate_limited', 'auth', 'not_found', 'bad_request'],
  ...['context_length', 'content_filter', 'bad_answer', 'overloaded', 'loading', 'aborted'],
);
const CODE =
  /^(invalid_request|upstream_(error|auth|timeout)|context_length_exceeded|content_filter|rate_limit_exceeded|no_target_available|model_not_found|overloaded|cut|failed|aborted)$/;

/** Everything that may stand in a label. */
const VALUES: Readonly<Record<string, RegExp>> = {
  model: names('auto', 'first', 'second', 'other'),
  gen_ai_request_model: names('auto', 'first', 'second', 'other'),
  target: names('first', 'second', 'none', 'other'),
  from: names('first', 'second'),
  to: names('first', 'second'),
  status: STATUS,
  route: names('other', '/v1/models', '/v1/models/:id', '/v1/sessions', '/v1/sessions/:id'),
  strategy: names('priority', 'cost'),
  reason: names('priority', 'cheapest', 'explicit_target'),
  outcome: OUTCOME,
  why: OUTCOME,
  result: names('HIT', 'STALE', 'SHARED', 'MISS', 'BYPASS', 'DISABLED'),
  cause: names('no_cache', 'no_store'),
  type: /^(prompt|completion|[A-Z][A-Za-z]+)$/,
  store: names('redis', 'cosmos', 'tables', 'memory'),
  scope: names('user', 'model', 'tenant', 'address'),
  limit: names('requests', 'tokens', 'concurrent', 'money'),
  tier: names('local', 'cloud'),
  state: names('connected', 'free', 'running', 'pending'),
  gen_ai_operation_name: names('chat'),
  gen_ai_provider_name: names('openai'),
  gen_ai_token_type: names('input', 'output'),
  error_type: CODE,
  signal: names('traces', 'metrics', 'logs'),
  version: /^v?\d+\.\d+\.\d+$/,
  node: /^v\d+\.\d+\.\d+$/,
  major: /^\d+$/,
  minor: /^\d+$/,
  patch: /^\d+$/,
  kind: /^(major|minor|incremental|weakcb)$/,
  space: /^[a-z_]+$/,
  le: /^([\d.]+|\+Inf)$/,
};

describe('the labels of /metrics', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  let sent = 0;
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    upstream.always((request, model) => oddAnswer(numberOf(request))(request, model));
    const limits = GENEROUS;
    const keys = Array.from({ length: REQUESTS }, (_, i) =>
      keyFor(`${FOREIGN}${i}`, { tenant: `${FOREIGN}t${i}`, limits }),
    );
    const targets = [targetOn(upstream, { id: 'first' }), targetOn(upstream, { id: 'second' })];
    router = await startRouter(
      inOrder(targets, {
        auth: { keys },
        cache: { enabled: true },
        resilience: { retries: 0, breaker: { failures: 1_000_000, resetSeconds: 1 } },
      }),
    );
  });
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  /** Of the request that a call is made for. */
  const numberOf = ({ body }: RecordedRequest): number =>
    Number(/-(\d+)$/.exec(body?.messages[0]?.content as string)?.[1]);

  /** What a model server may say: to the same request the same, whenever it comes, or the first half would not have seen all. */
  const oddAnswer = (i: number) => {
    const made = `${FOREIGN}-${i}`;
    const kinds = [
      answer(made),
      status(200, {
        ...{ id: made, object: 'chat.completion', created: 1, model: made, system_fingerprint: made },
        choices: [{ index: 0, finish_reason: made, message: { role: 'assistant', content: made } }],
        usage: { prompt_tokens: i, completion_tokens: i, total_tokens: 2 * i },
      }),
      status(400, errorBody(made, made, made, made)),
      status(400 + (i % 100), errorBody(made, made, made)),
      status(500 + (i % 100), errorBody(made, made, made)),
    ] as const;
    return kinds[i % kinds.length]!;
  };

  const request = async (i: number): Promise<void> => {
    const made = `${FOREIGN}-${i}`;
    const signed = { authorization: `Bearer ${FOREIGN}${i}`, 'x-request-id': made };
    const said = { messages: [{ role: 'user', content: made }] };
    const kinds: readonly (() => Promise<Response>)[] = [
      () => chat(router, said, { ...signed, 'x-session-id': made }),
      () => chat(router, { ...said, user: made }, signed),
      () => chat(router, { ...said, stream: i % 2 === 0, model: 'second', temperature: 0 }, signed),
      () => chat(router, { ...said, model: made }, signed),
      () => chat(router, said, { ...signed, 'x-router-strategy': made }),
      () => chat(router, said, { ...signed, 'x-router-strategy': 'cost', 'cache-control': 'no-cache' }),
      () => chat(router, said, { authorization: `Bearer ${made}` }),
      () => fetch(`${router.url}/${made}`, { headers: signed }),
      () => fetch(`${router.url}/v1/models/${made}`, { headers: signed }),
      () => fetch(`${router.url}/v1/sessions/${made}?${made}=1`, { headers: signed, method: i % 2 ? 'GET' : 'DELETE' }),
      () => fetch(`${router.url}/v1/models`, { headers: signed, method: 'PROPFIND' }),
    ];
    await (await kinds[i % kinds.length]!()).text();
  };

  const send = async (upTo: number): Promise<void> => {
    const worker = async (): Promise<void> => {
      while (sent < upTo) await request((sent += 1) - 1);
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  };

  it('are of closed sets, and no request makes a new series', async () => {
    await send(REQUESTS / 2);
    const before = new Set(seriesOf(await scrape(router)));
    await send(REQUESTS);
    const after = seriesOf(await scrape(router));
    const foreign = after.flatMap((series) =>
      [...series.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].filter(([, name, value]) => !VALUES[name!]?.test(value!)),
    );
    expect(foreign.map(([pair]) => pair)).toEqual([]);
    expect(after.filter((series) => !before.has(series) && !series.includes('nodejs_'))).toEqual([]);
    expect(after.join('\n')).not.toContain(FOREIGN);
    expect(after.length).toBeGreaterThan(300);
  }, 180_000);

  it('do not grow with the targets that come and go', async () => {
    const counted = async (): Promise<number> =>
      seriesOf(await scrape(router)).filter((series) => series.startsWith('router_')).length;
    const sizes: number[] = [];
    const { auth } = router.config.current;
    for (let i = 0; i < 600; i += 1) {
      const id = `found-${i}`;
      await router.reload({ ...inOrder([targetOn(upstream, { id })]), auth: { keys: auth.keys.slice(0, 1) } });
      upstream.script(answer('hello'));
      await (await chat(router, {}, { authorization: `Bearer ${FOREIGN}0` })).text();
      if (i % 100 === 99) sizes.push(await counted());
    }
    expect(sizes[5]).toBe(sizes[3]);
    const text = await scrape(router);
    expect(text).toContain('router_breaker_state{target="found-599"} 0\n');
    expect(text).not.toContain('router_breaker_state{target="found-598"}');
    expect(text).toMatch(/router_requests_total\{model="auto",target="other",status="200"\} [1-9]/);
  }, 120_000);
});

describe('/metrics', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    router = await startRouter(inOrder([targetOn(upstream, { id: 'first', concurrency: 1 })]));
  });
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  it('is OpenMetrics for who asks for it by name, and the older form for others', async () => {
    await (await chat(router)).text();
    const plain = await fetch(`${router.url}/metrics`);
    expect(plain.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const open = await fetch(`${router.url}/metrics`, { headers: OPEN_METRICS });
    expect(open.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(open.headers.get('vary')).toContain('accept');
    const [older, newer] = [await plain.text(), await open.text()];
    expect(older).toContain('# TYPE router_requests_total counter\n');
    expect(older).not.toContain('# EOF');
    expect(newer).toContain('# TYPE router_requests counter\n');
    expect(newer.endsWith('# EOF\n')).toBe(true);
    for (const text of [older, newer])
      expect(text).toContain('router_requests_total{model="auto",target="first",status="200"} 1\n');
    // as ever, after both were read
    expect(await scrape(router)).toContain('# TYPE router_requests_total counter\n');
  });

  it('has what is under way now: requests, slots, the queue, connections', async () => {
    upstream.always(neverAnswer);
    const leaving = new AbortController();
    const waiting = [1, 2].map(() =>
      fetch(`${router.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'hi' }] }),
        signal: leaving.signal,
      }).catch((error: unknown) => error),
    );
    const busy = [
      'router_requests_in_flight 2\n',
      'router_target_in_flight{target="first"} 1\n',
      'router_target_queued{target="first"} 1\n',
      'router_target_connections{target="first",state="running"} 1\n',
    ];
    await eventually('one call in the slot, one in the queue', 5_000, async () => {
      const now = await scrape(router);
      return busy.every((line) => now.includes(line));
    });
    const text = await scrape(router);
    expect(text).toContain('router_target_slots{target="first"} 1\n');
    expect(text).toContain('router_target_tier{target="first",tier="local"} 1\n');
    expect(text).toMatch(/router_connections [2-9]\n/);
    leaving.abort();
    await Promise.all(waiting);
    await eventually('nothing is under way', 5_000, async () =>
      (await scrape(router)).includes('router_requests_in_flight 0\n'),
    );
  });

  it('counts what limits refuse, by whose they are and which', async () => {
    upstream.always(answer('hello'));
    const limits = { ...GENEROUS, requestsPerMinute: 2 };
    const poor = { ...GENEROUS, usdPerMonth: 0 };
    const keys = [keyFor('few', { limits }), keyFor('poor', { limits: poor, user: 'poor' })];
    const first = targetOn(upstream, { id: 'first', price: { input: 1, output: 1 } });
    const limited = await startRouter(inOrder([first], { auth: { keys } }));
    const as = (key: string) => ({ authorization: `Bearer ${key}` });
    for (let i = 0; i < 2; i += 1) await (await chat(limited, {}, as('few'))).text();
    expect((await chat(limited, {}, as('few'))).status).toBe(429);
    expect((await fetch(`${limited.url}/v1/sessions`, { headers: as('few') })).status).toBe(429);
    expect((await chat(limited, {}, as('poor'))).status).toBe(429);
    for (let i = 0; i < 31; i += 1) await (await chat(limited, {}, as(`guess-${i}`))).text();
    const text = await scrape(limited);
    await limited.close();
    expect(text).toContain('router_throttled_total{scope="user",limit="requests"} 2\n');
    expect(text).toContain('router_throttled_total{scope="user",limit="money"} 1\n');
    expect(text).toContain('router_throttled_total{scope="address",limit="requests"} 1\n');
  });

  it('says which store answers: 0 while it hangs, and the scrape comes back in time', async () => {
    const redis = await RedisServer.start();
    const stored = await startRouter(inOrder([targetOn(upstream)], { redis: { url: redis.url } }));
    await eventually('redis is up', 5_000, async () =>
      (await scrape(stored)).includes('router_store_up{store="redis"} 1'),
    );
    redis.freeze();
    const slowest: number[] = [];
    await eventually('redis is away', 5_000, async () => {
      const begun = performance.now();
      const text = await scrape(stored);
      slowest.push(performance.now() - begun);
      return text.includes('router_store_up{store="redis"} 0');
    });
    expect(Math.max(...slowest)).toBeLessThan(1_000);
    redis.thaw();
    await eventually('redis is back', 10_000, async () =>
      (await scrape(stored)).includes('router_store_up{store="redis"} 1'),
    );
    await stored.close();
    await redis.close();
  }, 30_000);

  it('is as the table of docs/OPERATIONS.md says', () => {
    const [, section = ''] = readFileSync('docs/OPERATIONS.md', 'utf8').split('\n## Metrics\n');
    const rows = [...section.split('\n## ')[0]!.matchAll(/^\| `((?:router|gen_ai)_\w+)` +\| ([^|]*) \|/gm)];
    const told = rows.map(([, name, labels = '']) => `${name}{${labels.replaceAll('`', '').trim()}}`);
    const metrics = router.app.get(MetricRegistry, { strict: false }).registry.getMetricsAsArray() as unknown as {
      name: string;
      labelNames: string[];
    }[];
    const own = metrics.filter(({ name }) => /^(router|gen_ai)_/.test(name));
    expect(told.toSorted()).toEqual(own.map(({ name, labelNames }) => `${name}{${labelNames.join(', ')}}`).toSorted());
  });
});
