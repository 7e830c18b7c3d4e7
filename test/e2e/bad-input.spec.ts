import { UpstreamServer } from '../support/upstream-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { post, type ErrorJson } from '../support/router-calls.js';
import { targetOn } from '../support/router-targets.js';

const CHAT = '/v1/chat/completions';
const QUERY = '/query';
const ROUTE = '/v1/route';

interface BadInput {
  readonly name: string;
  readonly paths: readonly string[];
  readonly body: unknown;
  readonly headers?: Record<string, string>;
  readonly status?: number;
  readonly code?: string;
  readonly param?: string | null;
}

const user = (content: unknown) => ({ role: 'user', content });
const chatWith = (fields: object) => ({ model: 'auto', messages: [user('hi')], ...fields });
const field = (param: string, value: unknown): BadInput => ({
  name: `${param} = ${JSON.stringify(value)?.slice(0, 60)}`,
  paths: [CHAT, ROUTE],
  body: chatWith({ [param]: value }),
  param,
});
const message = (name: string, value: unknown, param: string): BadInput => ({
  name: `message: ${name}`,
  paths: [CHAT, ROUTE],
  body: { model: 'auto', messages: [value] },
  param,
});

/** The same bad text where a question may stand. */
const everywhere = (name: string, json: string, expected: Partial<BadInput> = {}): BadInput[] => [
  { name, paths: [CHAT, ROUTE], body: `{"model":"auto","messages":[{"role":"user","content":${json}}]}`, ...expected },
  { name, paths: [QUERY, ROUTE], body: `{"query":${json}}`, ...expected },
];
const all = (name: string, body: unknown, expected: Partial<BadInput> = {}): BadInput => ({
  name,
  paths: [CHAT, QUERY, ROUTE],
  body,
  ...expected,
});

const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

const TABLE: readonly BadInput[] = [
  field('messages', []),
  field('messages', null),
  field('messages', 'hi'),
  field('messages', {}),
  field('model', ''),
  field('model', 7),
  field('model', null),
  field('model', 'x'.repeat(257)),
  field('stream', 'true'),
  field('stream_options', 'usage'),
  field('tools', {}),
  field('response_format', 'json'),
  field('max_tokens', 0),
  field('max_tokens', -2),
  field('max_tokens', 1.5),
  field('max_completion_tokens', '5'),
  field('n', 0),
  field('n', 1000),
  field('temperature', 'hot'),
  field('top_p', 'most'),
  field('stop', [1]),
  field('logprobs', 1),
  field('seed', '7'),
  field('user', 1),
  { name: 'no messages', paths: [CHAT, ROUTE], body: { model: 'auto' }, param: 'messages' },
  { name: 'no model', paths: [CHAT], body: { messages: [user('hi')] }, param: 'model' },
  message('null', null, 'messages[0]'),
  message('text', 'hi', 'messages[0]'),
  message('no role', { content: 'hi' }, 'messages[0].role'),
  message('empty role', { role: '', content: 'hi' }, 'messages[0].role'),
  message('no content', { role: 'user' }, 'messages[0].content'),
  message('content null', user(null), 'messages[0].content'),
  message('content 7', user(7), 'messages[0].content'),
  message('content object', user({ text: 'hi' }), 'messages[0].content'),
  message('part without type', user([{ text: 'hi' }]), 'messages[0].content'),
  { name: 'query = 7', paths: [QUERY, ROUTE], body: { query: 7 }, param: 'query' },
  { name: 'query = []', paths: [QUERY, ROUTE], body: { query: ['a'] }, param: 'query' },
  { name: 'query empty', paths: [QUERY, ROUTE], body: { query: '' }, param: 'query' },
  { name: 'strategy = 7', paths: [QUERY, ROUTE], body: { query: 'hi', strategy: 7 }, param: 'strategy' },
  { name: 'session_id = {}', paths: [QUERY, ROUTE], body: { query: 'hi', session_id: {} }, param: 'session_id' },
  all('no body', '', { param: null }),
  all('an array', [], { param: null }),
  all('null', 'null', { param: null }),
  all('a number', '1', { param: null }),
  all('a string', '"hi"', { param: null }),
  all('half a body', '{"model":"auto","messages":[', { param: null }),
  all('single quotes', "{'query':'hi'}", { param: null }),
  ...everywhere('NaN', 'NaN', { param: null }),
  ...everywhere('Infinity', '-Infinity', { param: null }),
  ...everywhere('a lone high surrogate', '"a\\ud800b"', { param: null }),
  ...everywhere('a lone low surrogate', '"a\\udc00b"', { param: null }),
  ...everywhere('a raw control character', '"a\nb"', { param: null }),
  ...everywhere('nesting 200 deep', nested(200)),
  ...everywhere('nesting 10,000 deep', nested(10_000)),
  ...[200, 100_000].map((depth) => ({
    name: `unknown field nested ${depth} deep`,
    paths: [CHAT, ROUTE],
    body: `{"model":"auto","messages":[{"role":"user","content":"hi"}],"x":${nested(depth)}}`,
    param: null,
  })),
  { name: 'unknown model', paths: [CHAT, ROUTE], body: chatWith({ model: 'gpt-99' }), status: 404, param: 'model' },
  { name: 'unknown model', paths: [QUERY], body: { query: 'hi', model: 'gpt-99' }, status: 404, param: 'model' },
  { name: 'bad strategy', paths: [QUERY, ROUTE], body: { query: 'hi', strategy: 'best' }, param: 'strategy' },
  { ...all('bad strategy header', chatWith({})), paths: [CHAT], headers: { 'x-router-strategy': 'best' } },
  field('tools', [{ type: 'function', function: { name: 'f' } }]),
  field('response_format', { type: 'json_object' }),
  message('image', user([{ type: 'image_url', image_url: { url: 'data:,' } }]), 'messages[0].content'),
  ...everywhere('a prompt too long for every window', JSON.stringify('word '.repeat(10_000)), {
    code: 'context_length_exceeded',
  }),
  all('10 MB', JSON.stringify({ query: 'x'.repeat(10_000_000) }), { status: 413, code: 'payload_too_large' }),
  ...['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/xml'].map(
    (type) =>
      all(`content type ${type}`, '{"query":"hi"}', {
        headers: { 'content-type': type },
        status: 415,
        code: 'unsupported_media_type',
      }),
  ),
];

