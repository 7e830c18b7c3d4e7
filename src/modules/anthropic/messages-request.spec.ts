import fc from 'fast-check';
import { fieldPath } from '../../common/json/fields.js';
import { keepSource, JsonSource } from '../../common/json/source.js';
import { outlineOf } from '../../common/json/outline.js';
import { sealOrigin } from '../../common/reasoning.js';
import { isTranslated } from '../../common/translated-request.js';
import { newMessages, sessionOf } from './claude-session.js';
import { chatRequestOf } from './messages-request.js';
import { messagesRequestSchema } from './messages-request.schema.js';

const PNG = { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' };
const CACHED = { cache_control: { type: 'ephemeral' } };
const text = (value: unknown) => ({ type: 'text', text: value });
const HI = [{ role: 'user', content: 'hi' }];

const requestWith = (fields: Record<string, unknown>): Record<string, unknown> => ({
  model: 'auto',
  max_tokens: 100,
  messages: HI,
  ...fields,
});
const chatWith = (fields: Record<string, unknown>) => {
  const body = requestWith(fields);
  return chatRequestOf(messagesRequestSchema.parse(body), body);
};
const messagesOf = (...messages: unknown[]) => chatWith({ messages }).messages;
const faultOf = (body: unknown): string => {
  const issue = messagesRequestSchema.safeParse(body).error?.issues[0];
  return issue ? fieldPath(issue.path) : 'none';
};

describe('a request of the Messages API as a chat request', () => {
  it('has the settings that both know', () => {
    const chat = chatWith({
      stream: true,
      stop_sequences: ['END'],
      temperature: 0.5,
      top_p: 0.9,
      top_k: 5,
      metadata: { user_id: 'u-1' },
      a_field_of_next_year: { anything: true },
    });
    expect(JSON.parse(JSON.stringify(chat))).toEqual({
      model: 'auto',
      messages: HI,
      max_completion_tokens: 100,
      stream: true,
      stop: ['END'],
      temperature: 0.5,
      top_p: 0.9,
      top_k: 5,
      user: 'u-1',
    });
    expect(isTranslated(chat)).toBe(true);
  });

  it('takes null for absent', () => {
    const nothing = ['stream', 'system', 'tools', 'tool_choice', 'thinking', 'metadata', 'stop_sequences', 'top_k'];
    expect(chatWith(Object.fromEntries(nothing.map((name) => [name, null])))).toEqual(chatWith({}));
  });

  it.each([
    ['a string', 'Be brief.', 'Be brief.'],
    [
      'blocks',
      [
        { type: 'text', text: 'Be' },
        { type: 'text', text: 'brief.' },
      ],
      [
        { type: 'text', text: 'Be' },
        { type: 'text', text: 'brief.' },
      ],
    ],
    [
      'a block with a mark',
      [{ type: 'text', text: 'Be brief.', ...CACHED }],
      [{ type: 'text', text: 'Be brief.', ...CACHED }],
    ],
  ])('system as %s', (_, system, content) => {
    expect(chatWith({ system }).messages).toEqual([{ role: 'system', content }, ...HI]);
  });

  it.each([
    ['alone in a block', [{ type: 'text', text: 'x-anthropic-billing-header: cc_version=2; cch=1;' }], undefined],
    [
      'in front of a text',
      'x-anthropic-billing-header: cc_version=2;\nYou are an agent.',
      { role: 'system', content: 'You are an agent.' },
    ],
  ])('leaves the line for billing out, %s', (_, system, first) => {
    expect(chatWith({ system }).messages).toEqual([...(first ? [first] : []), ...HI]);
  });

  it('system messages may stand between the others', () => {
    expect(messagesOf(...HI, { role: 'system', content: [{ type: 'text', text: 'New rule.' }] })).toEqual([
      ...HI,
      { role: 'system', content: 'New rule.' },
    ]);
  });

  it('images and documents become parts', () => {
    const content = [
      { type: 'text', text: 'See', ...CACHED },
      { type: 'image', source: PNG },
      { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERg==' }, title: 'a.pdf' },
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'Words' }, title: 'Notes' },
      { type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'Inner' }] } },
    ];
    expect(messagesOf({ role: 'user', content })).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'See', ...CACHED },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
          { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERg==' } },
          { type: 'text', text: 'Notes' },
          { type: 'text', text: 'Words' },
          { type: 'text', text: 'Inner' },
        ],
      },
    ]);
  });

  it('calls of tools and their results follow each other; images of a result come after it', () => {
    const use = { type: 'tool_use', id: 't1', name: 'look', input: { at: 'door' } };
    const result = {
      type: 'tool_result',
      tool_use_id: 't1',
      content: [
        { type: 'text', text: 'A door' },
        { type: 'image', source: PNG },
      ],
    };
    const failed = { type: 'tool_result', tool_use_id: 't2', content: 'no such file', is_error: true };
    const messages = messagesOf(
      { role: 'assistant', content: [{ type: 'text', text: 'Looking.' }, use, { ...use, id: 't2' }] },
      { role: 'user', content: [{ type: 'text', text: 'And?' }, result, failed] },
    );
    expect(messages).toEqual([
      {
        role: 'assistant',
        content: 'Looking.',
        tool_calls: [
          { id: 't1', type: 'function', function: { name: 'look', arguments: '{"at":"door"}' } },
          { id: 't2', type: 'function', function: { name: 'look', arguments: '{"at":"door"}' } },
        ],
      },
      {
        role: 'tool',
        tool_call_id: 't1',
        content: [text('A door'), text(expect.stringContaining('next user message'))],
      },
      { role: 'tool', tool_call_id: 't2', content: [text('The tool failed:'), text('no such file')] },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Of the result of tool call t1:' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
          { type: 'text', text: 'And?' },
        ],
      },
    ]);
  });

  it('a mark on the result of a tool stays with its text', () => {
    const result = { type: 'tool_result', tool_use_id: 't1', content: 'fine', ...CACHED };
    expect(messagesOf({ role: 'user', content: [result] })).toEqual([
      { role: 'tool', tool_call_id: 't1', content: [{ type: 'text', text: 'fine', ...CACHED }] },
    ]);
  });

  it('says which tools a search has found, and what it does not know as its JSON', () => {
    const found = { type: 'tool_reference', tool_name: 'WebFetch' };
    const strange = { type: 'hologram', data: 'x'.repeat(10_000) };
    const result = { type: 'tool_result', tool_use_id: 't1', content: [found, strange] };
    const { content } = messagesOf(...HI, { role: 'user', content: [result] }).at(-1)!;
    const [first, second] = (content as { text: string }[]).map((part) => part.text);
    expect(first).toBe('The tool WebFetch can be called now.');
    expect(second).toMatch(/^\{"type":"hologram","data":"x+\.\.\.$/);
    expect(second!.length).toBeLessThan(5_000);
  });

  it('leaves tools that are to be loaded later out until a result has named them', () => {
    const tool = (name: string, isLater?: boolean) => ({ name, input_schema: {}, defer_loading: isLater });
    const tools = [tool('Read'), tool('WebFetch', true), tool('Placeholder', true), tool('Write', false)];
    const namesOf = (fields: Record<string, unknown>) =>
      chatWith({ tools, ...fields }).tools?.map((one) => (one as { function: { name: string } }).function.name);
    expect(namesOf({})).toEqual(['Read', 'Write']);
    const content = [{ type: 'tool_reference', tool_name: 'WebFetch' }];
    const messages = [...HI, { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content }] }];
    expect(namesOf({ messages })).toEqual(['Read', 'WebFetch', 'Write']);
    expect(namesOf({ tool_choice: { type: 'tool', name: 'Placeholder' } })).toEqual(['Read', 'Placeholder', 'Write']);
  });

  it('says nothing of a choice where all tools are to be loaded later', () => {
    const tools = [{ name: 'WebFetch', input_schema: {}, defer_loading: true }];
    const chat = chatWith({ tools, tool_choice: { type: 'auto' } });
    expect(chat).not.toHaveProperty('tools');
    expect(chat).not.toHaveProperty('tool_choice');
  });

  it('a mark on the request is one on its last block', () => {
    expect(chatWith(CACHED).messages).toEqual([{ role: 'user', content: [{ type: 'text', text: 'hi', ...CACHED }] }]);
  });

  it('thinking goes back with its model, and what was not made here is left out', () => {
    const content = [
      { type: 'thinking', thinking: 'Hm.', signature: sealOrigin('claude-x', { signature: 'sig', format: 'f' }) },
      { type: 'thinking', thinking: 'Of another gateway.', signature: 'EqoBCkgIARABGAI' },
      { type: 'redacted_thinking', data: sealOrigin('claude-x', { type: 'reasoning.encrypted', data: 'xyz' }) },
      { type: 'redacted_thinking', data: 'unknown' },
      { type: 'text', text: 'Yes.' },
    ];
    expect(messagesOf({ role: 'assistant', content })).toEqual([
      {
        role: 'assistant',
        content: 'Yes.',
        reasoning_details: [
          { type: 'reasoning.text', text: 'Hm.', signature: 'sig', format: 'f', index: 0, model: 'claude-x' },
          { type: 'reasoning.encrypted', data: 'xyz', index: 1, model: 'claude-x' },
        ],
      },
    ]);
  });

  it.each([
    [{}, undefined],
    [{ thinking: { type: 'enabled', budget_tokens: 4096 } }, 'low'],
    [{ thinking: { type: 'enabled', budget_tokens: 16384 } }, 'medium'],
    [{ thinking: { type: 'enabled', budget_tokens: 16385 } }, 'high'],
    [{ thinking: { type: 'adaptive' } }, 'medium'],
    [{ thinking: { type: 'adaptive' }, output_config: { effort: 'low' } }, 'low'],
    [{ thinking: { type: 'disabled' }, output_config: { effort: 'high' } }, 'none'],
    [{ output_config: { effort: 'max' } }, 'high'],
  ])('%j asks for the effort %s', (fields, effort) => {
    const chat = chatWith(fields);
    expect(chat['reasoning_effort']).toBe(effort);
    expect(chat['thinking']).toEqual((fields as Record<string, unknown>)['thinking']);
  });

  it('an effort that other vendors have no word for stays beside it', () => {
    const chat = chatWith({ output_config: { effort: 'max' } });
    expect(chat).toMatchObject({ reasoning_effort: 'high', output_config: { effort: 'max' } });
    expect(chatWith({})).not.toHaveProperty('output_config');
  });

  it('tools, and which of them', () => {
    const tools = [{ name: 'look', description: 'Looks', input_schema: { type: 'object' }, ...CACHED }];
    expect(chatWith({ tools }).tools).toEqual([
      { type: 'function', function: { name: 'look', description: 'Looks', parameters: { type: 'object' } }, ...CACHED },
    ]);
    const choiceOf = (choice: unknown) => chatWith({ tools, tool_choice: choice })['tool_choice'];
    expect(choiceOf({ type: 'auto' })).toBe('auto');
    expect(choiceOf({ type: 'any' })).toBe('required');
    expect(choiceOf({ type: 'none' })).toBe('none');
    expect(choiceOf({ type: 'tool', name: 'look' })).toEqual({ type: 'function', function: { name: 'look' } });
    const one = chatWith({ tools, tool_choice: { type: 'auto', disable_parallel_tool_use: true } });
    expect(one['parallel_tool_calls']).toBe(false);
  });

  it('a schema for the answer', () => {
    const schema = { type: 'object', properties: {} };
    const chat = chatWith({ output_config: { format: { type: 'json_schema', schema } } });
    expect(chat.response_format).toEqual({
      type: 'json_schema',
      json_schema: { name: 'answer', schema, strict: true },
    });
  });

  it('keeps every digit of a number that JavaScript would round', () => {
    const text =
      '{"model":"auto","max_tokens":9,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"n",' +
      '"input":{"id":12345678901234567890}}]},{"role":"user","content":"go"}]}';
    const body = keepSource(JSON.parse(text) as object, new JsonSource(text, outlineOf(text), false));
    const [first] = chatRequestOf(messagesRequestSchema.parse(body), body).messages;
    expect(first?.tool_calls?.[0]?.function?.arguments).toBe('{"id":12345678901234567890}');
  });
});

