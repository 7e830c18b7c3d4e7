import { FailoverPair } from '../support/failover-pair.js';
import { called } from '../support/fault-row.js';
import { words } from '../support/openai-answer.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, eventually, post } from '../support/router-calls.js';
import { keyFor, targetOn } from '../support/router-targets.js';
import { attributesOf, durationMs, OtlpCollector, type CollectedTrace } from '../support/otlp-collector.js';
import { answer, errorBody, status } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { cutAfter, heldAfter, pauseAfter, slowFirstToken } from '../support/upstream-twists.js';

const TEXT = words(20);
const CALLER_SPAN = 'b7ad6b7169203331';
const KEY = { authorization: 'Bearer acme-key' };
const SECRET = 'jane.doe@example.com';

let traces = 0;
/** Of a caller that records, or does not. */
function traced(flags = '01'): { readonly id: string; readonly headers: Record<string, string> } {
  traces += 1;
  const id = traces.toString(16).padStart(32, 'a');
  return { id, headers: { ...KEY, traceparent: `00-${id}-${CALLER_SPAN}-${flags}` } };
}

const kindsOf = ({ attempts }: CollectedTrace) =>
  attempts.map((span) => {
    const { 'router.attempt.kind': kind, 'router.target': target, 'router.outcome': outcome } = attributesOf(span);
    return [kind, target, outcome];
  });

