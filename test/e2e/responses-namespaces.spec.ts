import type OpenAI from 'openai';
import { openaiAt } from '../support/router-calls.js';
import { answer, toolCall } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { inOrder, targetOn } from '../support/router-targets.js';

type Body = OpenAI.Responses.ResponseCreateParamsNonStreaming;

/** As Codex 0.171 sends the tools of an MCP server; a call without its namespace is one that it does not know. */
const SKY = {
  type: 'namespace',
  name: 'mcp__sky',
  description: 'Tools in the mcp__sky namespace.',
  tools: [
    { type: 'function', name: 'weather', strict: false, parameters: { type: 'object', properties: {} } },
    { type: 'custom', name: 'note', description: 'Writes a note' },
  ],
};
const tools = [SKY] as unknown as Body['tools'];

describe('tools in a namespace on /v1/responses', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  let client: OpenAI;
  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'llama3.2' });
    router = await startRouter(inOrder([targetOn(upstream)]));
    client = openaiAt(router.url, { maxRetries: 0 }).client;
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  const asked = async (stream: boolean, body: Body) => {
    if (!stream) return client.responses.create(body);
    return client.responses.stream({ ...body, stream: true }).finalResponse();
  };

  it.each([{ stream: false }, { stream: true }])('a call and its result, stream $stream', async ({ stream }) => {
    upstream.script(toolCall('mcp__sky__weather', { city: 'Oslo' }), answer('Rain.'));
    const input: OpenAI.Responses.ResponseInput = [{ role: 'user', content: 'Weather?' }];
    const { output } = await asked(stream, { model: 'auto', input, tools, store: false });
    expect(output).toMatchObject([
      { type: 'function_call', namespace: 'mcp__sky', name: 'weather', arguments: '{"city":"Oslo"}' },
    ]);
    const sent = upstream.requests[0]?.body?.tools;
    expect(sent).toMatchObject([{ function: { name: 'mcp__sky__weather' } }, { function: { name: 'mcp__sky__note' } }]);
    const result = { type: 'function_call_output' as const, call_id: 'call_1', output: 'rain' };
    await asked(stream, { model: 'auto', input: [...input, ...output, result] as typeof input, tools, store: false });
    expect(upstream.requests[1]?.body?.messages).toMatchObject([
      { role: 'user' },
      { role: 'assistant', tool_calls: [{ id: 'call_1', function: { name: 'mcp__sky__weather' } }] },
      { role: 'tool', tool_call_id: 'call_1', content: 'rain' },
    ]);
  });

  it.each([{ stream: false }, { stream: true }])('a custom one, stream $stream', async ({ stream }) => {
    upstream.always(toolCall('mcp__sky__note', { input: 'Rain.' }));
    const { output } = await asked(stream, { model: 'auto', input: 'Note it.', tools });
    expect(output).toMatchObject([
      { type: 'custom_tool_call', namespace: 'mcp__sky', name: 'note', input: 'Rain.', call_id: 'call_1' },
    ]);
  });

  it('goes on from a stored call', async () => {
    upstream.script(toolCall('mcp__sky__weather', {}), answer('Rain.'));
    const first = await client.responses.create({ model: 'auto', input: 'Weather?', tools });
    expect((await client.responses.retrieve(first.id)).output).toMatchObject([{ namespace: 'mcp__sky' }]);
    const input = [{ type: 'function_call_output' as const, call_id: 'call_1', output: 'rain' }];
    const next = await client.responses.create({ model: 'auto', previous_response_id: first.id, input, tools });
    expect(next.output_text).toBe('Rain.');
  });
});
