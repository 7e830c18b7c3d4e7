import fc from 'fast-check';
import { ResponseStream as OpenAiStream } from 'openai/lib/responses/ResponseStream';
import { UpstreamError } from '../../common/app-error.js';
import { openOrigin } from '../../common/reasoning.js';
import {
  CODE,
  CUSTOM,
  deltaFrame,
  eventsIn,
  eventsOf,
  finishFrame,
  framesOf,
  inReads,
  messageOf,
  runOf,
  said,
  streamOf,
  textOfReads,
  TOOLS,
  type StreamedEvent,
} from './chat-stream.fixture.js';
import { messagesOfInput } from './input-messages.js';
import { outputOf, type OutputForm } from './output-items.js';
import { ToolNames } from './tool-names.js';

const cuts = fc.array(fc.nat(), { maxLength: 6 });
const size = fc.integer({ min: 1, max: 9 });
const ECHO = { tools: TOOLS };
const FORM: OutputForm = { code: CODE, tools: new ToolNames(TOOLS), encrypts: false, withLogprobs: false };

const typesOf = (events: readonly StreamedEvent[]): string[] => events.map(({ type }) => type.replace('response.', ''));
const finalOf = (events: readonly StreamedEvent[]) => events.at(-1)!['response'] as Record<string, unknown>;
const outputIn = (events: readonly StreamedEvent[]) => finalOf(events)['output'] as Record<string, unknown>[];

/** What OpenAI's own client makes of the events. */
async function acceptedBy(events: readonly StreamedEvent[]) {
  const lines = events.map((event) => `${JSON.stringify(event)}\n`).join('');
  return OpenAiStream.fromReadableStream(new Blob([lines]).stream()).finalResponse();
}

const call = (piece: Record<string, unknown>) => deltaFrame({ tool_calls: [piece] });
const named = (index: number, id: string, name: string, args = '') => ({
  index,
  id,
  function: { name, arguments: args },
});
const more = (index: number, args: string) => ({ index, function: { arguments: args } });

