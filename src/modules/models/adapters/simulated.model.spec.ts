import type { ChatChunk, ChatRequest, Completion } from '../../../common/chat.js';
import { WholeAnswer } from '../../../common/chunk-stream.js';
import { SimulatedStream, type SimulatedTarget } from './simulated.model.js';

const target: SimulatedTarget = { model: 'simulated-small' };
const never = new AbortController().signal;
const ask = (extra: Partial<ChatRequest> = {}): ChatRequest => ({
  model: 'auto',
  messages: [{ role: 'user', content: 'Where is the Nile?' }],
  ...extra,
});
const TEXT =
  'This is a simulated answer from "simulated-small" (no real model is connected). You asked: "Where is the Nile?".';

async function chunksOf(request: ChatRequest, of = target, signal = never): Promise<readonly ChatChunk[]> {
  return collected(new SimulatedStream(of, request, signal, () => 1_700_000_000_500));
}

async function collected(stream: SimulatedStream): Promise<readonly ChatChunk[]> {
  const whole = new WholeAnswer();
  stream.relay(whole);
  return whole.chunks;
}

async function framesOf(request: ChatRequest, of = target): Promise<Completion[]> {
  const frames = (await chunksOf(request, of)).flatMap((chunk) => chunk.frames);
  for (const { text, json } of frames) expect(JSON.parse(text)).toEqual(json);
  return frames.map((frame) => frame.json);
}

const streamedText = (frames: Completion[], index = 0): string =>
  frames
    .flatMap((frame) => frame.choices ?? [])
    .filter((choice) => choice.index === index)
    .map((choice) => choice.delta?.content ?? '')
    .join('');

describe('SimulatedStream', () => {
  it('answers a plain request with one completion that says what it is', async () => {
    const [completion, ...more] = await framesOf(ask());
    expect(more).toEqual([]);
    expect(completion).toMatchObject({
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'simulated-small',
      simulated: true,
      choices: [{ index: 0, message: { role: 'assistant', content: TEXT }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 9, completion_tokens: 28, total_tokens: 37 },
    });
  });

  it('streams the same text word by word, role first, finish reason and usage last', async () => {
    const frames = await framesOf(ask({ stream: true }));
    expect(streamedText(frames)).toBe(TEXT);
    expect(frames.every((frame) => frame['simulated'] === true && frame.object === 'chat.completion.chunk')).toBe(true);
    expect(new Set(frames.map((frame) => frame.id)).size).toBe(1);
    expect(frames[0]?.choices).toMatchObject([{ delta: { role: 'assistant', content: '' }, finish_reason: null }]);
    expect(frames[1]?.choices?.[0]?.delta).toEqual({ content: 'This ' });
    expect(frames.at(-2)?.choices).toMatchObject([{ delta: {}, finish_reason: 'stop' }]);
    expect(frames.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 28 } });
  });

  it('gives every call an id of its own and the same text', async () => {
    const [first] = await framesOf(ask());
    const [second] = await framesOf(ask());
    expect(first?.id).not.toBe(second?.id);
    expect(first?.choices).toEqual(second?.choices);
  });

  it.each([{ max_tokens: 3 }, { max_completion_tokens: 3 }, { max_completion_tokens: 3, max_tokens: 100 }])(
    'stops at the token limit of %j',
    async (limit) => {
      const [completion] = await framesOf(ask(limit));
      expect(completion?.choices?.[0]).toMatchObject({ message: { content: 'This is a si' }, finish_reason: 'length' });
      expect(completion?.usage).toMatchObject({ completion_tokens: 3 });
      const streamed = await framesOf(ask({ ...limit, stream: true }));
      expect(streamedText(streamed)).toBe('This is a si');
      expect(streamed.at(-2)?.choices?.[0]?.finish_reason).toBe('length');
    },
  );

  it('quotes 200 characters and never half a character', async () => {
    const [completion] = await framesOf(ask({ messages: [{ role: 'user', content: '😀'.repeat(300) }] }));
    const text = completion?.choices?.[0]?.message?.content ?? '';
    expect(text.match(/😀/gu)).toHaveLength(200);
    // The cut falls on either half of a pair, depending on what stands in front.
    for (const content of ['😀'.repeat(10), `a${'😀'.repeat(10)}`]) {
      const request = ask({ messages: [{ role: 'user', content }], max_tokens: 25 });
      const cut = (await framesOf(request))[0]?.choices?.[0]?.message?.content ?? '';
      expect(cut.isWellFormed()).toBe(true);
    }
  });

  it('quotes the text parts of the last user message, not a tool result behind it', async () => {
    const messages = [
      { role: 'user', content: 'old' },
      { role: 'user', content: [{ type: 'image_url' }, { type: 'text', text: 'new' }] },
      { role: 'tool', content: 'result' },
    ];
    const [completion] = await framesOf(ask({ messages }));
    expect(completion?.choices?.[0]?.message?.content).toMatch(/You asked: "new"\.$/);
  });

  it('gives n choices and counts their tokens', async () => {
    const [plain] = await framesOf(ask({ n: 3 }));
    expect(plain?.choices?.map((choice) => choice.index)).toEqual([0, 1, 2]);
    expect(plain?.usage).toMatchObject({ completion_tokens: 3 * 28 });
    const streamed = await framesOf(ask({ n: 3, stream: true }));
    expect([0, 1, 2].map((index) => streamedText(streamed, index))).toEqual([TEXT, TEXT, TEXT]);
    expect(streamed.flatMap((frame) => frame.choices ?? []).filter((choice) => choice.finish_reason)).toHaveLength(3);
  });

  it.each(['json_object', 'json_schema'])('answers response_format %s with JSON', async (type) => {
    const frames = await framesOf(ask({ response_format: { type }, stream: true }));
    expect(JSON.parse(streamedText(frames))).toEqual({ simulated: true, answer: TEXT });
  });
});

