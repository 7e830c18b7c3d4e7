import type { Completion, Delta } from '../../common/chat.js';
import { CompletionCollector } from './completion-collector.js';
import { replayFrames } from './completion-replay.js';

const chunk = (delta: Delta, more: Record<string, unknown> = {}, index = 0): Completion => ({
  id: 'c1',
  object: 'chat.completion.chunk',
  created: 7,
  model: 'm',
  choices: [{ index, delta, finish_reason: null, ...more }],
});

function collect(chunks: Completion[]): Completion {
  const collector = new CompletionCollector();
  chunks.forEach((json) => collector.add(json));
  return collector.completion();
}

const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };

describe('CompletionCollector', () => {
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

  it('keeps fields nobody here knows', () => {
    const answer = collect([
      { ...chunk({ thinking: 'hm' }, { safety: { level: 1 } }), cluster: 'x' },
      chunk({ thinking: 'mm', refusal: null }),
    ]);
    expect(answer['cluster']).toBe('x');
    expect(answer.choices?.[0]).toMatchObject({ safety: { level: 1 }, message: { thinking: 'hmmm', refusal: null } });
  });
});

describe('replayFrames', () => {
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
    expect(collect(replayFrames(whole).map(({ json }) => json))).toEqual(whole);
  });

  it('cuts no character in two', () => {
    for (const { text } of replayFrames(whole)) expect(JSON.parse(text)).toEqual(JSON.parse(text.toWellFormed()));
    expect(replayFrames(whole).every(({ text }) => !/\\ud[89a-f]/i.test(text))).toBe(true);
  });

  it('ends with the usage alone', () => {
    expect(replayFrames(whole).at(-1)?.json).toMatchObject({ choices: [], usage });
  });
});
