import { startRouter, type RouterApp } from '../support/router-app.js';
import { post } from '../support/router-calls.js';
import { GENEROUS, targetOn } from '../support/router-targets.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { figure } from '../support/figure.js';

const PNG = 'iVBORw0KGgo=';
const text = (value: string) => ({ type: 'text', text: value });
const input = (value: string) => ({ type: 'input_text', text: value });
const user = (content: unknown) => ({ role: 'user', content });
const picture = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } };
const shown = { type: 'input_image', image_url: `data:image/png;base64,${PNG}` };

const use = (id: string) => ({ type: 'tool_use', id, name: 'find', input: {} });
const result = (id: string, content: unknown, more: object = {}) => ({
  ...{ type: 'tool_result', tool_use_id: id, content },
  ...more,
});
/** A conversation in which a tool has been called twice. */
const called = (...blocks: unknown[]) => ({
  messages: [user('hi'), { role: 'assistant', content: [use('t1'), use('t2')] }, user(blocks)],
});
const call = (id: string) => ({ type: 'function_call', call_id: id, name: 'find', arguments: '{}' });
const output = (id: string, value: unknown) => ({ type: 'function_call_output', call_id: id, output: value });
const said = (value: string) => ({ role: 'assistant', content: value });
const document = (source: unknown, more: object) => ({ type: 'document', source, ...more });
const plain = (data: string) => ({ type: 'text', media_type: 'text/plain', data });

type Cut = (one: string, two: string) => Record<string, unknown>;

/** Where a text may be cut in two in Anthropic's Messages. */
const IN_MESSAGES: readonly [string, Cut][] = [
  ['blocks of system', (one, two) => ({ system: [text(one), text(two)], messages: [user('hi')] })],
  [
    'blocks of a system message',
    (one, two) => ({ messages: [user('hi'), { role: 'system', content: [text(one), text(two)] }, user('go on')] }),
  ],
  ['blocks of a user', (one, two) => ({ messages: [user([text(one), text(two)])] })],
  [
    'blocks of an assistant',
    (one, two) => ({ messages: [user('hi'), { role: 'assistant', content: [text(one), text(two)] }, user('go on')] }),
  ],
  ['parts of a tool_result', (one, two) => called(result('t1', [text(one), text(two)]))],
  [
    'parts of a tool_result with a mark',
    (one, two) => called(result('t1', [text(one), text(two)], { cache_control: { type: 'ephemeral' } })),
  ],
  ['parts of a tool_result around an image', (one, two) => called(result('t1', [text(one), picture, text(two)]))],
  ['two tool_results', (one, two) => called(result('t1', one), result('t2', two))],
  ['two tool_results that failed', (one, two) => called(result('t1', one), result('t2', two, { is_error: true }))],
  ['two tool_results with an image', (one, two) => called(result('t1', [text(one), picture]), result('t2', two))],
  ['a tool_result and the text behind it', (one, two) => called(result('t1', one), text(two))],
  [
    'a tool_result with an image and the text behind it',
    (one, two) => called(result('t1', [text(one), picture]), text(two)),
  ],
  ['title and data of a document', (one, two) => ({ messages: [user([document(plain(two), { title: one })])] })],
  [
    'title and context of a document',
    (one, two) => ({ messages: [user([document(plain('.'), { title: one, context: two })])] }),
  ],
  [
    'title and content of a document',
    (one, two) => ({ messages: [user([document({ type: 'content', content: two }, { title: one })])] }),
  ],
  [
    'title and source of a search_result',
    (one, two) => ({ messages: [user([{ type: 'search_result', title: one, source: two, content: [text('.')] }])] }),
  ],
];

/** And in OpenAI's Responses. */
const IN_RESPONSES: readonly [string, Cut][] = [
  ['parts of a user', (one, two) => ({ input: [user([input(one), input(two)])] })],
  [
    'parts of a developer',
    (one, two) => ({ input: [{ role: 'developer', content: [input(one), input(two)] }, user('hi')] }),
  ],
  ['instructions and a system message', (one, two) => ({ instructions: one, input: [user(two)] })],
  [
    'parts of an assistant',
    (one, two) => ({
      input: [
        user('hi'),
        {
          role: 'assistant',
          content: [
            { type: 'output_text', text: one },
            { type: 'output_text', text: two },
          ],
        },
        user('go on'),
      ],
    }),
  ],
  ['two assistant items', (one, two) => ({ input: [user('hi'), said(one), said(two), user('go on')] })],
  ['parts of an output', (one, two) => ({ input: [user('hi'), call('c1'), output('c1', [input(one), input(two)])] })],
  [
    'parts of an output around an image',
    (one, two) => ({ input: [user('hi'), call('c1'), output('c1', [input(one), shown, input(two)])] }),
  ],
  [
    'two outputs, one with an image',
    (one, two) => ({
      input: [user('hi'), call('c1'), call('c2'), output('c1', [input(one), shown]), output('c2', two)],
    }),
  ],
  [
    'an output with an image and the message behind it',
    (one, two) => ({ input: [user('hi'), call('c1'), output('c1', [input(one), shown]), user(two)] }),
  ],
];

