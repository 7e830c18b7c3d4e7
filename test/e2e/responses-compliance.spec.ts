import { z } from 'zod';
import { answer, toolCall } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { jsonOf, post } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';

// The seven cases of the Open Responses compliance suite (https://www.openresponses.org, specification of 2026-04-24),
// and the fields that its schema `ResponseResource` requires.

const count = z.int().min(0);
const text = z.string().nullable();
const status = z.enum(['in_progress', 'completed', 'incomplete']);

const outputText = z.object({
  type: z.literal('output_text'),
  text: z.string(),
  annotations: z.array(z.unknown()),
  logprobs: z.array(z.unknown()),
});
const item = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('message'),
    id: z.string(),
    status,
    role: z.literal('assistant'),
    content: z.array(outputText),
  }),
  z.object({
    type: z.literal('function_call'),
    id: z.string(),
    call_id: z.string().max(64),
    name: z.string(),
    arguments: z.string(),
    status,
  }),
]);
const tool = z.object({
  type: z.literal('function'),
  name: z.string(),
  description: text,
  parameters: z.looseObject({}).nullable(),
  strict: z.boolean().nullable(),
});
const usage = z.object({
  input_tokens: count,
  output_tokens: count,
  total_tokens: count,
  input_tokens_details: z.looseObject({ cached_tokens: count }),
  output_tokens_details: z.looseObject({ reasoning_tokens: count }),
});

const responseResource = z.object({
  id: z.string(),
  object: z.literal('response'),
  created_at: z.int(),
  completed_at: z.int().nullable(),
  status: z.string(),
  incomplete_details: z.object({ reason: z.string() }).nullable(),
  model: z.string(),
  previous_response_id: text,
  instructions: text,
  output: z.array(item),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  tools: z.array(tool),
  tool_choice: z.union([z.string(), z.looseObject({ type: z.string() })]),
  truncation: z.enum(['auto', 'disabled']),
  parallel_tool_calls: z.boolean(),
  text: z.looseObject({ format: z.looseObject({ type: z.string() }) }),
  top_p: z.number(),
  presence_penalty: z.number(),
  frequency_penalty: z.number(),
  top_logprobs: z.int(),
  temperature: z.number(),
  reasoning: z.object({ effort: text, summary: text }).nullable(),
  user: text,
  usage: usage.nullable(),
  max_output_tokens: z.int().nullable(),
  max_tool_calls: z.int().nullable(),
  store: z.boolean(),
  background: z.boolean(),
  service_tier: z.string(),
  metadata: z.looseObject({}),
  safety_identifier: text,
  prompt_cache_key: text,
});

const WEATHER = {
  type: 'function',
  name: 'get_weather',
  description: 'Get the current weather for a location',
  parameters: { type: 'object', properties: { location: { type: 'string' } }, required: ['location'] },
};
const user = (content: unknown) => ({ type: 'message', role: 'user', content });

describe('the Open Responses compliance suite', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    router = await startRouter(inOrder([targetOn(upstream)]));
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  const send = (body: object) => post(`${router.url}/v1/responses`, { model: 'auto', ...body });
  const checked = async (body: object) => responseResource.parse(await jsonOf(await send(body)));
  const streamed = async (body: object) => {
    const events = (await (await send({ ...body, stream: true })).text()).split('\n\n').filter((event) => event !== '');
    const data = events.map((event) => JSON.parse(event.split('\ndata: ')[1]!) as { type: string; response?: unknown });
    return { types: data.map(({ type }) => type), final: responseResource.parse(data.at(-1)?.response), data };
  };

  it('basic text response', async () => {
    const response = await checked({ input: [user('Say hello in exactly 3 words.')] });
    expect(response).toMatchObject({ status: 'completed', output: [{ type: 'message' }] });
  });

  it('streaming response', async () => {
    const { types, final, data } = await streamed({ input: [user('Count from 1 to 5.')] });
    expect(types.slice(0, 2)).toEqual(['response.created', 'response.in_progress']);
    expect(types.at(-1)).toBe('response.completed');
    for (const { response } of data) if (response !== undefined) responseResource.parse(response);
    expect(final.status).toBe('completed');
  });

  it('system prompt', async () => {
    const system = { type: 'message', role: 'system', content: 'You are a pirate. Always respond in pirate speak.' };
    await checked({ input: [system, user('Say hello.')] });
    expect(upstream.requests[0]?.body?.messages[0]).toEqual({ role: 'system', content: system.content });
  });

  it('tool calling', async () => {
    upstream.always(toolCall('get_weather', { location: 'San Francisco' }));
    const response = await checked({ input: [user("What's the weather like in San Francisco?")], tools: [WEATHER] });
    expect(response.output).toMatchObject([{ type: 'function_call', name: 'get_weather' }]);
    expect(response.tools).toMatchObject([WEATHER]);
  });

  it('tool calling, streaming', async () => {
    upstream.always(toolCall('get_weather', { location: 'San Francisco' }));
    const { types, final } = await streamed({ input: [user('Weather?')], tools: [WEATHER] });
    expect(types).toEqual(expect.arrayContaining(['response.function_call_arguments.delta']));
    expect(final.output).toMatchObject([{ type: 'function_call', arguments: '{"location":"San Francisco"}' }]);
  });

  it('image input', async () => {
    const image = { type: 'input_image', image_url: 'data:image/png;base64,AA==' };
    await checked({ input: [user([{ type: 'input_text', text: 'What is in it?' }, image])] });
    expect(upstream.requests[0]?.body?.messages[0]?.content).toMatchObject([
      { type: 'text' },
      { type: 'image_url', image_url: { url: image.image_url } },
    ]);
  });

  it('multi-turn conversation', async () => {
    upstream.always(answer('Your name is Alice.'));
    const said = { type: 'message', role: 'assistant', content: 'Hello Alice!' };
    const response = await checked({ input: [user('My name is Alice.'), said, user('What is my name?')] });
    expect(response.output).toMatchObject([{ content: [{ text: 'Your name is Alice.' }] }]);
    expect(upstream.requests[0]?.body?.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
  });
});
