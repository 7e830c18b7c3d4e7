import type OpenAI from 'openai';
import { answer, toolCall } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { stallAfter } from '../support/upstream-twists.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { ask, openaiAt } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';

const WEATHER = {
  name: 'get_weather',
  description: 'Weather of a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

describe('the official openai client', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  let client: OpenAI;
  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'llama3.2' });
    router = await startRouter(inOrder([targetOn(upstream, { price: { input: 1, output: 2 } })]));
    client = openaiAt(router.url).client;
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  it('gets a plain answer', async () => {
    upstream.always(answer('Paris.'));
    const completion = await client.chat.completions.create({ model: 'auto', messages: ask('Capital of France?') });
    expect(completion.choices[0]?.message.content).toBe('Paris.');
    expect(completion).toMatchObject({ object: 'chat.completion', model: 'llama3.2', usage: { completion_tokens: 1 } });
    expect(upstream.requests).toHaveLength(1);
  });

  it('gets two choices', async () => {
    const { choices } = await client.chat.completions.create({ model: 'auto', messages: ask('hi'), n: 2 });
    expect(choices.map(({ index, message }) => [index, message.content])).toEqual([
      [0, 'Hello from upstream'],
      [1, 'Hello from upstream'],
    ]);
  });

  it('gets two choices in a stream', async () => {
    const stream = await client.chat.completions.create({ model: 'auto', messages: ask('hi'), n: 2, stream: true });
    const texts = ['', ''];
    const finished: number[] = [];
    for await (const { choices } of stream) {
      for (const { index, delta, finish_reason: finish } of choices) {
        texts[index] += delta.content ?? '';
        if (finish) finished.push(index);
      }
    }
    expect(texts).toEqual(['Hello from upstream', 'Hello from upstream']);
    expect(finished).toEqual([0, 1]);
  });

  it('reads the first tokens while the upstream is still writing', async () => {
    upstream.always(answer('one two three', {}, stallAfter(2, 'never')));
    const stream = await client.chat.completions.create({ model: 'auto', messages: ask('hi'), stream: true });
    let text = '';
    for await (const { choices } of stream) {
      text += choices[0]?.delta.content ?? '';
      if (text === 'one two') break; // leaving the loop aborts the request
    }
    expect(text).toBe('one two');
    await upstream.ended(0, 1_000);
    expect(upstream.requests[0]).toMatchObject({ ending: 'aborted', body: { stream: true } });
  });

  it.each([
    { asked: true, usageChunks: 1 },
    { asked: false, usageChunks: 0 },
    { asked: undefined, usageChunks: 0 },
  ])('usage chunk: include_usage $asked gives $usageChunks', async ({ asked, usageChunks }) => {
    const stream = await client.chat.completions.create({
      model: 'auto',
      messages: ask('hi'),
      stream: true,
      ...(asked === undefined ? {} : { stream_options: { include_usage: asked } }),
    });
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    const withUsage = chunks.filter(({ usage }) => usage);
    expect(withUsage).toHaveLength(usageChunks);
    expect(withUsage.flatMap(({ choices }) => choices)).toEqual([]);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('Hello from upstream');
    expect(upstream.requests[0]?.body?.stream_options?.include_usage).toBe(true);
  });

  it('ends a stream with [DONE] and nothing after it', async () => {
    const response = await client.chat.completions
      .create({ model: 'auto', messages: ask('hi'), stream: true })
      .asResponse();
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    expect(response.headers.get('content-encoding')).toBeNull();
    expect((await response.text()).match(/data: \[DONE\]\n\n$/g)).toHaveLength(1);
  });

  it('works with the .stream() helper', async () => {
    const stream = client.chat.completions.stream({
      model: 'auto',
      messages: ask('hi'),
      stream_options: { include_usage: true },
    });
    const pieces: string[] = [];
    stream.on('content', (piece) => pieces.push(piece));
    const whole = await stream.finalChatCompletion();
    expect(pieces).toEqual(['Hello', ' from', ' upstream']);
    expect(whole.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'Hello from upstream' } });
    expect(whole.usage?.completion_tokens).toBe(3);
  });

  it.each([{ stream: false }, { stream: true }])('runs a tool loop over two requests, stream $stream', async (form) => {
    upstream.script(toolCall('get_weather', { city: 'Oslo' }), answer('Rain in Oslo.'));
    const called: unknown[] = [];
    const tool = {
      type: 'function' as const,
      function: {
        ...WEATHER,
        parse: (text: string) => JSON.parse(text) as object,
        function: (args: object) => {
          called.push(args);
          return 'rain';
        },
      },
    };
    const messages = ask('Weather in Oslo?');
    const runner = form.stream
      ? client.chat.completions.runTools({ model: 'auto', messages, tools: [tool], stream: true })
      : client.chat.completions.runTools({ model: 'auto', messages, tools: [tool] });
    expect(await runner.finalContent()).toBe('Rain in Oslo.');
    expect(called).toEqual([{ city: 'Oslo' }]);
    expect(upstream.requests).toHaveLength(2);
    expect(upstream.requests[0]?.body?.tools).toEqual([{ type: 'function', function: WEATHER }]);
    const [, asked, result] = upstream.requests[1]?.body?.messages ?? [];
    expect(asked).toMatchObject({
      role: 'assistant',
      tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Oslo"}' } }],
    });
    expect(result).toEqual({ role: 'tool', tool_call_id: 'call_1', content: 'rain' });
  });

  it('lists models and targets', async () => {
    const models = await client.models.list();
    expect(models.data.map(({ id }) => id)).toEqual(['auto', 'llama3.2']);
    expect(await client.models.retrieve('llama3.2')).toMatchObject({ id: 'llama3.2', object: 'model' });
    expect(await client.models.retrieve('auto')).toMatchObject({ id: 'auto', owned_by: expect.any(String) });
  });

  it('takes a target as a model', async () => {
    const { response } = await client.chat.completions
      .create({ model: 'llama3.2', messages: ask('hi') })
      .withResponse();
    expect(response.headers.get('x-router-reason')).toBe('explicit_target');
  });
});
