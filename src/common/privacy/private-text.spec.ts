import { figure } from '../../../test/support/figure.js';
import type { ChatRequest } from '../chat.js';
import { PRIVATE_KINDS } from '../config/config.schema.js';
import { HARMLESS_EDGES, PRIVATE_EDGES } from './private-edges.fixture.js';
import { HARMLESS_CASES, PRIVATE_CASES } from './private-text.fixture.js';
import { findPrivateKinds, findPrivateText, UNREAD, UNREADABLE } from './private-text.js';

const kindsIn = (text: string) => findPrivateKinds(text, PRIVATE_KINDS);
const user = (content: unknown) => ({ role: 'user', content }) as ChatRequest['messages'][number];
const requestOf = (fields: Record<string, unknown>) =>
  ({ model: 'auto', messages: [user('hi')], ...fields }) as ChatRequest;
const textOf = (fields: Record<string, unknown>) => findPrivateText(requestOf(fields), [], PRIVATE_KINDS);
const findIn = (fields: Record<string, unknown>) => textOf(fields).kinds;
const file = (data: string, type = 'text/plain') => ({
  messages: [user([{ type: 'file', file: { file_data: `data:${type};base64,${data}` } }])],
});
const base64 = (text: string, encoding: BufferEncoding = 'utf8') => Buffer.from(text, encoding).toString('base64');
const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').toString('base64');

describe('private text', () => {
  it.each([...PRIVATE_CASES, ...PRIVATE_EDGES])('finds %s in %s', (kind, text) =>
    expect(kindsIn(text)).toContain(kind),
  );
  it.each([...HARMLESS_CASES, ...HARMLESS_EDGES])('finds nothing in %s', (text) => expect(kindsIn(text)).toEqual([]));

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
    ['a negative number', { metadata: { card: -4111111111111111 } }, 'metadata'],
    ['a negative number of many digits', { metadata: { card: -4111111111111111n } }, 'metadata'],
    ['a list of short numbers', { metadata: { card: [4111, 1111, 1111, 1111] } }, 'metadata'],
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
    expect(textOf(fields).field).toBe(param);
  });

  const UMLAUTS = `M\u00fcller;${MAIL};K\u00f6ln\n`.repeat(3);
  it.each([
    ['a text that begins as a picture does', { messages: [user(`data:image/ ${'word '.repeat(40)} ${MAIL}`)] }],
    ['what follows a picture', { messages: [user(`data:image/png;base64,${PNG}" ${MAIL}`)] }],
    ['a drawing', { messages: [user(`data:image/svg+xml,<svg><text>${MAIL}</text></svg>`)] }],
    ['a drawing in base64', file(base64(`<svg><text>${MAIL}</text></svg>`), 'image/svg+xml')],
    ['a text that is called a picture', file(base64(MAIL), 'image/png')],
    ['Latin-1', file(base64(UMLAUTS, 'latin1'), 'text/csv')],
    ['UTF-16', file(base64(`write to ${MAIL}`, 'utf16le'))],
    ['UTF-16 with its mark', file(base64(`\ufeffwrite to ${MAIL}`, 'utf16le'))],
    ['UTF-16 in the other order', file(Buffer.from(`\ufeff${MAIL}`, 'utf16le').swap16().toString('base64'))],
    ['a file whose name has a comma', file(base64(MAIL), 'text/plain;name="a,b.txt"')],
    ['a short file', file(base64('a@b.de'))],
    ['a file in running text', { messages: [user(`see ![x](data:text/plain;base64,${base64(MAIL)})`)] }],
    ['base64 in running text', { messages: [user(`decode ${base64(`please write to ${MAIL} today`)} for me`)] }],
    ['base64 in lines', { messages: [user(base64(UMLAUTS).replaceAll(/.{40}/g, '$&\r\n'))] }],
  ])('sees into %s', (_name, fields) => expect(findIn(fields)).toContain('email'));

  it.each([
    ['PDF', file(base64(`%PDF-1.4\n1 0 obj <</Author (${MAIL})>>`), 'application/pdf')],
    ['PDF without its type', { x_blob: base64(`%PDF-1.4\n1 0 obj <</Author (${MAIL})>>`) }],
    ['Office', file(base64('PK\u0003\u0004 word/document.xml'), 'application/zip')],
    ['unknown bytes', file(base64('\u0000\u0001\u0002'), 'application/octet-stream')],
    ['zeros in a text', file(base64('a text\u0000'.repeat(3) + 'and a longer one behind'))],
  ])('takes a file that it cannot read for private: %s', (_name, fields) =>
    expect(findIn(fields)).toEqual([UNREADABLE]),
  );

  it('notes the field while it reads, so that no text is read twice', () => {
    const messages = Array.from({ length: 40 }, () => user('123 45 6789 '.repeat(8_000)));
    const request = requestOf({ messages });
    const start = process.cpuUsage();
    expect(findPrivateText(request, [], PRIVATE_KINDS)).toMatchObject({
      kinds: [UNREAD],
      field: expect.stringMatching(/^messages\[\d+\]$/) as string,
    });
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(500);
  });

  it('sees the stored conversation', () => {
    const history = [{ messages: [user(`I am ${MAIL}`)] }];
    expect(findPrivateText({ model: 'auto', messages: [user('and?')] }, history, ['email'])).toEqual({
      kinds: ['email'],
      field: 'messages',
    });
  });

  it.each([
    ['a picture', { messages: [user([{ type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}` } }])] }],
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
    expect(textOf({ x_rows: '1) '.repeat(130_000) }).field).toBe('x_rows');
  });

  it('reads the whole text', () => expect(kindsIn(`${'word '.repeat(200_000)} a@example.com`)).toEqual(['email']));
});
