import fc from 'fast-check';
import { UpstreamError } from '../../common/app-error.js';
import type { ChatFrame, Completion, Delta } from '../../common/chat.js';
import { isFields, type Fields } from '../../common/json/fields.js';
import { openOrigin } from '../../common/reasoning.js';
import { FrameTemplate } from '../../common/text-run.js';
import type { Usage } from '../../common/usage.js';
import { messageOf } from './messages-answer.js';
import { chatRequestOf } from './messages-request.js';
import { messagesRequestSchema } from './messages-request.schema.js';
import { MessagesStream, type MessageHead } from './messages-stream.js';

const HEAD: MessageHead = {
  id: 'msg_r1',
  model: 'llama3.2',
  simulated: false,
  requestId: 'r1',
  inputTokens: 7,
  stops: ['END'],
};
const USAGE: Usage = {
  prompt_tokens: 100,
  completion_tokens: 9,
  total_tokens: 109,
  prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 30 },
};
const COUNTED = { result: { usage: USAGE } };

const frameOf = (json: Completion): ChatFrame => ({ text: JSON.stringify(json), json });
const saying = (delta: Delta, finish: string | null = null, more: Fields = {}): ChatFrame =>
  frameOf({ choices: [{ index: 0, delta, finish_reason: finish, ...more }] });
const stop = saying({}, 'stop');

interface Event {
  readonly event: string;
  readonly data: Fields;
}

function eventsOf(text: string): Event[] {
  return text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => {
      const [, name = '', data = ''] = /^event: (\w+)\ndata: (.*)$/s.exec(event) ?? [];
      return { event: name, data: JSON.parse(data) as Fields };
    });
}

/** Each chunk has these frames. */
function streamed(
  chunks: readonly (readonly ChatFrame[])[],
  answer: { result: { usage: Usage | null } | null } = COUNTED,
): Event[] {
  const form = new MessagesStream(HEAD, answer);
  let text = '';
  for (const frames of chunks) text += form.chunk({ frames });
  return eventsOf(text + form.end());
}

/** As an SDK puts the message together; throws on what it would throw on, or would lose without a word. */
function accumulated(events: readonly Event[]): Fields {
  let message: Fields | null = null;
  let open: Fields | null = null;
  let json = '';
  for (const { event, data } of events) {
    expect(data['type']).toBe(event);
    if (event === 'ping') continue;
    if (event === 'message_start') {
      expect(message).toBeNull();
      message = data['message'] as Fields;
      continue;
    }
    const content = message!['content'] as Fields[];
    const delta = data['delta'] as Fields;
    if (event === 'content_block_start') {
      expect(open).toBeNull();
      expect(data['index']).toBe(content.length);
      open = { ...(data['content_block'] as Fields) };
      content.push(open);
      json = '';
    } else if (event === 'content_block_delta') {
      expect(data['index']).toBe(content.length - 1);
      const [kind, field] = Object.keys(delta);
      expect(kind).toBe('type');
      if (field === 'partial_json') json += delta['partial_json'] as string;
      else if (field === 'signature') open!['signature'] = delta['signature'];
      else open![field!] = `${open![field!] as string}${delta[field!] as string}`;
    } else if (event === 'content_block_stop') {
      if (open!['type'] === 'tool_use') open!['input'] = json === '' ? {} : JSON.parse(json);
      open = null;
    } else if (event === 'message_delta') {
      expect(open).toBeNull();
      Object.assign(message!, delta, { usage: data['usage'] });
    } else expect(event).toBe('message_stop');
  }
  expect(events.at(-1)?.event).toBe('message_stop');
  return message!;
}

const contentOf = (...frames: readonly ChatFrame[]): Fields[] => accumulated(streamed([frames]))['content'] as Fields[];
const callPiece = (piece: Fields): ChatFrame => saying({ tool_calls: [piece] });

