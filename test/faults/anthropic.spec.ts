import { FailoverPair } from '../support/failover-pair.js';
import { called } from '../support/fault-row.js';
import { anthropicError, fails, messageStream, overloaded, says } from '../support/anthropic-answer.js';
import { words } from '../support/openai-answer.js';
import { answer, write } from '../support/upstream-behaviours.js';
import { cutAfter, stallAfter } from '../support/upstream-twists.js';
import type { Behaviour } from '../support/upstream-script.js';
import type { TargetInput } from '../support/router-targets.js';

const ANSWER = words(60);
/** After the first 40 words. */
const REST = ANSWER.slice(words(40).length);
const delta = (text: string) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } });
const START = {
  type: 'message_start',
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'primary',
    content: [],
    usage: { input_tokens: 5 },
  },
};
const OPEN = { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } };
const END = [
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 3 } },
];
const STOP = { type: 'message_stop' };

describe('what goes wrong with a target of provider anthropic', () => {
  let pair: FailoverPair;
  const start = async (changes: Partial<TargetInput> = {}) => {
    const primary = { provider: 'anthropic' as const, apiKey: 'k', ...changes };
    pair = await FailoverPair.start({}, { primary });
    pair.fallback.always(answer('from the fallback'));
  };
  beforeEach(() => start());
  afterEach(() => pair.close());
  const stream = (body: Record<string, unknown> = {}) => called(pair.router, { stream: true, ...body });

  it.each([true, false])('529 overloaded: tried again, then the fallback, stream %s', async (streamed) => {
    pair.primary.always(overloaded);
    const got = await called(pair.router, { stream: streamed });
    expect(got).toMatchObject({ status: 200, text: 'from the fallback', error: null });
    expect(pair.calls).toEqual([3, 1]);
  });

  it('an error event before the first token: the fallback', async () => {
    pair.primary.always(messageStream(START, { ...anthropicError('overloaded_error', 'Overloaded') }));
    expect(await stream()).toMatchObject({ status: 200, text: 'from the fallback', error: null, done: true });
  });

  it.each<[string, Behaviour, string]>([
    ['401', fails(401, 'authentication_error', 'invalid x-api-key'), 'upstream_auth'],
    ['402', fails(402, 'billing_error', 'Your account has no credit'), 'upstream_auth'],
    [
      'an empty account',
      fails(400, 'invalid_request_error', 'Your credit balance is too low to access the Anthropic API.'),
      'upstream_auth',
    ],
    [
      'a long prompt',
      fails(400, 'invalid_request_error', 'prompt is too long: 208310 tokens > 200000 maximum'),
      'context_length_exceeded',
    ],
    ['a large request', fails(413, 'request_too_large', 'Request exceeds the maximum size'), 'context_length_exceeded'],
    ['a filter', fails(400, 'invalid_request_error', 'Output blocked by content filtering policy'), 'content_filter'],
    [
      'an error event of a refusal',
      messageStream(START, { ...anthropicError('invalid_request_error', 'no such tool') }),
      'invalid_request',
    ],
  ])('%s is told as what it is', async (_, behaviour, code) => {
    pair.primary.always(behaviour);
    const got = await called(pair.router, { model: 'primary', stream: true });
    expect(got.error?.code).toBe(code);
  });

  it('429 with retry-after is waited for', async () => {
    pair.primary.script(fails(429, 'rate_limit_error', 'slow down', { 'retry-after': '0' }));
    pair.primary.always(says(ANSWER));
    expect(await called(pair.router, { model: 'primary' })).toMatchObject({ status: 200, text: ANSWER });
    expect(pair.calls).toEqual([2, 0]);
  });

  it.each(['', ' ', '\n'])('a cut stream is gone on with by prefill, white space %j at the cut', async (space) => {
    await pair.close();
    await start({ capabilities: ['prefill'] });
    const sent = `${words(40)}${space}`;
    pair.primary.script(says(`${sent}X`, { tokens: [words(39), sent.slice(words(39).length), 'X'] }, cutAfter(2)));
    pair.primary.script(says(REST));
    const got = await called(pair.router, { model: 'primary', stream: true });
    const expected = space === '\n' ? `${sent}${REST}` : ANSWER;
    expect(got).toMatchObject({ status: 200, text: expected, error: null, done: true, finish: 'stop', ids: 1 });
    expect(pair.primary.requests[1]?.body?.messages.at(-1)).toEqual({
      ...{ role: 'assistant', content: [{ type: 'text', text: words(40) }] },
    });
  });

  it('a cut stream is gone on with by another protocol', async () => {
    pair.primary.script(says(ANSWER, {}, cutAfter(40)));
    pair.fallback.always(answer(ANSWER));
    expect(await stream()).toMatchObject({
      status: 200,
      text: ANSWER,
      error: null,
      done: true,
      finish: 'stop',
      ids: 1,
    });
  });

  it('an event that is no JSON is skipped', async () => {
    const broken = 'event: content_block_delta\ndata: {"type":"content_blo\n\n';
    pair.primary.script(messageStream(START, OPEN, delta('Hello'), broken, delta(' there'), ...END, STOP));
    expect(await stream()).toMatchObject({ text: 'Hello there', error: null, done: true, finish: 'stop' });
  });

  it('pings hold the idle limit off, and no stream without end', async () => {
    const ping = 'event: ping\ndata: {"type": "ping"}\n\n';
    const pause = { do: 'wait', ms: 300 } as const;
    pair.primary.script((request, model) => {
      const [head, ...events] = messageStream(
        START,
        OPEN,
        delta('Hello'),
        ping,
        ping,
        delta(' there'),
        ...END,
        STOP,
      )(request, model);
      return [head!, ...events.flatMap((step, i) => (i > 2 && i < 6 ? [pause, step] : [step]))];
    });
    expect(await stream()).toMatchObject({ text: 'Hello there', error: null, done: true });
    expect(pair.calls).toEqual([1, 0]);
  });

  it('an answer without message_stop is complete, with its usage', async () => {
    pair.primary.script(
      says(ANSWER, {}, (steps) => steps.filter((step) => step.do !== 'write' || step.kind !== 'done')),
    );
    expect(await stream()).toMatchObject({ text: ANSWER, error: null, usage: { prompt_tokens: 10 }, finish: 'stop' });
    pair.primary.script(says(ANSWER, {}, stallAfter(60, 'never')));
    expect((await stream()).error).not.toBeNull();
  });

  it('a page of a proxy is no answer', async () => {
    pair.primary.script(() => [
      { do: 'head', status: 200, headers: { 'content-type': 'text/html' } },
      write('<html>'),
      { do: 'end' },
    ]);
    pair.primary.always(says(ANSWER));
    expect(await stream()).toMatchObject({ text: ANSWER, error: null });
  });
});
