import Anthropic from '@anthropic-ai/sdk';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { z } from 'zod';
import { post } from '../support/router-calls.js';
import { answer, toolCall } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { inOrder, targetOn } from '../support/router-targets.js';

const HI = { model: 'auto', max_tokens: 500, messages: [{ role: 'user' as const, content: 'Weather in Oslo?' }] };

/** SDK 1.14 lets the server hold the conversation (beta message-threads-2026-08-12), and then sends the last turn alone. */
describe('conversations that a server is asked to hold', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'llama3.2' });
    router = await startRouter(inOrder([targetOn(upstream)]));
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  const weather = betaZodTool({
    name: 'get_weather',
    description: 'Weather of a city',
    inputSchema: z.object({ city: z.string() }),
    run: ({ city }) => `Rain in ${city}`,
  });

  it.each([false, true])('the tool runner sends all of it, stream %s', async (stream) => {
    upstream.script(toolCall('get_weather', { city: 'Oslo' }), answer('It rains.'));
    const client = new Anthropic({ baseURL: router.url, apiKey: 'k', maxRetries: 0 });
    const runner = client.beta.messages.toolRunner({ ...HI, stream, tools: [weather] });
    const message = await runner.runUntilDone();
    expect(message.content).toMatchObject([{ type: 'text', text: 'It rains.' }]);
    expect(upstream.requests).toHaveLength(2);
    const { messages, tools } = upstream.requests[1]?.body ?? {};
    expect(messages).toMatchObject([
      { role: 'user', content: 'Weather in Oslo?' },
      { role: 'assistant', tool_calls: [{ id: 'call_1', function: { name: 'get_weather' } }] },
      { role: 'tool', tool_call_id: 'call_1', content: 'Rain in Oslo' },
    ]);
    expect(tools).toMatchObject([{ function: { name: 'get_weather' } }]);
  });

  it.each([{ type: 'create' }, { type: 'continue', previous_message_id: 'msg_1' }])('%j is a 400', async (thread) => {
    const response = await post(`${router.url}/v1/messages`, { ...HI, thread });
    expect(response.status).toBe(400);
    expect(((await response.json()) as { error: unknown }).error).toMatchObject({
      type: 'invalid_request_error',
      param: 'thread',
      details: { error_code: 'thread_unsupported_request', unsupported: ['thread'] },
    });
    expect(upstream.requests).toHaveLength(0);
  });

  it('null is none', async () => {
    expect((await post(`${router.url}/v1/messages`, { ...HI, thread: null })).status).toBe(200);
  });
});

/** Claude Code's ToolSearch answers so, and lists the tool from then on. */
it('a tool that was searched for and found is told in words', async () => {
  const upstream = await UpstreamServer.start({ model: 'llama3.2' });
  const router = await startRouter(inOrder([targetOn(upstream)]));
  const found = [{ type: 'tool_reference', tool_name: 'WebFetch' }];
  const messages = [
    ...HI.messages,
    { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'ToolSearch', input: {} }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: found }] },
  ];
  const tools = ['ToolSearch', 'WebFetch'].map((name) => ({
    name,
    input_schema: { type: 'object' },
    defer_loading: true,
  }));
  const response = await post(`${router.url}/v1/messages`, { ...HI, messages, tools });
  expect(response.status).toBe(200);
  expect(upstream.requests[0]?.body?.messages.at(-1)).toEqual({
    role: 'tool',
    tool_call_id: 'toolu_1',
    content: 'The tool WebFetch can be called now.',
  });
  await router.close();
  await upstream.close();
});