describe('what a session keeps of a request', () => {
  const chat = chatWith({
    system: 'Be brief.',
    messages: [
      { role: 'user', content: 'one' },
      { role: 'assistant', content: '1' },
      { role: 'user', content: [{ type: 'text', text: 'two', ...CACHED }] },
    ],
  });

  it('what is new, without marks', () => {
    expect(newMessages(chat)).toEqual([{ role: 'user', content: [{ type: 'text', text: 'two' }] }]);
  });

  it('an answer that was begun for the model is new as well', () => {
    const begun = { ...chat, messages: [...chat.messages, { role: 'assistant', content: 'It is' }] };
    expect(newMessages(begun).map(({ role }) => role)).toEqual(['user', 'assistant']);
  });

  it('x-session-id wins over the header of Claude Code', () => {
    const headers = { 'x-claude-code-session-id': 'claude-1' };
    expect(sessionOf(null, headers, chat)).toMatchObject({ sessionId: 'claude-1', turns: { use: 'sent' } });
    expect(sessionOf('own', headers, chat)).toMatchObject({ sessionId: 'own', turns: { use: 'stored' } });
    expect(sessionOf(null, { 'x-claude-code-session-id': 'not one/..' }, chat).sessionId).toBeNull();
  });
});

const user = (...content: unknown[]) => ({ messages: [{ role: 'user', content }] });
const docs = (source: unknown) => user({ type: 'document', source });

