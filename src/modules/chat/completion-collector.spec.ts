import { growth, LINEAR } from '../../../test/support/cpu-time.js';
import type { ChatFrame, Completion, Delta } from '../../common/chat.js';
import { FrameTemplate, type TextRun } from '../../common/text-run.js';
import { CompletionCollector } from './completion-collector.js';
import { replayFrames } from './completion-replay.js';

const chunk = (delta: Delta, more: Record<string, unknown> = {}, index = 0): Completion => ({
  id: 'c1',
  object: 'chat.completion.chunk',
  created: 7,
  model: 'm',
  choices: [{ index, delta, finish_reason: null, ...more }],
});

const frameOf = (json: Completion): ChatFrame => ({ text: JSON.stringify(json), json });

function collect(chunks: Completion[]): Completion {
  const collector = new CompletionCollector();
  chunks.forEach((json) => collector.add(frameOf(json)));
  return collector.completion();
}

/** As a model server's stream is read: frames that are like the one before them come as a run. */
function collectRuns(chunks: Completion[]): Completion {
  const collector = new CompletionCollector();
  const wire = chunks.map((json) => `data: ${JSON.stringify(json)}\n\n`).join('');
  let like: FrameTemplate | null = null;
  for (let at = 0; at < wire.length;) {
    const run: TextRun | null = like?.runAt(wire, at) ?? null;
    const end = wire.indexOf('\n\n', at);
    const frame: ChatFrame = run ?? frameOf(JSON.parse(wire.slice(at + 6, end)) as Completion);
    if (!run) like = FrameTemplate.of(frame.text, frame.json);
    at = run ? at + run.wire.length : end + 2;
    collector.add(frame);
  }
  return collector.completion();
}

const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };

