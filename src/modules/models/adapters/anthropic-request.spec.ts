import fc from 'fast-check';
import type { ChatMessage, ChatRequest } from '../../../common/chat.js';
import type { Fields } from '../../../common/json/fields.js';
import { refusalOf } from '../../../../test/support/anthropic-rules.js';
import type { Addressee } from '../addressee.js';
import type { ModelCall } from '../models.messages.js';
import { messagesRequest } from './anthropic-request.js';

const TARGET: Addressee = {
  ...{ provider: 'anthropic', model: 'claude-opus-4-6', upstreamModel: 'claude-opus-4-6', contextWindow: null },
  ...{ capabilities: ['tools', 'reasoning'], config: {} },
};

function written(request: Partial<ChatRequest>, target: Partial<Addressee> = {}, partialAnswer: string | null = null) {
  const whole = { model: 'auto', messages: [{ role: 'user', content: 'hi' }], ...request };
  const call = { request: whole, history: [], partialAnswer } as unknown as ModelCall;
  return JSON.parse(messagesRequest(call, { ...TARGET, ...target })) as Fields;
}
const turnsOf = (request: Partial<ChatRequest>) =>
  written(request)['messages'] as { role: string; content: Fields[] }[];
const refusal = (body: Fields, version = '2023-06-01') => refusalOf(body, version);