describe('traces', () => {
  let collector: OtlpCollector;
  beforeAll(async () => {
    collector = await OtlpCollector.start();
  });
  afterAll(() => collector.close());

  const ofTrace = (id: string) => collector.traceOf((_, { traceId }) => traceId === id);

  describe('of two targets', () => {
    let pair: FailoverPair;
    beforeAll(async () => {
      pair = await FailoverPair.start({
        telemetry: { otlpEndpoint: collector.url },
        auth: { keys: [keyFor('acme-key')] },
        resilience: { hedgeAfterMs: 1_500 },
      });
    });
    beforeEach(() => {
      pair.primary.reset();
      pair.fallback.reset();
    });
    afterAll(() => pair.close());

    it('one span a request, one child an attempt, in the trace of the caller', async () => {
      pair.primary.always(status(503));
      pair.fallback.always(answer('a secret word'));
      const { id, headers } = traced();
      await called(pair.router, { stream: true }, headers);
      const found = await ofTrace(id);
      const { request, attempts } = found;
      expect(request).toMatchObject({ name: 'chat auto', parentSpanId: CALLER_SPAN, kind: 2 });
      expect(attributesOf(request)).toMatchObject({
        'http.request.method': 'POST',
        'http.route': '/v1/chat/completions',
        'http.response.status_code': 200,
        'url.scheme': 'http',
        'gen_ai.operation.name': 'chat',
        'gen_ai.response.model': 'fallback',
        'gen_ai.usage.output_tokens': 3,
        'router.target': 'fallback',
        'router.fallback': true,
        'router.recovered': false,
        'router.strategy': 'priority',
        'router.cache': 'DISABLED',
        'router.attempts': 4,
      });
      expect(attempts.map((span) => [span.name, attributesOf(span)['router.outcome'], span.status.code ?? 0])).toEqual([
        ['chat primary', 'server_error', 2],
        ['chat primary', 'server_error', 2],
        ['chat primary', 'server_error', 2],
        ['chat fallback', 'ok', 0],
      ]);
      expect(kindsOf(found).map(([kind]) => kind)).toEqual(['first', 'retry', 'retry', 'fallback']);
      expect(attributesOf(attempts[0]!)).toMatchObject({
        'http.response.status_code': 503,
        'gen_ai.provider.name': 'openai',
        'peer.service': 'primary',
      });
      for (const attempt of attempts) {
        expect(durationMs(attempt)).toBeGreaterThan(0);
        expect(BigInt(attempt.startTimeUnixNano)).toBeGreaterThanOrEqual(
          BigInt(request.startTimeUnixNano) - 5_000_000n,
        );
      }
      expect(JSON.stringify(collector.spans)).not.toContain('secret');
    });

    it('tells each model server of the span of its attempt', async () => {
      pair.primary.script(status(503), answer('ok'));
      const { id, headers } = traced();
      await called(pair.router, {}, { ...headers, tracestate: 'vendor=a,other=b', baggage: 'user=jane' });
      const { request, attempts } = await ofTrace(id);
      const told = pair.primary.requests.map((sent) => sent.headers);
      expect(told.map(({ traceparent }) => traceparent)).toEqual(attempts.map(({ spanId }) => `00-${id}-${spanId}-01`));
      expect(told.map(({ tracestate }) => tracestate)).toEqual(['vendor=a,other=b', 'vendor=a,other=b']);
      expect(told.every(({ baggage }) => baggage === undefined)).toBe(true);
      expect(new Set([request.spanId, CALLER_SPAN, ...attempts.map(({ spanId }) => spanId)]).size).toBe(4);
      expect(JSON.stringify(collector.spans)).not.toContain('vendor=');
    });

    it('begins a trace of its own where the caller has none, or a broken one', async () => {
      pair.primary.always(answer('ok'));
      for (const traceparent of ['', `00-${'0'.repeat(32)}-${CALLER_SPAN}-01`]) {
        pair.primary.reset();
        const got = await called(pair.router, {}, { ...KEY, ...(traceparent ? { traceparent } : {}) });
        const requestId = got.headers.get('x-request-id');
        const { request, attempts } = await collector.traceOf((has) => has['router.request_id'] === requestId);
        expect(request.parentSpanId ?? '').toBe('');
        const told = pair.primary.requests[0]!.headers['traceparent'];
        expect(told).toBe(`00-${request.traceId}-${attempts[0]!.spanId}-01`);
      }
    });

    it('lasts until the stream ends', async () => {
      pair.primary.always(answer(TEXT, {}, pauseAfter(3, 300)));
      const { id, headers } = traced();
      await called(pair.router, { stream: true }, headers);
      const { request, attempts } = await ofTrace(id);
      expect(durationMs(request)).toBeGreaterThan(290);
      expect(attempts).toHaveLength(1);
      expect(durationMs(attempts[0]!)).toBeGreaterThan(290);
      expect(attempts[0]!.events.map(({ name }) => name)).toEqual(['first_token']);
    });

    it('a hedge and the attempt that lost against it', async () => {
      pair.primary.always(answer(TEXT, {}, slowFirstToken(3_000, 'headers')));
      const { id, headers } = traced();
      await called(pair.router, {}, headers);
      const found = await ofTrace(id);
      expect(kindsOf(found)).toEqual([
        ['first', 'primary', 'aborted'],
        ['hedge', 'fallback', 'ok'],
      ]);
      expect(durationMs(found.attempts[0]!)).toBeLessThan(2_500);
    });

    it('a recovered stream: the second attempt lasts until the end', async () => {
      pair.primary.always(answer(TEXT, {}, cutAfter(5)));
      pair.fallback.always(answer(TEXT, {}, pauseAfter(3, 200)));
      const { id, headers } = traced();
      const got = await called(pair.router, { stream: true }, headers);
      expect(got.text).toBe(TEXT);
      const found = await ofTrace(id);
      expect(attributesOf(found.request)).toMatchObject({ 'router.recovered': true, 'router.outcome': 'answered' });
      expect(kindsOf(found)).toEqual([
        ['first', 'primary', 'cut'],
        ['recovery', 'fallback', 'ok'],
      ]);
      expect(durationMs(found.attempts[1]!)).toBeGreaterThan(190);
      const endOf = (span: { readonly endTimeUnixNano: string }) => Number(BigInt(span.endTimeUnixNano) / 1_000_000n);
      expect(Math.abs(endOf(found.attempts[1]!) - endOf(found.request))).toBeLessThan(100);
    });

    it('a caller who leaves', async () => {
      pair.primary.always(answer(TEXT, {}, heldAfter(3, new Promise(() => undefined))));
      const { id, headers } = traced();
      const leaving = new AbortController();
      const body = { model: 'auto', stream: true, messages: [{ role: 'user', content: 'hi' }] };
      const response = await post(`${pair.router.url}/v1/chat/completions`, body, headers, leaving.signal);
      await response.body!.getReader().read();
      leaving.abort();
      const found = await ofTrace(id);
      expect(attributesOf(found.request)).toMatchObject({ 'router.outcome': 'aborted', 'error.type': 'aborted' });
      expect(found.request.status.code ?? 0).toBe(0);
      expect(kindsOf(found)).toEqual([['first', 'primary', 'aborted']]);
    });

    it('a request that is turned away, and no probe', async () => {
      const { id, headers } = traced();
      await chat(pair.router, {}, { ...headers, authorization: 'Bearer wrong' });
      const { request } = await ofTrace(id);
      expect(request).toMatchObject({ name: 'POST /v1/chat/completions', parentSpanId: CALLER_SPAN });
      expect(attributesOf(request)).toMatchObject({
        'http.response.status_code': 401,
        'error.type': 'invalid_api_key',
      });
      const before = collector.spans.length;
      const probe = traced();
      await fetch(`${pair.router.url}/ready`, { headers: probe.headers });
      await fetch(`${pair.router.url}/health`, { headers: probe.headers });
      await collector.flush();
      expect(collector.spans).toHaveLength(before);
    });

    it('records what the caller records, and says so to the server', async () => {
      pair.primary.always(answer('ok'));
      const { id, headers } = traced('00');
      await called(pair.router, {}, headers);
      const { id: next, headers: recorded } = traced();
      await called(pair.router, {}, recorded);
      await ofTrace(next);
      expect(collector.spans.some(({ traceId }) => traceId === id)).toBe(false);
      expect(pair.primary.requests[0]!.headers['traceparent']).toBe(`00-${id}-${CALLER_SPAN}-00`);
    });

    it('nothing that callers and model servers write', async () => {
      const said = { model: SECRET, user: SECRET, messages: [{ role: 'user', content: SECRET }] };
      const { headers } = traced();
      await chat(pair.router, said, headers);
      pair.primary.always(status(400, errorBody(SECRET, SECRET, SECRET, SECRET)));
      await chat(pair.router, {}, { ...traced().headers, 'x-session-id': 'jane.doe', tracestate: 'a=jane.doe' });
      pair.primary.always(answer(SECRET));
      const tools = [{ type: 'function', function: { name: 'jane_doe', parameters: {} } }];
      const { id, headers: last } = traced();
      await chat(pair.router, { tools, metadata: { a: SECRET } }, { ...last, 'x-router-strategy': 'jane.doe' });
      await ofTrace(id);
      expect(JSON.stringify(collector.spans)).not.toMatch(/jane.doe/);
    });
  });

  describe('of a cascade, and of answers for many', () => {
    const QUESTION =
      'A river flows at 3 km per hour. How far does a boat drift in 5 hours, and how long does it take to row back at 7 km per hour?';
    let cheap: UpstreamServer;
    let dear: UpstreamServer;
    let router: RouterApp;
    beforeAll(async () => {
      cheap = await UpstreamServer.start({ model: 'cheap' });
      dear = await UpstreamServer.start({ model: 'dear' });
      router = await startRouter({
        targets: [
          targetOn(cheap, { price: { input: 1, output: 1 } }),
          targetOn(dear, { tier: 'cloud', price: { input: 100, output: 100 } }),
        ],
        models: [
          { name: 'auto', strategy: 'cascade', targets: ['cheap', 'dear'], strongShare: 0.5 },
          { name: 'plain', strategy: 'priority', targets: ['cheap'] },
        ],
        cache: { enabled: true },
        resilience: { retries: 0 },
        telemetry: { otlpEndpoint: collector.url },
        auth: { keys: [keyFor('acme-key')] },
      });
    });
    beforeEach(() => {
      cheap.reset();
      dear.reset();
    });
    afterAll(async () => {
      await router.close();
      await Promise.all([cheap.close(), dear.close()]);
    });

    it('a cascade: both sides, and the decision', async () => {
      cheap.always(answer("I'm sorry, I can't answer that."));
      dear.always(answer('Far.'));
      const { id, headers } = traced();
      await post(`${router.url}/query`, { query: QUESTION }, headers);
      const found = await ofTrace(id);
      expect(kindsOf(found)).toEqual([
        ['first', 'cheap', 'ok'],
        ['cascade', 'dear', 'ok'],
      ]);
      expect(attributesOf(found.request)).toMatchObject({
        'http.route': '/query',
        'router.strategy': 'cascade',
        'router.score': expect.any(Number),
        'router.threshold': expect.any(Number),
        'router.policy_version': expect.any(String),
      });
    });

    it('a kept answer has no attempt, and says what was asked of the stores', async () => {
      cheap.always(answer('kept'));
      const body = { model: 'plain', messages: [{ role: 'user', content: 'keep me' }] };
      const first = traced();
      await called(router, body, { ...first.headers, 'x-session-id': 'mine' });
      const made = await ofTrace(first.id);
      expect(made.request.events.map(({ name }) => name)).toEqual([
        ...['quota.reserve', 'session.load', 'cache.lookup', 'cache.claim', 'turn.store'],
      ]);
      expect(attributesOf(made.request)['session.id']).toMatch(/^[0-9a-f]{12}$/);
      for (const event of made.request.events) {
        expect(attributesOf(event)).toMatchObject({ 'router.store.outcome': 'ok' });
      }
      await called(router, body, KEY);
      const second = traced();
      const got = await called(router, body, second.headers);
      expect(got.headers.get('x-router-cache')).toBe('HIT');
      const kept = await ofTrace(second.id);
      expect(kept.attempts).toEqual([]);
      expect(attributesOf(kept.request)).toMatchObject({ 'router.cache': 'HIT', 'router.target': 'cheap' });
    });

    it('a request that joins another has a link to it', async () => {
      const held = Promise.withResolvers<void>();
      cheap.always(answer(TEXT, {}, heldAfter(0, held.promise)));
      const body = { model: 'plain', messages: [{ role: 'user', content: 'for all of us' }] };
      const first = traced();
      const second = traced();
      const led = called(router, body, first.headers);
      await cheap.received(0);
      const joined = called(router, body, second.headers);
      const { callerSignals } = router.app.getHttpAdapter().getInstance();
      await eventually('both are under way', 5_000, () => callerSignals.size === 2);
      held.resolve();
      expect([(await led).status, (await joined).headers.get('x-router-cache')]).toEqual([200, 'SHARED']);
      const leader = await ofTrace(first.id);
      const other = await ofTrace(second.id);
      expect(other.request.links).toMatchObject([{ traceId: first.id, spanId: leader.request.spanId }]);
      expect([leader.attempts.length, other.attempts.length]).toEqual([1, 0]);
    });
  });

  it.each([
    [0, 0],
    [0.5, 30],
  ])('ratio %d: the server is told what is recorded', async (traceRatio, atLeast) => {
    const pair = await FailoverPair.start({ telemetry: { otlpEndpoint: collector.url, traceRatio } });
    try {
      pair.primary.always(answer('ok'));
      for (let i = 0; i < 120; i += 1) await called(pair.router);
      const { id, headers } = traced();
      await called(pair.router, {}, headers); // which its caller records
      await ofTrace(id);
      const told = pair.primary.requests.map((sent) => String(sent.headers['traceparent']).split('-'));
      const recorded = new Set(collector.spans.map(({ traceId }) => traceId));
      expect(told).toHaveLength(121);
      for (const [, traceId, , flags] of told)
        expect([traceId, flags]).toEqual([traceId, recorded.has(traceId!) ? '01' : '00']);
      const chosen = told.filter(([, , , flags]) => flags === '01').length - 1;
      expect(chosen).toBeGreaterThanOrEqual(atLeast);
      expect(chosen).toBeLessThanOrEqual(120 - atLeast);
    } finally {
      await pair.close();
    }
  });

  it('hands the trace of a caller on where nothing is configured, and makes none', async () => {
    const pair = await FailoverPair.start();
    try {
      const { headers } = traced();
      await called(pair.router, {}, { ...headers, tracestate: 'vendor=a' });
      await called(pair.router, {}, { traceparent: SECRET });
      const told = pair.primary.requests.map((sent) => [sent.headers['traceparent'], sent.headers['tracestate']]);
      expect(told).toEqual([
        [headers['traceparent'], 'vendor=a'],
        [undefined, undefined],
      ]);
    } finally {
      await pair.close();
    }
  });
});
