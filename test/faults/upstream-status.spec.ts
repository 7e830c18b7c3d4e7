import { words } from '../support/openai-answer.js';
import { FailoverPair } from '../support/failover-pair.js';
import { called, figure, gapsOf, seconds } from '../support/fault-row.js';
import {
  answer,
  contentFiltered,
  contextLengthExceeded,
  gzipBomb,
  htmlPage,
  hugeBody,
  rateLimited,
  resetBeforeBytes,
  status,
  wrongKey,
} from '../support/upstream-behaviours.js';
import { contentType, errorInStream } from '../support/upstream-twists.js';
import { jsonOf, post } from '../support/router-calls.js';

const ANSWER = words(60);
const FORMS = [{ stream: true }, { stream: false }];

describe('statuses and broken answers before the first token', () => {
  let pair: FailoverPair;
  beforeEach(async () => {
    pair = await FailoverPair.start();
    pair.fallback.always(answer(ANSWER));
  });
  afterEach(() => pair.close());

  it.each(FORMS)('U01 429 with Retry-After: 2 is waited for and not asked before, stream $stream', async (form) => {
    pair.primary.script(rateLimited(2)).always(answer(ANSWER));
    const got = await called(pair.router, form);
    expect(got).toMatchObject({ status: 200, text: ANSWER, error: null });
    const [gap = Infinity] = gapsOf(pair.primary.requests);
    expect(gap).toBeGreaterThanOrEqual(2_000);
    figure('U01', `answer after ${seconds(got.ms)}, calls ${pair.calls.join(' + ')}`);
  });

  it('U01 without another target it waits as long as it was asked to', async () => {
    pair.primary.script(rateLimited(2)).always(answer(ANSWER));
    const got = await called(pair.router, { stream: true, model: 'primary' });
    expect(got).toMatchObject({ status: 200, text: ANSWER, done: true });
    expect(gapsOf(pair.primary.requests)[0]).toBeGreaterThanOrEqual(1_990);
    figure('U01', `one target alone: answer after ${seconds(got.ms)}`);
  });

  it.each(FORMS)('U02 429 for ever: jittered backoff, then the fallback, stream $stream', async (form) => {
    pair.primary.always(rateLimited());
    const got = await called(pair.router, form);
    expect(got).toMatchObject({ status: 200, text: ANSWER, error: null });
    expect(pair.calls[0]).toBeLessThanOrEqual(4);
    expect(pair.calls[1]).toBe(1);
    const gaps = gapsOf(pair.primary.requests);
    figure('U02', `calls ${pair.calls.join(' + ')}, gaps ${gaps.map(Math.round).join(' and ')} ms`);
  });

  it.each(FORMS)('U03 500 once: one retry on the same target, stream $stream', async (form) => {
    pair.primary.script(status(500)).always(answer(ANSWER));
    const got = await called(pair.router, form);
    expect(got).toMatchObject({ status: 200, text: ANSWER, error: null });
    expect(pair.calls).toEqual([2, 0]);
    expect(got.headers.get('x-router-fallback')).toBe('false');
    expect(got.headers.get('x-router-attempts')).toBe('2');
    figure('U03', `calls ${pair.calls.join(' + ')}, answer after ${seconds(got.ms)}`);
  });

  it.each(FORMS)('U04 503 for ever: the fallback within the retry budget, stream $stream', async (form) => {
    pair.primary.always(status(503));
    const got = await called(pair.router, form);
    expect(got).toMatchObject({ status: 200, text: ANSWER, error: null });
    expect(pair.calls).toEqual([3, 1]);
    figure('U04', `calls ${pair.calls.join(' + ')}, answer after ${seconds(got.ms)}`);
  });

  it.each(FORMS)('U05 a reset before any byte, once, stream $stream', async (form) => {
    pair.primary.script(resetBeforeBytes).always(answer(ANSWER));
    const got = await called(pair.router, form);
    expect(got).toMatchObject({ status: 200, text: ANSWER, error: null });
    figure('U05', `calls ${pair.calls.join(' + ')}, answer after ${seconds(got.ms)}`);
  });

  it.each(FORMS)('U12 context_length_exceeded: exactly one try there, stream $stream', async (form) => {
    await pair.close();
    pair = await FailoverPair.start({}, { primary: { contextWindow: 8_192 }, fallback: { contextWindow: 128_000 } });
    pair.primary.always(contextLengthExceeded);
    pair.fallback.always(answer(ANSWER));
    const got = await called(pair.router, form);
    expect(got).toMatchObject({ status: 200, text: ANSWER, error: null });
    expect(pair.calls).toEqual([1, 1]);
    const alone = await called(pair.router, { ...form, model: 'primary' });
    expect(alone).toMatchObject({ status: 400, error: { code: 'context_length_exceeded' } });
    expect(alone.headers.get('x-should-retry')).toBe('false');
    figure('U12', `calls ${pair.calls.join(' + ')}; without a larger window: ${alone.status} ${alone.error?.code}`);
  });

  it.each(FORMS)('U13 a content filter is not gone around, stream $stream', async (form) => {
    pair.primary.always(contentFiltered);
    const got = await called(pair.router, form);
    expect(got).toMatchObject({ status: 400, error: { code: 'content_filter' } });
    expect(got.error?.message).toContain('content management policy');
    expect(pair.calls).toEqual([1, 0]);
    figure('U13', `calls ${pair.calls.join(' + ')}, ${got.status} ${got.error?.code} with the provider's reason`);
  });

  it('U16 the answer, its usage and its cost are those of the target that answered', async () => {
    pair.primary.always(status(503));
    const response = await post(`${pair.router.url}/query`, { query: 'hi' });
    const { metadata } = await jsonOf<{ metadata: Record<string, never> }>(response);
    const { usage, attempts } = metadata as unknown as {
      usage: { prompt_tokens: number; completion_tokens: number };
      attempts: { target: string; outcome: string; status?: number; ms: number }[];
    };
    expect(metadata).toMatchObject({ target: 'fallback', model: 'fallback', fallback: true });
    expect(usage.completion_tokens).toBe(60);
    const expected = (usage.prompt_tokens * 1 + usage.completion_tokens * 2) / 1e6;
    expect(metadata['cost_usd']).toBeCloseTo(expected, 12);
    expect(attempts.map(({ target, outcome }) => `${target} ${outcome}`)).toEqual([
      'primary server_error',
      'primary server_error',
      'primary server_error',
      'fallback ok',
    ]);
    expect(attempts[0]).toMatchObject({ status: 503, ms: expect.any(Number) });
    const metrics = await (await fetch(`${pair.router.url}/metrics`)).text();
    expect(metrics).toContain('router_attempts_total{target="primary",outcome="server_error"} 3');
    expect(metrics).toContain('router_fallbacks_total{from="primary",to="fallback",why="server_error"} 1');
    expect(metrics).toMatch(/router_tokens_total\{model="[^"]+",target="[^"]+",type="completion"\} 60$/m);

    figure('U16', `model ${metadata['model']}, ${usage.completion_tokens} tokens, 3 failed tries cost nothing`);
  });

  it('U17 an error object inside a 200 stream before the first token', async () => {
    pair.primary.always(answer(ANSWER, {}, errorInStream(0)));
    const got = await called(pair.router, { stream: true });
    expect(got).toMatchObject({ status: 200, text: ANSWER, error: null, done: true, model: 'fallback' });
    figure('U17', `calls ${pair.calls.join(' + ')}, answer after ${seconds(got.ms)}`);
  });

  it.each([
    ['a body that never ends', hugeBody(200 * 1024 * 1024)],
    ['a gzip bomb of 1 GB', gzipBomb(1024 * 1024 * 1024)],
    ['an HTML page with status 200', htmlPage(200)],
    ['a wrong content type', answer(ANSWER, {}, contentType('text/plain'))],
  ])('U18 %s', async (name, behaviour) => {
    pair.primary.always(behaviour);
    const before = process.memoryUsage().rss;
    const got = await called(pair.router, { stream: true });
    const grownMb = (process.memoryUsage().rss - before) / 1024 / 1024;
    expect(got).toMatchObject({ status: 200, text: ANSWER, error: null, done: true });
    expect(grownMb).toBeLessThan(400);
    figure('U18', `${name}: calls ${pair.calls.join(' + ')}, memory ${grownMb.toFixed(0)} MB more`);
  });

  it.each(FORMS)(
    "U20 the provider refuses our key: the next target, never the caller's 401, stream $stream",
    async (form) => {
      pair.primary.always(wrongKey);
      const got = await called(pair.router, form);
      expect(got).toMatchObject({ status: 200, text: ANSWER, error: null });
      expect(pair.calls).toEqual([1, 1]);
      const alone = await called(pair.router, { ...form, model: 'primary' });
      expect(alone).toMatchObject({ status: 502, error: { code: 'upstream_auth' } });
      figure('U20', `calls ${pair.calls.join(' + ')}; without another target: ${alone.status} ${alone.error?.code}`);
    },
  );
});
