import { answer, head, status, write } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-script.js';
import { UpstreamServer } from '../support/upstream-server.js';
import {
  bytesPerWrite,
  comments,
  crlf,
  eventLines,
  noDone,
  noSpace,
  oneWrite,
  type Twist,
} from '../support/upstream-twists.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, framesOf, payloadsOf, streamedText } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';

const SSE = { 'content-type': 'text/event-stream' };
const events = (...payloads: readonly string[]): Behaviour => {
  return () => [head(200, SSE), ...payloads.map((payload) => write(`data: ${payload}\n\n`)), { do: 'end' }];
};

/** Two-, three- and four-byte characters, so that every split falls inside one. */
const TEXT = 'Grüße 日本語 🚀🇳🇴 ❤️‍🔥 ende';

const CHUNKS = [
  '{"id":"c","object":"chat.completion.chunk","x_top":{"a":[1,  2]},"choices":[{"index":0,"delta":{"role":"assistant","content":"","x_delta":1},"x_choice":null,"finish_reason":null}]}',
  '{ "choices":[{"index":0,"delta":{"reasoning_content":"hm"}}],"id":"c","constructor":{"toString":1}}',
  '{"id":"c","choices":[{"index":0,"delta":{"content":"caf\\u00e9 \\ud83d\\ude80"},"logprobs":{"content":[{"token":"c","logprob":-1.50,"x_lp":0}]}}]}',
  '{"id":"c","prompt_filter_results":[{"prompt_index":0}],"choices":[]}',
  '{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop","content_filter_results":{"hate":{"filtered":false}}}]}',
  '{"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"x_usage":{"cached":0}}}',
];

const PLAIN = `{ "x_top" : {"b":1,"a":2.50},\n  "choices":[{"x_choice":[],"index":0,"message":{"role":"assistant","content":"caf\\u00e9 日本 🚀",
  "annotations":[],"x_message":{"constructor":1}},"finish_reason":"stop","logprobs":null}], "usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"x_usage":1e3}, "model":"m" }\n`;

describe('answers reach the caller unchanged', () => {
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

  const streamed = async () => (await chat(router, { stream: true, stream_options: { include_usage: true } })).text();

  it('a plain body, byte for byte', async () => {
    upstream.always(status(200, PLAIN));
    const response = await chat(router);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(Buffer.from(await response.arrayBuffer()).equals(Buffer.from(PLAIN))).toBe(true);
  });

  it('every payload of a stream, with unknown fields on every level', async () => {
    upstream.always(events(...CHUNKS, '[DONE]'));
    expect(payloadsOf(await streamed())).toEqual([...CHUNKS, '[DONE]']);
  });

  it('a payload over several data lines is one line with the same data', async () => {
    const payload = CHUNKS[2] as string;
    const split = payload.replace(',"choices"', ',\ndata: "choices"');
    upstream.always(events(split, CHUNKS[4] as string, '[DONE]'));
    const [first] = framesOf(await streamed());
    expect(first).toEqual(JSON.parse(payload));
  });

  const TWISTS: Record<string, Twist[]> = {
    'one byte a write': [bytesPerWrite(1)],
    'three bytes a write': [bytesPerWrite(3)],
    'everything in one write': [oneWrite],
    'lines end with CR LF': [crlf],
    'CR LF, one byte a write': [crlf, bytesPerWrite(1)],
    'comments between the events': [comments],
    'event, id and retry lines': [eventLines],
    'no space after data:': [noSpace],
    'no [DONE]': [noDone],
    'all of it together': [eventLines, comments, noSpace, crlf, noDone, bytesPerWrite(2)],
  };

  it.each(Object.keys(TWISTS))('however the server writes: %s', async (name) => {
    const tokens = [...TEXT];
    upstream.always(answer(TEXT, { tokens, logprobs: true, extra: { choice: { x_choice: '✓' } } }));
    const straight = payloadsOf(await streamed());
    upstream.always(
      answer(TEXT, { tokens, logprobs: true, extra: { choice: { x_choice: '✓' } } }, ...(TWISTS[name] as Twist[])),
    );
    const text = await streamed();
    expect(streamedText(text)).toBe(TEXT);
    expect(payloadsOf(text)).toEqual(straight);
  });

  it.each(['stop', 'length', 'tool_calls', 'function_call', 'content_filter', 'eos_reached'])(
    'finish reason %s, plain and streamed',
    async (finishReason) => {
      upstream.always(answer('text', { finishReason }));
      const plain = (await (await chat(router)).json()) as { choices: { finish_reason: string }[] };
      expect(plain.choices[0]?.finish_reason).toBe(finishReason);
      const finishes = framesOf(await streamed()).map(({ choices }) => choices?.[0]?.finish_reason);
      expect(finishes.filter(Boolean)).toEqual([finishReason]);
    },
  );

  it.each(['in-finish-frame', 'in-every-frame', 'always'] as const)(
    'usage %s stays where the server put it',
    async (usage) => {
      upstream.always(answer('one two', { usage }));
      const whole = framesOf(await streamed());
      expect(whole.filter((frame) => frame.usage).length).toBe(usage === 'in-every-frame' ? whole.length : 1);
      const text = await (await chat(router, { stream: true })).text();
      expect(streamedText(text)).toBe('one two');
      expect(framesOf(text).filter(({ choices }) => choices?.length === 0)).toEqual([]);
    },
  );

  it('a body without usage: no usage is made up', async () => {
    upstream.always(answer('text', { usage: 'never' }));
    expect(await (await chat(router)).json()).not.toHaveProperty('usage');
    expect(framesOf(await streamed()).filter((frame) => frame.usage)).toEqual([]);
  });
});
