import Anthropic, { APIError } from '@anthropic-ai/sdk';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { z } from 'zod';
import { answer, neverAnswer, status, toolCall } from '../support/upstream-behaviours.js';
import type { UsagePlace } from '../support/openai-answer.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { cutAfter, errorInStream, stallAfter } from '../support/upstream-twists.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { anthropicAt, namedEvents } from '../support/anthropic-calls.js';
import { ask, jsonOf, post } from '../support/router-calls.js';
import { GENEROUS, inOrder, keyFor, targetOn } from '../support/router-targets.js';

const PNG = 'iVBORw0KGgo=';
const HI = { model: 'auto', max_tokens: 64, messages: ask('hi') };
const WEATHER: Anthropic.Tool = {
  name: 'get_weather',
  description: 'Weather of a city',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

describe('the official client of Anthropic', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  let client: Anthropic;
  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'llama3.2' });
    router = await startRouter(inOrder([targetOn(upstream, { price: { input: 1, output: 2 } })]));
    client = anthropicAt(router.url);
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  it.each(['2023-06-01', '2026-10-21'])('gets a plain answer in version %s', async (version) => {
    upstream.always(answer('Paris.'));
    const headers = { 'anthropic-version': version, 'anthropic-beta': 'something-2099-01-01' };
    const { data, response, request_id: id } = await client.messages.create(HI, { headers }).withResponse();
    expect(data).toMatchObject({
      type: 'message',
      role: 'assistant',
      model: 'llama3.2',
      content: [{ type: 'text', text: 'Paris.' }],
      stop_reason: 'end_turn',
      usage: { output_tokens: 1, cache_read_input_tokens: 0 },
    });
    expect(data.usage.input_tokens).toBeGreaterThan(0);
    expect(id).toBe(response.headers.get('x-request-id'));
    expect(response.headers.get('x-router-target')).toBe('llama3.2');
    expect(Number(response.headers.get('x-router-cost-usd'))).toBeGreaterThan(0);
  });

  it('gets a stream', async () => {
    upstream.always(answer('The capital is Paris.'));
    const stream = client.messages.stream(HI);
    const seen: string[] = [];
    stream.on('text', (text) => seen.push(text));
    const message = await stream.finalMessage();
    expect(seen.join('')).toBe('The capital is Paris.');
    expect(message).toMatchObject({ stop_reason: 'end_turn', usage: { output_tokens: 4 } });
    expect(upstream.requests[0]?.body).toMatchObject({ model: 'llama3.2', stream: true });
  });

  it('reads the first words while the upstream is still writing', async () => {
    upstream.always(answer('one two three', {}, stallAfter(2, 'never')));
    const stream = client.messages.stream(HI);
    let text = '';
    for await (const event of stream) {
      if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') text += event.delta.text;
      if (text === 'one two') break;
    }
    expect(text).toBe('one two');
    await upstream.ended(0, 1_000);
    expect(upstream.requests[0]).toMatchObject({ ending: 'aborted' });
  });

  it.each<UsagePlace>(['when-asked', 'always', 'in-finish-frame', 'in-every-frame'])(
    'counts what the server counted: usage %s',
    async (usage) => {
      const details = { prompt_tokens_details: { cached_tokens: 40 } };
      const counts = { prompt_tokens: 100, completion_tokens: 7, total_tokens: 107, ...details };
      upstream.always(answer('one two', { usage, counts }));
      const expected = { input_tokens: 60, cache_read_input_tokens: 40, output_tokens: 7 };
      expect((await client.messages.stream(HI).finalMessage()).usage).toMatchObject(expected);
      expect((await client.messages.create(HI)).usage).toMatchObject(expected);
    },
  );

  it('usage that never comes is an estimate', async () => {
    upstream.always(answer('one two', { usage: 'never' }));
    const { usage } = await client.messages.stream(HI).finalMessage();
    expect(usage.input_tokens).toBeGreaterThan(0);
    expect(usage.output_tokens).toBeGreaterThan(0);
  });

  it.each(['reasoning_content', 'reasoning', 'thinking'])('thinking that comes as %s', async (field) => {
    const message = { [field]: 'Hm, a city.' };
    upstream.always(answer('Paris.', { tokens: ['Paris.'], extra: { message } }));
    const thinking = { type: 'thinking', thinking: 'Hm, a city.', signature: expect.stringMatching(/./) };
    const expected = [thinking, { type: 'text', text: 'Paris.' }];
    expect((await client.messages.create(HI)).content).toMatchObject(expected);
    expect((await client.messages.stream(HI).finalMessage()).content).toMatchObject(expected);
  });

  it.each([true, false])('a tool is called, and its result goes back; streamed: %s', async (streamed) => {
    upstream.script(toolCall('get_weather', { city: 'Oslo' }), answer('Rain.'));
    const first = { ...HI, tools: [WEATHER], tool_choice: { type: 'any' as const } };
    const send = (body: typeof first) =>
      streamed ? client.messages.stream(body).finalMessage() : client.messages.create(body);
    const message = await send(first);
    expect(message).toMatchObject({
      stop_reason: 'tool_use',
      content: [{ type: 'tool_use', id: 'call_1', name: 'get_weather', input: { city: 'Oslo' } }],
    });
    const image = {
      type: 'image' as const,
      source: { type: 'base64' as const, media_type: 'image/png' as const, data: PNG },
    };
    const result = {
      type: 'tool_result' as const,
      tool_use_id: 'call_1',
      content: [{ type: 'text' as const, text: '4 C' }, image],
    };
    const messages: Anthropic.MessageParam[] = [
      ...HI.messages,
      { role: 'assistant', content: message.content },
      { role: 'user', content: [result] },
    ];
    expect(await send({ ...first, messages } as typeof first)).toMatchObject({ content: [{ text: 'Rain.' }] });
    const [asked, again] = upstream.requests.map(({ body }) => body!);
    expect(asked).toMatchObject({
      tool_choice: 'required',
      tools: [{ type: 'function', function: { name: 'get_weather' } }],
    });
    expect(again!.messages).toMatchObject([
      { role: 'user' },
      {
        role: 'assistant',
        tool_calls: [{ id: 'call_1', function: { name: 'get_weather', arguments: '{"city":"Oslo"}' } }],
      },
      { role: 'tool', tool_call_id: 'call_1', content: expect.stringMatching(/^4 C/) },
      {
        role: 'user',
        content: [{ type: 'text' }, { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}` } }],
      },
    ]);
  });

  it('its tool runner goes on until the answer', async () => {
    upstream.script(toolCall('get_weather', { city: 'Oslo' }), answer('It rains in Oslo.'));
    const cities: string[] = [];
    const tool = betaZodTool({
      name: 'get_weather',
      description: 'Weather of a city',
      inputSchema: z.object({ city: z.string() }),
      run: ({ city }) => {
        cities.push(city);
        return 'Rain';
      },
    });
    const message = await client.beta.messages.toolRunner({ ...HI, tools: [tool] });
    expect(cities).toEqual(['Oslo']);
    expect(message.content).toMatchObject([{ type: 'text', text: 'It rains in Oslo.' }]);
    expect(upstream.requests[1]?.body?.messages.at(-1)).toMatchObject({ role: 'tool', content: 'Rain' });
  });

  it('calls whose indices are all 0 stay two calls', async () => {
    const call = (id: string, city: string) => ({
      id,
      type: 'function',
      function: { name: 'get_weather', arguments: `{"city":"${city}"}` },
    });
    upstream.always(answer('', { toolCalls: [call('a', 'Oslo'), call('b', 'Rome')] }));
    const { content } = await client.messages.stream({ ...HI, tools: [WEATHER] }).finalMessage();
    expect(content).toMatchObject([
      { type: 'tool_use', id: 'a', input: { city: 'Oslo' } },
      { type: 'tool_use', id: 'b', input: { city: 'Rome' } },
    ]);
  });

  it('counts tokens without asking a model, and says that it is an estimate', async () => {
    const { data, response } = await client.messages
      .countTokens({ model: 'auto', messages: ask('How many tokens does this take?'), tools: [WEATHER] })
      .withResponse();
    expect(data).toMatchObject({ estimated: true });
    expect(data.input_tokens).toBeGreaterThan(20);
    expect(response.headers.get('x-router-estimated')).toBe('true');
    expect(response.headers.get('request-id')).toBe(response.headers.get('x-request-id'));
    expect(upstream.requests).toHaveLength(0);
  });

  it('lists models, page by page', async () => {
    const ids: string[] = [];
    for await (const model of client.models.list({ limit: 1 })) ids.push(model.id);
    expect(ids).toEqual(['auto', 'llama3.2']);
    expect(await client.models.retrieve('auto')).toMatchObject({ type: 'model', id: 'auto', display_name: 'auto' });
    await expect(client.models.retrieve('claude-99')).rejects.toBeInstanceOf(Anthropic.NotFoundError);
  });

  it('whoever does not speak this protocol gets the list of OpenAI', async () => {
    expect(await jsonOf(await fetch(`${router.url}/v1/models`))).toMatchObject({ object: 'list' });
  });

  it('a question of Claude Code keeps to its session, which holds every turn once', async () => {
    const headers = { 'x-claude-code-session-id': 'claude-session-1' };
    const later = [...HI.messages, { role: 'assistant' as const, content: 'Hello.' }, ...ask('and now?')];
    await client.messages.create(HI, { headers });
    await client.messages.create({ ...HI, messages: later }, { headers });
    expect(upstream.requests[1]?.body?.messages).toHaveLength(3);
    const session = await jsonOf<{ turns: unknown[] }>(await fetch(`${router.url}/v1/sessions/claude-session-1`));
    const turns = JSON.stringify(session.turns);
    expect(turns.split('"hi"')).toHaveLength(2);
    expect(turns.split('"and now?"')).toHaveLength(2);
  });

  it('an explicit x-session-id goes on where the session was', async () => {
    const headers = { 'x-session-id': 'own-session-1', 'x-claude-code-session-id': 'claude-session-2' };
    await client.messages.create(HI, { headers });
    await client.messages.create({ ...HI, messages: ask('and now?') }, { headers });
    expect(upstream.requests[1]?.body?.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
  });

  it('a repeat with the same Idempotency-Key is the same answer, streamed as well', async () => {
    upstream.script(answer('first'), answer('second'));
    const send = () => post(`${router.url}/v1/messages`, { ...HI, stream: true }, { 'idempotency-key': 'messages-1' });
    const [first, again] = [await send(), await send()];
    expect(await again.text()).toBe(await first.text());
    expect(again.headers.get('request-id')).toBe(again.headers.get('x-request-id'));
    expect(upstream.requests).toHaveLength(1);
  });

  it('a text that is cut is completed, and the message is one', async () => {
    const text = Array.from({ length: 60 }, (_, at) => `w${at}`).join(' ');
    upstream.script(answer(text, {}, cutAfter(40)), answer(text));
    const message = await client.messages.stream(HI).finalMessage();
    expect(message).toMatchObject({ content: [{ type: 'text', text }], stop_reason: 'end_turn' });
    expect(message.content).toHaveLength(1);
    expect(upstream.requests).toHaveLength(2);
  });

  it('the line for billing reaches no model', async () => {
    const system = [{ type: 'text' as const, text: 'x-anthropic-billing-header: cc_version=2.1; cch=ab12;' }];
    await client.messages.create({ ...HI, system: [...system, { type: 'text', text: 'Be brief.' }] });
    expect(upstream.requests[0]?.text).not.toContain('billing');
    expect(upstream.requests[0]?.body?.messages[0]).toEqual({ role: 'system', content: 'Be brief.' });
  });

  it('a stream that breaks before its first word is made again, one that breaks later says so', async () => {
    upstream.script(answer('one two three', {}, cutAfter(0)), answer('one two three'));
    expect((await client.messages.stream(HI).finalMessage()).content).toMatchObject([{ text: 'one two three' }]);
    const call = { id: 'a', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Oslo"}' } };
    upstream.always(answer('', { toolCalls: [call] }, cutAfter(2)));
    const broken: unknown = await client.messages
      .stream({ ...HI, tools: [WEATHER] })
      .finalMessage()
      .catch((error: unknown) => error);
    expect(broken).toBeInstanceOf(APIError);
    expect((broken as APIError).error).toMatchObject({ type: 'error', error: { type: 'api_error' } });
  });

  it('an error inside a stream that has begun is its last event', async () => {
    upstream.always(
      answer(
        '',
        { toolCalls: [{ id: 'a', function: { name: 'f', arguments: '{"x":1234567890}' } }] },
        errorInStream(2),
      ),
    );
    const response = await post(`${router.url}/v1/messages`, { ...HI, stream: true, tools: [WEATHER] });
    const events = namedEvents(await response.text());
    expect(events[0]?.event).toBe('message_start');
    expect(events.at(-1)).toMatchObject({
      event: 'error',
      data: { type: 'error', error: { type: 'api_error', message: expect.any(String) } },
    });
  });
});

describe('errors in the form of Anthropic', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'llama3.2' });
    const auth = { keys: [keyFor('good'), keyFor('admin-only', { scopes: ['admin'] })] };
    const resilience = { retries: 0, breaker: { failures: 1_000 } };
    const timeouts = { firstTokenMs: 400, plainMs: 400, idleMs: 400 };
    router = await startRouter(inOrder([targetOn(upstream, { timeouts })], { auth, resilience, limits: GENEROUS }));
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });
  const errorOf = async (work: Promise<unknown>): Promise<APIError> => {
    const error: unknown = await work.then(() => null).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(APIError);
    return error as APIError;
  };

  it('a bad field is a 400 with its path, before any model is called', async () => {
    const content = [
      {
        type: 'image' as const,
        source: { type: 'base64' as const, media_type: 'image/png' as const, data: 5 as never },
      },
    ];
    const client = anthropicAt(router.url, { apiKey: 'good' });
    const error = await errorOf(client.messages.create({ ...HI, messages: [{ role: 'user', content }] }));
    expect(error).toBeInstanceOf(Anthropic.BadRequestError);
    expect(error.error).toMatchObject({
      type: 'error',
      error: { type: 'invalid_request_error', param: 'messages[0].content[0].source.data', code: 'invalid_request' },
      request_id: error.requestID,
    });
    expect(upstream.requests).toHaveLength(0);
  });

  it.each([
    ['POST', '/v1/messages'],
    ['POST', '/v1/messages?beta=true'],
    ['POST', '/v1/messages/count_tokens'],
    ['GET', '/v1/models'],
    ['GET', '/v1/models/auto'],
  ])('%s %s wants a key, before anything is read of the body', async (method, path) => {
    const headers = { 'content-type': 'application/json', 'anthropic-version': '2026-10-21' };
    const body = method === 'POST' ? { body: '{' } : {};
    const response = await fetch(router.url + path, { method, headers, ...body });
    expect(response.status).toBe(401);
    expect(response.headers.get('request-id')).toBe(response.headers.get('x-request-id'));
    expect(await jsonOf(response)).toMatchObject({
      type: 'error',
      error: { type: 'authentication_error', code: 'invalid_api_key' },
    });
    expect(upstream.requests).toHaveLength(0);
  });

  it.each<Record<string, string>>([{ 'x-api-key': 'good' }, { authorization: 'Bearer good' }])(
    'the key is taken from %j',
    async (headers) => {
      expect((await post(`${router.url}/v1/messages`, HI, headers)).status).toBe(200);
    },
  );

  it('what a key may not do is a 403', async () => {
    const client = anthropicAt(router.url, { apiKey: 'admin-only' });
    for (const work of [client.messages.create(HI), client.messages.countTokens(HI)]) {
      expect(await errorOf(work)).toMatchObject({ status: 403, type: 'permission_error' });
    }
  });

  it.each([
    ['a body that is no JSON', '/v1/messages', '{', 400, 'invalid_request_error'],
    ['a path that is none', '/v1/messages/batches', '{}', 404, 'not_found_error'],
    ['a model that is none', '/v1/messages', JSON.stringify({ ...HI, model: 'claude-99' }), 404, 'not_found_error'],
  ])('%s', async (_, path, body, status, type) => {
    const response = await post(router.url + path, body, { 'x-api-key': 'good' });
    expect([response.status, await jsonOf(response)]).toMatchObject([status, { type: 'error', error: { type } }]);
  });

  it('a body that is too large is a 413', async () => {
    const { bodyLimitBytes } = router.config.current.server;
    const response = await post(`${router.url}/v1/messages`, JSON.stringify('a'.repeat(bodyLimitBytes)), {
      'x-api-key': 'good',
    });
    expect([response.status, await jsonOf(response)]).toMatchObject([413, { error: { type: 'request_too_large' } }]);
  });

  it('a server that is silent is a timeout', async () => {
    upstream.always(neverAnswer);
    const error = await errorOf(anthropicAt(router.url, { apiKey: 'good' }).messages.create(HI));
    expect(error).toMatchObject({ status: 504, type: 'timeout_error' });
  });

  it('nobody being able to answer is a 529, which says when to come back', async () => {
    upstream.always(status(500));
    const error = await errorOf(anthropicAt(router.url, { apiKey: 'good' }).messages.create(HI));
    expect(error).toMatchObject({
      status: 529,
      type: 'overloaded_error',
      error: { error: { code: 'no_target_available' } },
    });
    expect(Number(error.headers?.get('retry-after'))).toBeGreaterThan(0);
  });
});

describe('limits of a caller in the form of Anthropic', () => {
  it('are a 429', async () => {
    const upstream = await UpstreamServer.start({ model: 'llama3.2' });
    const router = await startRouter(
      inOrder([targetOn(upstream)], {
        auth: { keys: [keyFor('good')] },
        limits: { ...GENEROUS, requestsPerMinute: 1 },
      }),
    );
    try {
      const client = anthropicAt(router.url, { apiKey: 'good' });
      await client.messages.create(HI);
      const error: unknown = await client.messages.create(HI).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(Anthropic.RateLimitError);
      expect(error).toMatchObject({ type: 'rate_limit_error', error: { error: { code: 'rate_limit_exceeded' } } });
    } finally {
      await router.close();
      await upstream.close();
    }
  });
});
