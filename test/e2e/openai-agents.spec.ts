import { Agent, OpenAIProvider, Runner, setTracingDisabled, tool } from '@openai/agents';
import { z } from 'zod';
import { answer, toolCall } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { inOrder, targetOn } from '../support/router-targets.js';

describe('the OpenAI Agents SDK', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  let runner: Runner;
  beforeAll(async () => {
    setTracingDisabled(true); // nothing leaves this machine
    upstream = await UpstreamServer.start({ model: 'llama3.2' });
    router = await startRouter(inOrder([targetOn(upstream)]));
    const modelProvider = new OpenAIProvider({ baseURL: `${router.url}/v1`, apiKey: 'k', useResponses: true });
    runner = new Runner({ modelProvider, model: 'auto', tracingDisabled: true });
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  const asked: unknown[] = [];
  const weather = tool({
    name: 'get_weather',
    description: 'Weather of a city',
    parameters: z.object({ city: z.string() }),
    execute: async (input) => {
      asked.push(input);
      return 'rain';
    },
  });

  it('answers', async () => {
    upstream.always(answer('Hello.'));
    const result = await runner.run(new Agent({ name: 'a', instructions: 'Be short.' }), 'hi');
    expect(result.finalOutput).toBe('Hello.');
    expect(upstream.requests[0]?.body?.messages).toEqual([
      { role: 'system', content: 'Be short.' },
      { role: 'user', content: 'hi' },
    ]);
  });

  it.each([{ stream: false }, { stream: true }])('runs tools, stream $stream', async ({ stream }) => {
    asked.length = 0;
    upstream.script(toolCall('get_weather', { city: 'Oslo' }), answer('Rain in Oslo.', { reasoning: 'hm' }));
    const agent = new Agent({ name: 'a', tools: [weather] });
    expect(await finalOutput(agent, 'Weather?', stream)).toBe('Rain in Oslo.');
    expect(asked).toEqual([{ city: 'Oslo' }]);
    expect(upstream.requests.at(-1)?.body?.messages).toMatchObject([
      { role: 'user', content: 'Weather?' },
      { role: 'assistant', tool_calls: [{ id: 'call_1' }] },
      { role: 'tool', tool_call_id: 'call_1', content: 'rain' },
    ]);
  });

  it.each([{ stream: false }, { stream: true }])('hands over, stream $stream', async ({ stream }) => {
    upstream.script(toolCall('transfer_to_poet', {}), answer('Roses are red.'));
    const poet = new Agent({ name: 'poet', instructions: 'Write poems.' });
    const triage = new Agent({ name: 'triage', instructions: 'Hand over.', handoffs: [poet] });
    expect(await finalOutput(triage, 'A poem.', stream)).toBe('Roses are red.');
    expect(upstream.requests.at(-1)?.body?.messages[0]).toEqual({ role: 'system', content: 'Write poems.' });
  });

  it('gets structured output', async () => {
    upstream.always(answer('{"city":"Oslo"}'));
    const agent = new Agent({ name: 'a', outputType: z.object({ city: z.string() }) });
    expect((await runner.run(agent, 'Where?')).finalOutput).toEqual({ city: 'Oslo' });
  });

  it('goes on from the response before', async () => {
    upstream.script(answer('One.'), answer('Two.'));
    const agent = new Agent({ name: 'a' });
    const first = await runner.run(agent, 'a');
    const second = await runner.run(agent, 'b', { previousResponseId: first.lastResponseId! });
    expect(second.finalOutput).toBe('Two.');
    expect(upstream.requests.at(-1)?.body?.messages.map(({ content }) => content)).toEqual(['a', 'One.', 'b']);
  });

  async function finalOutput(agent: Agent, input: string, stream: boolean): Promise<unknown> {
    if (!stream) return (await runner.run(agent, input)).finalOutput;
    const result = await runner.run(agent, input, { stream: true });
    const pieces: string[] = [];
    for await (const piece of result.toTextStream()) pieces.push(piece);
    await result.completed;
    expect(pieces.length).toBeGreaterThan(1);
    return result.finalOutput;
  }
});
