import {
  answer,
  closeBeforeBytes,
  contentFiltered,
  contextLengthExceeded,
  errorBody,
  gzipBomb,
  headersThenSilence,
  htmlPage,
  neverAnswer,
  rateLimited,
  resetBeforeBytes,
  status,
  wrongKey,
} from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-script.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { contentType, cutAfter, errorInStream, noFinish } from '../support/upstream-twists.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, jsonOf, payloadsOf, post, streamedText, type ErrorJson } from '../support/router-calls.js';
import type { RouterConfigInput } from '../support/router-process.js';
import { inOrder, targetOn, type TargetInput } from '../support/router-targets.js';

type Limits = TargetInput['timeouts'];
const SHORT = { firstTokenMs: 400, plainMs: 400 };
/** Short limits for a target that says nothing; with the usual ones nobody times out, however slow this machine is. */
const limitsFor = (behaviour: Behaviour) =>
  behaviour === neverAnswer || behaviour === headersThenSilence ? SHORT : undefined;
/** No other text of an error may look like an address, a path or a stack. */
const INTERNAL = /127\.0\.0\.1|localhost|https?:\/\/|ECONN|UND_ERR|\bat \S+ \(|nginx/i;

describe('fallback', () => {
  let first: UpstreamServer;
  let second: UpstreamServer;
  let router: RouterApp;
  let concurrency = 64;
  const config = (ofFirst: Limits = {}, ofSecond: Limits = {}): RouterConfigInput =>
    inOrder(
      [
        targetOn(first, { timeouts: ofFirst, contextWindow: 4_096, concurrency }),
        targetOn(second, { timeouts: ofSecond, contextWindow: 32_768, tier: 'cloud', concurrency }),
      ],
      // a breaker that never opens: this file is about single requests
      { resilience: { retries: 0, breaker: { failures: 1_000 } } },
    );
  beforeAll(async () => {
    first = await UpstreamServer.start({ model: 'first' });
    second = await UpstreamServer.start({ model: 'second' });
    router = await startRouter(config());
  });
  // what a target asked for in one test, and its connections, would be there in the next: new ones for each
  const renew = (ofFirst?: Limits, ofSecond?: Limits) => {
    concurrency += 1;
    return router.reload(config(ofFirst, ofSecond));
  };
  beforeEach(async () => {
    first.reset();
    second.reset();
    await renew();
  });
  afterAll(async () => {
    await router.close();
    await Promise.all([first.close(), second.close()]);
  });

  /** Without those that are sent once more on a connection of their own, as theirs was reset before any byte (ADR 10). */
  const calls = () =>
    [first, second].map(({ requests }) => requests.filter(({ headers }) => headers['connection'] !== 'close').length);
  const errorOf = async (response: Response) => {
    const body = await jsonOf<ErrorJson>(response);
    expect(Object.keys(body.error).sort()).toEqual(['code', 'message', 'param', 'type']);
    expect(body.error.message).not.toMatch(INTERNAL);
    return body.error;
  };

  const MENDABLE: Record<string, { fails: Behaviour; outcome: string; streamOnly?: boolean; status?: number }> = {
    'status 500': { fails: status(500), outcome: 'server_error', status: 500 },
    'status 503': { fails: status(503), outcome: 'server_error', status: 503 },
    'status 429': { fails: rateLimited(60), outcome: 'rate_limited', status: 429 },
    'status 401': { fails: wrongKey, outcome: 'auth', status: 401 },
    'status 403': { fails: status(403), outcome: 'auth', status: 403 },
    'status 404': { fails: status(404), outcome: 'not_found', status: 404 },
    'a redirect': { fails: status(302, '', { location: 'http://example.com/' }), outcome: 'bad_answer', status: 302 },
    'a reset': { fails: resetBeforeBytes, outcome: 'unreachable' },
    'an orderly close': { fails: closeBeforeBytes('fin'), outcome: 'unreachable' },
    silence: { fails: neverAnswer, outcome: 'timeout' },
    'silence after the headers': { fails: headersThenSilence, outcome: 'timeout' },
    'an HTML page with status 200': { fails: htmlPage(200), outcome: 'bad_answer' },
    'an HTML page with status 502': { fails: htmlPage(502), outcome: 'server_error', status: 502 },
    'a gzip body that nobody asked for': { fails: gzipBomb(1), outcome: 'bad_answer' },
    'an empty body': { fails: status(200, ''), outcome: 'bad_answer' },
    'an answer without choices': { fails: status(200, { object: 'chat.completion' }), outcome: 'bad_answer' },
    'a stream of another type': {
      fails: answer('x', {}, contentType('application/json')),
      outcome: 'bad_answer',
      streamOnly: true,
    },
    'an error before the first token of a 200 stream': {
      fails: answer('x', {}, errorInStream(0)),
      outcome: 'server_error',
      streamOnly: true,
    },
    'a stream that ends before the first token': {
      fails: answer('', { tokens: [] }, noFinish),
      outcome: 'cut',
      streamOnly: true,
    },
  };
  const forms = Object.entries(MENDABLE).flatMap(([name, { streamOnly }]) =>
    (streamOnly ? [true] : [false, true]).map((stream) => ({ name, stream })),
  );

  it.each(forms)('$name: the next target answers, stream $stream', async ({ name, stream }) => {
    const { fails } = MENDABLE[name] as (typeof MENDABLE)[string];
    await renew(limitsFor(fails));
    first.always(fails);
    second.always(answer('from the second'));
    const response = await chat(router, { stream });
    const text = await response.text();
    expect(stream ? streamedText(text) : text).toContain('from the second');
    expect(calls()).toEqual([1, 1]);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'x-router-target': 'second',
      'x-router-tier': 'cloud',
      'x-router-model': 'second',
      'x-router-fallback': 'true',
      'x-router-attempts': '2',
    });
  });

  it.each(Object.keys(MENDABLE).filter((name) => !MENDABLE[name]?.streamOnly))(
    '%s: metadata.attempts tells the outcome',
    async (name) => {
      const { fails, outcome, status: code } = MENDABLE[name] as (typeof MENDABLE)[string];
      await renew(limitsFor(fails));
      first.always(fails);
      const { metadata } = await jsonOf<{ metadata: { attempts: object[] } }>(
        await post(`${router.url}/query`, { query: 'hi' }),
      );
      expect(metadata).toMatchObject({ fallback: true, target: 'second', model: 'second' });
      expect(metadata.attempts).toEqual([
        { target: 'first', outcome, ms: expect.any(Number), ...(code === undefined ? {} : { status: code }) },
        { target: 'second', outcome: 'ok', ms: expect.any(Number) },
      ]);
    },
  );

  it.each([false, true])('a refusal of the request itself goes to the caller, stream %s', async (stream) => {
    const reason = "Invalid value for 'logit_bias': token 9 does not exist.";
    first.always(status(400, errorBody(reason, 'invalid_request_error', 'bad_thing', 'logit_bias')));
    const response = await chat(router, { stream });
    expect(response.status).toBe(400);
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(await errorOf(response)).toEqual({
      message: reason,
      type: 'invalid_request_error',
      param: 'logit_bias',
      code: 'invalid_request',
    });
    expect(calls()).toEqual([1, 0]);
  });

  it.each([false, true])('a content filter is no reason to go elsewhere, stream %s', async (stream) => {
    first.always(contentFiltered);
    const response = await chat(router, { stream });
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toMatchObject({
      code: 'content_filter',
      message: expect.stringContaining('content management policy'),
    });
    expect(calls()).toEqual([1, 0]);
  });

  it('too long for the first window: one try there, then the larger one', async () => {
    first.always(contextLengthExceeded);
    second.always(answer('it fits'));
    expect(await (await chat(router)).text()).toContain('it fits');
    expect(calls()).toEqual([1, 1]);
  });

  it('too long for every window: 400 with the reason', async () => {
    first.always(contextLengthExceeded);
    second.always(contextLengthExceeded);
    const response = await chat(router);
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toMatchObject({ code: 'context_length_exceeded', param: 'messages' });
    expect(calls()).toEqual([1, 1]);
  });

  const ALL_FAIL: { fails: Behaviour; name: string; code: number; slug: string; retryAfter: boolean }[] = [
    { name: 'status 500', fails: status(500), code: 503, slug: 'no_target_available', retryAfter: true },
    { name: 'a reset', fails: resetBeforeBytes, code: 503, slug: 'no_target_available', retryAfter: true },
    { name: 'status 429', fails: rateLimited(7), code: 503, slug: 'no_target_available', retryAfter: true },
    { name: 'a wrong key', fails: wrongKey, code: 502, slug: 'upstream_auth', retryAfter: false },
    { name: 'silence', fails: neverAnswer, code: 504, slug: 'upstream_timeout', retryAfter: false },
    { name: 'garbage', fails: htmlPage(200), code: 502, slug: 'upstream_error', retryAfter: false },
  ];
  it.each(ALL_FAIL.flatMap((row) => [false, true].map((stream) => ({ ...row, stream }))))(
    'every target fails with $name: $code $slug, stream $stream',
    async ({ fails, code, slug, retryAfter, stream }) => {
      await renew(limitsFor(fails), limitsFor(fails));
      first.always(fails);
      second.always(fails);
      const response = await chat(router, { stream });
      expect(response.status).toBe(code);
      expect(response.headers.get('content-type')).toMatch(/^application\/json/);
      expect(await errorOf(response)).toMatchObject({ type: 'server_error', code: slug, param: null });
      expect(response.headers.has('retry-after')).toBe(retryAfter);
      if (retryAfter) expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(response.headers.get('www-authenticate')).toBeNull();
      expect(calls()).toEqual([1, 1]);
    },
  );

  it("waits at least as long as the providers' Retry-After", async () => {
    first.always(rateLimited(7));
    second.always(rateLimited(3));
    expect(Number((await chat(router)).headers.get('retry-after'))).toBeGreaterThanOrEqual(3);
  });

  it('a stream that is cut when nobody can go on ends with a typed error and no [DONE]', async () => {
    first.always(answer('one two three', {}, cutAfter(2)));
    second.always(status(500));
    const response = await chat(router, { stream: true });
    const payloads = payloadsOf(await response.text());
    const last = JSON.parse(payloads.at(-1) as string) as ErrorJson;
    expect(response.status).toBe(200);
    expect(payloads.slice(0, -1).join('\n')).toContain(' two');
    expect(last.error).toMatchObject({ type: 'server_error', param: null, code: 'upstream_error' });
    expect(last.error.message).not.toMatch(INTERNAL);
    expect(payloads).not.toContain('[DONE]');
  });
});
