import { answer, status } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { jsonOf, post, type ErrorJson } from '../support/router-calls.js';
import { targetOn } from '../support/router-targets.js';

interface QueryJson {
  response: string;
  source: string;
  responseTime: number;
  metadata: Record<string, unknown> & { attempts: Record<string, unknown>[] };
}

describe('POST /query', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'llama3.2' });
    router = await startRouter({
      targets: [
        targetOn(upstream, { id: 'local', price: { input: 1_000, output: 2_000 } }),
        targetOn(upstream, { id: 'cloud', tier: 'cloud' }),
        { id: 'pretend', tier: 'local', provider: 'simulated' },
      ],
      models: [{ name: 'auto', strategy: 'hybrid', targets: ['local', 'cloud'] }],
    });
  });
  beforeEach(() => {
    upstream.reset();
    upstream.always(answer('Paris is it.', { model: 'llama3.2-instruct' }));
  });
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  const query = (body: object, headers: Record<string, string> = {}) =>
    post(`${router.url}/query`, body, { 'cache-control': 'no-store', ...headers });

  it('answers with exactly the shape of DESIGN section 4', async () => {
    const before = Date.now();
    const from = performance.now();
    const response = await query({ query: 'Capital of France?' }, { 'x-request-id': 'req-1' });
    const seconds = (performance.now() - from) / 1000;
    const body = await jsonOf<QueryJson>(response);
    expect(response.status).toBe(200);
    expect(body).toStrictEqual({
      response: 'Paris is it.',
      source: 'local',
      responseTime: expect.any(Number),
      metadata: {
        request_id: 'req-1',
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        strategy: 'hybrid',
        target: 'local',
        tier: 'local',
        model: 'llama3.2-instruct',
        simulated: false,
        score: expect.any(Number),
        confidence: expect.any(Number),
        reason: expect.stringMatching(/\w+.*\.$/),
        reason_code: 'rule_simple',
        session_id: null,
        context_used: false,
        context_turns: 0,
        cached: false,
        persisted: false,
        fallback: false,
        attempts: [{ target: 'local', outcome: 'ok', ms: expect.any(Number) }],
        usage: { prompt_tokens: expect.any(Number), completion_tokens: 3, total_tokens: expect.any(Number) },
        cost_usd: expect.any(Number),
      },
    });
    expect(body.responseTime).toBeGreaterThan(0);
    expect(body.responseTime).toBeLessThanOrEqual(seconds);
    expect(Date.parse(body.metadata['timestamp'] as string)).toBeGreaterThanOrEqual(before);
  });

  it('computes the cost from a known price and says null for an unknown one', async () => {
    const { metadata } = await jsonOf<QueryJson>(await query({ query: 'Capital of France?', model: 'local' }));
    const usage = metadata['usage'] as { prompt_tokens: number; completion_tokens: number };
    const known = (usage.prompt_tokens * 1_000 + usage.completion_tokens * 2_000) / 1e6;
    expect(metadata['cost_usd']).toBeCloseTo(known, 12);
    const unknown = await query({ query: 'Capital of France?', model: 'cloud' });
    expect(unknown.headers.has('x-router-cost-usd')).toBe(false);
    expect((await jsonOf<QueryJson>(unknown)).metadata['cost_usd']).toBeNull();
  });

  it('estimates an answer whose server did not count, and says so', async () => {
    upstream.always(answer('Paris.', { usage: 'never' }));
    const { metadata } = await jsonOf<QueryJson>(await query({ query: 'Capital of France?', model: 'local' }));
    const usage = { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11, estimated: true };
    expect(metadata).toMatchObject({ cost_usd: expect.any(Number), usage });
  });

  it.each([
    { question: { model: 'cloud' }, source: 'cloud', target: 'cloud', reason: 'explicit_target' },
    { question: { strategy: 'priority' }, source: 'local', target: 'local', reason: 'priority' },
    { question: { strategy: 'cost' }, source: 'local', target: 'local', reason: 'cheapest' },
    { question: { query: 'Prove that 2 is prime.' }, source: 'cloud', target: 'cloud', reason: 'rule_complex' },
  ])('$question is answered by $target because of $reason', async ({ question, source, target, reason }) => {
    const response = await query({ query: 'Capital of France?', ...question });
    expect(response.headers.get('x-router-target')).toBe(target);
    expect(await jsonOf<QueryJson>(response)).toMatchObject({
      source,
      metadata: { target, tier: source, reason_code: reason },
    });
  });

  it('takes the strategy from the body before the header', async () => {
    const body = await jsonOf<QueryJson>(
      await query({ query: 'hi', strategy: 'cost' }, { 'x-router-strategy': 'priority' }),
    );
    expect(body.metadata['strategy']).toBe('cost');
    const byHeader = await jsonOf<QueryJson>(await query({ query: 'hi' }, { 'x-router-strategy': 'priority' }));
    expect(byHeader.metadata['strategy']).toBe('priority');
  });

  it('says openly that an answer is simulated', async () => {
    const response = await query({ query: 'hi', model: 'pretend' });
    expect(response.headers.get('x-router-simulated')).toBe('true');
    const { response: text, metadata } = await jsonOf<QueryJson>(response);
    expect(text).toContain('simulated');
    expect(metadata['simulated']).toBe(true);
    expect(upstream.requests).toEqual([]);
  });

  it('passes max_tokens on', async () => {
    await (await query({ query: 'hi', max_tokens: 7 })).text();
    expect(upstream.requests[0]?.body).toMatchObject({ max_tokens: 7 });
  });

  it('tells the failed attempts', async () => {
    upstream.script(status(401));
    const { metadata } = await jsonOf<QueryJson>(await query({ query: 'hi', strategy: 'priority' }));
    expect(metadata).toMatchObject({ fallback: true, target: 'cloud' });
    expect(metadata.attempts).toEqual([
      { target: 'local', outcome: 'auth', status: 401, ms: expect.any(Number) },
      { target: 'cloud', outcome: 'ok', ms: expect.any(Number) },
    ]);
  });

  it.each([
    { body: { query: 'hi', qestion: 1 }, param: 'qestion' },
    { body: { query: 'hi', temperature: 1 }, param: 'temperature' },
    { body: {}, param: 'query' },
    { body: { query: '' }, param: 'query' },
    { body: { query: 'hi', max_tokens: 0 }, param: 'max_tokens' },
    { body: { query: 'hi', session_id: 'a b' }, param: 'session_id' },
    { body: { query: 'hi', strategy: 'best' }, param: 'strategy' },
  ])('refuses $body and names $param', async ({ body, param }) => {
    const response = await query(body);
    expect(response.status).toBe(400);
    expect(await jsonOf<ErrorJson>(response)).toMatchObject({ error: { code: 'invalid_request', param } });
    expect(upstream.requests).toEqual([]);
  });
});
