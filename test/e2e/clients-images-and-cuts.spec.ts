import Anthropic from '@anthropic-ai/sdk';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenResponses } from '@ai-sdk/open-responses';
import { Agent, OpenAIProvider, Runner, setTracingDisabled, tool as agentTool } from '@openai/agents';
import { generateText, isStepCount, streamText, tool, type LanguageModel } from 'ai';
import OpenAI from 'openai';
import { z } from 'zod';
import { words } from '../support/openai-answer.js';
import { answer, toolCall } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { cutAfter } from '../support/upstream-twists.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { inOrder, targetOn } from '../support/router-targets.js';

/** A streamed answer to a picture and a question; resolves with its text. @throws what the client throws, or tells */
type Ask = (url: string) => Promise<string>;

const QUESTION = 'What is this?';
const MEDIA_TYPE = 'image/png';
const PICTURE = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]).toString('base64');
const DATA_URL = `data:${MEDIA_TYPE};base64,${PICTURE}`;
const once = { apiKey: 'k', maxRetries: 0 };

const chat: Ask = async (url) => {
  const stream = await new OpenAI({ ...once, baseURL: `${url}/v1` }).chat.completions.create({
    model: 'auto',
    stream: true,
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: QUESTION },
          { type: 'image_url', image_url: { url: DATA_URL } },
        ],
      },
    ],
  });
  let text = '';
  for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
  return text;
};

const responses: Ask = async (url) => {
  const content = [
    { type: 'input_text' as const, text: QUESTION },
    { type: 'input_image' as const, image_url: DATA_URL, detail: 'auto' as const },
  ];
  const input = [{ role: 'user' as const, content }];
  const stream = new OpenAI({ ...once, baseURL: `${url}/v1` }).responses.stream({ model: 'auto', input });
  return (await stream.finalResponse()).output_text;
};

const messages: Ask = async (url) => {
  const source = { type: 'base64' as const, media_type: 'image/png' as const, data: PICTURE };
  const content = [
    { type: 'text' as const, text: QUESTION },
    { type: 'image' as const, source },
  ];
  const asked = { model: 'auto', max_tokens: 500, messages: [{ role: 'user' as const, content }] };
  return new Anthropic({ ...once, baseURL: url }).messages.stream(asked).finalText();
};

/** The AI SDK tells of a broken stream in `onError` and in the reason that it ended for. */
function aiSdk(modelAt: (url: string) => LanguageModel): Ask {
  return async (url) => {
    const content = [
      { type: 'text' as const, text: QUESTION },
      { type: 'file' as const, mediaType: MEDIA_TYPE, data: PICTURE },
    ];
    let told: unknown = new Error('no error was told');
    const result = streamText({
      model: modelAt(url),
      maxRetries: 0,
      messages: [{ role: 'user', content }],
      onError: ({ error }) => void (told = error),
    });
    let text = '';
    for await (const piece of result.textStream) text += piece;
    if ((await result.finishReason) === 'error') throw told;
    return text;
  };
}

const openaiModels = (url: string) => createOpenAI({ baseURL: `${url}/v1`, apiKey: 'k' });
const runnerAt = (url: string, useResponses: boolean) => {
  const modelProvider = new OpenAIProvider({ baseURL: `${url}/v1`, apiKey: 'k', useResponses });
  return new Runner({ modelProvider, model: 'auto', tracingDisabled: true });
};

function agents(useResponses: boolean): Ask {
  return async (url) => {
    const content = [
      { type: 'input_text' as const, text: QUESTION },
      { type: 'input_image' as const, image: DATA_URL },
    ];
    const agent = new Agent({ name: 'a' });
    const result = await runnerAt(url, useResponses).run(agent, [{ role: 'user', content }], { stream: true });
    for await (const _ of result);
    await result.completed;
    return result.finalOutput ?? '';
  };
}

