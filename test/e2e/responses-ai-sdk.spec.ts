import { createOpenAI } from '@ai-sdk/openai';
import { createOpenResponses } from '@ai-sdk/open-responses';
import { generateText, isStepCount, Output, streamText, tool, type LanguageModel } from 'ai';
import { z } from 'zod';
import { answer, toolCall } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { cutAfter } from '../support/upstream-twists.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { inOrder, targetOn } from '../support/router-targets.js';

describe('the AI SDK on /v1/responses', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'llama3.2' });
    router = await startRouter(inOrder([targetOn(upstream)], { resilience: { retries: 0 } }));
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  const PROVIDERS: [string, () => LanguageModel][] = [
    ['@ai-sdk/openai', () => createOpenAI({ baseURL: `${router.url}/v1`, apiKey: 'k' })('auto')],
    [
      '@ai-sdk/open-responses',
      () => createOpenResponses({ name: 'router', url: `${router.url}/v1/responses`, apiKey: 'k' })('auto'),
    ],
  ];

  describe.each(PROVIDERS)('%s', (_, model) => {
    it('gets a plain answer with usage', async () => {
      upstream.always(answer('Paris.', { reasoning: 'hm' }));
      const result = await generateText({ model: model(), prompt: 'Capital of France?', maxRetries: 0 });
      expect(result.text).toBe('Paris.');
      expect(result.reasoningText).toBe('hm');
      expect(result.usage.outputTokens).toBe(1);
      expect(result.finishReason).toBe('stop');
    });

    it('gets a stream with reasoning', async () => {
      upstream.always(answer('Hello from here', { reasoning: 'hm' }));
      const result = streamText({ model: model(), prompt: 'hi', maxRetries: 0 });
      const pieces: string[] = [];
      for await (const piece of result.textStream) pieces.push(piece);
      expect(pieces.join('')).toBe('Hello from here');
      expect(await result.reasoningText).toBe('hm');
      expect((await result.usage).outputTokens).toBe(3);
    });

    it.each([{ stream: false }, { stream: true }])('runs a tool loop, stream $stream', async ({ stream }) => {
      upstream.script(toolCall('get_weather', { city: 'Oslo' }), answer('Rain.'));
      const asked: unknown[] = [];
      const tools = {
        get_weather: tool({
          description: 'Weather of a city',
          inputSchema: z.object({ city: z.string() }),
          execute: (input) => {
            asked.push(input);
            return 'rain';
          },
        }),
      };
      const options = { model: model(), prompt: 'Weather in Oslo?', tools, stopWhen: isStepCount(3), maxRetries: 0 };
      const text = stream ? await streamText(options).text : (await generateText(options)).text;
      expect(text).toBe('Rain.');
      expect(asked).toEqual([{ city: 'Oslo' }]);
      expect(upstream.requests.at(-1)?.body?.messages).toMatchObject([
        { role: 'user' },
        { role: 'assistant', tool_calls: [{ id: 'call_1', function: { name: 'get_weather' } }] },
        { role: 'tool', tool_call_id: 'call_1', content: expect.stringContaining('rain') },
      ]);
    });

    it('gets structured output', async () => {
      upstream.always(answer('{"city":"Oslo"}'));
      const output = Output.object({ schema: z.object({ city: z.string() }) });
      const result = await generateText({ model: model(), prompt: 'Where?', output, maxRetries: 0 });
      expect(result.output).toEqual({ city: 'Oslo' });
      expect(upstream.requests[0]?.body?.response_format).toMatchObject({ type: 'json_schema' });
    });

    it('sends an image', async () => {
      const content = [
        { type: 'text' as const, text: 'What?' },
        { type: 'file' as const, mediaType: 'image/png', data: new Uint8Array([137, 80, 78, 71]) },
      ];
      await generateText({ model: model(), messages: [{ role: 'user', content }], maxRetries: 0 });
      expect(upstream.requests[0]?.body?.messages[0]?.content).toMatchObject([
        { type: 'text', text: 'What?' },
        { type: 'image_url', image_url: { url: expect.stringMatching(/^data:image\/png;base64,/) } },
      ]);
    });

    it('is told of a stream that is cut', async () => {
      upstream.always(
        answer(
          '',
          { toolCalls: [{ id: 'c', function: { name: 'x', arguments: '{"a":"aaaaaaaaaaaaaa"}' } }] },
          cutAfter(2),
        ),
      );
      const errors: unknown[] = [];
      const result = streamText({
        model: model(),
        prompt: 'hi',
        maxRetries: 0,
        onError: ({ error }) => void errors.push(error),
        tools: { x: tool({ inputSchema: z.object({ a: z.string() }) }) },
      });
      await result.consumeStream();
      expect(errors.length).toBeGreaterThan(0);
      await expect(result.finishReason).resolves.toBe('error');
    });
  });
});
