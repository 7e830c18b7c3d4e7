import { createAnthropic } from '@ai-sdk/anthropic';
import { generateText, isStepCount, streamText, tool } from 'ai';
import { z } from 'zod';
import { answer, toolCall } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { inOrder, targetOn } from '../support/router-targets.js';

describe("the AI SDK with Anthropic's provider", () => {
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
  const model = () => createAnthropic({ apiKey: 'sk-test', baseURL: `${router.url}/v1` })('auto');
  const weather = () => ({
    get_weather: tool({
      description: 'Weather of a city',
      inputSchema: z.object({ city: z.string() }),
      execute: ({ city }) => Promise.resolve(`Rain in ${city}`),
    }),
  });

  it('gets a text and its usage', async () => {
    upstream.always(answer('Paris.', { counts: { prompt_tokens: 11, completion_tokens: 2, total_tokens: 13 } }));
    const { text, usage, finishReason } = await generateText({
      model: model(),
      system: 'Be brief.',
      prompt: 'Capital?',
    });
    expect(text).toBe('Paris.');
    expect(usage).toMatchObject({ inputTokens: 11, outputTokens: 2 });
    expect(finishReason).toBe('stop');
  });

  it('gets a stream with thinking in front', async () => {
    upstream.always(answer('one two three', { reasoning: 'Hm.' }));
    const result = streamText({
      model: model(),
      prompt: 'Count.',
      onError: ({ error }) => Promise.reject(error as Error),
    });
    let text = '';
    for await (const piece of result.textStream) text += piece;
    expect(text).toBe('one two three');
    expect(await result.reasoningText).toBe('Hm.');
  });

  it('goes through the steps of a tool, and thinking goes back to its model alone', async () => {
    upstream.script(
      answer('', {
        reasoning: 'I should look.',
        toolCalls: [
          { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Oslo"}' } },
        ],
      }),
      answer('It rains.'),
    );
    const { text, steps } = await generateText({
      model: model(),
      prompt: 'Weather in Oslo?',
      tools: weather(),
      stopWhen: isStepCount(3),
    });
    expect(text).toBe('It rains.');
    expect(steps).toHaveLength(2);
    expect(upstream.requests[1]?.body?.messages.at(-1)).toMatchObject({
      role: 'tool',
      content: expect.stringContaining('Rain in Oslo'),
    });
  });

  it('the same streamed', async () => {
    upstream.script(toolCall('get_weather', { city: 'Oslo' }), answer('It rains.'));
    const result = streamText({ model: model(), prompt: 'Weather?', tools: weather(), stopWhen: isStepCount(3) });
    expect(await result.text).toBe('It rains.');
    expect((await result.steps)[0]?.toolCalls).toMatchObject([{ toolName: 'get_weather', input: { city: 'Oslo' } }]);
  });
});
