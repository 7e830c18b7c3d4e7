import type OpenAI from 'openai';
import type { ErrorJson } from '../support/router-calls.js';
import { vectorFor, embeddings } from '../support/embedding-behaviours.js';
import { RedisServer } from '../support/redis-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { eventually, jsonOf, openaiAt, post } from '../support/router-calls.js';
import { GENEROUS, inOrder, keyFor, targetOn, type TargetInput } from '../support/router-targets.js';
import type { RouterConfigInput } from '../support/router-process.js';
import { readinessOf } from '../support/store-stack.js';
import { contextLengthExceeded, neverAnswer, rateLimited, status, wrongKey } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';

const ACME = { authorization: 'Bearer acme-key' };
const SMALL = 'text-embedding-small';
const LARGE = 'text-embedding-large';

const floats = (...numbers: number[]) => Buffer.from(Float32Array.from(numbers).buffer).toString('base64');

interface ListJson {
  readonly data: readonly { readonly index: number; readonly embedding: number[] | string }[];
  readonly model: string;
  readonly usage: { readonly prompt_tokens: number; readonly total_tokens: number };
  readonly simulated?: boolean;
}

describe('POST /v1/embeddings', () => {
  let one: UpstreamServer;
  let two: UpstreamServer;
  let other: UpstreamServer;
  let router: RouterApp;
  let client: OpenAI;

  const target = (upstream: UpstreamServer, id: string, changes: Partial<TargetInput> = {}) =>
    targetOn(upstream, { id, capabilities: ['embeddings'], price: { input: 1, output: 0 }, ...changes });
  /** Two targets of one model, and one of another, all behind one name. */
  const config = (rest: Partial<RouterConfigInput> = {}): RouterConfigInput =>
    inOrder([target(one, 'one'), target(two, 'two'), target(other, 'other')], {
      limits: GENEROUS,
      auth: { keys: [keyFor('acme-key'), keyFor('admin-key', { scopes: ['admin', 'operator', 'chat'] })] },
      ...rest,
    });
  const embed = (body: object, headers: Record<string, string> = {}, at: RouterApp = router) =>
    post(`${at.url}/v1/embeddings`, { model: 'auto', ...body }, { ...ACME, ...headers });
  const sent = (upstream: UpstreamServer) =>
    upstream.requests.map(({ body }) => body as unknown as Record<string, unknown> & { input: unknown[] });
  const withRouter = async <T>(input: RouterConfigInput, work: (own: RouterApp) => Promise<T>): Promise<T> => {
    const own = await startRouter(input);
    try {
      return await work(own);
    } finally {
      await own.close();
    }
  };
  const refusal = async (response: Promise<Response>) => {
    const { error } = await jsonOf<ErrorJson>(await response);
    return { status: (await response).status, code: error.code, param: error.param, message: error.message };
  };

  beforeAll(async () => {
    [one, two, other] = await Promise.all([
      UpstreamServer.start({ model: SMALL }),
      UpstreamServer.start({ model: SMALL }),
      UpstreamServer.start({ model: LARGE }),
    ]);
    router = await startRouter(config());
    client = openaiAt(router.url, { apiKey: 'acme-key', maxRetries: 0 }).client;
  });
  beforeEach(() => [one, two, other].forEach((upstream) => upstream.reset()));
  afterAll(async () => {
    await router.close();
    await Promise.all([one, two, other].map((upstream) => upstream.close()));
  });

  describe('the client of OpenAI', () => {
    it('gets the vector of a text, which it asks for as base64', async () => {
      const { data, model, usage, object } = await client.embeddings.create({ model: 'auto', input: 'Paris' });
      expect(data).toEqual([{ object: 'embedding', index: 0, embedding: vectorFor('Paris', SMALL) }]);
      expect({ model, usage, object }).toEqual({
        model: SMALL,
        usage: { prompt_tokens: 5, total_tokens: 5 },
        object: 'list',
      });
      expect(sent(one)).toEqual([{ model: SMALL, input: ['Paris'], encoding_format: 'base64' }]);
    });

    it('gets those of a list, in order', async () => {
      one.always(embeddings({ backwards: true }));
      const input = ['Paris', 'Rome', 'Bern'];
      const { data } = await client.embeddings.create({ model: 'auto', input });
      expect(data.map(({ index, embedding }) => [index, embedding])).toEqual(
        input.map((text, index) => [index, vectorFor(text, SMALL)]),
      );
    });

    it('gets those of tokens, and of lists of tokens', async () => {
      const tokens = [15496, 11, 995];
      const single = await client.embeddings.create({ model: 'auto', input: tokens });
      const several = await client.embeddings.create({ model: 'auto', input: [tokens, [1]] });
      expect(single.data.map(({ embedding }) => embedding)).toEqual([vectorFor(tokens, SMALL)]);
      expect(several.data.map(({ embedding }) => embedding)).toEqual([vectorFor(tokens, SMALL), vectorFor([1], SMALL)]);
      expect(sent(one).map(({ input }) => input)).toEqual([[tokens], [tokens, [1]]]);
    });

    it.each(['float', 'base64'] as const)('gets %s where it asks for it', async (form) => {
      const { data } = await client.embeddings.create({ model: 'auto', input: 'Paris', encoding_format: form });
      const numbers = vectorFor('Paris', SMALL);
      const base64 = Buffer.from(Float32Array.from(numbers).buffer).toString('base64');
      expect(data[0]?.embedding as unknown).toEqual(form === 'float' ? numbers : base64);
      expect(sent(one)[0]).toMatchObject({ encoding_format: form });
    });

    it.each(['float', 'base64'] as const)('gets its form from a server that knows %s only', async (known) => {
      one.always(embeddings({ form: known }));
      const { data } = await client.embeddings.create({ model: 'auto', input: 'Paris' });
      const plain = await jsonOf<ListJson>(await embed({ input: 'Paris' }));
      expect(data[0]?.embedding).toEqual(vectorFor('Paris', SMALL));
      expect(plain.data[0]?.embedding).toEqual(vectorFor('Paris', SMALL));
    });

    it('passes dimensions and what nobody here knows on', async () => {
      const body = { model: 'auto', input: 'Paris', dimensions: 3, user: 'u1', input_type: 'query' };
      const { data } = await client.embeddings.create(body);
      expect(data[0]?.embedding).toHaveLength(3);
      expect(sent(one)[0]).toMatchObject({ dimensions: 3, user: 'u1', input_type: 'query' });
    });
  });

  it('has the headers of every answer', async () => {
    const { headers } = await embed({ input: 'Paris' });
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-router-target': 'one',
      'x-router-tier': 'local',
      'x-router-model': SMALL,
      'x-router-strategy': 'priority',
      'x-router-reason': 'priority',
      'x-router-attempts': '1',
      'x-router-cache': 'DISABLED',
      'x-router-fallback': 'false',
      'x-router-cost-usd': '0.000005',
      'x-ratelimit-limit-requests': '100000',
    });
  });

  it('sends every digit of a number that nobody here knows', async () => {
    await post(`${router.url}/v1/embeddings`, '{"model":"auto","input":"a","seed":12345678901234567890}', ACME);
    expect(one.requests[0]?.text).toContain('"seed":12345678901234567890');
  });

  it.each([
    ['one', 'one', 'explicit_target'],
    ['two', 'two', 'explicit_target'],
    ['other', 'other', 'explicit_target'],
    [SMALL, 'one', 'priority'],
    [LARGE, 'other', 'only_candidate'],
  ])('model %s is made by %s (%s)', async (model, id, reason) => {
    const { headers, status: code } = await embed({ model, input: 'Paris' });
    expect([code, headers.get('x-router-target'), headers.get('x-router-reason')]).toEqual([200, id, reason]);
  });

  describe('batches', () => {
    const input = Array.from({ length: 100 }, (_, i) => `text ${i}`);
    const vectors = input.map((text) => vectorFor(text, SMALL));

    it.each([
      ['16 inputs', { mostInputs: 16 }],
      ['60 tokens', { mostTokens: 60 }],
    ])('for a server that takes at most %s, in order and with the usage of all', async (_what, limits) => {
      await withRouter(config(), async (own) => {
        one.always(embeddings(limits));
        two.always(embeddings(limits));
        const list = await jsonOf<ListJson>(await embed({ input }, {}, own));
        expect(list.data.map(({ embedding }) => embedding)).toEqual(vectors);
        expect(list.data.map(({ index }) => index)).toEqual(input.map((_, index) => index));
        expect(list.usage.prompt_tokens).toBe(input.join('').length);
      });
    });

    it('what a server takes is not found out twice', async () => {
      await withRouter(config(), async (own) => {
        one.always(embeddings({ mostInputs: 16 }));
        await embed({ input }, {}, own);
        one.requests.length = 0;
        await embed({ input }, {}, own);
        expect(sent(one).every((body) => body.input.length <= 16)).toBe(true);
      });
    });

    it('equal inputs go out once', async () => {
      const several = ['a', 'b', 'a', 'a'];
      const { data } = await jsonOf<ListJson>(await embed({ input: several }));
      expect(data.map(({ embedding }) => embedding)).toEqual(several.map((text) => vectorFor(text, SMALL)));
      expect(sent(one).map((body) => body.input)).toEqual([['a', 'b']]);
    });

    it('a single input that is too long is the caller’s, by its place', async () => {
      one.always(embeddings({ mostTokens: 60 }));
      two.always(embeddings({ mostTokens: 60 }));
      const long = [...input.slice(0, 30), 'x'.repeat(61), 'y'];
      expect(await refusal(embed({ input: long }))).toMatchObject({
        ...{ status: 400, code: 'context_length_exceeded', param: 'input[30]' },
        message: expect.stringContaining('input[30]'),
      });
    });

    it('a text by itself has no number', async () => {
      one.always(contextLengthExceeded);
      two.always(contextLengthExceeded);
      expect(await refusal(embed({ input: 'x' }))).toMatchObject({ code: 'context_length_exceeded', param: 'input' });
    });
  });

  describe('what goes wrong upstream', () => {
    it.each([
      ['500', status(500)],
      ['429', rateLimited()],
    ])('%s is tried again', async (_what, failure) => {
      await withRouter(inOrder([target(one, 'one')], { limits: GENEROUS }), async (own) => {
        one.script(failure);
        const answered = await embed({ input: 'Paris' }, {}, own);
        expect([answered.status, answered.headers.get('x-router-attempts')]).toEqual([200, '2']);
      });
    });

    it('another target of the same model makes them, none of another', async () => {
      await withRouter(config({ resilience: { retries: 0 } }), async (own) => {
        one.always(status(500));
        const answered = await embed({ input: 'Paris' }, {}, own);
        expect(answered.headers.get('x-router-target')).toBe('two');
        expect(answered.headers.get('x-router-fallback')).toBe('true');
        two.always(status(500));
        expect((await embed({ input: 'Paris' }, {}, own)).status).toBe(503);
        expect(other.requests).toHaveLength(0);
      });
    });

    it('a drained model is not replaced by another', async () => {
      await withRouter(config(), async (own) => {
        const admin = { authorization: 'Bearer admin-key' };
        for (const id of ['one', 'two']) await post(`${own.url}/admin/targets/${id}/drain`, {}, admin);
        expect(await refusal(embed({ input: 'Paris' }, {}, own))).toMatchObject({
          ...{ status: 503, code: 'no_target_available' },
        });
        expect(other.requests).toHaveLength(0);
      });
    });

    it('a key that is not accepted is 502 upstream_auth', async () => {
      one.always(wrongKey);
      two.always(wrongKey);
      expect(await refusal(embed({ input: 'Paris' }))).toMatchObject({ status: 502, code: 'upstream_auth' });
    });

    it.each([
      ['no JSON', status(200, 'nonsense')],
      ['no vectors', status(200, { object: 'list' })],
      ['too few', embeddings({ changes: { data: [{ index: 0, embedding: [1] }] } })],
      ['none that are numbers', embeddings({ changes: { data: [{ index: 0, embedding: ['a'] }] } })],
      ['NaN and Infinity in base64', embeddings({ changes: { data: [{ embedding: floats(NaN, 1, Infinity) }] } })],
      ['a number beyond 32-bit floats', embeddings({ changes: { data: [{ embedding: [1e300, 1] }] } })],
      ['vectors of two lengths', embeddings({ changes: { data: [{ embedding: [1] }, { embedding: [1, 2] }] } })],
    ])('an answer with %s is 502 upstream_error', async (what, behaviour) => {
      await withRouter(inOrder([target(one, 'one')], { limits: GENEROUS, resilience: { retries: 0 } }), async (own) => {
        one.always(behaviour);
        const input = /too few|two lengths/.test(what) ? ['a', 'b'] : 'a';
        expect(await refusal(embed({ input }, {}, own))).toMatchObject({ status: 502, code: 'upstream_error' });
      });
    });

    it('a server that refuses the request says why', async () => {
      const error = { message: 'dimensions is not supported', type: 'invalid_request_error', param: 'dimensions' };
      one.always(status(400, { error }));
      expect(await refusal(embed({ input: 'a', dimensions: 3 }))).toMatchObject({
        ...{ status: 400, code: 'invalid_request', param: 'dimensions', message: 'dimensions is not supported' },
      });
      expect(two.requests).toHaveLength(0);
    });

    it('numbers that are none are made again, and not kept', async () => {
      const input = inOrder([target(one, 'one')], { limits: GENEROUS, cache: { enabled: true } });
      await withRouter(input, async (own) => {
        one.script(embeddings({ changes: { data: [{ index: 0, embedding: floats(NaN) }] } }));
        const answered = await embed({ input: 'Paris' }, {}, own);
        expect(answered.headers.get('x-router-attempts')).toBe('2');
        expect((await jsonOf<ListJson>(answered)).data[0]?.embedding).toEqual(vectorFor('Paris', SMALL));
      });
    });

    it('a refusal knows an input as the caller does, in its message, too', async () => {
      await withRouter(config({ cache: { enabled: true } }), async (own) => {
        await embed({ input: ['a', 'b'] }, {}, own);
        const message = 'input[0] is bad, and so is token 3 of input[1]; input[7] is not there';
        const error = { message, type: 'invalid_request_error', param: 'input[0][3]' };
        one.always(status(400, { error }));
        expect(await refusal(embed({ input: ['a', 'x', 'b', 'y'] }, {}, own))).toMatchObject({
          ...{ status: 400, code: 'invalid_request', param: 'input[1][3]' },
          message: 'input[1] is bad, and so is token 3 of input[3]; input[7] is not there',
        });
      });
    });

    it('vectors of another length than was asked for are not given, and not kept', async () => {
      await withRouter(config({ cache: { enabled: true } }), async (own) => {
        one.always(embeddings({ dimensions: 3 }));
        for (const _ of [1, 2]) {
          expect(await refusal(embed({ input: 'a', dimensions: 2 }, {}, own))).toMatchObject({
            ...{ status: 400, code: 'invalid_request', param: 'dimensions' },
            message: expect.stringMatching(/\b3 numbers.*\b2\b/),
          });
        }
        one.always(embeddings());
        const answered = await embed({ input: 'a', dimensions: 2 }, {}, own);
        expect([answered.status, answered.headers.get('x-router-cache')]).toEqual([200, 'MISS']);
      });
    });

    it('a caller that leaves ends the call and frees the slot', async () => {
      await withRouter(config(), async (own) => {
        one.always(neverAnswer);
        const leaving = new AbortController();
        const body = { model: 'auto', input: 'Paris' };
        const asked = post(`${own.url}/v1/embeddings`, body, ACME, leaving.signal);
        await one.received();
        leaving.abort();
        await expect(asked).rejects.toThrow();
        expect((await one.ended(0, 1_000)).aborted).toBe(true);
        const admin = { authorization: 'Bearer admin-key' };
        await eventually('no call is under way', 1_000, async () => {
          const targets = await jsonOf<{ in_flight: number }[]>(
            await fetch(`${own.url}/admin/targets`, { headers: admin }),
          );
          return targets.every(({ in_flight: calls }) => calls === 0);
        });
      });
    });
  });

  describe('what a caller gets wrong', () => {
    it.each([
      [{ input: undefined }, 'input'],
      [{ input: '' }, 'input'],
      [{ input: 7 }, 'input'],
      [{ input: [] }, 'input'],
      [{ input: ['a', ''] }, 'input[1]'],
      [{ input: ['a', 7] }, 'input[1]'],
      [{ input: ['a', [1]] }, 'input[1]'],
      [{ input: [1, -1] }, 'input[1]'],
      [{ input: [1, 1.5] }, 'input[1]'],
      [{ input: [[1], []] }, 'input[1]'],
      [{ input: [[1], [2, 'x']] }, 'input[1][1]'],
      [{ input: new Array(2049).fill('a') }, 'input'],
      [{ input: 'a', dimensions: 'many' }, 'dimensions'],
      [{ input: 'a', dimensions: 0 }, 'dimensions'],
      [{ input: 'a', encoding_format: 'hex' }, 'encoding_format'],
      [{ input: 'a', model: 7 }, 'model'],
      [{ input: 'a', user: 7 }, 'user'],
    ])('%j is a 400 that names %s', async (body, param) => {
      expect(await refusal(embed(body))).toMatchObject({ status: 400, code: 'invalid_request', param });
      expect(one.requests).toHaveLength(0);
    });

    it('a model that nobody knows is 404, as in chat', async () => {
      expect(await refusal(embed({ model: 'nope', input: 'a' }))).toMatchObject({
        ...{ status: 404, code: 'model_not_found', param: 'model' },
      });
    });

    it('a model that makes no vectors is 400; one that makes nothing else does not chat', async () => {
      await withRouter(inOrder([targetOn(one, { id: 'chat' }), target(two, 'vectors')]), async (own) => {
        expect(await refusal(embed({ model: 'chat', input: 'a' }, {}, own))).toMatchObject({
          ...{ status: 400, code: 'invalid_request', param: 'model', message: expect.stringContaining(SMALL) },
        });
        const body = { model: 'vectors', messages: [{ role: 'user', content: 'hi' }] };
        expect(await refusal(post(`${own.url}/v1/chat/completions`, body))).toMatchObject({
          status: 400,
          param: 'model',
        });
        expect((await post(`${own.url}/v1/chat/completions`, { ...body, model: 'auto' })).status).toBe(200);
      });
    });
  });

  describe('private text', () => {
    const privately = (targets: TargetInput[]) =>
      inOrder(targets, { limits: GENEROUS, privacy: { localOnly: true, detect: ['email'] } });

    it('goes to a local target of the model', async () => {
      const targets = [target(one, 'one', { tier: 'cloud' }), target(two, 'two')];
      await withRouter(privately(targets), async (own) => {
        const open = await embed({ input: ['Paris'] }, {}, own);
        const secret = await embed({ input: ['Paris', 'write to jane@example.org'] }, {}, own);
        expect([open, secret].map(({ headers }) => headers.get('x-router-target'))).toEqual(['one', 'two']);
      });
    });

    it.each([
      [['Paris', 'write to jane@example.org'], 'input[1]'],
      ['write to jane@example.org', 'input'],
      [[1, 2, 3], 'input'],
    ])('%j goes to no cloud target, and to no other model', async (input, param) => {
      const targets = [target(one, 'one', { tier: 'cloud' }), target(other, 'other')];
      await withRouter(privately(targets), async (own) => {
        expect(await refusal(embed({ input }, {}, own))).toMatchObject({
          ...{ status: 400, code: 'privacy_no_local_target', param },
        });
        expect(one.requests.length + other.requests.length).toBe(0);
      });
    });
  });

  describe('the cache', () => {
    const cached = (rest: Partial<RouterConfigInput> = {}) => config({ cache: { enabled: true }, ...rest });
    const verdict = ({ headers }: Response) => headers.get('x-router-cache');

    it('has each input by itself, whatever name and form it is asked for by', async () => {
      await withRouter(cached(), async (own) => {
        expect(verdict(await embed({ input: ['a', 'b'] }, {}, own))).toBe('MISS');
        const part = await embed({ input: ['c', 'b', 'a'] }, {}, own);
        expect(verdict(part)).toBe('MISS');
        expect(sent(one).map(({ input }) => input)).toEqual([['a', 'b'], ['c']]);
        const whole = await embed({ model: SMALL, input: ['c', 'a'], encoding_format: 'base64' }, {}, own);
        expect(Object.fromEntries(whole.headers)).toMatchObject({
          'x-router-cache': 'HIT',
          'x-router-reason': 'cache_hit',
          'x-router-attempts': '0',
          'x-router-cost-usd': '0',
          'x-router-model': SMALL,
          age: '0',
        });
        const { data, usage } = await jsonOf<ListJson>(whole);
        expect(
          data.map(({ embedding }) => [
            ...new Float32Array(Uint8Array.from(Buffer.from(embedding as string, 'base64')).buffer),
          ]),
        ).toEqual(['c', 'a'].map((text) => vectorFor(text, SMALL)));
        expect(usage).toEqual({ prompt_tokens: 2, total_tokens: 2 });
        expect((await jsonOf<ListJson>(part)).data.map(({ embedding }) => embedding)).toEqual(
          ['c', 'b', 'a'].map((text) => vectorFor(text, SMALL)),
        );
      });
    });

    it('makes all anew where those made now have another length', async () => {
      await withRouter(cached(), async (own) => {
        await embed({ input: ['a', 'b'] }, {}, own);
        one.always(embeddings({ dimensions: 12 }));
        const input = ['a', 'c', 'b'];
        const answered = await embed({ input }, {}, own);
        expect([answered.status, verdict(answered)]).toEqual([200, 'MISS']);
        const { data, usage } = await jsonOf<ListJson>(answered);
        expect(data.map(({ embedding }) => embedding)).toEqual(input.map((text) => vectorFor(text, SMALL, 12)));
        expect(usage.prompt_tokens).toBe(3);
        expect(sent(one).map((body) => body.input)).toEqual([['a', 'b'], ['c'], ['a', 'b']]);
        expect(verdict(await embed({ input }, {}, own))).toBe('HIT');
      });
    });

    it('makes all anew where those that are kept have two lengths', async () => {
      await withRouter(cached(), async (own) => {
        await embed({ input: 'a' }, {}, own);
        one.always(embeddings({ dimensions: 12 }));
        await embed({ input: 'b' }, {}, own);
        const answered = await embed({ input: ['a', 'b'] }, {}, own);
        expect([answered.status, verdict(answered)]).toEqual([200, 'MISS']);
        expect(verdict(await embed({ input: ['a', 'b'] }, {}, own))).toBe('HIT');
      });
    });

    it('knows other dimensions, models and callers as others', async () => {
      await withRouter(cached({ cache: { enabled: true, scope: 'user' } }), async (own) => {
        const bodies = [{}, { dimensions: 3 }, { model: LARGE }, { input_type: 'query' }];
        for (const body of bodies) expect(verdict(await embed({ input: 'a', ...body }, {}, own))).toBe('MISS');
        for (const body of bodies) expect(verdict(await embed({ input: 'a', ...body }, {}, own))).toBe('HIT');
        expect(verdict(await embed({ input: 'a' }, { authorization: 'Bearer admin-key' }, own))).toBe('MISS');
      });
    });

    it('does as Cache-Control and the operator say', async () => {
      await withRouter(cached(), async (own) => {
        const admin = { authorization: 'Bearer admin-key' };
        const say = async (control?: string) =>
          verdict(await embed({ input: 'a' }, control === undefined ? {} : { 'cache-control': control }, own));
        expect([await say('no-store'), await say(), await say(), await say('no-cache')]).toEqual([
          ...['BYPASS', 'MISS', 'HIT', 'BYPASS'],
        ]);
        const gone = await fetch(`${own.url}/admin/cache`, { method: 'DELETE', headers: admin });
        expect(gone.ok).toBe(true);
        expect(await say()).toBe('MISS');
      });
    });
  });

  describe('limits, usage and records', () => {
    it('a request more than a minute may have is 429', async () => {
      await withRouter(config({ limits: { requestsPerMinute: 1 } }), async (own) => {
        expect((await embed({ input: 'a' }, {}, own)).status).toBe(200);
        expect(await refusal(embed({ input: 'a' }, {}, own))).toMatchObject({
          ...{ status: 429, code: 'rate_limit_exceeded' },
        });
      });
    });

    it.each([{ instruction: 'abcd '.repeat(8_000) }, { options: { examples: ['abcd '.repeat(8_000)] } }])(
      'what is sent beside the inputs is set aside, too',
      async (beside) => {
        await withRouter(config({ limits: { tokensPerMinute: 5_000 } }), async (own) => {
          expect((await embed({ input: 'a' }, {}, own)).status).toBe(200);
          expect((await embed({ input: 'a', ...beside }, {}, own)).status).toBe(429);
          expect(one.requests).toHaveLength(1);
        });
      },
    );

    it('tokens are taken from the limit, as many as were used', async () => {
      await withRouter(config({ limits: { tokensPerMinute: 100 } }), async (own) => {
        expect((await embed({ input: 'x'.repeat(90) }, {}, own)).status).toBe(200); // a token is a character there
        expect(await refusal(embed({ input: 'x'.repeat(90) }, {}, own))).toMatchObject({ status: 429 });
      });
    });

    it('the record and the usage say what it took', async () => {
      await withRouter(config({ cache: { enabled: true } }), async (own) => {
        const id = 'embedding-request-1';
        await embed({ model: SMALL, input: ['Paris', 'Rome'] }, { 'x-request-id': id }, own);
        await embed({ model: SMALL, input: ['Paris', 'Rome'] }, {}, own);
        const record = await jsonOf(await fetch(`${own.url}/v1/requests/${id}`, { headers: ACME }));
        expect(record).toMatchObject({
          ...{ model: SMALL, target: 'one', upstream_model: SMALL, outcome: 'answered', status: 200, cache: 'MISS' },
          usage: { prompt_tokens: 9, completion_tokens: 0, total_tokens: 9 },
          ...{ cost_usd: 0.000009, attempts: [{ target: 'one', outcome: 'ok' }], reason_code: 'priority' },
        });
        const admin = { authorization: 'Bearer admin-key' };
        const usage = await jsonOf(await fetch(`${own.url}/admin/usage?by=model`, { headers: admin }));
        const sums = { requests: 2, prompt_tokens: 9, completion_tokens: 0, cost_usd: 0.000009, saved_usd: 0.000009 };
        expect(usage).toMatchObject({ data: [{ model: SMALL, ...sums }], total: sums });
        const metrics = await (await fetch(`${own.url}/metrics`, { headers: admin })).text();
        expect(metrics).toContain('gen_ai_operation_name="embeddings"');
        expect(metrics).toMatch(/router_cache_saved_usd_total 0\.000009/);
      });
    });

    it('the same key gets the same answer, and no second call', async () => {
      const headers = { 'idempotency-key': 'embeddings-1' };
      const [first, second] = [await embed({ input: 'a' }, headers), await embed({ input: 'a' }, headers)];
      expect(await second.text()).toBe(await first.text());
      expect(one.requests).toHaveLength(1);
    });
  });

  it.each([
    ['2024-10-21', '/openai/deployments/vectors/embeddings?api-version=2024-10-21'],
    [undefined, '/openai/v1/embeddings'],
  ])('a deployment of Azure OpenAI (api-version %s) is asked at %s', async (apiVersion, path) => {
    const azure: TargetInput = {
      ...{ id: 'azure', tier: 'cloud', provider: 'azure-openai', apiKey: 'azure-key', model: SMALL },
      ...{ endpoint: `http://127.0.0.1:${one.port}`, deployment: 'vectors', capabilities: ['embeddings'] },
      ...(apiVersion === undefined ? {} : { apiVersion }),
    };
    await withRouter(inOrder([azure]), async (own) => {
      expect((await embed({ input: 'Paris' }, {}, own)).status).toBe(200);
      expect(one.requests[0]?.path).toBe(path);
      expect(one.requests[0]?.headers).toMatchObject({ 'api-key': 'azure-key', 'user-agent': 'hybrid-llm-router' });
      expect(Object.keys(one.requests[0]!.headers).filter((name) => /stainless|authorization/.test(name))).toEqual([]);
      expect(sent(one)[0]).toMatchObject({ model: 'vectors', input: ['Paris'] });
    });
  });

  it('a model that is kept loaded is loaded by a vector where it makes nothing else', async () => {
    await withRouter(inOrder([target(one, 'one', { prewarm: true })]), async () => {
      expect((await one.received()).path).toBe('/v1/embeddings');
    });
  });

  it('without any model server it answers all the same, and says that it is simulated', async () => {
    const simulated = (id: string, model: string): TargetInput => ({
      ...{ id, tier: 'local', provider: 'simulated', model, capabilities: ['tools', 'json', 'embeddings'] },
    });
    const targets = [simulated('sim-a', 'simulated-a'), simulated('sim-b', 'simulated-b')];
    await withRouter(inOrder(targets, { cache: { enabled: true } }), async (own) => {
      const [first, second] = [await embed({ input: ['a', 'b'] }, {}, own), await embed({ input: 'a' }, {}, own)];
      expect(first.headers.get('x-router-simulated')).toBe('true');
      expect(second.headers.get('x-router-cache')).toBe('MISS');
      const [list, again] = [await jsonOf<ListJson>(first), await jsonOf<ListJson>(second)];
      expect([list.simulated, list.model, list.data.length]).toEqual([true, 'simulated-a', 2]);
      expect(again.data[0]?.embedding).toEqual(list.data[0]?.embedding);
      expect(list.data[1]?.embedding).not.toEqual(list.data[0]?.embedding);
      expect(Math.hypot(...(list.data[0]!.embedding as number[]))).toBeCloseTo(1);
    });
  });
});