const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('', ' ', '\n', 'Hello '));
const part = fc.oneof(
  text.map((said) => ({ type: 'text', text: said })),
  fc.constant({ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }),
);
const said = fc.oneof(text, fc.array(part, { maxLength: 3 }));
/** Also those that Anthropic refuses, and the same again. */
const callId = fc.oneof(fc.string(), fc.constantFrom('', 'toolu_1', 'functions.f:0', undefined));
const spoken: fc.Arbitrary<ChatMessage[]> = fc.oneof(
  said.map((content) => [{ role: 'user', content }]),
  text.map((content) => [{ role: 'assistant', content }]),
  text.map((content) => [{ role: 'system', content }]),
  fc
    .tuple(text, fc.array(fc.tuple(callId, fc.oneof(fc.json(), fc.string())), { minLength: 1, maxLength: 3 }), text)
    .map(([before, calls, result]) => {
      const ids = calls.map(([id]) => id);
      return [
        {
          ...{ role: 'assistant', content: before },
          tool_calls: calls.map(([, input], i) => ({
            id: ids[i],
            type: 'function',
            function: { name: 'f', arguments: input },
          })),
        },
        ...ids.map((id) => ({ role: 'tool', tool_call_id: id, content: result })),
      ];
    }),
);
const settings = fc.record(
  {
    temperature: fc.double({ min: 0, max: 2, noNaN: true }),
    top_p: fc.double({ min: 0, max: 1, noNaN: true }),
    stop: fc.oneof(text, fc.array(text)),
    max_tokens: fc.integer({ min: 1, max: 100_000 }),
    user: fc.string({ maxLength: 400 }),
    reasoning_effort: fc.constantFrom('none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'odd'),
    logprobs: fc.boolean(),
    seed: fc.integer(),
    tools: fc.constant([
      { type: 'function', function: { name: 'f', parameters: {} } },
      { type: 'custom', custom: {} },
    ]),
    tool_choice: fc.constantFrom('auto', 'none', 'required', { type: 'function', function: { name: 'f' } }),
    parallel_tool_calls: fc.boolean(),
  },
  { requiredKeys: [] },
);
const model = fc.constantFrom(
  'claude-3-opus-20240229',
  'claude-sonnet-4-5',
  'claude-opus-4-6',
  'claude-opus-4-8',
  'mine',
);

describe('a chat request as one of Anthropic', () => {
  it('is one that Anthropic takes, whatever the conversation and the settings', () => {
    const property = fc.property(fc.array(spoken), settings, model, fc.option(text), (turns, more, name, partial) => {
      const body = written(
        { messages: turns.flat(), ...(more as object) },
        { model: name, upstreamModel: name },
        partial,
      );
      expect(refusal(body)).toBeNull();
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('keeps every text, image and tool call in its order', () => {
    const property = fc.property(fc.array(spoken, { minLength: 1 }), (groups) => {
      const messages = groups.flat();
      const blocks = turnsOf({ messages }).flatMap(({ content }) => content);
      const texts = messages.flatMap((message) => {
        if (message.role === 'system' || message.role === 'tool') return [];
        const parts = Array.isArray(message.content) ? message.content : [{ type: 'text', text: message.content }];
        return parts.flatMap(({ text: one }) => (typeof one === 'string' && one.trim() !== '' ? [one] : []));
      });
      const kept = blocks.flatMap(({ type, text: one }) => (type === 'text' ? [String(one)] : []));
      // white space at the end of the last answer is not sent; a dot stands where nothing was said
      const bare = (all: readonly string[]) => all.map((one) => one.trimEnd()).filter((one) => one !== '.');
      expect(bare(kept)).toEqual(bare(texts));
      const uses = messages.flatMap(({ tool_calls: calls }) => calls ?? []);
      expect(blocks.filter(({ type }) => type === 'tool_use')).toHaveLength(uses.length);
      expect(blocks.filter(({ type }) => type === 'tool_result')).toHaveLength(uses.length);
      const images = messages
        .flatMap(({ content }) => (Array.isArray(content) ? content : []))
        .filter(({ type }) => type === 'image_url');
      expect(blocks.filter(({ type }) => type === 'image')).toHaveLength(images.length);
    });
    fc.assert(property, { numRuns: 300 });
  });

  const effort = (reasoning_effort: string, name: string, more: object = {}) => {
    const {
      thinking,
      output_config: output,
      temperature,
    } = written({ reasoning_effort, temperature: 0.5, max_tokens: 10_000, ...more }, { model: name });
    return { thinking, output, temperature };
  };

  it('says an effort in the words of the model', () => {
    const budget = { type: 'enabled', budget_tokens: 5_000 };
    expect(effort('high', 'claude-sonnet-4-5-20250929')).toEqual({ thinking: budget });
    expect(effort('high', 'claude-opus-4-20250514')).toEqual({ thinking: budget });
    expect(effort('xhigh', 'claude-opus-4-6')).toEqual({ thinking: { type: 'adaptive' }, output: { effort: 'high' } });
    expect(effort('xhigh', 'claude-opus-4.8')).toEqual({ thinking: { type: 'adaptive' }, output: { effort: 'xhigh' } });
    expect(effort('none', 'claude-opus-4-6')).toEqual({ temperature: 0.5 });
    expect(effort('low', 'claude-sonnet-4-5', { max_tokens: 1_500 })).toEqual({ temperature: 0.5 });
    const given = { type: 'enabled', budget_tokens: 2_000 };
    expect(written({ thinking: given }, { model: 'claude-opus-5-5' })['thinking']).toEqual({ type: 'adaptive' });
    expect(written({ thinking: given }, { capabilities: [] })['thinking']).toBeUndefined();
    expect(written({ thinking: given, reasoning_effort: 'low' })['output_config']).toBeUndefined();
    const both = written({ thinking: given, reasoning_effort: 'high', output_config: { effort: 'max' } });
    expect(both['output_config']).toEqual({ effort: 'max' });
    expect(written({ thinking: { type: 'adaptive' } }, { model: 'claude-haiku-4-5' })['thinking']).toEqual({
      ...{ type: 'enabled', budget_tokens: 8_192 },
    });
  });

  it('gives each call an id that Anthropic takes, and its result the same', () => {
    const call = (id: unknown) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } });
    const turn = (...ids: unknown[]) => [
      { role: 'assistant', content: ' \n', tool_calls: ids.map(call) },
      ...ids.map((id, i) => ({ role: 'tool', tool_call_id: id, content: `of ${i}` })),
    ];
    const messages = [...turn('functions.f:0', 'functions_f:0'), ...turn('toolu_1', '', undefined), ...turn('toolu_1')];
    const turns = turnsOf({ messages: messages });
    const called = turns.map(({ content }) => content.flatMap(({ id }) => (typeof id === 'string' ? [id] : [])));
    const told = turns.map(({ content }) => content.flatMap(({ tool_use_id: id }) => (id === undefined ? [] : [id])));
    const ids = [['functions_f_0', 'functions_f_0_2'], ['toolu_1', 'call', 'call_2'], ['toolu_1_2']];
    expect(called.filter((one) => one.length > 0)).toEqual(ids);
    expect(told.filter((one) => one.length > 0)).toEqual(ids);
    expect(turns.flatMap(({ content }) => content).filter(({ text }) => text === ' \n')).toEqual([]);
  });

  it('takes the words for other things from OpenAI', () => {
    const schema = { type: 'object', properties: {}, additionalProperties: false };
    const body = written({
      ...{
        stop: ['END', ' '],
        user: 'u-1',
        top_k: 5,
        top_p: 0.5,
        temperature: 2,
        cache_control: { type: 'ephemeral' },
      },
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema } },
    });
    expect(body).toMatchObject({
      ...{ stop_sequences: ['END'], metadata: { user_id: 'u-1' }, top_k: 5, temperature: 1 },
      output_config: { format: { type: 'json_schema', schema } },
      cache_control: { type: 'ephemeral' },
    });
    expect(written({ response_format: { type: 'json_object' } })['system']).toHaveLength(1);
    expect(written({}, { model: 'claude-3-haiku-20240307' })['max_tokens']).toBe(4_096);
  });

  it('texts that stand apart become blocks', () => {
    const content = ['a', 'b'].map((said) => ({ type: 'text', text: said }));
    const messages = [
      { role: 'system', content },
      { role: 'user', content: 'hi' },
      { role: 'assistant', content, tool_calls: [{ id: 't', function: { name: 'f' } }] },
      { role: 'tool', tool_call_id: 't', content },
    ];
    expect(written({ messages })).toMatchObject({
      system: content,
      messages: [
        { role: 'user' },
        { role: 'assistant', content: [...content, { type: 'tool_use' }] },
        { role: 'user', content: [{ type: 'tool_result', content }] },
      ],
    });
  });

  it('keeps the marks for the cache, and the way back from functions of the old kind', () => {
    const mark = { cache_control: { type: 'ephemeral' } };
    const messages = [
      { role: 'system', content: [{ type: 'text', text: 'a', anthropic_only: true, ...mark }] },
      { role: 'user', content: 'b', ...mark },
      { role: 'assistant', content: null, function_call: { name: 'f', arguments: '[1]' } },
      { role: 'function', name: 'f', content: 'c' },
    ];
    const tools = [{ type: 'function', function: { name: 'f' }, ...mark }];
    expect(written({ messages, tools })).toMatchObject({
      system: [{ type: 'text', text: 'a', ...mark }],
      tools: [{ name: 'f', ...mark }],
      messages: [
        { content: [{ text: 'b', ...mark }] },
        { content: [{ type: 'tool_use', id: 'function_f', input: { _raw: '[1]' } }] },
        { content: [{ type: 'tool_result', tool_use_id: 'function_f', content: 'c' }] },
      ],
    });
  });
});
