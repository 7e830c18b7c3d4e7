import { words } from '../support/openai-answer.js';
import { figure } from '../support/figure.js';
import { Fleet } from '../support/fleet.js';
import { ask, chat, jsonOf, post, streamedText, type ErrorJson } from '../support/router-calls.js';
import { keyFor } from '../support/router-targets.js';
import { answer, status } from '../support/upstream-behaviours.js';
import { paced } from '../support/upstream-twists.js';

const SLOW = 60_000;
/** Takes 200 ms, so that duplicates come while it runs. */
const slowAnswer = answer(words(10), {}, paced(20));

describe('R12 Idempotency-Key over three replicas', () => {
  let fleet: Fleet;
  let keys = 0;
  beforeAll(async () => {
    const limits = { requestsPerMinute: 100_000, tokensPerMinute: 100_000_000 };
    const auth = { keys: ['alice', 'bob'].map((name) => keyFor(name, { limits })) };
    fleet = await Fleet.start(3, { auth, resilience: { retries: 0 } });
  }, SLOW);
  beforeEach(() => fleet.upstream.reset());
  afterEach(() => fleet.stack.heal());
  afterAll(() => fleet.close(), SLOW);

  const freshKey = () => `key-${(keys += 1)}`;
  const as = (key: string, user = 'alice') => ({ authorization: `Bearer ${user}`, 'idempotency-key': key });
  const on = (n: number) => fleet.replicas[n % fleet.replicas.length]!;

  it.each([false, true])(
    'one upstream call and the same answer, also while the first runs (stream %s)',
    async (stream) => {
      fleet.upstream.always(slowAnswer);
      const key = freshKey();
      const send = (n: number) => chat(on(n), { stream, messages: ask('tell me') }, as(key));
      const together = await Promise.all(Array.from({ length: 9 }, (_, n) => send(n)));
      const later = await send(1);
      const texts = await Promise.all([...together, later].map((response) => response.text()));
      expect([...together, later].map((response) => response.status)).toEqual(texts.map(() => 200));
      expect(new Set(texts).size).toBe(1);
      if (stream) expect(streamedText(texts[0]!)).toBe(words(10));
      expect(fleet.upstream.requests).toHaveLength(1);
      expect(later.headers.get('idempotent-replayed')).toBe('true');
      expect(later.headers.get('content-type')).toBe(together[0]!.headers.get('content-type'));
      expect(later.headers.get('x-router-target')).toBe(together[0]!.headers.get('x-router-target'));
      figure('R12', `stream ${stream}: upstream calls = 1 for 10 requests on 3 replicas, answers equal`);
    },
  );

  it('stores the turn of the session once, and erasing the session forgets the answer', async () => {
    const key = freshKey();
    const send = async (n: number) =>
      jsonOf<{ metadata: object }>(await post(`${on(n).url}/query`, { query: 'hi', session_id: 'r12' }, as(key)));
    const first = await send(0);
    expect(await send(1)).toEqual(first);
    expect((await fleet.stack.documents()).filter(({ session }) => session === 'r12')).toHaveLength(1);
    const session = `${on(2).url}/v1/sessions/r12`;
    expect((await fetch(session, { method: 'DELETE', headers: as('x') })).status).toBe(200);
    await send(1);
    expect(fleet.upstream.requests).toHaveLength(2);
  });

  it('another request under the same key: 409, and no upstream call', async () => {
    const key = freshKey();
    expect((await chat(on(0), { messages: ask('one') }, as(key))).status).toBe(200);
    const other = await chat(on(1), { messages: ask('two') }, as(key));
    expect(other.status).toBe(409);
    expect((await jsonOf<ErrorJson>(other)).error).toMatchObject({
      code: 'idempotency_conflict',
      param: 'idempotency-key',
    });
    expect(fleet.upstream.requests).toHaveLength(1);
  });

  it('a key belongs to its user', async () => {
    const key = freshKey();
    await chat(on(0), { messages: ask('one') }, as(key));
    expect((await chat(on(1), { messages: ask('two') }, as(key, 'bob'))).status).toBe(200);
    expect(fleet.upstream.requests).toHaveLength(2);
  });

  it('a failure is not kept: the next request with the key is a new try', async () => {
    fleet.upstream.script(status(500));
    const key = freshKey();
    expect((await chat(on(0), { messages: ask('one') }, as(key))).status).toBeGreaterThanOrEqual(500);
    expect((await chat(on(1), { messages: ask('one') }, as(key))).status).toBe(200);
  });

  it('a caller that goes away gives the key back', async () => {
    fleet.upstream.script(slowAnswer);
    const key = freshKey();
    const gone = new AbortController();
    const body = { model: 'auto', messages: ask('one'), stream: true };
    const first = await post(`${on(0).url}/v1/chat/completions`, body, as(key), gone.signal);
    await first.body?.getReader().read();
    gone.abort();
    const second = await post(`${on(1).url}/v1/chat/completions`, body, as(key));
    expect(await second.text()).toContain('[DONE]');
    expect(fleet.upstream.requests).toHaveLength(2);
  });

  it.each(['', 'x'.repeat(256), 'a b'])('refuses the key "%s"', async (key) => {
    const response = await chat(on(0), {}, as(key));
    expect(response.status).toBe(400);
    expect((await jsonOf<ErrorJson>(response)).error).toMatchObject({
      code: 'invalid_request',
      param: 'idempotency-key',
    });
  });

  it('Redis away: answers as if there were no key', async () => {
    await fleet.stack.redisProxy.set('refuse');
    expect((await chat(on(0), {}, as(freshKey()))).status).toBe(200);
  });
});