describe('a chat stream as the events of a message', () => {
  it('a text: the events in order, the usage last', () => {
    const events = streamed([
      [saying({ role: 'assistant', content: '' })],
      [saying({ content: 'Pa' })],
      [saying({ content: 'ris.' }), stop],
    ]);
    expect(events.map(({ event }) => event)).toEqual([
      ...['message_start', 'ping', 'content_block_start', 'content_block_delta', 'content_block_delta'],
      ...['content_block_stop', 'message_delta', 'message_stop'],
    ]);
    expect(events[0]?.data['message']).toMatchObject({ content: [], usage: { input_tokens: 7, output_tokens: 0 } });
    expect(accumulated(events)).toEqual({
      id: 'msg_r1',
      type: 'message',
      role: 'assistant',
      model: 'llama3.2',
      content: [{ type: 'text', text: 'Paris.' }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: { input_tokens: 10, cache_read_input_tokens: 60, cache_creation_input_tokens: 30, output_tokens: 9 },
    });
  });

  it('an answer without a word is a message', () => {
    expect(accumulated(streamed([[stop]]))).toMatchObject({ content: [], stop_reason: 'end_turn' });
    expect(accumulated(streamed([]))).toMatchObject({ content: [] });
  });

  it('usage that nobody counted is numbers all the same', () => {
    expect(accumulated(streamed([[stop]], { result: { usage: null } }))['usage']).toEqual({
      ...{ input_tokens: 7, output_tokens: 0, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 },
    });
  });

  it('a run of frames is one delta', () => {
    const like = { choices: [{ index: 0, delta: { content: 'x' } }] };
    const text = JSON.stringify(like);
    const wire = ['a "b"', '\n', 'c']
      .map((piece) => `data: ${text.replace('"x"', JSON.stringify(piece))}\n\n`)
      .join('');
    const run = FrameTemplate.of(text, like)!.runAt(wire, 0)!;
    const events = streamed([[run]]);
    expect(events.filter(({ event }) => event === 'content_block_delta')).toHaveLength(1);
    expect(accumulated(events)['content']).toEqual([{ type: 'text', text: 'a "b"\nc' }]);
  });

  it.each([
    ['reasoning_content', { reasoning_content: 'Hm.' }],
    ['reasoning', { reasoning: 'Hm.' }],
    ['thinking', { thinking: 'Hm.' }],
    ['reasoning_details', { reasoning_details: [{ type: 'reasoning.text', text: 'Hm.', index: 0 }] }],
    ['two spellings at once', { reasoning: 'Hm.', reasoning_content: 'Hm.' }],
  ])('thinking said as %s comes in a block of its own, before the text', (_, delta) => {
    const [thinking, text] = contentOf(saying(delta), saying({ content: 'Yes.' }), stop);
    expect(thinking).toMatchObject({ type: 'thinking', thinking: 'Hm.' });
    expect(openOrigin(thinking!['signature'] as string)?.model).toBe('llama3.2');
    expect(text).toEqual({ type: 'text', text: 'Yes.' });
  });

  it('a signature is sealed with its model, and ends its block', () => {
    const details = (...reasoning: Fields[]) => saying({ reasoning_details: reasoning });
    const [first, second] = contentOf(
      details({ type: 'reasoning.text', text: 'One', index: 0 }),
      details({ type: 'reasoning.text', signature: 'sig', format: 'anthropic-claude-v1', index: 0 }),
      details({ type: 'reasoning.text', text: 'Two', index: 1 }),
      stop,
    );
    expect(openOrigin(first!['signature'] as string)).toEqual({
      model: 'llama3.2',
      payload: { type: 'reasoning.text', signature: 'sig', format: 'anthropic-claude-v1' },
    });
    expect([first!['thinking'], second!['thinking']]).toEqual(['One', 'Two']);
  });

  it('thinking that nobody may read is one event, however it came', () => {
    const encrypted = (data: string) =>
      saying({ reasoning_details: [{ type: 'reasoning.encrypted', data, index: 0 }] });
    const [block] = contentOf(encrypted('ab'), encrypted('cd'), saying({ content: 'Yes.' }), stop);
    expect(block).toMatchObject({ type: 'redacted_thinking' });
    expect(openOrigin(block!['data'] as string)?.payload).toMatchObject({ data: 'abcd' });
  });

  it('the text ends before a tool begins, and no first piece is lost', () => {
    const content = contentOf(
      saying({ content: 'Looking.' }),
      callPiece({ index: 0, id: 'c1', type: 'function', function: { name: 'look', arguments: '{"at"' } }),
      callPiece({ index: 0, function: { arguments: ':"door"}' } }),
      saying({}, 'tool_calls'),
    );
    expect(content).toEqual([
      { type: 'text', text: 'Looking.' },
      { type: 'tool_use', id: 'c1', name: 'look', input: { at: 'door' } },
    ]);
  });

  it.each<[string, Fields[]]>([
    [
      'one after the other',
      [
        { index: 0, id: 'a', function: { name: 'f', arguments: '{"x":' } },
        { index: 0, function: { arguments: '1}' } },
        { index: 1, id: 'b', function: { name: 'g', arguments: '{"y":2}' } },
      ],
    ],
    [
      'interleaved',
      [
        { index: 0, id: 'a', function: { name: 'f', arguments: '{"x"' } },
        { index: 1, id: 'b', function: { name: 'g', arguments: '{"y"' } },
        { index: 0, function: { arguments: ':1}' } },
        { index: 1, function: { arguments: ':2}' } },
      ],
    ],
    [
      'all with index 0',
      [
        { index: 0, id: 'a', function: { name: 'f', arguments: '{"x":1}' } },
        { index: 0, id: 'b', function: { name: 'g', arguments: '{"y":2}' } },
      ],
    ],
    [
      'without any index',
      [
        { id: 'a', function: { name: 'f', arguments: '{"x":' } },
        { function: { arguments: '1}' } },
        { id: 'b', function: { name: 'g', arguments: '{"y":2}' } },
      ],
    ],
    [
      'with indices from somewhere',
      [
        { index: 7, id: 'a', function: { name: 'f', arguments: '' } },
        { index: 7, function: { arguments: '{"x":1}' } },
        { index: 3, id: 'b', function: { name: 'g', arguments: '{"y":2}' } },
      ],
    ],
    [
      'with the name behind the id',
      [
        { index: 0, id: 'a', function: { arguments: '' } },
        { index: 0, function: { name: 'f', arguments: '{"x":1}' } },
        { index: 1, id: 'b', function: { name: 'g', arguments: '{"y":2}' } },
      ],
    ],
    [
      'as objects',
      [
        { index: 0, id: 'a', function: { name: 'f', arguments: { x: 1 } } },
        { index: 1, id: 'b', function: { name: 'g', arguments: { y: 2 } } },
      ],
    ],
  ])('two calls %s', (_, pieces) => {
    const events = streamed([...pieces.map((piece) => [callPiece(piece)]), [saying({}, 'tool_calls')]]);
    expect(accumulated(events)).toMatchObject({
      content: [
        { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
        { type: 'tool_use', id: 'b', name: 'g', input: { y: 2 } },
      ],
      stop_reason: 'tool_use',
    });
  });

  it('a text in the middle of a call waits for its end', () => {
    const content = contentOf(
      callPiece({ index: 0, id: 'a', function: { name: 'f', arguments: '{"x":' } }),
      saying({ content: 'By the way' }),
      callPiece({ index: 0, function: { arguments: '1}' } }),
      saying({ content: '.' }),
      stop,
    );
    expect(content).toEqual([
      { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
      { type: 'text', text: 'By the way.' },
    ]);
  });

  it('a call whose id another has gets one of its own, streamed and whole', () => {
    const calls = ['f', 'g'].map((name, index) => ({ index, id: 'a', function: { name, arguments: '{}' } }));
    const blocks = [
      { type: 'tool_use', id: 'a', name: 'f', input: {} },
      { type: 'tool_use', id: 'toolu_msg_r1_2', name: 'g', input: {} },
    ];
    expect(contentOf(...calls.map(callPiece), stop)).toEqual(blocks);
    const whole = { choices: [{ index: 0, message: { content: null, tool_calls: calls } }] } as unknown as Completion;
    expect(messageOf(whole, HEAD, COUNTED)['content']).toEqual(blocks);
  });

  it('calls without ids get some', () => {
    const [call] = contentOf(callPiece({ index: 0, function: { name: 'f', arguments: '{}' } }), stop);
    expect(call).toMatchObject({ id: 'toolu_msg_r1_1', name: 'f' });
  });

  it.each<[string, Fields, string, string | null]>([
    ['stop', {}, 'end_turn', null],
    ['stop', { stop_reason: 'END' }, 'stop_sequence', 'END'],
    ['stop', { stop_sequence: 'END' }, 'stop_sequence', 'END'],
    ['stop', { stop_reason: 'eos' }, 'end_turn', null],
    ['length', {}, 'max_tokens', null],
    ['function_call', {}, 'tool_use', null],
    ['content_filter', {}, 'refusal', null],
    ['something new', {}, 'end_turn', null],
  ])('%s with %j is %s', (finish, more, reason, sequence) => {
    const message = accumulated(streamed([[saying({ content: 'x' }), saying({}, finish, more)]]));
    expect(message).toMatchObject({ stop_reason: reason, stop_sequence: sequence });
  });

  it('an error is the last event, in this form', () => {
    const form = new MessagesStream(HEAD, { result: null });
    form.chunk({ frames: [saying({ content: 'x' })] });
    expect(eventsOf(form.error(new UpstreamError('It broke.')))).toEqual([
      {
        event: 'error',
        data: {
          type: 'error',
          error: { type: 'api_error', message: 'It broke.', code: 'upstream_error' },
          request_id: 'r1',
        },
      },
    ]);
  });

  it('what says that it is still there is a ping', () => {
    expect(eventsOf(new MessagesStream(HEAD, COUNTED).keepAlive)).toEqual([{ event: 'ping', data: { type: 'ping' } }]);
  });
});

const word = fc.string({ minLength: 1, maxLength: 6, unit: 'binary' });
const name = fc.stringMatching(/^[a-z]{1,5}$/);
const callOf = fc.record({ name, input: fc.dictionary(name, fc.oneof(word, fc.integer(), fc.boolean())) });

interface Said {
  readonly thought: readonly string[];
  readonly text: readonly string[];
  readonly calls: readonly { readonly name: string; readonly input: Fields }[];
}
const said: fc.Arbitrary<Said> = fc.record({
  thought: fc.array(word, { maxLength: 4 }),
  text: fc.array(word, { maxLength: 6 }),
  calls: fc.array(callOf, { maxLength: 3 }),
});

/** The pieces of each call, dealt out by `deal` where the calls come interleaved. */
function framesOf({ thought, text, calls }: Said, deal: readonly number[]): ChatFrame[] {
  const queues = calls.map(({ name, input }, index) => {
    const args = JSON.stringify(input).match(/.{1,4}/gsu) ?? [];
    const head = { index, id: `c${index}`, type: 'function', function: { name, arguments: '' } };
    return [head, ...args.map((piece) => ({ index, function: { arguments: piece } }))].map(callPiece);
  });
  const frames = [
    ...thought.map((piece) => saying({ reasoning_content: piece })),
    ...text.map((piece) => saying({ content: piece })),
  ];
  for (let at = 0; queues.some((queue) => queue.length > 0); at += 1) {
    const left = queues.filter((queue) => queue.length > 0);
    const opened = left.findIndex((queue) => queue.length > 1 && JSON.stringify(queue[0]!.json).includes('"id"')); // heads in order
    const queue = opened >= 0 ? left[opened]! : left[(deal[at % deal.length] ?? 0) % left.length]!;
    frames.push(queue.shift()!);
  }
  return [...frames, saying({}, calls.length > 0 ? 'tool_calls' : 'stop')];
}

const wholeOf = ({ thought, text, calls }: Said): Completion => ({
  choices: [
    {
      index: 0,
      finish_reason: calls.length > 0 ? 'tool_calls' : 'stop',
      message: {
        role: 'assistant',
        content: text.join(''),
        ...(thought.length > 0 ? { reasoning_content: thought.join('') } : {}),
        tool_calls: calls.map(({ name, input }, index) => ({
          id: `c${index}`,
          type: 'function',
          function: { name, arguments: JSON.stringify(input) },
        })),
      },
    },
  ],
});

describe('whatever a model says', () => {
  it('is the same message however it is read, streamed or whole', () => {
    fc.assert(
      fc.property(
        said,
        fc.array(fc.nat(5), { minLength: 1 }),
        fc.array(fc.boolean(), { minLength: 1 }),
        (what, deal, cuts) => {
          const frames = framesOf(what, deal);
          const chunks: ChatFrame[][] = [[]];
          frames.forEach((frame, at) => {
            chunks.at(-1)!.push(frame);
            if (cuts[at % cuts.length]) chunks.push([]);
          });
          const message = accumulated(streamed(chunks));
          expect(message).toEqual(accumulated(streamed([frames])));
          expect(message).toEqual(JSON.parse(JSON.stringify(messageOf(wholeOf(what), HEAD, COUNTED))));
        },
      ),
    );
  });

  it('comes back with the next request as it was said, and its counts add up', () => {
    fc.assert(
      fc.property(said, (what) => {
        const message = JSON.parse(JSON.stringify(messageOf(wholeOf(what), HEAD, COUNTED))) as Fields;
        const body = { model: 'auto', max_tokens: 5, messages: [{ role: 'assistant', content: message['content'] }] };
        const [turn] = chatRequestOf(messagesRequestSchema.parse(body), body).messages;
        const { content, tool_calls: calls = [], reasoning_details: details } = turn!;
        expect(content ?? '').toBe(what.text.join(''));
        expect(calls!.map((call) => [call.function!.name, JSON.parse(call.function!.arguments as string)])).toEqual(
          what.calls.map(({ name, input }) => [name, input]),
        );
        const thought = what.thought.join('');
        const detail = { type: 'reasoning.text', text: thought, index: 0, model: HEAD.model };
        expect(details).toEqual(thought === '' ? undefined : [detail]);
        const usage = message['usage'] as Record<string, number>;
        expect(usage['input_tokens']! + usage['cache_read_input_tokens']! + usage['cache_creation_input_tokens']!).toBe(
          100,
        );
      }),
    );
  });
});

describe('a whole answer as a message', () => {
  const inputOf = (args: unknown): unknown => {
    const call = { id: 'a', type: 'function', function: { name: 'f', arguments: args as string } };
    const message = messageOf({ choices: [{ message: { tool_calls: [call] } }] }, HEAD, COUNTED);
    const [block] = message['content'] as Fields[];
    return isFields(block) ? JSON.stringify(block['input']) : null;
  };

  it.each([
    ['{"id":12345678901234567890}', '{"id":12345678901234567890}'],
    ['', '{}'],
    ['{"a":', '{"_raw":"{\\"a\\":"}'],
    ['[1]', '{"_raw":"[1]"}'],
    [{ a: 1 }, '{"a":1}'],
  ])('the arguments %j become the input %s', (args, input) => {
    expect(inputOf(args)).toBe(input);
  });

  it('a refusal is its text, and a filter its reason', () => {
    const message = { role: 'assistant', content: null, refusal: 'No.' };
    expect(messageOf({ choices: [{ message, finish_reason: 'content_filter' }] }, HEAD, COUNTED)).toMatchObject({
      content: [{ type: 'text', text: 'No.' }],
      stop_reason: 'refusal',
    });
  });
});
