import { figure } from '../../../test/support/figure.js';
import type { ChatRequest } from '../chat.js';
import { PRIVATE_KINDS } from '../config/config.schema.js';
import { PRIVATE_EDGES } from './private-edges.fixture.js';
import { HARMLESS_CASES, PRIVATE_CASES } from './private-text.fixture.js';
import { findPrivateKinds, findPrivateText, privateField, UNREAD } from './private-text.js';

const kindsIn = (text: string) => findPrivateKinds(text, PRIVATE_KINDS);
const user = (content: unknown) => ({ role: 'user', content }) as ChatRequest['messages'][number];
const requestOf = (fields: Record<string, unknown>) =>
  ({ model: 'auto', messages: [user('hi')], ...fields }) as ChatRequest;
const findIn = (fields: Record<string, unknown>) => findPrivateText(requestOf(fields), [], PRIVATE_KINDS);

describe('private text', () => {
  it.each([...PRIVATE_CASES, ...PRIVATE_EDGES])('finds %s in %s', (kind, text) =>
    expect(kindsIn(text)).toContain(kind),
  );
  it.each(HARMLESS_CASES)('finds nothing in %s', (text) => expect(kindsIn(text)).toEqual([]));

  it('recall and precision of each kind', () => {
    for (const kind of PRIVATE_KINDS) {
      const own = PRIVATE_CASES.filter(([of]) => of === kind);
      const found = own.filter(([, text]) => kindsIn(text).includes(kind)).length;
      const others = PRIVATE_CASES.filter(([of]) => of !== kind).map(([, text]) => text);
      const wrong = [...HARMLESS_CASES, ...others].filter((text) => kindsIn(text).includes(kind)).length;
      figure('F11', `${kind}: recall ${found} of ${own.length}, precision ${found} of ${found + wrong}`);
      expect(found).toBe(own.length);
      expect(found / (found + wrong)).toBeGreaterThanOrEqual(0.97);
    }
  });

  it('looks only for the kinds that are asked for', () =>
    expect(findPrivateKinds('a@example.com 4111111111111111', ['creditCard'])).toEqual(['creditCard']));

  const MAIL = 'jane@example.com';
  it.each([
    ['a part', { messages: [user([{ type: 'text', text: MAIL }])] }, 'messages[0]'],
    [
      'two parts',
      { messages: [user(['jane@exam', 'ple.com'].map((text) => ({ type: 'text', text })))] },
      'messages[0]',
    ],
    ['two messages', { messages: [user('jane@'), user('example.com')] }, 'messages'],
    [
      'a tool call',
      { messages: [{ role: 'assistant', tool_calls: [{ function: { arguments: `{"to":"${MAIL}"}` } }] }] },
      'messages[0]',
    ],
    ['a function call', { messages: [{ role: 'assistant', function_call: { arguments: MAIL } }] }, 'messages[0]'],
    ['a name', { messages: [user('hi'), { role: 'user', name: MAIL, content: 'x' }] }, 'messages[1]'],
    ['a refusal', { messages: [{ role: 'assistant', refusal: MAIL }] }, 'messages[0]'],
    ['reasoning', { messages: [{ role: 'assistant', reasoning_content: MAIL }] }, 'messages[0]'],
    ['user', { user: MAIL }, 'user'],
    ['metadata', { metadata: { owner: MAIL } }, 'metadata'],
    ['the name of a field', { metadata: { [MAIL]: 'x' } }, 'metadata'],
    ['a number', { metadata: { card: 4111111111111111 } }, 'metadata'],
    ['the name of the field as the label', { metadata: { phone: 5552671 } }, 'metadata'],
    ['a tool', { tools: [{ type: 'function', function: { name: 'f', description: `mails ${MAIL}` } }] }, 'tools'],
    [
      'a schema',
      { response_format: { type: 'json_schema', json_schema: { schema: { enum: [MAIL] } } } },
      'response_format',
    ],
    ['a prediction', { prediction: { type: 'content', content: MAIL } }, 'prediction'],
    ['stop', { stop: ['x', MAIL] }, 'stop'],
    ['an unknown field, deep', { x_new: { a: [{ b: [[{ c: MAIL }]] }] } }, 'x_new'],
    [
      'a file',
      { messages: [user([{ type: 'file', file: { file_data: `data:text/plain;base64,${btoa(MAIL)}` } }])] },
      'messages[0]',
    ],
    ['base64', { x_blob: btoa(`the address of Jane is ${MAIL}`) }, 'x_blob'],
  ])('sees %s', (_name, fields, param) => {
    expect(findIn(fields).length).toBeGreaterThan(0);
    expect(privateField(requestOf(fields), PRIVATE_KINDS)).toBe(param);
  });

  it('sees the stored conversation', () => {
    const history = [{ messages: [user(`I am ${MAIL}`)] }];
    expect(findPrivateText({ model: 'auto', messages: [user('and?')] }, history, ['email'])).toEqual(['email']);
  });

  it.each([
    [
      'a picture',
      { messages: [user([{ type: 'image_url', image_url: { url: `data:image/png;base64,${btoa(MAIL)}` } }])] },
    ],
    [
      'an ordinary request',
      {
        temperature: 0.7,
        max_tokens: 1_000,
        seed: 1234567,
        tools: [
          {
            type: 'function',
            function: { name: 'find_order', parameters: { type: 'object', properties: { id: { type: 'string' } } } },
          },
        ],
      },
    ],
    [
      'numbers that only meet',
      {
        messages: [
          user([
            { type: 'text', text: 'in 2024' },
            { type: 'text', text: '30 901 people' },
          ]),
        ],
      },
    ],
  ])('finds nothing in %s', (_name, request) => expect(findIn(request)).toEqual([]));

  it('takes for private what has more places than are looked at, and ends there', () => {
    const looked = (numbers: number) => findIn({ messages: [user('4111 '.repeat(numbers))] });
    expect(looked(100_000)).toEqual([]);
    expect(looked(130_000)).toEqual([UNREAD]);
    expect(privateField(requestOf({ x_rows: '1) '.repeat(130_000) }), PRIVATE_KINDS)).toBe('x_rows');
  });

  it('reads the whole text', () => expect(kindsIn(`${'word '.repeat(200_000)} a@example.com`)).toEqual(['email']));
});
