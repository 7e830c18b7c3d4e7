import { UpstreamServer } from '../support/upstream-server.js';
import { sendRaw } from '../support/raw-http.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { jsonOf, post, type ErrorJson } from '../support/router-calls.js';
import { GENEROUS, inOrder, keyFor, targetOn } from '../support/router-targets.js';

const AUTH = {
  auth: {
    keys: [keyFor('chat-key'), keyFor('other-key', { tenant: 'other' }), keyFor('admin-key', { scopes: ['admin'] })],
  },
  limits: GENEROUS,
};
const ITEM = { role: 'user', content: 'hi' };
const parts = (part: object) => [{ role: 'user', content: [part] }];

const TABLE: readonly [Record<string, unknown>, string][] = [
  [{ model: 7 }, 'model'],
  [{ model: null }, 'model'],
  [{ input: undefined }, 'input'],
  [{ input: 7 }, 'input'],
  [{ input: '' }, 'input'],
  [{ input: [] }, 'input'],
  [{ input: [ITEM, 'x'] }, 'input[1]'],
  [{ input: [{ ...ITEM, content: 7 }] }, 'input[0].content'],
  [{ input: [{ type: 'nothing' }] }, 'input[0].type'],
  [{ input: [{ type: 'web_search_call' }] }, 'input[0].type'],
  [{ input: [{ type: 'item_reference', id: 'msg_1' }] }, 'input[0].id'],
  [{ input: [{ type: 'function_call', call_id: 'c', name: 'x' }] }, 'input[0].arguments'],
  [{ input: parts({ type: 'input_image', image_url: 7 }) }, 'input[0].content[0].image_url'],
  [{ input: parts({ type: 'input_image', file_id: 'file-1' }) }, 'input[0].content[0].file_id'],
  [{ input: parts({ type: 'input_file', file_url: 'https://x' }) }, 'input[0].content[0].file_url'],
  [{ instructions: 7 }, 'instructions'],
  [{ previous_response_id: 7 }, 'previous_response_id'],
  [{ previous_response_id: 'resp_1' }, 'previous_response_id'],
  [{ conversation: 7 }, 'conversation'],
  [{ conversation: { id: 'a b' } }, 'conversation'],
  [{ conversation: 'a', previous_response_id: 'resp_1' }, 'conversation'],
  [{ store: 'no' }, 'store'],
  [{ stream: 1 }, 'stream'],
  [{ background: true }, 'background'],
  [{ prompt: { id: 'p' } }, 'prompt'],
  [{ truncation: 'middle' }, 'truncation'],
  [{ tools: {} }, 'tools'],
  [{ tools: [7] }, 'tools[0]'],
  [{ tools: [{ type: 'function' }] }, 'tools[0].name'],
  [{ tools: [{ type: 'web_search' }] }, 'tools[0].type'],
  [{ tool_choice: 7 }, 'tool_choice'],
  [{ tool_choice: 'sometimes' }, 'tool_choice'],
  [{ tool_choice: { type: 'web_search_preview' } }, 'tool_choice.type'],
  [{ parallel_tool_calls: 'x' }, 'parallel_tool_calls'],
  [{ text: 7 }, 'text'],
  [{ text: { format: 'json' } }, 'text.format'],
  [{ text: { format: { type: 'json_schema', name: 'x' } } }, 'text.format.schema'],
  [{ reasoning: 'low' }, 'reasoning'],
  [{ reasoning: { effort: 7 } }, 'reasoning.effort'],
  [{ include: 'x' }, 'include'],
  [{ include: [7] }, 'include[0]'],
  [{ metadata: 'x' }, 'metadata'],
  [{ max_output_tokens: '7' }, 'max_output_tokens'],
  [{ max_output_tokens: 0 }, 'max_output_tokens'],
  [{ temperature: 'hot' }, 'temperature'],
  [{ top_logprobs: 99 }, 'top_logprobs'],
];