describe('what is wrong with a request', () => {
  it.each<[string, Record<string, unknown>]>([
    ['none', {}],
    ['max_tokens', { max_tokens: undefined }],
    ['max_tokens', { max_tokens: 0 }],
    ['max_tokens', { max_tokens: '5' }],
    ['model', { model: 7 }],
    ['messages', { messages: [] }],
    ['messages', { messages: 'hi' }],
    ['messages[0].role', { messages: [{ role: 'tool', content: 'x' }] }],
    ['messages[0].content', { messages: [{ role: 'user' }] }],
    ['messages[1].content', { messages: [...HI, { role: 'user', content: 5 }] }],
    ['messages[0].content[0]', user('text')],
    ['messages[0].content[0].type', user({ text: 'x' })],
    ['messages[0].content[0].type', user({ type: 'hologram' })],
    ['messages[0].content[0].type', user({ type: 'tool_use', id: 'a', name: 'b', input: {} })],
    ['messages[0].content[1].text', user({ type: 'text', text: 'x' }, { type: 'text', text: 5 })],
    ['messages[0].content[0].source', user({ type: 'image' })],
    ['messages[0].content[0].source.data', user({ type: 'image', source: { ...PNG, data: 5 } })],
    ['messages[0].content[0].source.media_type', user({ type: 'image', source: { ...PNG, media_type: 'a;b,c' } })],
    ['messages[0].content[0].source.type', user({ type: 'image', source: { type: 'file', file_id: 'f' } })],
    ['messages[0].content[0].source.type', docs({ type: 'file', file_id: 'f' })],
    ['messages[0].content[0].source.url', docs({ type: 'url', url: 'https://example.com/a.pdf' })],
    ['messages[0].content[0].source.media_type', docs({ type: 'base64', media_type: 'text/html', data: '' })],
    ['messages[0].content[0].source.content[0].text', docs({ type: 'content', content: [{ type: 'text' }] })],
    [
      'messages[0].content[0].content[0].tool_name',
      user({ type: 'tool_result', tool_use_id: 'a', content: [{ type: 'tool_reference' }] }),
    ],
    ['messages[0].content[0].type', user({ type: 'tool_reference', tool_name: 'x' })],
    ['tools[0].defer_loading', { tools: [{ name: 'x', input_schema: {}, defer_loading: 'yes' }] }],
    ['messages[0].content[0].tool_use_id', user({ type: 'tool_result', content: 'x' })],
    [
      'messages[0].content[0].content[0].source.data',
      user({ type: 'tool_result', tool_use_id: 'a', content: [{ type: 'image', source: { ...PNG, data: null } }] }),
    ],
    [
      'messages[0].content[0].input',
      { messages: [{ role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'b', input: 'x' }] }] },
    ],
    ['system[0].text', { system: [{ type: 'text' }] }],
    ['system[0].type', { system: [{ type: 'image', source: PNG }] }],
    ['tools[0].type', { tools: [{ type: 'web_search_20260209', name: 'web_search' }] }],
    [
      'tools[1].type',
      {
        tools: [
          { name: 'a', input_schema: {} },
          { type: 'bash_20250124', name: 'bash' },
        ],
      },
    ],
    ['tools[0].input_schema', { tools: [{ name: 'a' }] }],
    ['mcp_servers', { mcp_servers: [{ type: 'url', url: 'https://example.com', name: 'x' }] }],
    ['tool_choice.type', { tool_choice: { type: 'some' } }],
    ['tool_choice.name', { tool_choice: { type: 'tool' } }],
    ['stop_sequences[1]', { stop_sequences: ['a', 5] }],
    ['metadata.user_id', { metadata: { user_id: 5 } }],
    ['thinking.budget_tokens', { thinking: { type: 'enabled', budget_tokens: 'many' } }],
    ['output_config.effort', { output_config: { effort: 5 } }],
    ['stream', { stream: 'yes' }],
  ])('%s', (path, fields) => {
    expect(faultOf(requestWith(fields))).toBe(path);
  });

  it('is found at the first of a million', () => {
    const content = Array.from({ length: 1_000_000 }, () => 5);
    const started = performance.now();
    expect(faultOf(requestWith({ messages: [{ role: 'user', content }] }))).toBe('messages[0].content[0]');
    expect(performance.now() - started).toBeLessThan(500);
  });

  it('whatever JSON comes, it is a fault or a chat request', () => {
    const sometimes = {
      messages: fc.array(fc.record({ role: fc.constantFrom('user', 'assistant'), content: fc.jsonValue() })),
    };
    const bodies = fc.oneof(fc.jsonValue(), fc.record({ ...sometimes, system: fc.jsonValue(), tools: fc.jsonValue() }));
    fc.assert(
      fc.property(bodies, (body) => {
        const fields = typeof body === 'object' && body !== null ? { model: 'auto', max_tokens: 5, ...body } : body;
        const { success, data } = messagesRequestSchema.safeParse(fields);
        if (success) chatRequestOf(data, fields);
      }),
    );
  });
});