const CODE_OF: Record<number, string> = { 400: 'invalid_request', 404: 'model_not_found' };
const TYPE_OF: Record<number, string> = { 404: 'not_found_error' };

describe('bad input is refused before any model is called', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    router = await startRouter({ targets: [targetOn(upstream, { capabilities: [], contextWindow: 8192 })] });
  });
  afterEach(async () => {
    expect(upstream.requests).toHaveLength(0);
    expect((await fetch(`${router.url}/health`)).status).toBe(200);
  });
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  const rows = TABLE.flatMap((row) => row.paths.map((path) => ({ ...row, path })));

  it.each(rows)('$path: $name', async ({ path, body, headers, status = 400, code, param }) => {
    const response = await post(router.url + path, body, headers);
    const { error, ...rest } = (await response.json()) as ErrorJson;
    expect({ status: response.status, code: error.code }).toEqual({ status, code: code ?? CODE_OF[status] });
    expect(rest).toEqual({});
    expect(error).toEqual({
      message: expect.stringMatching(/^[^\n]{5,600}$/),
      type: TYPE_OF[status] ?? 'invalid_request_error',
      param: param === undefined ? error.param : param,
      code: error.code,
    });
    expect(error.message).not.toMatch(/\bat \S+:\d+|node_modules|zod|fastify/i);
    expect(error.message).not.toMatch(/undefined|\bNaN\b|^Invalid input|^Unrecognized/);
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(response.headers.get('x-request-id')).toMatch(/^\S+$/);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  });

  it.each([
    ['a field is missing', QUERY, '{"queri":"x"}', 'query: missing; expected string'],
    ['a field is of the wrong kind', QUERY, '{"query":5}', 'query: expected string, received number'],
    ['a field is unknown', QUERY, '{"query":"x","stream":true}', 'stream: unknown field; GET /docs'],
    ['there is no body', QUERY, '', 'The body: missing; expected object'],
    ['the body is a list', CHAT, '[]', 'The body: expected object, received array'],
    ['a number is too large', '/v1/feedback', '{"request_id":"latest","score":2}', 'score: expected number to be <=1'],
  ])('says it in words of the caller when %s', async (_, path, body, words) => {
    const response = await post(router.url + path, body);
    expect(((await response.json()) as ErrorJson).error.message).toContain(words);
  });

  it('invalid UTF-8', async () => {
    for (const path of [CHAT, QUERY, ROUTE]) {
      const body = Buffer.concat([Buffer.from('{"query":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
      const response = await fetch(router.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      expect(response.status).toBe(400);
      expect(((await response.json()) as ErrorJson).error.message).toContain('UTF-8');
    }
  });

  it.each([
    { method: 'GET', path: CHAT },
    { method: 'PUT', path: QUERY },
    { method: 'GET', path: '/nowhere' },
    { method: 'GET', path: '/v1/sessions/a/b/c' },
    { method: 'GET', path: '/%2e%2e/etc/passwd' },
  ])('no such route: $method $path', async ({ method, path }) => {
    const response = await fetch(router.url + path, { method });
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({
      error: {
        message: expect.any(String),
        type: 'not_found_error',
        param: null,
        code: expect.stringMatching(/^\w+$/),
      },
    });
  });
});
