import type OpenAI from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { answer, toolCall } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { openaiAt } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';

const WEATHER = {
  type: 'function' as const,
  name: 'get_weather',
  description: 'Weather of a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  strict: true,
};
const PATCH = { type: 'custom' as const, name: 'apply_patch', description: 'Edits files' };

describe('the official openai client on /v1/responses', () => {
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

  const lastMessages = () => upstream.requests.at(-1)?.body?.messages;

  it('gets a plain answer', async () => {
    upstream.always(answer('Paris.', { counts: { prompt_tokens_details: { cached_tokens: 1 } } }));
    const response = await client.responses.create({
      model: 'auto',
      input: 'Capital of France?',
      metadata: { a: 'b' },
    });
    expect(response).toMatchObject({
      object: 'response',
      status: 'completed',
      model: 'llama3.2',
      metadata: { a: 'b' },
    });
    expect(response.output_text).toBe('Paris.');
    expect(response.usage).toMatchObject({ output_tokens: 1, input_tokens_details: { cached_tokens: 1 } });
  });

  it('gets a streamed answer, in pieces and whole', async () => {
    upstream.always(answer('Hello from here', { reasoning: 'hm' }));
    const stream = client.responses.stream({ model: 'auto', input: 'hi' });
    const pieces: string[] = [];
    stream.on('response.output_text.delta', ({ delta }) => pieces.push(delta));
    const final = await stream.finalResponse();
    expect(pieces.join('')).toBe('Hello from here');
    expect(pieces.length).toBeGreaterThan(1);
    expect(final).toMatchObject({ status: 'completed', output_text: 'Hello from here', usage: { output_tokens: 3 } });
    expect(final.output[0]).toMatchObject({ type: 'reasoning', summary: [{ text: 'hm' }] });
  });

  it('ends a stream with response.completed and nothing after it', async () => {
    const raw = await client.responses.create({ model: 'auto', input: 'hi', stream: true }).asResponse();
    expect(raw.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(raw.headers.get('x-router-target')).toBe('llama3.2');
    expect((await raw.text()).split('\n\n').at(-2)).toMatch(/^event: response.completed\ndata: /);
  });

  it.each([{ stream: false }, { stream: true }])('parses structured output, stream $stream', async ({ stream }) => {
    upstream.always(answer('{"city":"Oslo"}'));
    const format = zodTextFormat(z.object({ city: z.string() }), 'place');
    const body = { model: 'auto', input: 'Where?', text: { format } };
    const parsed = stream ? await client.responses.stream(body).finalResponse() : await client.responses.parse(body);
    expect(parsed.output_parsed).toEqual({ city: 'Oslo' });
    expect(upstream.requests[0]?.body?.response_format).toMatchObject({
      type: 'json_schema',
      json_schema: { name: 'place', strict: true, schema: { type: 'object' } },
    });
  });

  it.each([{ stream: false }, { stream: true }])(
    'runs a tool over two requests, stream $stream',
    async ({ stream }) => {
      upstream.script(toolCall('get_weather', { city: 'Oslo' }), answer('Rain.'));
      const send = async (body: Omit<OpenAI.Responses.ResponseCreateParamsNonStreaming, 'stream'>) =>
        stream ? client.responses.stream(body).finalResponse() : client.responses.create(body);
      const asked = await send({ model: 'auto', input: 'Weather?', tools: [WEATHER], tool_choice: 'required' });
      expect(asked.output).toMatchObject([
        { type: 'function_call', name: 'get_weather', arguments: '{"city":"Oslo"}' },
      ]);
      const [call] = asked.output as OpenAI.Responses.ResponseFunctionToolCall[];
      const output = { type: 'function_call_output' as const, call_id: call!.call_id, output: 'rain' };
      const told = await send({ model: 'auto', previous_response_id: asked.id, input: [output], tools: [WEATHER] });
      expect(told.output_text).toBe('Rain.');
      expect(upstream.requests[0]?.body).toMatchObject({ tool_choice: 'required', tools: [{ type: 'function' }] });
      expect(lastMessages()).toMatchObject([
        { role: 'user', content: 'Weather?' },
        { role: 'assistant', tool_calls: [{ id: call!.call_id, function: { name: 'get_weather' } }] },
        { role: 'tool', tool_call_id: call!.call_id, content: 'rain' },
      ]);
    },
  );

  it.each([{ stream: false }, { stream: true }])(
    'maps a custom tool and maps it back, stream $stream',
    async ({ stream }) => {
      const patch = '*** Begin Patch\n"é" \\ 🌧\n';
      upstream.always(toolCall('apply_patch', { input: patch }));
      const body = { model: 'auto', input: 'Fix it', tools: [PATCH] };
      const response = stream
        ? await client.responses.stream(body).finalResponse()
        : await client.responses.create(body);
      expect(response.output).toMatchObject([{ type: 'custom_tool_call', name: 'apply_patch', input: patch }]);
      const items = response.output as OpenAI.Responses.ResponseInputItem[];
      const { call_id: id } = response.output[0] as OpenAI.Responses.ResponseCustomToolCall;
      const done = { type: 'custom_tool_call_output' as const, call_id: id, output: 'ok' };
      upstream.always(answer('Done.'));
      await client.responses.create({ model: 'auto', input: [{ role: 'user', content: 'Fix it' }, ...items, done] });
      const [, made] = lastMessages() ?? [];
      expect(JSON.parse(made?.tool_calls?.[0]?.function?.arguments as string)).toEqual({ input: patch });
    },
  );

  it.each([{ stream: false }, { stream: true }])(
    'gives calls of tools in a namespace back with it, also stored, stream $stream',
    async ({ stream }) => {
      const { strict: _, ...tool } = WEATHER;
      const namespace = { type: 'namespace' as const, name: 'mcp__weather', description: 'Weather', tools: [tool] };
      upstream.always(toolCall('mcp__weather__get_weather', { city: 'Oslo' }));
      const body = { model: 'auto', input: 'Weather?', tools: [namespace] };
      const asked = stream ? await client.responses.stream(body).finalResponse() : await client.responses.create(body);
      expect(upstream.requests[0]?.body?.tools).toMatchObject([{ function: { name: 'mcp__weather__get_weather' } }]);
      const call = { type: 'function_call', name: 'get_weather', namespace: 'mcp__weather' };
      expect(asked.output).toMatchObject([call]);
      expect((await client.responses.retrieve(asked.id)).output).toMatchObject([call]);
      const items = asked.output as OpenAI.Responses.ResponseInputItem[];
      const { call_id: id } = asked.output[0] as OpenAI.Responses.ResponseFunctionToolCall;
      const told = { type: 'function_call_output' as const, call_id: id, output: 'rain' };
      await client.responses.create({ ...body, input: [{ role: 'user', content: 'Weather?' }, ...items, told] });
      expect(lastMessages()?.[1]?.tool_calls).toMatchObject([{ function: { name: 'mcp__weather__get_weather' } }]);
    },
  );

  it('sends images, and those of results behind them', async () => {
    const image = { type: 'input_image' as const, image_url: 'data:image/png;base64,AA==', detail: 'auto' as const };
    await client.responses.create({
      model: 'auto',
      input: [
        { role: 'user', content: [{ type: 'input_text', text: 'What?' }, image] },
        { type: 'function_call', call_id: 'c1', name: 'look', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c1', output: [image] },
      ],
    });
    const url = { url: image.image_url, detail: 'auto' };
    expect(lastMessages()).toMatchObject([
      { content: [{ type: 'text' }, { type: 'image_url', image_url: url }] },
      { role: 'assistant' },
      { role: 'tool' },
      { role: 'user', content: [{ type: 'text' }, { type: 'image_url', image_url: url }] },
    ]);
  });

  it('goes on from a response, and forks', async () => {
    upstream.script(answer('One.'), answer('Two.'), answer('Zwei.'), answer('Three.'));
    const first = await client.responses.create({ model: 'auto', input: 'a', instructions: 'Count.' });
    const go = (id: string, input: string) =>
      client.responses.create({ model: 'auto', input, previous_response_id: id });
    const second = await go(first.id, 'b');
    await go(first.id, 'B');
    expect(lastMessages()?.map(({ content }) => content)).toEqual(['a', 'One.', 'B']);
    await go(second.id, 'c');
    expect(lastMessages()?.map(({ content }) => content)).toEqual(['a', 'One.', 'b', 'Two.', 'c']);
    expect(second.previous_response_id).toBe(first.id);
  });

  it('keeps a conversation', async () => {
    upstream.script(answer('One.'), answer('Two.'));
    const talk = (input: string) => client.responses.create({ model: 'auto', input, conversation: 'trip' });
    await talk('a');
    const { conversation } = await talk('b');
    expect(conversation).toEqual({ id: 'trip' });
    expect(lastMessages()?.map(({ content }) => content)).toEqual(['a', 'One.', 'b']);
    const session = (await (await fetch(`${router.url}/v1/sessions/trip`)).json()) as { turns: unknown[] };
    expect(session.turns).toHaveLength(2);
  });

  it.each([{ stream: false }, { stream: true }])(
    'is read again as it was answered, stream $stream',
    async ({ stream }) => {
      upstream.always(
        answer('Sun.', { reasoning: 'hm', toolCalls: [{ id: 'c', function: { name: 'x', arguments: '{}' } }] }),
      );
      const body = { model: 'auto', input: 'hi', instructions: 'Be short.', tools: [{ ...WEATHER, name: 'x' }] };
      const made = stream
        ? await lastOf(client.responses.create({ ...body, stream }))
        : await client.responses.create(body);
      const read = await client.responses.retrieve(made.id);
      expect(read).toMatchObject({ ...made, completed_at: expect.any(Number) });
      expect(read.output).toHaveLength(3);
      const input = await client.responses.inputItems.list(made.id);
      expect(input.data).toMatchObject([
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
      ]);
    },
  );

  it('pages through the input', async () => {
    const input = ['a', 'b', 'c'].map((content) => ({ role: 'user' as const, content }));
    const { id } = await client.responses.create({ model: 'auto', input });
    const texts: string[] = [];
    for await (const item of client.responses.inputItems.list(id, { limit: 2, order: 'asc' })) {
      texts.push((item as { content: { text: string }[] }).content[0]!.text);
    }
    expect(texts).toEqual(['a', 'b', 'c']);
  });

  it('is gone once it is deleted', async () => {
    const { id } = await client.responses.create({ model: 'auto', input: 'hi' });
    await client.responses.delete(id);
    await expect(client.responses.retrieve(id)).rejects.toMatchObject({ status: 404, code: 'not_found' });
    const go = client.responses.create({ model: 'auto', input: 'b', previous_response_id: id });
    await expect(go).rejects.toMatchObject({
      status: 400,
      code: 'previous_response_not_found',
      param: 'previous_response_id',
    });
  });

  it('is there and cannot be gone on from once one before it is deleted', async () => {
    const first = await client.responses.create({ model: 'auto', input: 'a' });
    const { id } = await client.responses.create({ model: 'auto', input: 'b', previous_response_id: first.id });
    await client.responses.delete(first.id);
    expect(await client.responses.retrieve(id)).toMatchObject({ id });
    const go = client.responses.create({ model: 'auto', input: 'c', previous_response_id: id });
    await expect(go).rejects.toMatchObject({ status: 400, code: 'previous_response_not_found' });
    await expect(go).rejects.toThrow('one before it was deleted');
  });

  it('is not kept with store: false, and may go on all the same', async () => {
    const first = await client.responses.create({ model: 'auto', input: 'a' });
    const second = await client.responses.create({
      model: 'auto',
      input: 'b',
      previous_response_id: first.id,
      store: false,
    });
    expect(lastMessages()?.map(({ content }) => content)).toEqual(['a', 'Hello from upstream', 'b']);
    expect(second).toMatchObject({ store: false });
    await expect(client.responses.retrieve(second.id)).rejects.toMatchObject({ status: 404 });
  });

  it('resolves references to items of stored answers', async () => {
    upstream.script(toolCall('get_weather', { city: 'Oslo' }), answer('Rain.'));
    const asked = await client.responses.create({ model: 'auto', input: 'Weather?', tools: [WEATHER] });
    const [call] = asked.output as OpenAI.Responses.ResponseFunctionToolCall[];
    const input = [
      { role: 'user' as const, content: 'Weather?' },
      { type: 'item_reference' as const, id: call!.id! },
      { type: 'function_call_output' as const, call_id: call!.call_id, output: 'rain' },
    ];
    await client.responses.create({ model: 'auto', input });
    expect(lastMessages()?.[1]).toMatchObject({ role: 'assistant', tool_calls: [{ id: call!.call_id }] });
    const unknown = client.responses.create({ model: 'auto', input: [{ type: 'item_reference', id: 'msg_1' }] });
    await expect(unknown).rejects.toMatchObject({ status: 400, param: 'input[0].id' });
  });

  it('returns sealed reasoning to the model that made it', async () => {
    upstream.script(answer('Sun.', { reasoning: 'hm' }), answer('Yes.'));
    const include = ['reasoning.encrypted_content' as const];
    const first = await client.responses.create({ model: 'auto', input: 'hi', store: false, include });
    const sealed = (first.output[0] as OpenAI.Responses.ResponseReasoningItem).encrypted_content;
    expect(sealed).toMatch(/^hlr1\./);
    const back = [
      ...(first.output as OpenAI.Responses.ResponseInputItem[]),
      { role: 'user' as const, content: 'Sure?' },
    ];
    await client.responses.create({ model: 'auto', store: false, input: [{ role: 'user', content: 'hi' }, ...back] });
    expect(lastMessages()?.map(({ role, content }) => [role, content])).toEqual([
      ...[
        ['user', 'hi'],
        ['assistant', 'Sun.'],
      ],
      ['user', 'Sure?'],
    ]);
  });
});

/** The response that the last event of a stream has, as it came. */
async function lastOf(
  streaming: Promise<AsyncIterable<OpenAI.Responses.ResponseStreamEvent>>,
): Promise<OpenAI.Responses.Response> {
  let last: OpenAI.Responses.ResponseStreamEvent | null = null;
  for await (const event of await streaming) last = event;
  if (last?.type !== 'response.completed') throw new Error(`the last event is ${last?.type}`);
  return last.response;
}