const CLIENTS: readonly [string, Ask][] = [
  ['openai, chat completions', chat],
  ['openai, Responses', responses],
  ['@anthropic-ai/sdk', messages],
  ['AI SDK, @ai-sdk/openai', aiSdk((url) => openaiModels(url)('auto'))],
  ['AI SDK, @ai-sdk/openai with chat()', aiSdk((url) => openaiModels(url).chat('auto'))],
  ['AI SDK, @ai-sdk/anthropic', aiSdk((url) => createAnthropic({ baseURL: `${url}/v1`, apiKey: 'k' })('auto'))],
  [
    'AI SDK, @ai-sdk/open-responses',
    aiSdk((url) => createOpenResponses({ name: 'router', url: `${url}/v1/responses`, apiKey: 'k' })('auto')),
  ],
  ['OpenAI Agents SDK', agents(true)],
  ['OpenAI Agents SDK, chat completions', agents(false)],
];

describe('what docs/CLIENTS.md says of the clients that are packages of Node', () => {
  const TEXT = words(60);
  let upstream: UpstreamServer;
  beforeAll(async () => {
    setTracingDisabled(true); // nothing leaves this machine
    upstream = await UpstreamServer.start({ model: 'llama3.2' });
  });
  beforeEach(() => upstream.reset());
  afterAll(() => upstream.close());
  const start = () => startRouter(inOrder([targetOn(upstream)], { resilience: { retries: 1 } }));

  describe.each(CLIENTS)('%s', (_, ask) => {
    let router: RouterApp;
    beforeAll(async () => void (router = await start())); // with a full budget of retries
    afterAll(() => router.close());

    it('shows a picture', async () => {
      upstream.always(answer('A dot.'));
      expect(await ask(router.url)).toBe('A dot.');
      const sent = upstream.requests[0]?.body?.messages.at(-1);
      expect(sent).toMatchObject({ role: 'user' });
      expect(sent?.content).toContainEqual({ type: 'text', text: QUESTION });
      const picture = { type: 'image_url', image_url: expect.objectContaining({ url: DATA_URL }) as unknown };
      expect(sent?.content).toContainEqual(picture);
    });

    it('notices nothing of a stream that is cut and completed', async () => {
      upstream.script(answer(TEXT, {}, cutAfter(40)), answer(TEXT));
      expect(await ask(router.url)).toBe(TEXT);
      expect(upstream.requests).toHaveLength(2);
    });

    it('is told of a stream that is cut for good', async () => {
      upstream.always(answer(TEXT, {}, cutAfter(40)));
      await expect(ask(router.url)).rejects.toThrow('broke off in the middle of its answer');
    });
  });

  describe('tools over chat completions', () => {
    let router: RouterApp;
    beforeAll(async () => void (router = await start()));
    afterAll(() => router.close());
    const parameters = z.object({ city: z.string() });
    const described = { description: 'Weather of a city' };
    beforeEach(() => upstream.script(toolCall('get_weather', { city: 'Oslo' }), answer('Rain.')));
    const results = () => upstream.requests[1]?.body?.messages.filter(({ role }) => role === 'tool');

    it('of the AI SDK', async () => {
      const execute = ({ city }: { city: string }) => `rain in ${city}`;
      const tools = { get_weather: tool({ ...described, inputSchema: parameters, execute }) };
      const model = openaiModels(router.url).chat('auto');
      const { text } = await generateText({ model, prompt: 'Weather?', tools, stopWhen: isStepCount(3) });
      expect(text).toBe('Rain.');
      expect(results()).toMatchObject([{ tool_call_id: 'call_1', content: expect.stringContaining('rain in Oslo') }]);
    });

    it('of the OpenAI Agents SDK', async () => {
      const execute = ({ city }: { city: string }) => `rain in ${city}`;
      const tools = [agentTool({ ...described, name: 'get_weather', parameters, execute })];
      const result = await runnerAt(router.url, false).run(new Agent({ name: 'a', tools }), 'Weather?');
      expect(result.finalOutput).toBe('Rain.');
      expect(results()).toMatchObject([{ tool_call_id: 'call_1', content: 'rain in Oslo' }]);
    });
  });
});
