import { sealOrigin } from '../../common/reasoning.js';
import { messagesOfInput as messagesWith } from './input-messages.js';
import { ToolNames } from './tool-names.js';

const messagesOfInput = (input: unknown, tools: unknown = []) => messagesWith(input, new ToolNames(tools)).messages;
const text = (value: unknown) => ({ type: 'text', text: value });
const call = { type: 'function_call', call_id: 'c1', name: 'weather', arguments: '{"city":"Oslo"}' };
const result = { type: 'function_call_output', call_id: 'c1', output: 'rain' };
const chatCall = { id: 'c1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } };
const image = { type: 'input_image', image_url: 'data:image/png;base64,AA==', detail: 'low' };
const chatImage = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'low' } };

describe('the input of a response as chat messages', () => {
  it('a text', () => expect(messagesOfInput('hi')).toEqual([{ role: 'user', content: 'hi' }]));

  it('messages of every role, with or without a type', () => {
    const input = [
      { role: 'developer', content: 'Be short.' },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
      { type: 'message', role: 'assistant', id: 'msg_1', content: [{ type: 'output_text', text: 'Hello.' }] },
      { role: 'user', content: [{ type: 'input_text', text: 'What is it?' }, image] },
    ];
    expect(messagesOfInput(input)).toEqual([
      { role: 'system', content: 'Be short.' },
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'Hello.' },
      { role: 'user', content: [{ type: 'text', text: 'What is it?' }, chatImage] },
    ]);
  });

  it('files', () => {
    const file = { type: 'input_file', filename: 'a.txt', file_data: 'aGk=' };
    expect(messagesOfInput([{ role: 'user', content: [file] }])[0]?.content).toEqual([
      { type: 'file', file: { filename: 'a.txt', file_data: 'data:text/plain;base64,aGk=' } },
    ]);
  });

  it('what a model said in one go is one message', () => {
    const details = [{ type: 'reasoning.text', text: 'hm', signature: 's' }];
    const input = [
      { role: 'user', content: 'Weather?' },
      { type: 'reasoning', summary: [], encrypted_content: sealOrigin('claude', details) },
      { role: 'assistant', content: 'I look.' },
      call,
      { ...call, call_id: 'c2' },
      result,
      { ...result, call_id: 'c2' },
    ];
    expect(messagesOfInput(input)).toEqual([
      { role: 'user', content: 'Weather?' },
      {
        role: 'assistant',
        content: 'I look.',
        tool_calls: [chatCall, { ...chatCall, id: 'c2' }],
        reasoning_details: [{ ...details[0], model: 'claude' }],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'rain' },
      { role: 'tool', tool_call_id: 'c2', content: 'rain' },
    ]);
  });

  it('several texts of one go, and of one result, stay apart', () => {
    const output = [
      { type: 'input_text', text: 'rain' },
      { type: 'input_text', text: 'wind' },
    ];
    const input = [{ role: 'assistant', content: 'I' }, { role: 'assistant', content: 'look.' }, call];
    expect(messagesOfInput([...input, { ...result, output }])).toEqual([
      { role: 'assistant', content: [text('I'), text('look.')], tool_calls: [chatCall] },
      { role: 'tool', tool_call_id: 'c1', content: [text('rain'), text('wind')] },
    ]);
  });

  it('custom calls have their text as JSON', () => {
    const input = [{ type: 'custom_tool_call', call_id: 'c1', name: 'sh', input: 'ls "a"' }];
    expect(messagesOfInput(input)).toEqual([
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'sh', arguments: '{"input":"ls \\"a\\""}' } }],
      },
    ]);
  });

  it('calls of tools in a namespace have the name that the model knows them by', () => {
    const inSpace = { ...call, name: 'get_weather', namespace: 'mcp__weather' };
    const custom = { type: 'custom_tool_call', call_id: 'c2', name: 'run', namespace: 'sh', input: 'ls' };
    const [message] = messagesOfInput([inSpace, custom]);
    expect(message?.tool_calls).toMatchObject([
      { id: 'c1', function: { name: 'mcp__weather__get_weather' } },
      { id: 'c2', function: { name: 'sh__run', arguments: '{"input":"ls"}' } },
    ]);
  });

  it('images of results stand behind all results', () => {
    const input = [
      call,
      { ...call, call_id: 'c2' },
      { ...result, output: [{ type: 'input_text', text: 'seen' }, image] },
      { ...result, call_id: 'c2' },
      { role: 'user', content: 'And?' },
    ];
    expect(messagesOfInput(input).slice(1)).toEqual([
      {
        role: 'tool',
        tool_call_id: 'c1',
        content: [text('seen'), text(expect.stringContaining('see the next user message'))],
      },
      { role: 'tool', tool_call_id: 'c2', content: 'rain' },
      { role: 'user', content: [{ type: 'text', text: expect.stringContaining('c1') }, chatImage] },
      { role: 'user', content: 'And?' },
    ]);
  });

  it.each([
    ['sealed by somebody else', { type: 'reasoning', encrypted_content: 'gAAAA' }],
    ['without a seal', { type: 'reasoning', summary: [{ type: 'summary_text', text: 'hm' }] }],
  ])('reasoning %s is left out', (_, reasoning) => {
    expect(messagesOfInput([reasoning, { role: 'assistant', content: 'Hi.' }])).toEqual([
      { role: 'assistant', content: 'Hi.' },
    ]);
  });

  it('reasoning that led to nothing is nothing', () => {
    expect(messagesOfInput([{ type: 'reasoning', encrypted_content: sealOrigin('m', [{}]) }])).toEqual([]);
  });

  it.each([
    [[7], 'input[0]'],
    [[{ role: 'user' }], 'input[0].content'],
    [[{ role: 'user', content: 7 }], 'input[0].content'],
    [[{ role: 'king', content: 'x' }], 'input[0].role'],
    [[{ content: 'x' }], 'input[0].role'],
    [[{ type: 7 }], 'input[0].type'],
    [[{ role: 'user', content: ['x'] }], 'input[0].content[0]'],
    [[{ role: 'user', content: [{ type: 'input_text' }] }], 'input[0].content[0].text'],
    [[{ role: 'user', content: [{ type: 'input_image', image_url: {} }] }], 'input[0].content[0].image_url'],
    [[{ role: 'user', content: [{ type: 'input_image' }] }], 'input[0].content[0].image_url'],
    [[{ role: 'user', content: [{ type: 'input_file', filename: 'x' }] }], 'input[0].content[0].file_data'],
    [[{ role: 'user', content: [{ type: 'sound' }] }], 'input[0].content[0].type'],
    [[{ role: 'assistant', content: [{ type: 'input_image' }] }], 'input[0].content[0].type'],
    [[{ ...call, arguments: {} }], 'input[0].arguments'],
    [[{ ...call, namespace: 7 }], 'input[0].namespace'],
    [[{ ...call, call_id: undefined }], 'input[0].call_id'],
    [[call, { ...result, output: 7 }], 'input[1].output'],
    [[{ type: 'reasoning', encrypted_content: 7 }], 'input[0].encrypted_content'],
  ])('%j names %s', (input, param) => {
    expect(() => messagesOfInput(input)).toThrow(
      expect.objectContaining({ param, status: 400, message: expect.stringContaining(param) }),
    );
  });
});