describe('a chat stream as a response', () => {
  it('is the same however its chunks come', () => {
    fc.assert(
      fc.property(said, size, cuts, (it, pieces, at) => {
        const frames = framesOf(it, pieces);
        expect(textOfReads(inReads(frames, at), ECHO)).toBe(textOfReads([frames], ECHO));
      }),
    );
  });

  it('ends as the plain answer would', () => {
    fc.assert(
      fc.property(said, size, (it, pieces) => {
        const output = outputOf(messageOf(it), null, false, 'llama3.2', FORM);
        expect(outputIn(eventsOf([framesOf(it, pieces)], ECHO))).toEqual(JSON.parse(JSON.stringify(output)));
      }),
    );
  });

  it('ends as the plain answer would where it is cut', () => {
    fc.assert(
      fc.property(said, (it) => {
        const output = outputOf(messageOf(it), null, true, 'llama3.2', FORM);
        const events = eventsOf([[...framesOf(it, 9).slice(0, -1), finishFrame('length')]], ECHO);
        expect(outputIn(events)).toEqual(JSON.parse(JSON.stringify(output)));
        expect(outputIn(events).at(-1)).toMatchObject({ status: 'incomplete' });
      }),
    );
  });

  it("is accepted by OpenAI's client, which puts the same together from the pieces", async () => {
    await fc.assert(
      fc.asyncProperty(said, size, async (it, pieces) => {
        const events = eventsOf([framesOf(it, pieces)], ECHO);
        const { output, status } = await acceptedBy(events);
        expect(status).toBe('completed');
        expect(output).toMatchObject(outputIn(events));
      }),
    );
  });

  it('comes back as the same chat message', () => {
    fc.assert(
      fc.property(said, size, (it, pieces) => {
        const { reasoning_content: _, ...message } = messageOf(it) as Record<string, unknown>;
        const output = outputIn(eventsOf([framesOf(it, pieces)], ECHO));
        const back = messagesOfInput(output, FORM.tools).messages;
        const isSilent = it.pieces.length === 0 && it.calls.length === 0;
        if (isSilent) expect(['', undefined]).toContain(back[0]?.content);
        else expect(back).toEqual([message]);
      }),
    );
  });

  it('numbers its events, opens items before they speak and closes them in order', () => {
    fc.assert(
      fc.property(said, size, (it, pieces) => {
        const events = eventsOf([framesOf(it, pieces)], ECHO);
        expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, at) => at));
        let open: unknown = null;
        let next = 0;
        for (const { type, output_index: index, item } of events) {
          if (type === 'response.output_item.added') {
            expect([open, index]).toEqual([null, next]);
            open = (item as { id: string }).id;
            next += 1;
          } else if (type === 'response.output_item.done') {
            expect((item as { id: string }).id).toBe(open);
            open = null;
          }
        }
        expect(open).toBeNull();
      }),
    );
  });

  it('has the order of the reference', () => {
    const frames = [...runOf('reasoning_content', ['h', 'm', '.']), ...runOf('content', ['a', 'b', 'c'])];
    expect(typesOf(eventsOf([frames, [call(named(0, 'c1', 'weather', '{}')), finishFrame('tool_calls')]]))).toEqual([
      ...['created', 'in_progress'],
      ...['output_item.added', 'reasoning_summary_part.added', 'reasoning_summary_text.delta'],
      ...['reasoning_summary_text.delta', 'reasoning_summary_text.done', 'reasoning_summary_part.done'],
      ...['output_item.done', 'output_item.added', 'content_part.added', 'output_text.delta', 'output_text.delta'],
      ...['output_text.done', 'content_part.done', 'output_item.done'],
      ...['output_item.added', 'function_call_arguments.delta', 'function_call_arguments.done', 'output_item.done'],
      'completed',
    ]);
  });

  it('says of a call which namespace its tool is of', () => {
    const echo = { tools: [{ type: 'namespace', name: 'mcp', tools: [{ type: 'function', name: 'look' }] }] };
    const events = eventsOf([[call(named(0, 'c1', 'mcp__look', '{}')), finishFrame('tool_calls')]], echo);
    const item = { type: 'function_call', name: 'look', namespace: 'mcp' };
    expect(outputIn(events)).toMatchObject([item]);
    const told = events.filter(({ type }) => type.startsWith('response.output_item.'));
    expect(told).toMatchObject([{ item }, { item }]);
  });

  it('says of a custom tool its text', () => {
    const pieces = ['{"in', 'put":"a', '\\n', 'b"}'].map((args) => call(more(0, args)));
    const frames = [call(named(0, 'c1', CUSTOM)), ...pieces, finishFrame('tool_calls')];
    const events = eventsOf([frames], ECHO);
    expect(typesOf(events).slice(2, -1)).toEqual([
      'output_item.added',
      ...Array<string>(3).fill('custom_tool_call_input.delta'),
      ...['custom_tool_call_input.done', 'output_item.done'],
    ]);
    const item = { id: `ctc_${CODE}`, call_id: 'c1', name: CUSTOM, input: 'a\nb', status: 'completed' };
    expect(outputIn(events)).toMatchObject([{ type: 'custom_tool_call', ...item }]);
  });

  it.each([
    ['each index 0', [named(0, 'a', 'x', '{"n":1}'), named(0, 'b', 'y', '{"n":2}')]],
    [
      'no index',
      [
        { id: 'a', function: { name: 'x', arguments: '{"n":' } },
        { function: { arguments: '1}' } },
        named(1, 'b', 'y', '{"n":2}'),
      ],
    ],
    [
      'mixed pieces',
      [named(0, 'a', 'x'), named(1, 'b', 'y'), more(0, '{"n"'), more(1, '{"n":'), more(0, ':1}'), more(1, '2}')],
    ],
    ['the second before the first is whole', [named(0, 'a', 'x'), named(1, 'b', 'y', '{"n":2}'), more(0, '{"n":1}')]],
    ['an object as arguments', [named(0, 'a', 'x', { n: 1 } as never), named(1, 'b', 'y', '{"n":2}')]],
    [
      'ids and names again in each piece',
      [named(0, 'a', 'x', '{"n"'), named(0, 'a', 'x', ':1}'), named(1, 'b', 'y', '{"n":2}')],
    ],
  ])('puts calls in order: %s', async (_, pieces) => {
    const events = eventsOf([pieces.map(call), [finishFrame('tool_calls')]]);
    expect(outputIn(events)).toMatchObject([
      { call_id: 'a', name: 'x', arguments: '{"n":1}' },
      { call_id: 'b', name: 'y', arguments: '{"n":2}' },
    ]);
    expect((await acceptedBy(events)).output).toHaveLength(2);
  });

  const open = call(named(0, 'a', 'x', '{"n"'));
  const rest = call(more(0, ':1}'));
  const whole = { type: 'function_call', call_id: 'a', arguments: '{"n":1}', status: 'completed' };
  it.each([
    ['text', [open, ...runOf('content', ['m', 'i', 'd']), rest], [{ type: 'message', content: [{ text: 'mid' }] }]],
    [
      'reasoning',
      [open, ...runOf('reasoning_content', ['h', 'm', '.']), rest],
      [{ type: 'reasoning', summary: [{ text: 'hm.' }] }],
    ],
    [
      'text and another call',
      [open, deltaFrame({ content: 'mid' }), call(named(1, 'b', 'y', '{}')), deltaFrame({ content: 'end' }), rest],
      [{ content: [{ text: 'mid' }] }, { call_id: 'b', arguments: '{}' }, { content: [{ text: 'end' }] }],
    ],
    [
      'a refusal behind another call, whose pieces are mixed',
      [open, call(named(1, 'b', 'y', '{"n"')), deltaFrame({ refusal: 'no' }), rest, call(more(1, ':2}'))],
      [{ call_id: 'b', arguments: '{"n":2}' }, { content: [{ refusal: 'no' }] }],
    ],
  ])('loses nothing of a call with this between its pieces: %s', async (_, frames, behind) => {
    const events = eventsOf([frames, [finishFrame('tool_calls')]]);
    expect(outputIn(events)).toMatchObject([whole, ...behind]);
    expect((await acceptedBy(events)).output).toMatchObject(outputIn(events));
    expect(eventsOf([...frames.map((frame) => [frame]), [finishFrame('tool_calls')]])).toEqual(events);
  });

  it('shows a call that is never whole, and what was said in it, at the end', () => {
    const events = eventsOf([[open, deltaFrame({ content: 'mid' }), finishFrame('length')]]);
    expect(outputIn(events)).toMatchObject([
      { arguments: '{"n"' },
      { content: [{ text: 'mid' }], status: 'incomplete' },
    ]);
  });

  it('waits for the name of a call', () => {
    const frames = [{ index: 0, id: 'a', function: { arguments: '' } }, named(0, 'a', 'x', '{}')].map(call);
    const events = eventsOf([frames]);
    expect(outputIn(events)).toMatchObject([{ call_id: 'a', name: 'x', arguments: '{}' }]);
    expect(events.find(({ type }) => type === 'response.output_item.added')).toMatchObject({ item: { name: 'x' } });
  });

  it('reads function_call, the old form of a call, as the plain answer does', () => {
    const pieces = [{ name: 'x', arguments: '' }, { arguments: '{"n"' }, { arguments: ':1}' }];
    const frames = pieces.map((piece) => deltaFrame({ content: null, function_call: piece }));
    const output = outputIn(eventsOf([[...frames, finishFrame('function_call')]]));
    expect(output).toMatchObject([{ type: 'function_call', name: 'x', arguments: '{"n":1}', status: 'completed' }]);
    const message = { role: 'assistant', content: null, function_call: { name: 'x', arguments: '{"n":1}' } };
    expect(outputOf(message, null, false, 'llama3.2', FORM)).toEqual(output);
  });

  it('gives a call whose id another has one of its own, streamed and plain', () => {
    const pieces = [named(0, 'a', 'x', '{"n":1}'), named(1, 'a', 'y', '{"n":2}')];
    const output = outputIn(eventsOf([pieces.map(call)]));
    expect(output).toMatchObject([
      { call_id: 'a', name: 'x', arguments: '{"n":1}' },
      { call_id: `call_1_${CODE.slice(0, 23)}`, name: 'y', arguments: '{"n":2}' },
    ]);
    expect(outputOf({ content: null, tool_calls: pieces }, null, false, 'llama3.2', FORM)).toEqual(output);
  });

  it('gives calls without an id one', () => {
    const frames = [{ index: 0, function: { name: 'x', arguments: '{}' } }].map(call);
    expect(outputIn(eventsOf([frames]))).toMatchObject([{ call_id: `call_0_${CODE}`, id: `fc_${CODE}` }]);
  });

  it('opens a second message for text behind a call', async () => {
    const frames = [...runOf('content', ['a']), call(named(0, 'c', 'x', '{}')), ...runOf('content', ['b'])];
    const events = eventsOf([frames, [finishFrame('stop')]]);
    expect(outputIn(events).map(({ id }) => id)).toEqual([`msg_${CODE}`, `fc_${CODE}`, `msg_1_${CODE}`]);
    expect((await acceptedBy(events)).output_text).toBe('ab');
  });

  it.each([
    ['length', 'incomplete', 'max_output_tokens'],
    ['content_filter', 'incomplete', 'content_filter'],
  ])('finish_reason %s: %s', async (finish, status, reason) => {
    const events = eventsOf([[...runOf('content', ['a', 'b']), finishFrame(finish)]]);
    expect(events.at(-1)?.type).toBe('response.incomplete');
    expect(finalOf(events)).toMatchObject({ status, incomplete_details: { reason }, completed_at: null });
    expect(outputIn(events)).toMatchObject([{ status: 'incomplete' }]);
    expect((await acceptedBy(events)).status).toBe('incomplete');
  });

  it('has refusals as parts of the message', async () => {
    const events = eventsOf([[deltaFrame({ refusal: 'I ' }), deltaFrame({ refusal: 'cannot.' }), finishFrame('stop')]]);
    expect(typesOf(events)).toEqual(expect.arrayContaining(['refusal.delta', 'refusal.done']));
    expect(outputIn(events)).toMatchObject([{ content: [{ type: 'refusal', refusal: 'I cannot.' }] }]);
    expect((await acceptedBy(events)).output).toMatchObject(outputIn(events));
  });

  it('an answer that says nothing is an empty message', async () => {
    const events = eventsOf([]);
    expect(outputIn(events)).toMatchObject([{ type: 'message', content: [{ type: 'output_text', text: '' }] }]);
    expect((await acceptedBy(events)).output_text).toBe('');
  });

  it.each([
    ['reasoning_content', { reasoning_content: 'hm' }],
    ['reasoning', { reasoning: 'hm' }],
    ['thinking', { thinking: 'hm' }],
    ['reasoning_details', { reasoning_details: [{ type: 'reasoning.text', text: 'hm' }] }],
  ])('reads reasoning spelled %s', (_, delta) => {
    const [item] = outputIn(eventsOf([[deltaFrame(delta), ...runOf('content', ['a'])]]));
    expect(item).toMatchObject({
      type: 'reasoning',
      id: `rs_${CODE}`,
      summary: [{ type: 'summary_text', text: 'hm' }],
    });
    expect(item).not.toHaveProperty('encrypted_content');
  });

  it('seals reasoning for its model where it is asked for', () => {
    const detail = (piece: object) =>
      deltaFrame({ reasoning_details: [{ type: 'reasoning.text', index: 0, ...piece }] });
    const frames = [
      detail({ text: 'h' }),
      detail({ text: 'm' }),
      detail({ signature: 's' }),
      ...runOf('content', ['a']),
    ];
    const [item] = outputIn(eventsOf([frames], { include: ['reasoning.encrypted_content'] }));
    expect(openOrigin(item!['encrypted_content'] as string)).toEqual({
      model: 'llama3.2',
      payload: [{ type: 'reasoning.text', index: 0, text: 'hm', signature: 's' }],
    });
  });

  it('tells how likely tokens were where it is asked for', () => {
    const logprobs = { content: [{ token: 'a', logprob: -1, bytes: [97], top_logprobs: [] }] };
    const frames = [deltaFrame({ content: 'a' }, { logprobs }), finishFrame('stop')];
    const include = ['message.output_text.logprobs'];
    expect(outputIn(eventsOf([frames], { include }))).toMatchObject([{ content: [{ logprobs: logprobs.content }] }]);
    expect(outputIn(eventsOf([frames]))).toMatchObject([{ content: [{ logprobs: [] }] }]);
  });

  it('an answer that breaks off ends in error and response.failed', () => {
    const { stream } = streamOf();
    const frames = runOf('content', ['a', 'b']);
    const events = eventsIn(stream.chunk({ frames }) + stream.error(new UpstreamError('The model server went away.')));
    expect(typesOf(events).slice(-2)).toEqual(['error', 'failed']);
    const error = { code: 'upstream_error', message: 'The model server went away.' };
    expect(events.at(-2)).toMatchObject({ ...error, param: null, error });
    expect(finalOf(events)).toMatchObject({ status: 'failed', error, output: [{ content: [{ text: 'ab' }] }] });
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, at) => at));
  });

  it('has nothing to do with other choices', () => {
    const other = deltaFrame({ content: 'no' }, { index: 1 });
    expect(outputIn(eventsOf([[other, ...runOf('content', ['a']), other]]))).toMatchObject([
      { content: [{ text: 'a' }] },
    ]);
  });
});