describe('what is wrong with a request to /v1/responses', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    router = await startRouter(inOrder([targetOn(upstream)], AUTH));
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  const as = (key: string) => ({ authorization: `Bearer ${key}` });
  const send = (body: unknown, headers: Record<string, string> = as('chat-key')) =>
    post(`${router.url}/v1/responses`, body, headers);
  const ask = (fields: object) => send({ model: 'auto', input: 'hi', ...fields });
  const errorOf = async (response: Response) => (await jsonOf<ErrorJson>(response)).error;

  it.each(TABLE)('%j names %s, and no model is called', async (fields, param) => {
    const response = await ask(fields);
    expect(response.status).toBe(400);
    const error = await errorOf(response);
    expect(error).toMatchObject({ type: 'invalid_request_error', param });
    expect(error.message).toContain(param);
    expect(upstream.requests).toHaveLength(0);
  });

  it.each([
    { unknown: { a: 1 }, include: ['something.new'], stream_options: { include_obfuscation: false } },
    { instructions: null, tools: null, store: null, text: null, reasoning: null, previous_response_id: null },
    { text: { format: null }, metadata: null, conversation: null, tool_choice: null, truncation: null },
    { input: [{ ...ITEM, unknown: 1 }], background: false },
  ])('%j passes', async (fields) => expect((await ask(fields)).status).toBe(200));

  it('keeps every digit of numbers in schemas', async () => {
    const wide = '12345678901234567890';
    const tool = `{"type":"function","name":"x","parameters":{"type":"object","maximum":${wide}}}`;
    const response = await send(`{"model":"auto","input":"hi","tools":[${tool}],"temperature":0.5}`);
    expect(response.status).toBe(200);
    expect(upstream.requests[0]?.text).toContain(`"maximum":${wide}`);
    expect(upstream.requests[0]?.body).toMatchObject({ temperature: 0.5 });
  });

  it('truncation disabled fails rather than drops, auto drops', async () => {
    await router.reload(inOrder([targetOn(upstream, { contextWindow: 256 })], AUTH));
    const first = await jsonOf<{ id: string }>(await ask({ input: 'word '.repeat(110) }));
    const go = { previous_response_id: first.id, input: 'word '.repeat(110) };
    const failed = await ask(go);
    expect([failed.status, (await errorOf(failed)).code]).toEqual([400, 'context_length_exceeded']);
    expect((await ask({ ...go, truncation: 'auto' })).status).toBe(200);
    expect(upstream.requests.at(-1)?.body?.messages).toHaveLength(1);
  });

  it('a response belongs to its tenant, on every route', async () => {
    const { id } = await jsonOf<{ id: string }>(await ask({}));
    const one = `${router.url}/v1/responses/${id}`;
    for (const path of [one, `${one}/input_items`]) {
      expect((await fetch(path, { headers: as('chat-key') })).status).toBe(200);
      expect((await fetch(path, { headers: as('other-key') })).status).toBe(404);
    }
    const go = { model: 'auto', input: 'b', previous_response_id: id };
    expect((await errorOf(await send(go, as('other-key')))).code).toBe('previous_response_not_found');
    const item = { type: 'item_reference', id: id.replace('resp_', 'msg_') };
    const named = await send({ model: 'auto', input: [item] }, as('other-key'));
    expect((await errorOf(named)).param).toBe('input[0].id');
    expect((await fetch(one, { method: 'DELETE', headers: as('other-key') })).status).toBe(404);
    expect((await fetch(one, { method: 'DELETE', headers: as('chat-key') })).status).toBe(200);
  });

  it.each([
    ['POST', '/v1/responses'],
    ['GET', '/v1/responses/resp_1'],
    ['DELETE', '/v1/responses/resp_1'],
    ['GET', '/v1/responses/resp_1/input_items'],
  ])('%s %s asks who it is', async (method, path) => {
    const body = method === 'POST' ? { body: '{"model":"auto","input":"hi"}' } : {};
    const call = async (headers: Record<string, string>) => {
      const response = await fetch(router.url + path, {
        method,
        ...body,
        headers: { 'content-type': 'application/json', ...headers },
      });
      return response.status;
    };
    expect(await call({})).toBe(401);
    expect(await call(as('nobody'))).toBe(401);
    expect(await call(as('admin-key'))).toBe(403);
    expect(await call(as('chat-key'))).toBe(method === 'POST' ? 200 : 404);
    expect(upstream.requests).toHaveLength(method === 'POST' ? 1 : 0);
  });

  it.each(['?stream=true', '?stream=1'])('a stored response is not streamed again: %s', async (query) => {
    const { id } = await jsonOf<{ id: string }>(await ask({}));
    const response = await fetch(`${router.url}/v1/responses/${id}${query}`, { headers: as('chat-key') });
    expect([response.status, (await errorOf(response)).param]).toEqual([400, 'stream']);
  });

  it('a WebSocket is a 426 that says what is spoken', async () => {
    const upgrade =
      'upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: AA==\r\n';
    const request = `GET /v1/responses HTTP/1.1\r\nhost: localhost\r\n${upgrade}authorization: Bearer chat-key\r\n\r\n`;
    const answered = await sendRaw(router.url, request); // reads until the service closes
    expect(answered.status).toBe(426);
    expect(answered.head).toMatch(/^upgrade: HTTP\/1\.1/im);
    expect(answered.body).toContain('supports_websockets');
    expect(JSON.parse(answered.body)).toMatchObject({ error: { code: 'upgrade_required' } });
  });

  it.each([
    ['GET', '/v1/responses', /POST \/v1\/responses/],
    ['POST', '/v1/responses/compact', /compact/],
    ['POST', '/v1/responses/input_tokens', /usage/],
    ['POST', '/v1/responses/resp_1/cancel', /No route/],
    ['POST', '/v1/conversations', /any name of yours as `conversation`/],
    ['GET', '/v1/conversations/conv_1', /v1\/sessions/],
    ['DELETE', '/v1/conversations/conv_1/items/1', /not created here/],
  ])('%s %s is a 404 that tells what to do', async (method, path, advice) => {
    const response = await fetch(router.url + path, { method, headers: as('chat-key') });
    const error = await errorOf(response);
    expect([response.status, error.code]).toEqual([404, 'not_found']);
    expect(error.message).toMatch(advice);
  });

  it('an Idempotency-Key gets the same response again', async () => {
    for (const stream of [false, true]) {
      const body = { model: 'auto', input: 'hi', stream };
      const headers = { ...as('chat-key'), 'idempotency-key': `key-${stream}` };
      const first = await (await send(body, headers)).text();
      expect(await (await send(body, headers)).text()).toBe(first);
    }
    expect(upstream.requests).toHaveLength(2);
  });
});
