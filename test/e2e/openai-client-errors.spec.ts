import OpenAI, { type APIError } from 'openai';
import { answer, contextLengthExceeded, neverAnswer, status, wrongKey } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-script.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { errorInStream, pauseAfter } from '../support/upstream-twists.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { ask, openaiAt } from '../support/router-calls.js';
import { GENEROUS, inOrder, keyFor, targetOn } from '../support/router-targets.js';

interface Row {
  readonly name: string;
  readonly key?: string;
  readonly body?: object;
  readonly behaviour?: Behaviour;
  readonly type: new (...args: never[]) => APIError;
  readonly error: { status: number; code: string; param: string | null };
  /** Calls of the model server. */
  readonly upstream: number;
}

/** Retrying cannot help here, so the client must send it once although it may send it three times. */
const FINAL: Row[] = [
  {
    name: 'a bad field',
    body: { n: 0 },
    type: OpenAI.BadRequestError,
    error: { status: 400, code: 'invalid_request', param: 'n' },
    upstream: 0,
  },
  {
    name: 'a refusal of the provider',
    behaviour: contextLengthExceeded,
    type: OpenAI.BadRequestError,
    error: { status: 400, code: 'context_length_exceeded', param: 'messages' },
    upstream: 1,
  },
  {
    name: 'a wrong key',
    key: 'nobody',
    type: OpenAI.AuthenticationError,
    error: { status: 401, code: 'invalid_api_key', param: null },
    upstream: 0,
  },
  {
    name: 'a key without the scope chat',
    key: 'admin-only',
    type: OpenAI.PermissionDeniedError,
    error: { status: 403, code: 'permission_denied', param: null },
    upstream: 0,
  },
  {
    name: 'an unknown model',
    body: { model: 'gpt-99' },
    type: OpenAI.NotFoundError,
    error: { status: 404, code: 'model_not_found', param: 'model' },
    upstream: 0,
  },
  {
    name: "the router's own key is wrong",
    behaviour: wrongKey,
    type: OpenAI.InternalServerError,
    error: { status: 502, code: 'upstream_auth', param: null },
    upstream: 1,
  },
];

/** Another try of the caller may help; it decides. */
const RETRYABLE: Row[] = [
  {
    name: 'a model server that fails',
    behaviour: status(500),
    type: OpenAI.InternalServerError,
    error: { status: 503, code: 'no_target_available', param: null },
    upstream: 1,
  },
  {
    name: 'a model server that is silent',
    behaviour: neverAnswer,
    type: OpenAI.InternalServerError,
    error: { status: 504, code: 'upstream_timeout', param: null },
    upstream: 1,
  },
  {
    name: 'a model server that talks nonsense',
    behaviour: status(200, 'nonsense'),
    type: OpenAI.InternalServerError,
    error: { status: 502, code: 'upstream_error', param: null },
    upstream: 1,
  },
];

describe('typed errors of the official openai client', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    const timeouts = { firstTokenMs: 400, plainMs: 400, idleMs: 400 };
    router = await startRouter(
      inOrder([targetOn(upstream, { timeouts })], {
        resilience: { retries: 0, breaker: { failures: 1_000 } },
        limits: GENEROUS,
        auth: { keys: [keyFor('good'), keyFor('admin-only', { scopes: ['admin'] })] },
      }),
    );
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  const fail = async ({ key = 'good', body, behaviour }: Row, stream: boolean, maxRetries: number) => {
    if (behaviour) upstream.always(behaviour);
    const { client, sent } = openaiAt(router.url, { apiKey: key, maxRetries });
    const call = client.chat.completions.create({ model: 'auto', messages: ask('hi'), stream, ...body });
    const error: unknown = await call.then(
      () => null,
      (caught: unknown) => caught,
    );
    return { error, sent: sent() };
  };

  const rows = (table: Row[]) => table.flatMap((row) => [false, true].map((stream) => ({ ...row, stream })));

  it.each(rows(FINAL))('$name: typed, and not tried again; stream $stream', async (row) => {
    const { error, sent } = await fail(row, row.stream, 2);
    expect(error).toBeInstanceOf(row.type);
    expect(error).toMatchObject(row.error);
    expect((error as APIError).requestID).toMatch(/^\S+$/);
    expect(sent).toBe(1);
    expect(upstream.requests).toHaveLength(row.upstream);
  });

  it.each(rows(RETRYABLE))('$name: typed, and a retry is allowed; stream $stream', async (row) => {
    const { error, sent } = await fail(row, row.stream, 0);
    expect(error).toBeInstanceOf(row.type);
    expect(error).toMatchObject({ ...row.error, type: 'server_error' });
    expect((error as APIError).headers?.has('x-should-retry')).toBe(false);
    expect(sent).toBe(1);
    expect(upstream.requests).toHaveLength(row.upstream);
  });

  it('an error in the middle of a stream is thrown while the stream is read', async () => {
    upstream.always(answer('one two three', {}, errorInStream(2), pauseAfter(2, 30)));
    const { client } = openaiAt(router.url, { apiKey: 'good', maxRetries: 0 });
    const stream = await client.chat.completions.create({ model: 'auto', messages: ask('hi'), stream: true });
    let text = '';
    const error: unknown = await (async () => {
      for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
    })().catch((caught: unknown) => caught);
    expect(text).toBe('one two');
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(error).toMatchObject({ code: 'upstream_error', type: 'server_error' });
  });

  it('an unknown model of models.retrieve is a NotFoundError', async () => {
    const { client, sent } = openaiAt(router.url, { apiKey: 'good' });
    const error: unknown = await client.models.retrieve('gpt-99').catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toMatchObject({ code: 'model_not_found', param: 'model' });
    expect(sent()).toBe(1);
  });
});
