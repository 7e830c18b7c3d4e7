import { called } from '../support/fault-row.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { post, jsonOf } from '../support/router-calls.js';
import { GENEROUS, targetOn } from '../support/router-targets.js';
import { answer, status } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { figure } from '../support/figure.js';

const MAIL = 'jane.doe@example.com';
const user = (content: unknown) => ({ role: 'user', content });
const text = (value: string) => ({ type: 'text', text: value });
const tool = (description: string, parameters: object = {}) => [
  { type: 'function', function: { name: 'find', description, parameters } },
];
const pdf = { type: 'file', file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${btoa('%PDF-1.4')}` } };

/** A request with private text somewhere; `hi` is said beside it. */
const HIDDEN: readonly [string, Record<string, unknown>][] = [
  ['user', { user: MAIL }],
  ['metadata', { metadata: { owner: MAIL } }],
  ['the name of a field of metadata', { metadata: { [MAIL]: '1' } }],
  ["a message's name", { messages: [{ ...user('hi'), name: MAIL }] }],
  [
    'function_call.arguments',
    {
      messages: [
        user('hi'),
        { role: 'assistant', content: null, function_call: { name: 'f', arguments: `{"to":"${MAIL}"}` } },
        user('go on'),
      ],
    },
  ],
  [
    'arguments with an escape',
    {
      messages: [
        user('hi'),
        {
          role: 'assistant',
          tool_calls: [
            { id: 'c', type: 'function', function: { name: 'f', arguments: '{"to":"jane\\u0040example.com"}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'c', content: 'sent' },
      ],
    },
  ],
  ["a tool's description", { tools: tool(`mails ${MAIL}`) }],
  [
    "a default in a tool's schema",
    { tools: tool('x', { type: 'object', properties: { to: { default: '+49 30 901820' } } }) },
  ],
  [
    'the schema of response_format',
    {
      response_format: {
        type: 'json_schema',
        json_schema: { name: 's', schema: { type: 'object', description: MAIL } },
      },
    },
  ],
  ['prediction', { prediction: { type: 'content', content: `Dear ${MAIL}` } }],
  [
    'file_data',
    {
      messages: [
        user([
          text('hi'),
          { type: 'file', file: { filename: 'a.txt', file_data: `data:text/plain;base64,${btoa(MAIL)}` } },
        ]),
      ],
    },
  ],
  ['a text that begins as a picture does', { messages: [user(`data:image/ ${'word '.repeat(40)} ${MAIL}`)] }],
  ['a file that cannot be read', { messages: [user([text('hi'), pdf])] }],
  [
    'a file in Latin-1',
    { x_file: `data:text/csv;base64,${Buffer.from(`M\u00fcller;${MAIL};K\u00f6ln`, 'latin1').toString('base64')}` },
  ],
  [
    'refusal',
    { messages: [user('hi'), { role: 'assistant', content: null, refusal: `not for ${MAIL}` }, user('why')] },
  ],
  [
    'reasoning_content',
    { messages: [user('hi'), { role: 'assistant', content: 'x', reasoning_content: MAIL }, user('why')] },
  ],
  ['an unknown field', { x_vendor: [{ deep: [{ er: MAIL }] }] }],
  ['a number', { metadata: { card: 4111111111111111 } }],
  ['two text parts', { messages: [user([text('write to jane.doe@exa'), text('mple.com')])] }],
  ['two messages', { messages: [user('write to jane.doe@'), user('example.com')] }],
  ['zero-width characters', { messages: [user('jane.doe@exam\u200bple.com')] }],
  ['full-width characters', { messages: [user('jane＠example．com')] }],
  ['full-width digits', { messages: [user('４１１１　１１１１　１１１１　１１１１')] }],
  ['a card with dots', { messages: [user('4111.1111.1111.1111')] }],
  ['an IBAN with dots', { messages: [user('DE89.3704.0044.0532.0130.00')] }],
  ['a national telephone number', { messages: [user('Ruf mich an: 030 901820')] }],
  ['a North American one', { messages: [user('reach me at (212) 555-0199')] }],
  ['a key that log redaction knows', { messages: [user(`use pk_live_${'a1B2c3D4'.repeat(3)}`)] }],
  ['a named secret', { messages: [user('api_key: 0123456789abcdef0123456789abcdef')] }],
];

const HARMLESS: readonly [string, string][] = [
  ['an order number', 'Where is order number 4711-2209?'],
  ['a hash', 'Is d41d8cd98f00b204e9800998ecf8427e an MD5?'],
  ['a version', 'Upgrade from version 1.2.3.4 to 2.0.0'],
  ['a date', 'Between 01.05.2024 12:30 and 2024-06-01'],
  ['a UUID', 'session 550e8400-e29b-41d4-a716-446655440000'],
  ['a price', 'It costs EUR 1.234.567,89'],
  ['versions', 'Does upgrading from 1.2.3.4 to 1.2.3.5 break openssl/1.1.1.1?'],
  ['an order number', 'Where is order 415-555-2671?'],
  ['coordinates', '52.520008, 13.404954'],
];

describe('text that must not leave', () => {
  let near: UpstreamServer;
  let cloud: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    near = await UpstreamServer.start({ model: 'near' });
    cloud = await UpstreamServer.start({ model: 'cloud' });
    const price = { input: 1, output: 1 };
    router = await startRouter({
      targets: [targetOn(cloud, { tier: 'cloud', price }), targetOn(near, { price })],
      models: [
        { name: 'auto', strategy: 'priority', targets: ['cloud', 'near'] },
        { name: 'checked', strategy: 'cascade', targets: ['cloud', 'near'] },
      ],
      cache: { enabled: false },
      limits: GENEROUS,
      privacy: { localOnly: true },
      resilience: { retries: 1, hedgeAfterMs: 30, breaker: { failures: 1000 } },
    });
  });
  beforeEach(() => {
    near.reset();
    cloud.reset();
  });
  afterAll(async () => {
    await router.close();
    await Promise.all([near.close(), cloud.close()]);
  });

  it('F11 a member named __proto__, which copies of the data lose, stays here', async () => {
    const body = JSON.stringify({ model: 'auto', messages: [user('hi')] }).replace(
      /}$/,
      `,"__proto__":{"to":"${MAIL}"}}`,
    );
    expect((await post(`${router.url}/v1/chat/completions`, body)).headers.get('x-router-target')).toBe('near');
    expect(cloud.requests).toHaveLength(0);
  });

  it.each(HIDDEN)('F11 %s stays here', async (_name, body) => {
    const seen = await called(router, body);
    expect([seen.status, seen.headers.get('x-router-target')]).toEqual([200, 'near']);
    expect(seen.headers.get('x-router-reason')).toBe('private_text');
    expect(cloud.requests).toHaveLength(0);
    expect(near.requests).toHaveLength(1);
  });

  it.each([
    ['a member that stands twice', `"x":{"note":"${MAIL}","note":"nothing"}`],
    ['a member of a tool that stands twice', `"tools":[{"type":"x","d":"${MAIL}","d":""}]`],
    ['all digits of a number', '"x":6304123456789012347'],
  ])('F11 %s stays here: the server gets the text', async (_name, member) => {
    const body = `{"model":"auto",${member},"messages":[{"role":"user","content":"hi"}]}`;
    const response = await post(`${router.url}/v1/chat/completions`, body);
    expect([response.status, response.headers.get('x-router-target')]).toEqual([200, 'near']);
    expect(await jsonOf(await post(`${router.url}/v1/route`, body))).toMatchObject({ target: 'near' });
    expect(cloud.requests).toHaveLength(0);
  });

  it.each(HARMLESS)('F11 %s is not private', async (_name, question) => {
    expect((await called(router, { messages: [user(question)] })).headers.get('x-router-target')).toBe('cloud');
  });

  it('F11 neither retries, hedges, cascades, recovery nor the next turn take it away', async () => {
    const messages = [user(`Prove that ${MAIL} is an address.`)];
    near.always(status(500));
    expect((await called(router, { messages })).status).toBeGreaterThanOrEqual(500);
    expect((await called(router, { messages, stream: true })).status).toBeGreaterThanOrEqual(500);
    near.always(answer(''));
    await called(router, { messages, model: 'checked' });
    near.reset();
    await called(router, { messages }, { 'x-session-id': 'private-talk' });
    const next = await called(router, { messages: [user('and why?')] }, { 'x-session-id': 'private-talk' });
    expect(next.headers.get('x-router-target')).toBe('near');
    expect(cloud.requests).toHaveLength(0);
  });

  it('F11 a cloud target that the caller names is refused, and the field is named', async () => {
    const seen = await called(router, { model: 'cloud', user: MAIL });
    expect([seen.status, seen.error]).toMatchObject([400, { code: 'privacy_no_local_target', param: 'user' }]);
    const second = await called(router, { model: 'cloud', messages: [user('hi'), user('my ssn is 536-22-1234')] });
    expect(second.error).toMatchObject({ code: 'privacy_no_local_target', param: 'messages[1]' });
    expect(cloud.requests).toHaveLength(0);
  });

  it('F11 /v1/route says the same', async () => {
    const decision = await jsonOf(
      await post(`${router.url}/v1/route`, { messages: [user('hi')], metadata: { owner: MAIL } }),
    );
    expect(decision).toMatchObject({ target: 'near', candidates: ['near'], reason_code: 'private_text' });
    figure('F11', `${HIDDEN.length} hiding places: 0 upstream calls of the cloud target`);
  });
});