const DOORS = [
  ...IN_MESSAGES.map(([name, cut]) => [`messages: ${name}`, 'messages', cut] as const),
  ...IN_RESPONSES.map(([name, cut]) => [`responses: ${name}`, 'responses', cut] as const),
];

describe('text that must not leave, behind the other doors', () => {
  let near: UpstreamServer;
  let cloud: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    near = await UpstreamServer.start({ model: 'near' });
    cloud = await UpstreamServer.start({ model: 'cloud' });
    const more = { price: { input: 1, output: 1 }, capabilities: ['tools' as const, 'vision' as const] };
    router = await startRouter({
      targets: [targetOn(cloud, { ...more, tier: 'cloud' }), targetOn(near, more)],
      models: [{ name: 'auto', strategy: 'priority', targets: ['cloud', 'near'] }],
      cache: { enabled: false },
      limits: GENEROUS,
      privacy: { localOnly: true },
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

  const send = async (door: string, body: Record<string, unknown>, headers: Record<string, string> = {}) => {
    const response = await post(`${router.url}/v1/${door}`, { model: 'auto', max_tokens: 9, ...body }, headers);
    const raw = await response.text();
    expect([response.status, raw]).toEqual([200, expect.anything()]);
    return { target: response.headers.get('x-router-target'), raw };
  };

  it.each(DOORS)('F11 cut in two stays here: %s', async (_name, door, cut) => {
    const body = cut('write to anna.schmidt@exa', 'mple.de');
    expect((await send(door, body)).target).toBe('near');
    expect((await send(door, { ...body, stream: true })).target).toBe('near');
    expect([cloud.requests.length, near.requests.length]).toEqual([0, 2]);
  });

  it.each(DOORS)('F11 cut in two and harmless goes on: %s', async (_name, door, cut) => {
    const body = cut('write to anna at the exa', 'mple house');
    expect((await send(door, body)).target).toBe('cloud');
    const sent = cloud.requests[0]!.body!;
    // what servers of OpenAI's protocol take nowhere but from a user
    const others = sent.messages.filter(({ role }) => role !== 'user');
    expect(others.filter(({ content }) => Array.isArray(content))).toEqual([]);
    expect(JSON.stringify(sent.messages)).toMatch(/write to anna at the exa.*mple house/);
  });

  it.each([
    ['messages', IN_MESSAGES],
    ['responses', IN_RESPONSES],
  ])('F11 %s: what is stored keeps its borders', async (door, places) => {
    for (const [at, [name, cut]] of places.entries()) {
      const headers = { 'x-session-id': `cut-${door}-${at}` };
      await send(door, cut('write to anna.schmidt@exa', 'mple.de'), headers);
      const next = await send(door, door === 'messages' ? { messages: [user('why?')] } : { input: 'why?' }, headers);
      // `instructions` are of one response
      expect([name, next.target]).toEqual([name, name.startsWith('instructions') ? 'cloud' : 'near']);
      const plainly = await post(
        `${router.url}/v1/chat/completions`,
        { model: 'auto', messages: [user('?')] },
        headers,
      );
      await plainly.text();
      expect(plainly.headers.get('x-router-target')).toBe(next.target);
    }
    figure('F11', `${places.length} places in ${door} where a text may be cut: 0 upstream calls of the cloud target`);
  });

  it('F11 a stored text of parts goes to servers of chat as one text', async () => {
    const headers = { 'x-session-id': 'in-parts' };
    await send(
      'messages',
      { ...called(result('t1', [text('a'), text('b')])), system: [text('c'), text('d')] },
      headers,
    );
    await post(`${router.url}/v1/chat/completions`, { model: 'auto', messages: [user('?')] }, headers);
    const messages = cloud.requests[1]!.body!.messages;
    expect(messages).toMatchObject([{ role: 'system', content: 'c\n\nd' }, {}, {}, { content: 'a\n\nb' }, {}, {}]);
  });
});
