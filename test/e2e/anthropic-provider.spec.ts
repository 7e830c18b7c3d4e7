import Anthropic from '@anthropic-ai/sdk';
import type OpenAI from 'openai';
import type { Completion } from '../../src/common/chat.js';
import { CompletionCollector } from '../../src/modules/chat/completion-collector.js';
import { anthropicOn, inOrder } from '../support/router-targets.js';
import { fails, says } from '../support/anthropic-answer.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { ask, chat, framesOf, jsonOf, openaiAt, type ErrorJson } from '../support/router-calls.js';
import { UpstreamServer } from '../support/upstream-server.js';

const MODEL = 'claude-sonnet-4-5';
const DATED = 'claude-sonnet-4-5-20250929';
const PIXEL = 'data:image/png;base64,iVBORw0KGgo=';
const WEATHER = { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } };
const TOOLS = [{ type: 'function' as const, function: WEATHER }];
/** 3 and 15 USD a million, 0.30 read from the cache, 3.75 written to it. */
const PRICE = { input: 3, output: 15, cachedInput: 0.3, cacheWrite: 3.75 };

describe('provider anthropic, for the client of OpenAI', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  let client: OpenAI;
  const sent = (index = 0) => upstream.requests[index]?.body as unknown as Record<string, unknown>;

  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: MODEL });
    const capabilities = ['tools', 'vision', 'json', 'reasoning'] as const;
    const endpoint = new URL(upstream.baseUrl).origin;
    const azure = {
      id: 'azure',
      tier: 'cloud',
      provider: 'anthropic',
      endpoint,
      deployment: 'ours',
      apiKey: 'k',
    } as const;
    const targets = [
      anthropicOn(upstream, { id: 'claude', price: PRICE, capabilities: [...capabilities] }),
      anthropicOn(upstream, { id: 'newer', apiVersion: '2026-10-21' }),
      { ...azure, model: MODEL },
    ];
    router = await startRouter(inOrder(targets));
    ({ client } = openaiAt(router.url));
  });
  beforeEach(() => {
    upstream.reset();
    upstream.always(says('Hello there'));
  });
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  it('the events of the test server are what the official parser takes', async () => {
    const options = { thinking: { text: 'hm, let me see', signature: 'sig' }, redacted: 'xyz' };
    const tools = [{ id: 'toolu_1', name: 'weather', input: { city: 'Oslo' } }];
    upstream.always(says('Hello there', { ...options, tools }));
    const official = new Anthropic({ baseURL: new URL(upstream.baseUrl).origin, apiKey: 'k', maxRetries: 0 });
    const asked = {
      model: 'claude-sonnet-5',
      max_tokens: 100,
      messages: [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'hi' }] }],
    };
    const { content, stop_reason: stop } = await official.messages.stream(asked).finalMessage();
    expect(stop).toBe('tool_use');
    expect(content).toEqual((await official.messages.create(asked)).content);
  });

  it('answers plainly, with the version and the key where Anthropic wants them', async () => {
    const { data, response } = await client.chat.completions
      .create({ model: 'claude', messages: [{ role: 'system', content: 'Be short.' }, ...ask('hi')], temperature: 1.7 })
      .withResponse();
    expect(data).toMatchObject({ object: 'chat.completion', model: MODEL, usage: { total_tokens: 17 } });
    expect(data.choices[0]).toMatchObject({
      message: { role: 'assistant', content: 'Hello there' },
      finish_reason: 'stop',
    });
    expect(response.headers.get('x-router-target')).toBe('claude');
    const { path, headers } = upstream.requests[0]!;
    expect(path).toBe('/v1/messages');
    expect(headers).toMatchObject({ 'x-api-key': 'sk-ant-test', 'anthropic-version': '2023-06-01' });
    expect(headers['authorization']).toBeUndefined();
    expect(sent()).toEqual({
      ...{ model: MODEL, max_tokens: 16_384, temperature: 1, system: [{ type: 'text', text: 'Be short.' }] },
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
    });
  });

  it('streams text, one usage at the end, and one id', async () => {
    const text = Array.from({ length: 200 }, (_, i) => `w${i} "ü"`).join(' ');
    upstream.always(says(text, { model: DATED }));
    const stream = await client.chat.completions.create({
      ...{ model: 'claude', messages: ask('hi'), stream: true, stream_options: { include_usage: true } },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe(text);
    expect(new Set(chunks.map(({ id, model }) => `${id} ${model}`))).toEqual(new Set([`msg_${MODEL} ${DATED}`]));
    const usages = chunks.flatMap(({ usage }) => usage ?? []);
    expect(usages).toEqual([expect.objectContaining({ prompt_tokens: 10, completion_tokens: 7, total_tokens: 17 })]);
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop');
    expect(sent()).toMatchObject({ stream: true });
  });

  it.each([false, true])('runs a loop of tools, stream %s', async (stream) => {
    const tools = [
      { id: 'toolu_1', name: 'weather', input: { city: 'Oslo', id: 1 } },
      { id: 'toolu_2', name: 'weather', input: {} },
    ];
    upstream.script(says('Let me look', { tools }));
    const body = { model: 'claude', messages: ask('Oslo?'), tools: TOOLS, parallel_tool_calls: false } as const;
    const first = stream
      ? await client.chat.completions.stream(body).finalChatCompletion()
      : await client.chat.completions.create(body);
    const { message, finish_reason: reason } = first.choices[0]!;
    expect(reason).toBe('tool_calls');
    expect(message.tool_calls).toMatchObject([
      { id: 'toolu_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo","id":1}' } },
      { id: 'toolu_2', function: { arguments: '{}' } },
    ]);
    const results = ['sunny', 'where?'].map((content, i) => ({
      role: 'tool' as const,
      tool_call_id: `toolu_${i + 1}`,
      content,
    }));
    const messages = [...ask('Oslo?'), message, ...results, ...ask('and?')];
    const second = await client.chat.completions.create({ ...body, messages });
    expect(second.choices[0]?.message.content).toBe('Hello there');
    expect(sent(0)).toMatchObject({ tool_choice: { type: 'auto', disable_parallel_tool_use: true } });
    expect(sent(0)['tools']).toEqual([{ name: 'weather', input_schema: WEATHER.parameters }]);
    expect((sent(1)['messages'] as unknown[]).slice(1)).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'Let me look' },
          { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Oslo', id: 1 } },
          { type: 'tool_use', id: 'toolu_2', name: 'weather', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'toolu_1', content: 'sunny' },
          { type: 'tool_result', tool_use_id: 'toolu_2', content: 'where?' },
          { type: 'text', text: 'and?' },
        ],
      },
    ]);
  });

  it('sends images and documents', async () => {
    const file = { file_data: 'data:application/pdf;base64,JVBERi0=', filename: 'a.pdf' };
    const content = [
      { type: 'image_url' as const, image_url: { url: PIXEL } },
      { type: 'image_url' as const, image_url: { url: 'https://example.com/a.png' } },
      { type: 'file' as const, file },
      { type: 'text' as const, text: 'What is this?' },
    ];
    await client.chat.completions.create({ model: 'claude', messages: [{ role: 'user', content }] });
    expect(sent()['messages']).toMatchObject([
      {
        content: [
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } },
          { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
          { type: 'document', source: { type: 'base64', media_type: 'application/pdf' }, title: 'a.pdf' },
          { type: 'text', text: 'What is this?' },
        ],
      },
    ]);
  });

  it.each([false, true])('bills what was read from the cache and written to it, stream %s', async (stream) => {
    const usage = {
      input_tokens: 100,
      cache_read_input_tokens: 1_000,
      cache_creation_input_tokens: 200,
      output_tokens: 50,
    };
    upstream.always(says('Hello there', { usage }));
    const response = await chat(router, { model: 'claude', stream, stream_options: { include_usage: true } });
    const text = await response.text();
    if (!stream) expect(Number(response.headers.get('x-router-cost-usd'))).toBeGreaterThan(0);
    expect(text).toContain('"prompt_tokens":1300');
    expect(text).toContain('"prompt_tokens_details":{"cached_tokens":1000,"cache_write_tokens":200}');
    const { id } = JSON.parse(/\{"id".*/.exec(text)?.[0] ?? '{}') as { id: string };
    expect(id).toBe(`msg_${MODEL}`);
    const record = await jsonOf<{ cost_usd: number }>(await fetch(`${router.url}/v1/requests/latest`));
    expect(record.cost_usd).toBeCloseTo((100 * 3 + 1_000 * 0.3 + 200 * 3.75 + 50 * 15) / 1e6, 9);
  });

  it('hands thoughts on with their signature, and takes them back for the same model alone', async () => {
    const thinks = { thinking: { text: 'hm, let me see', signature: 'sig' }, redacted: 'xyz', model: DATED };
    const signed = { format: 'anthropic-claude-v1', model: DATED };
    const thought = [
      { type: 'reasoning.text', text: 'hm, let me see', signature: 'sig', index: 0, ...signed },
      { type: 'reasoning.encrypted', data: 'xyz', index: 1, ...signed },
    ];
    upstream.always(says('Hello', thinks));
    const streamed = new CompletionCollector();
    const asked = { model: 'claude', messages: ask('hi'), reasoning_effort: 'low' };
    for (const json of framesOf(await (await chat(router, { ...asked, stream: true })).text())) {
      streamed.add({ json, text: JSON.stringify(json) });
    }
    const plain = await jsonOf<Completion>(await chat(router, asked));
    const reasoning = { content: 'Hello', reasoning_content: 'hm, let me see', reasoning_details: thought };
    for (const { choices } of [streamed.completion(), plain]) expect(choices?.[0]?.message).toMatchObject(reasoning);
    expect(sent()['thinking']).toEqual({ type: 'enabled', budget_tokens: 2_048 });

    const foreign = [
      { ...thought[0], model: 'claude-opus-4-1' },
      { ...thought[0], model: undefined },
    ];
    const said = (details: unknown) => ({ role: 'assistant', content: 'Hello', reasoning_details: details });
    const messages = [...ask('hi'), said(thought), ...ask('go on'), said(foreign), ...ask('and?')];
    await (await chat(router, { model: 'claude', messages })).text();
    const turns = (sent(2)['messages'] as { content: unknown }[]).map(({ content }) => content);
    const own = [
      { type: 'thinking', thinking: 'hm, let me see', signature: 'sig' },
      { type: 'redacted_thinking', data: 'xyz' },
    ];
    const text = { type: 'text', text: 'Hello' };
    expect([turns[1], turns[3]]).toEqual([[...own, text], [text]]);
  });

  it('gives the other door of Anthropic what Anthropic itself would have been given', async () => {
    const tools = [{ id: 'toolu_1', name: 'weather', input: { city: 'Oslo' } }];
    upstream.script(says('Let me look', { thinking: { text: 'hm', signature: 'sig' }, tools, model: DATED }));
    const door = new Anthropic({ baseURL: router.url, apiKey: 'k', maxRetries: 0 });
    const mark = { cache_control: { type: 'ephemeral' as const } };
    const asked = {
      ...{ model: 'claude', max_tokens: 4_000, thinking: { type: 'enabled' as const, budget_tokens: 2_000 } },
      system: [{ type: 'text' as const, text: 'Be short.', ...mark }],
      tools: [{ name: 'weather', input_schema: { type: 'object' as const }, ...mark }],
    };
    const question = { role: 'user' as const, content: 'Oslo?' };
    const first = await door.messages.stream({ ...asked, messages: [question] }).finalMessage();
    expect(first.content.map(({ type }) => type)).toEqual(['thinking', 'text', 'tool_use']);
    const result = { type: 'tool_result' as const, tool_use_id: 'toolu_1', content: 'sunny' };
    const messages = [
      question,
      { role: 'assistant' as const, content: first.content },
      { role: 'user' as const, content: [result] },
    ];
    const second = await door.messages.create({ ...asked, messages });
    expect(second.content).toMatchObject([{ type: 'text', text: 'Hello there' }]);
    expect(sent(1)).toEqual({
      ...{ ...asked, model: MODEL },
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'Oslo?' }] },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'hm', signature: 'sig' },
            { type: 'text', text: 'Let me look' },
            { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Oslo' } },
          ],
        },
        { role: 'user', content: [result] },
      ],
    });
  });

  it('speaks the version of 2026-10-21 without sampling parameters', async () => {
    await client.chat.completions.create({ model: 'newer', messages: ask('hi'), temperature: 1, top_p: 0.5 });
    expect(upstream.requests[0]?.headers['anthropic-version']).toBe('2026-10-21');
    expect(sent()).not.toHaveProperty('temperature');
  });

  it('reaches a deployment in Microsoft Foundry', async () => {
    await client.chat.completions.create({ model: 'azure', messages: ask('hi') });
    expect(upstream.requests[0]?.path).toBe('/anthropic/v1/messages');
    expect(upstream.requests[0]?.headers['x-api-key']).toBe('k');
    expect(sent()).toMatchObject({ model: 'ours' });
  });

  it.each([
    ['several choices', { n: 2 }, 'n'],
    [
      'sound',
      { messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: {} }] }] },
      'messages[0].content[0].type',
    ],
    [
      'a file of OpenAI',
      { messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'f' } }] }] },
      'messages[0].content[0].file.file_data',
    ],
  ])('says that it cannot take %s', async (_, body, param) => {
    const response = await chat(router, { model: 'claude', ...body });
    expect(response.status).toBe(400);
    expect((await jsonOf<ErrorJson>(response)).error.param).toBe(param);
    expect(upstream.requests).toHaveLength(0);
  });

  it('sends numbers that JavaScript cannot hold as they are, and brings them back', async () => {
    const id = '12345678901234567890';
    upstream.always(
      says('', { tools: [{ id: 't', name: 'weather', input: { id: 'ID' } }] }, (steps) =>
        steps.map((step) =>
          step.do === 'write'
            ? { ...step, bytes: Buffer.from(step.bytes.toString().replace('"ID"', id)) }
            : step.do === 'head'
              ? { ...step, headers: { 'content-type': 'application/json' } }
              : step,
        ),
      ),
    );
    const tools = `[{"type":"function","function":{"name":"weather","parameters":{"type":"object","maximum":${id}}}}]`;
    const call = `{"role":"assistant","tool_calls":[{"id":"t","type":"function","function":{"name":"weather","arguments":"{\\"id\\":${id}}"}}]}`;
    const result = '{"role":"tool","tool_call_id":"t","content":"ok"}';
    const response = await fetch(`${router.url}/v1/chat/completions`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
      body: `{"model":"claude","messages":[{"role":"user","content":"hi"},${call},${result}],"tools":${tools}}`,
    });
    expect(await response.text()).toContain(`"arguments":"{\\"id\\":${id}}"`);
    expect(upstream.requests[0]?.text).toContain(`"input":{"id":${id}}`);
    expect(upstream.requests[0]?.text).toContain(`"maximum":${id}`);
  });

  it('passes on what Anthropic refuses', async () => {
    upstream.always(fails(400, 'invalid_request_error', 'messages: something is wrong'));
    const response = await chat(router, { model: 'claude' });
    expect(response.status).toBe(400);
    expect((await jsonOf<ErrorJson>(response)).error.message).toContain('something is wrong');
  });
});