describe('SimulatedStream with tools', () => {
  const parameters = {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer' }, unit: { enum: ['C', 'F'] } },
    required: ['city', 'unit'],
  };
  const tools = [
    { type: 'function', function: { name: 'now' } },
    { type: 'function', function: { name: 'weather', parameters } },
  ];

  it.each([
    ['required', 'now', {}],
    [{ type: 'function', function: { name: 'weather' } }, 'weather', { city: '', unit: 'C' }],
  ])('calls a tool for tool_choice %j', async (choice, name, args) => {
    const [plain] = await framesOf(ask({ tools, tool_choice: choice }));
    expect(plain?.choices?.[0]).toMatchObject({ finish_reason: 'tool_calls', message: { content: null } });
    const called = plain?.choices?.[0]?.message?.tool_calls?.[0]?.function;
    expect({ ...called, arguments: JSON.parse(called?.arguments ?? '') }).toEqual({ name, arguments: args });

    const frames = await framesOf(ask({ tools, tool_choice: choice, stream: true }));
    const parts = frames.flatMap((frame) => frame.choices?.[0]?.delta?.tool_calls ?? []);
    expect(parts.map((part) => part.index)).toEqual([0, 0]);
    expect(parts.map((part) => part.function?.name ?? '').join('')).toBe(name);
    expect(parts.map((part) => part.function?.arguments ?? '').join('')).toBe(called?.arguments);
  });

  it.each([undefined, 'auto', 'none', { type: 'function', function: { name: 'unknown' } }])(
    'answers with text for tool_choice %j',
    async (choice) => {
      const [plain] = await framesOf(ask({ tools, tool_choice: choice }));
      expect(plain?.choices?.[0]?.message?.content).toBe(TEXT);
    },
  );
});

describe('the pace of SimulatedStream', () => {
  it('is one chunk without a turn of the event loop when there is none', async () => {
    let turned = false;
    const turn = setImmediate(() => (turned = true));
    expect(await chunksOf(ask({ stream: true }))).toHaveLength(1);
    expect(turned).toBe(false);
    clearImmediate(turn);
  });

  const paced: SimulatedTarget = { model: 'simulated-small', pace: { firstTokenMs: 80, tokenMs: 1 } };

  it('waits before the first token and between tokens, and calls it waiting for the server', async () => {
    const stream = new SimulatedStream(paced, ask({ stream: true }), never);
    const from = performance.now();
    const chunks = await collected(stream);
    const took = performance.now() - from;
    expect(chunks.length).toBe(TEXT.split(' ').length);
    // Timers may fire up to 1 ms early, so nothing is said about those of 1 ms.
    expect(took).toBeGreaterThan(79);
    expect(stream.upstreamMs).toBeGreaterThan(took / 2);
    expect(stream.upstreamMs).toBeLessThanOrEqual(took);
  });

  it.each([true, false])('throws the reason of an abort at once (stream: %s)', async (streamed) => {
    const slow: SimulatedTarget = { model: 'm', pace: { firstTokenMs: 60_000, tokenMs: 60_000 } };
    const caller = new AbortController();
    const reason = new Error('the caller went away');
    const answer = chunksOf(ask({ stream: streamed }), slow, caller.signal);
    caller.abort(reason);
    await expect(answer).rejects.toBe(reason);
  });

  it('throws the reason when the signal was aborted before', async () => {
    const reason = new Error('gone');
    await expect(chunksOf(ask(), target, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
