import fc from 'fast-check';
import type { ChatFrame, Completion } from '../../../common/chat.js';
import { addFields } from '../../../common/delta-pieces.js';
import type { Fields } from '../../../common/json/fields.js';
import { TextRun } from '../../../common/text-run.js';
import { joinedToolCalls } from '../../../common/tool-call-pieces.js';
import { message, messageEvents, type MessageOptions } from '../../../../test/support/anthropic-answer.js';
import { completionText } from './anthropic-answer.js';
import { MessagesFrames } from './anthropic-stream.js';
import { SseParser } from './sse-parser.js';

const NOW = 1_764_000_000;

/** @param sizes of the reads, again and again */
function readAll(bytes: Buffer, sizes: readonly number[], space = '') {
  const parser = new SseParser();
  const frames = new MessagesFrames(NOW, space);
  const read: ChatFrame[] = [];
  const takeAll = () => {
    for (let item = parser.next(frames.like); item !== undefined; item = parser.next(frames.like))
      frames.take(item, read);
  };
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const to = at + sizes[i % sizes.length]!;
    parser.push(bytes.subarray(at, to));
    at = to;
    takeAll();
  }
  parser.end();
  takeAll();
  return { read, frames };
}

const bytesOf = (text: string, options: MessageOptions): Buffer =>
  Buffer.concat(messageEvents(text, options, 'claude').flatMap((step) => (step.do === 'write' ? [step.bytes] : [])));

/** A streamed answer as a plain one. */
function joined(frames: readonly Completion[]): Completion {
  const message: Fields = {};
  const whole: Completion = { choices: [{ index: 0, message }] };
  for (const { choices = [], usage } of frames) {
    if (usage) whole.usage = usage;
    for (const { delta, index: _, ...choice } of choices) {
      const { tool_calls: calls, ...fields } = delta ?? {};
      addFields(message, fields);
      if (calls) message['tool_calls'] = joinedToolCalls(message['tool_calls'], calls);
      Object.assign(whole.choices![0]!, choice);
    }
  }
  const called = message['tool_calls'] as Fields[] | undefined;
  if (called) message['tool_calls'] = called.map(({ index: _, ...call }) => call);
  return whole;
}

/** What the frames say, by their data and by their wire. */
function collected(read: readonly ChatFrame[]): readonly [Completion, Completion] {
  const wire = read.map((frame) => frame.wire ?? `data: ${frame.text}\n\n`).join('');
  const events = wire.split('\n\n').slice(0, -1);
  const byWire = events.map((event) => JSON.parse(event.slice('data: '.length)) as Completion);
  return [joined(read.map(({ json }) => json)), joined(byWire)];
}

const word = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('"', '\\', '\n', '\u2028', '"text":"x"}', ' ', 'data: {'),
);
const options = fc.record(
  {
    thinking: fc.record({ text: fc.string({ minLength: 1 }), signature: fc.base64String({ minLength: 4 }) }),
    tools: fc.array(
      fc.record({
        id: fc.uuid(),
        name: fc.constant('f'),
        input: fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }),
      }),
      { maxLength: 3 },
    ),
    stopSequence: fc.constant('END'),
  },
  { requiredKeys: [] },
);

describe('a stream of Anthropic, as chat frames', () => {
  it('says at any split of its bytes what the plain answer says', () => {
    let inRuns = 0;
    const property = fc.property(
      fc.array(word, { minLength: 1 }),
      options,
      fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }),
      (tokens, more, sizes) => {
        const text = tokens.join('');
        const { read, frames } = readAll(bytesOf(text, { ...more, tokens }), sizes);
        expect(frames).toMatchObject({ complete: true, allFinished: true, hasAnswer: true, failure: null, skipped: 0 });
        const plain = JSON.parse(completionText(JSON.stringify(message(text, more, 'claude')), NOW)) as Completion;
        const { logprobs: _, ...choice } = plain.choices![0]!;
        for (const streamed of collected(read)) {
          expect(streamed.usage).toEqual(plain.usage);
          expect(withoutNothing(streamed.choices![0]!)).toEqual(withoutNothing(choice));
        }
        inRuns += read.filter((frame) => frame instanceof TextRun).length;
      },
    );
    fc.assert(property, { numRuns: 300 });
    expect(inRuns).toBeGreaterThan(100);
  });

  it.each([
    ['', ['a', ' b'], 'a b'],
    [' ', [' a', ' b'], 'a b'],
    [' ', ['a', ' b'], 'a b'],
    ['\n\n', ['\n', '\nb'], 'b'],
    ['\n\n', [' b'], ' b'],
    ['  ', [' b', ' c'], 'b c'],
  ])('after the white space %j that was not sent, of %j comes %j', (space, tokens, expected) => {
    const { read } = readAll(bytesOf(tokens.join(''), { tokens }), [10_000], space);
    expect(collected(read)[1].choices?.[0]?.message?.content).toBe(expected);
  });

  it.each([
    [['message_start', 'message_delta', 'message_stop'], { complete: true, allFinished: true }],
    [['message_start', 'content_block_start', 'content_block_delta'], { complete: false, allFinished: false }],
    [['message_start', 'content_block_delta', 'message_stop'], { complete: true, allFinished: true }],
    [['message_start', 'content_block_delta', 'message_delta'], { complete: true, allFinished: true }],
  ])('of the events %j alone it knows %j', (names, expected) => {
    const events = bytesOf('Hello', {}).toString().split('\n\n');
    const some = events.filter((event) => names.some((name) => event.startsWith(`event: ${name}\n`)));
    const { frames } = readAll(Buffer.from(`${some.join('\n\n')}\n\n`), [10_000]);
    expect(frames).toMatchObject({ ...expected, hasAnswer: true, skipped: 0 });
  });

  it.each([
    ['no JSON', 'data: {"type":\n\n', { skipped: 1, failure: null }],
    [
      'arguments of no call',
      event({ type: 'content_block_delta', index: 9, delta: { type: 'input_json_delta', partial_json: '{' } }),
      { skipped: 1 },
    ],
    ['a ping', event({ type: 'ping' }), { skipped: 0, signsOfLife: 1 }],
    ['an event of the future', event({ type: 'new_one', message: 'x' }), { skipped: 0, signsOfLife: 1, failure: null }],
    [
      'an error without the name of one',
      event({ error: { type: 'api_error', message: 'x' } }),
      { failure: { outcome: 'server_error' } },
    ],
    [
      'an overload',
      event({ type: 'error', error: { type: 'overloaded_error', message: 'x' } }),
      { failure: { outcome: 'server_error', detail: { status: 529 } } },
    ],
    [
      'a limit',
      event({ type: 'error', error: { type: 'rate_limit_error', message: 'x' } }),
      { failure: { outcome: 'rate_limited' } },
    ],
  ])('takes %s for what it is', (_, text, expected) => {
    expect(readAll(Buffer.from(text), [10_000]).frames).toMatchObject(expected);
  });
});

function event(json: object): string {
  return `data: ${JSON.stringify(json)}\n\n`;
}

/** A stream cannot say that there is no text, and a plain answer has its blocks by themselves. */
function withoutNothing({ message: said, ...choice }: object & { message?: object }) {
  const fields = Object.entries(said ?? {}).filter(([, value]) => value !== null && value !== '');
  return { ...choice, message: Object.fromEntries(fields) };
}
