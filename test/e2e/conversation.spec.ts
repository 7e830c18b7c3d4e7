import type { ChatMessage } from '../../src/common/chat.js';
import { answer, status, toolCall } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { cutAfter, stallAfter } from '../support/upstream-twists.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { ask, chat, jsonOf, openaiAt, payloadsOf, post, type ErrorJson } from '../support/router-calls.js';
import { GENEROUS, inOrder, keyFor, targetOn } from '../support/router-targets.js';

interface SessionJson {
  id: string;
  title: string;
  turns: { id: string; request_id: string; messages: ChatMessage[]; target: string; [field: string]: unknown }[];
}

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });

describe('a conversation with x-session-id', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  let sessions = 0;
  const fresh = () => `talk-${(sessions += 1)}`;
  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'llama3.2' });
    const price = { input: 1, output: 1 };
    const targets = [
      targetOn(upstream, { id: 'first', price }),
      targetOn(upstream, { id: 'second', price }),
      targetOn(upstream, { id: 'narrow', contextWindow: 256 }),
    ];
    const keys = [keyFor('acme-key'), keyFor('other-key', { tenant: 'other' })];
    router = await startRouter(inOrder(targets, { auth: { keys }, limits: GENEROUS, resilience: { retries: 0 } }));
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  const asAcme = (session?: string) => ({
    authorization: 'Bearer acme-key',
    ...(session === undefined ? {} : { 'x-session-id': session }),
  });
  const say = (session: string, content: string, body: object = {}) =>
    chat(router, { messages: [user(content)], ...body }, asAcme(session));
  const read = async (session: string, key = 'acme-key') =>
    fetch(`${router.url}/v1/sessions/${session}`, { headers: { 'x-api-key': key } });
  const turnsOf = async (session: string) => (await jsonOf<SessionJson>(await read(session))).turns;
  const sent = (index: number) => upstream.requests[index]?.body?.messages;

  it.each([{ stream: false }, { stream: true }])(
    'puts the stored turn in front, stream $stream',
    async ({ stream }) => {
      const session = fresh();
      upstream.script(answer('Oslo.'), answer('Lima.'));
      const first = await say(session, 'Capital of Norway?', { stream });
      await first.text();
      await (await say(session, 'And of Peru?', { stream })).text();
      expect(sent(0)).toEqual([user('Capital of Norway?')]);
      expect(sent(1)).toMatchObject([user('Capital of Norway?'), assistant('Oslo.'), user('And of Peru?')]);
      expect(first.headers.get('x-router-persisted')).toBe(stream ? null : 'true');
      expect(await turnsOf(session)).toMatchObject([
        {
          messages: [user('Capital of Norway?'), assistant('Oslo.')],
          target: 'first',
          tier: 'local',
          model: 'llama3.2',
        },
        { messages: [user('And of Peru?'), assistant('Lima.')] },
      ]);
    },
  );

  it('works for /query, in the body and in the header', async () => {
    const session = fresh();
    const query = (body: object, headers = asAcme()) => post(`${router.url}/query`, body, headers);
    upstream.script(answer('Oslo.'));
    const first = await jsonOf<{ metadata: object }>(await query({ query: 'Norway?', session_id: session }));
    expect(first.metadata).toMatchObject({
      session_id: session,
      context_used: false,
      context_turns: 0,
      persisted: true,
    });
    const second = await jsonOf<{ metadata: object }>(await query({ query: 'Peru?' }, asAcme(session)));
    expect(second.metadata).toMatchObject({
      session_id: session,
      context_used: true,
      context_turns: 1,
      persisted: true,
    });
    expect(sent(1)).toMatchObject([user('Norway?'), assistant('Oslo.'), user('Peru?')]);
  });

  it('keeps system messages first', async () => {
    const session = fresh();
    const system = (content: string) => ({ role: 'system', content });
    await (await chat(router, { messages: [system('Be brief.'), user('one')] }, asAcme(session))).text();
    await (await chat(router, { messages: [user('two'), system('Be kind.')] }, asAcme(session))).text();
    const roles = sent(1)?.map(({ role, content }) => [role, content]);
    expect(roles?.slice(0, 2).sort()).toEqual([
      ['system', 'Be brief.'],
      ['system', 'Be kind.'],
    ]);
    expect(roles?.slice(2)).toEqual([
      ['user', 'one'],
      ['assistant', 'Hello from upstream'],
      ['user', 'two'],
    ]);
  });

  it('drops the oldest turns first for a small context window', async () => {
    const session = fresh();
    // about 60 tokens a turn: two of the three fit 256 tokens less the reserve for the answer
    const long = (n: number) => `${n} ${'word '.repeat(40)}`;
    for (const n of [1, 2, 3, 4]) await (await say(session, long(n), { model: 'narrow' })).text();
    const spoken = sent(3)
      ?.filter(({ role }) => role === 'user')
      .map(({ content }) => (content as string)[0]);
    expect(spoken).toEqual(['2', '3', '4']);
    expect(sent(3)?.[1]).toMatchObject({ role: 'assistant' }); // a turn goes in whole
  });

  it('keeps a tool call with its answer', async () => {
    const session = fresh();
    const tools = [{ type: 'function', function: { name: 'f' } }];
    upstream.script(toolCall('f', { a: 1 }), answer('done'));
    await (await say(session, 'go', { tools })).text();
    const result = { role: 'tool', tool_call_id: 'call_1', content: '42' };
    await (await chat(router, { messages: [result], tools }, asAcme(session))).text();
    expect(sent(1)).toMatchObject([user('go'), { role: 'assistant', tool_calls: [{ id: 'call_1' }] }, result]);
  });

  it('has stored a streamed turn before [DONE] reaches the caller', async () => {
    const session = fresh();
    const { client } = openaiAt(router.url, { apiKey: 'acme-key' });
    const response = await client.chat.completions
      .create({ model: 'auto', messages: ask('hi'), stream: true }, { headers: { 'x-session-id': session } })
      .asResponse();
    let text = '';
    for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(piece).toString();
      if (text.includes('[DONE]')) break;
    }
    expect(await turnsOf(session)).toMatchObject([{ messages: [user('hi'), assistant('Hello from upstream')] }]);
  });

  it('does not store failed, cut and abandoned answers', async () => {
    const session = fresh();
    upstream.always(status(500));
    expect((await say(session, 'hi')).status).toBe(503);
    upstream.always(answer('one two three', {}, cutAfter(2)));
    const cut = payloadsOf(await (await say(session, 'hi', { stream: true })).text());
    expect(cut).not.toContain('[DONE]');
    upstream.always(answer('one two three', {}, stallAfter(2, 'never')));
    const { client } = openaiAt(router.url, { apiKey: 'acme-key' });
    const stream = await client.chat.completions.create(
      { model: 'auto', messages: ask('hi'), stream: true },
      { headers: { 'x-session-id': session } },
    );
    for await (const { choices } of stream) if (choices[0]?.delta.content) break;
    await upstream.idle(1_000);
    expect((await read(session)).status).toBe(404);
    upstream.always(answer('fine'));
    await (await say(session, 'again')).text();
    expect(upstream.requests.at(-1)?.body?.messages).toEqual([user('again')]);
  });

  it('can be listed, read, counted and erased', async () => {
    const session = fresh();
    await (await say(session, 'What is a fjord?', { model: 'first' })).text();
    await (await say(session, 'And a fjell?', { model: 'second' })).text();
    const headers = asAcme();
    const list = await jsonOf(await fetch(`${router.url}/v1/sessions?limit=1`, { headers }));
    expect(list).toMatchObject({ object: 'list', first_id: session, last_id: session, has_more: true });
    expect(list['data']).toMatchObject([{ id: session, title: 'What is a fjord?', turn_count: 2 }]);
    const next = await jsonOf(await fetch(`${router.url}/v1/sessions?limit=1&after=${session}`, { headers }));
    expect(next['first_id']).not.toBe(session);
    const insights = await jsonOf(await fetch(`${router.url}/v1/sessions/${session}/insights`, { headers }));
    expect(insights).toMatchObject({
      turns: 2,
      model_switches: 1,
      targets: { first: { turns: 1, share: 0.5 }, second: { turns: 1, share: 0.5 } },
      usage: { completion_tokens: 6 },
      cache_hits: 0,
      fallbacks: 0,
    });
    const erase = () => fetch(`${router.url}/v1/sessions/${session}`, { method: 'DELETE', headers });
    expect(await jsonOf(await erase())).toEqual({ id: session, object: 'session.deleted', deleted: true });
    expect((await read(session)).status).toBe(404);
    expect((await erase()).status).toBe(404);
    await (await say(session, 'Anyone there?')).text();
    expect(upstream.requests.at(-1)?.body?.messages).toEqual([user('Anyone there?')]);
  });

  it("does not show another tenant's session and does not mix the two", async () => {
    const session = fresh();
    await (await say(session, 'a secret')).text();
    const asOther = { 'x-api-key': 'other-key', 'x-session-id': session };
    for (const [path, method] of [
      ['', 'GET'],
      ['/insights', 'GET'],
      ['', 'DELETE'],
    ] as const) {
      const response = await fetch(`${router.url}/v1/sessions/${session}${path}`, { method, headers: asOther });
      expect(response.status).toBe(404);
      expect(await jsonOf<ErrorJson>(response)).toMatchObject({ error: { code: 'session_not_found' } });
    }
    await (await chat(router, { messages: [user('mine')] }, asOther)).text();
    expect(upstream.requests.at(-1)?.body?.messages).toEqual([user('mine')]);
    expect(await turnsOf(session)).toHaveLength(1);
    const listed = await jsonOf<{ data: object[] }>(
      await fetch(`${router.url}/v1/sessions`, { headers: { 'x-api-key': 'other-key' } }),
    );
    expect(listed.data).toMatchObject([{ id: session, title: 'mine' }]);
  });

  it.each(['a b', 'x'.repeat(129), 'a/b', '', 'ü'])('refuses the session id %j', async (id) => {
    const response = await post(
      `${router.url}/v1/chat/completions`,
      { model: 'auto', messages: ask('hi') },
      { ...asAcme(), 'x-session-id': Buffer.from(id).toString('latin1') },
    );
    expect(response.status).toBe(400);
    expect(await jsonOf<ErrorJson>(response)).toMatchObject({
      error: { code: 'invalid_request', param: 'x-session-id' },
    });
    expect(upstream.requests).toEqual([]);
  });
});