describe('CompletionCollector', () => {
  it.each<[string, Completion[]]>([
    ['text', ['a', ' "b"', '', 'c'].map((content) => chunk({ content }))],
    ['text with a role in every frame', ['a', 'b', 'c'].map((content) => chunk({ role: 'assistant', content }))],
    [
      'reasoning, then text',
      [...['a', 'b'].map((reasoning) => chunk({ reasoning, content: '' })), chunk({ content: 'c' })],
    ],
    ['two choices in turn', [0, 1, 0, 1, 1].map((index) => chunk({ content: 'x' }, {}, index))],
    ['empty lists', ['a', 'b'].map((content) => chunk({ content, tool_calls: [] }))],
    ['text beside the delta', ['a', 'b', 'c'].map((content) => chunk({ content }, { text: content }))],
    ['the same text beside the delta', ['a', 'b', 'c'].map((content) => chunk({ content }, { text: 'x' }))],
    ['lists beside the delta', ['a', 'b', 'c'].map((content) => chunk({ content }, { logprobs: { content: [1] } }))],
    ['another text that grows', ['a', 'b', 'c'].map((content) => chunk({ content, refusal: 'no' }))],
    ['usage in every frame', ['a', 'b'].map((content) => ({ ...chunk({ content }), usage: { completion_tokens: 1 } }))],
  ])('collects runs as it would their frames: %s', (_, chunks) => {
    expect(collectRuns(chunks)).toEqual(collect(chunks));
  });

  it('joins text, keeps ids, and takes usage and finish reason', () => {
    const answer = collect([
      chunk({ role: 'assistant', content: '' }),
      chunk({ content: 'Grü' }),
      chunk({ content: 'ße' }),
      chunk({}, { finish_reason: 'stop' }),
      { id: 'c1', object: 'chat.completion.chunk', choices: [], usage },
    ]);
    expect(answer).toEqual({
      id: 'c1',
      object: 'chat.completion',
      created: 7,
      model: 'm',
      usage,
      choices: [{ index: 0, message: { role: 'assistant', content: 'Grüße' }, finish_reason: 'stop' }],
    });
  });

  it('joins tool calls by index, also when the server repeats id and name', () => {
    const call = (args: string, index = 0) => ({
      index,
      id: `t${index}`,
      type: 'function',
      function: { name: 'f', arguments: args },
    });
    const answer = collect([
      chunk({ role: 'assistant', content: null, tool_calls: [call('{"a"')] }),
      chunk({ tool_calls: [call(':1}')] }),
      chunk({ tool_calls: [call('{}', 1)] }),
      chunk({}, { finish_reason: 'tool_calls' }),
    ]);
    expect(answer.choices?.[0]?.message).toEqual({
      role: 'assistant',
      content: null,
      tool_calls: [
        { id: 't0', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
        { id: 't1', type: 'function', function: { name: 'f', arguments: '{}' } },
      ],
    });
  });

  it('keeps several choices apart and appends log-probabilities', () => {
    const logprobs = (token: string) => ({ logprobs: { content: [{ token }] } });
    const answer = collect([
      chunk({ content: 'a' }, logprobs('a'), 1),
      chunk({ content: 'b' }, logprobs('b'), 0),
      chunk({ content: 'c' }, logprobs('c'), 1),
    ]);
    expect(answer.choices?.map(({ message }) => message?.content)).toEqual(['b', 'ac']);
    expect(answer.choices?.[1]?.['logprobs']).toEqual({ content: [{ token: 'a' }, { token: 'c' }] });
  });

  it('F07 a field named __proto__ is data', () => {
    const hostile = JSON.parse(
      '{"content":"hi","__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":1}}}',
    );
    const logprobs = JSON.parse('{"logprobs":{"content":[{"token":"hi","__proto__":{"polluted":"yes"}}]}}') as object;
    const top = JSON.parse('{"id":"c1","__proto__":{"polluted":"yes"},"toString":"x"}') as Completion;
    const answer = collect([top, chunk(hostile, { ...logprobs }), chunk(hostile)]);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(answer.choices?.[0]?.message?.content).toBe('hihi');
    expect(JSON.stringify(answer)).toContain('"toString":"x"');
    expect((answer as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('keeps fields nobody here knows', () => {
    const answer = collect([
      { ...chunk({ thinking: 'hm' }, { safety: { level: 1 } }), cluster: 'x' },
      chunk({ thinking: 'mm', refusal: null }),
    ]);
    expect(answer['cluster']).toBe('x');
    expect(answer.choices?.[0]).toMatchObject({ safety: { level: 1 }, message: { thinking: 'hmmm', refusal: null } });
  });
});

const messageOf = (...deltas: unknown[]) => collect(deltas.map((delta) => chunk(delta as Delta))).choices?.[0]?.message;
const fn = (name: string | undefined, args: string) => ({ function: { ...(name ? { name } : {}), arguments: args } });
const callsOf = (...pieces: unknown[]) =>
  messageOf(...pieces.map((piece) => ({ tool_calls: [piece] })))?.tool_calls?.map((call) => [
    call.id,
    call.function?.name,
    call.function?.arguments,
  ]);

describe('F36 tool calls as servers send them', () => {
  const twoCalls = [
    ['a', 'f', '{"p":1}'],
    ['b', 'g', '{"p":2}'],
  ];
  it.each([
    [
      'index 0 for every call, ids of their own',
      [
        { index: 0, id: 'a', ...fn('f', '{"p":1}') },
        { index: 0, id: 'b', ...fn('g', '{"p":') },
        { index: 0, ...fn(undefined, '2}') },
      ],
    ],
    [
      'no index, fragments without an id',
      [
        { id: 'a', ...fn('f', '{"p"') },
        fn(undefined, ':1}'),
        { id: 'b', ...fn('g', '') },
        { id: '', ...fn('', '{"p":2}') },
      ],
    ],
    [
      'interleaved by index',
      [
        { index: 0, id: 'a', ...fn('f', '') },
        { index: 1, id: 'b', ...fn('g', '{') },
        { index: 0, ...fn(undefined, '{"p":1}') },
        { index: 1, ...fn(undefined, '"p":2}') },
      ],
    ],
    [
      'id and name in every piece',
      [
        { index: 0, id: 'a', ...fn('f', '{"p"') },
        { index: 0, id: 'a', ...fn('f', ':1}') },
        { index: 0, id: 'b', ...fn('g', '{"p":2}') },
      ],
    ],
    [
      'an id of its own for each fragment',
      [
        { index: 0, id: 'a', ...fn('f', '{"p"') },
        { index: 0, id: 'x', ...fn(undefined, ':1}') },
        { index: 1, id: 'b', ...fn('g', '{"p":2}') },
      ],
    ],
    [
      'an index only in the fragments',
      [
        { id: 'a', ...fn('f', '') },
        { index: 0, ...fn(undefined, '{"p":1}') },
        { id: 'b', ...fn('g', '{"p":2}') },
      ],
    ],
  ])('%s', (_, pieces) => expect(callsOf(...pieces)).toEqual(twoCalls));

  it('one id for two calls, each with an index and a name of its own', () => {
    const pieces = [
      { index: 0, id: 'a', ...fn('f', '{"p"') },
      { index: 1, id: 'a', ...fn('g', '{"p"') },
      { index: 0, id: 'a', ...fn(undefined, ':1}') },
      { index: 1, id: 'a', ...fn('g', ':2}') },
    ];
    expect(callsOf(...pieces)).toEqual([
      ['a', 'f', '{"p":1}'],
      ['a', 'g', '{"p":2}'],
    ]);
  });

  it('whole calls without ids, all with index 0', () => {
    expect(callsOf({ index: 0, ...fn('f', '{"p":1}') }, { index: 0, ...fn('f', '{"p":2}') })).toEqual([
      [undefined, 'f', '{"p":1}'],
      [undefined, 'f', '{"p":2}'],
    ]);
  });

  it('a call that comes in very many pieces, each with the name: in linear time', async () => {
    const PIECES = 20_000;
    const piece = (args: string) => chunk({ tool_calls: [{ function: { name: 'write', arguments: args } }] });
    const inPieces = (count: number) => {
      const chunks = [piece('{"text":"'), ...Array.from({ length: count }, () => piece('some words ')), piece('"}')];
      return () => collect(chunks);
    };
    const result = inPieces(PIECES)();
    const text = 'some words '.repeat(PIECES);
    expect(result.choices?.[0]?.message?.tool_calls).toEqual([
      { function: { name: 'write', arguments: JSON.stringify({ text }) } },
    ]);
    expect(await growth(inPieces, PIECES / 8)).toBeLessThan(LINEAR);
  });

  it('the older function_call', () => {
    const pieces = [{ name: 'f', arguments: '{"a"' }, { arguments: ':1}' }];
    expect(messageOf(...pieces.map((function_call) => ({ function_call })))).toMatchObject({
      function_call: { name: 'f', arguments: '{"a":1}' },
    });
  });

  it('reasoning details: only text grows', () => {
    const detail = (text: string, more = {}) => ({
      type: 'reasoning.text',
      text,
      format: 'anthropic-v1',
      id: 'r',
      ...more,
    });
    const details = (index: object) =>
      messageOf(
        { reasoning_details: [detail('Hm', index)] },
        { reasoning_details: [detail('mm', index)] },
        { reasoning_details: [detail('', { ...index, signature: 'S' })] },
        { reasoning_details: [{ type: 'reasoning.encrypted', data: 'x', ...index }] },
      )?.['reasoning_details'];
    const text = { type: 'reasoning.text', text: 'Hmmm', format: 'anthropic-v1', id: 'r', signature: 'S' };
    expect(details({ index: 0 })).toEqual([
      { ...text, index: 0 },
      { type: 'reasoning.encrypted', data: 'x', index: 0 },
    ]);
    expect(details({})).toEqual([text, { type: 'reasoning.encrypted', data: 'x' }]);
  });

  it('labels in every chunk stay one, text that repeats itself does not', () => {
    const filter = { content_filter_results: { hate: { severity: 'safe', filtered: false } }, stop_reason: 'eos' };
    const piece = { content: 'ha', lane: 'analysis', channel: 'final' };
    const choice = collect([chunk(piece, filter), chunk(piece, filter), chunk(piece, filter)]).choices?.[0];
    expect(choice).toMatchObject({ ...filter, message: { content: 'hahaha', lane: 'analysis', channel: 'final' } });
  });

  it('audio, refusal and a content of parts', () => {
    const audio = (transcript: string) => ({ audio: { id: 'au', transcript } });
    expect(messageOf(audio('a'), audio('b'), { refusal: 'N' }, { refusal: 'o' })).toMatchObject({
      audio: { id: 'au', transcript: 'ab' },
      refusal: 'No',
    });
    const thinking = { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] };
    expect(messageOf({ content: [thinking] }, { content: 'Yes' })?.content).toEqual([
      thinking,
      { type: 'text', text: 'Yes' },
    ]);
  });
});

describe('replayFrames', () => {
  it('says what was reasoned before the text', () => {
    const message = { role: 'assistant', content: 'Yes.', reasoning_content: 'Hm.' };
    const frames = replayFrames(frameOf({ choices: [{ index: 0, message, finish_reason: 'stop' }] }));
    const fields = frames.flatMap(({ json }) => Object.keys(json.choices?.[0]?.delta ?? {}));
    expect(fields).toEqual(['role', 'content', 'reasoning_content', 'content']);
  });

  const whole: Completion = {
    id: 'c1',
    object: 'chat.completion',
    created: 7,
    model: 'm',
    service_tier: 'x',
    usage,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: '👋🏽'.repeat(300),
          reasoning: 'because',
          tool_calls: [{ id: 't', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
        logprobs: { content: [{ token: 'x' }] },
        finish_reason: 'tool_calls',
      },
      { index: 1, message: { role: 'assistant', content: null }, finish_reason: 'stop' },
    ],
  };

  it('is undone by the collector', () => {
    expect(collect(replayFrames(frameOf(whole)).map(({ json }) => json))).toEqual(whole);
  });

  it('cuts no character in two', () => {
    for (const { text } of replayFrames(frameOf(whole)))
      expect(JSON.parse(text)).toEqual(JSON.parse(text.toWellFormed()));
    expect(replayFrames(frameOf(whole)).every(({ text }) => !/\\ud[89a-f]/i.test(text))).toBe(true);
  });

  it('ends with the usage alone', () => {
    expect(replayFrames(frameOf(whole)).at(-1)?.json).toMatchObject({ choices: [], usage });
  });
});