describe('vectors that replicas share', () => {
  it('are made once, and forgotten everywhere', async () => {
    const [redis, upstream] = await Promise.all([RedisServer.start(), UpstreamServer.start({ model: SMALL })]);
    const admin = keyFor('admin-key', { scopes: ['admin', 'chat'] });
    const config = inOrder([targetOn(upstream, { capabilities: ['embeddings'] })], {
      redis: { url: `redis://127.0.0.1:${redis.port}` },
      ...{ cache: { enabled: true, secret: 'a-secret-of-both-replicas' }, limits: GENEROUS, auth: { keys: [admin] } },
    });
    const routers = [await startRouter(config), await startRouter(config)] as const;
    const headers = { authorization: 'Bearer admin-key' };
    const verdict = async ({ url }: RouterApp) => {
      const { headers: got } = await post(`${url}/v1/embeddings`, { model: 'auto', input: ['a', 'b'] }, headers);
      return got.get('x-router-cache');
    };
    try {
      for (const router of routers) {
        await eventually(
          'Redis is there',
          10_000,
          async () => (await readinessOf(router)).checks['redis']?.status === 'up',
        );
      }
      expect(await verdict(routers[0])).toBe('MISS');
      await eventually('the other has them', 5_000, async () => (await verdict(routers[1])) === 'HIT');
      expect((await fetch(`${routers[0].url}/admin/cache`, { method: 'DELETE', headers })).ok).toBe(true);
      await eventually('the other has them no more', 5_000, async () => (await verdict(routers[1])) === 'MISS');
    } finally {
      await Promise.all(routers.map((router) => router.close()));
      await Promise.all([redis.close(), upstream.close()]);
    }
  }, 40_000);
});
