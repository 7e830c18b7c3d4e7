import type {
  IdempotencyStore,
  KEPT_OF_A_USER,
  StoredAnswer,
} from '../../src/modules/idempotency/idempotency-store.js';

type KeptBounds = typeof KEPT_OF_A_USER;

const BOUNDS: KeptBounds = { answers: 3, bytes: 1_000_000 };
const LEASE_MS = 60_000;
const SHORT_MS = 30;
const named = (name: string, user = 'alice') => ({ user, name });
const answer = (body: string): StoredAnswer => ({
  status: 200,
  headers: { 'content-type': 'application/json', 'x-router-target': 'local' },
  body,
  session: { tenant: 'acme', sessionId: 'one' },
});

/** What every idempotency store does. @param createStore an empty store */
export function describeIdempotencyStore(
  name: string,
  createStore: (bounds: KeptBounds) => Promise<IdempotencyStore>,
): void {
  describe(`idempotency store: ${name}`, () => {
    let store: IdempotencyStore;
    beforeEach(async () => {
      store = await createStore(BOUNDS);
    });
    const claim = (key = 'key', print = 'print', owner = 'one', leaseMs = LEASE_MS) =>
      store.claim(named(key), print, owner, leaseMs);

    it('gives a key to one only', async () => {
      const claims = await Promise.all(['one', 'two', 'three'].map((owner) => claim('key', 'print', owner)));
      expect(claims.map(({ state }) => state).sort()).toEqual(['claimed', 'running', 'running']);
      expect(await claim('another')).toEqual({ state: 'claimed' });
    });

    it('gives the answer back as it was, to the same request only', async () => {
      await claim();
      await store.complete(named('key'), 'one', answer('Zwölf 🎻 \u0000 "x"'), LEASE_MS);
      expect(await claim('key', 'print', 'two')).toEqual({ state: 'done', answer: answer('Zwölf 🎻 \u0000 "x"') });
      expect(await claim('key', 'other print', 'two')).toEqual({ state: 'other' });
    });

    it('is free again after a release, and only its owner can release or complete it', async () => {
      await claim();
      await store.release(named('key'), 'two');
      await store.complete(named('key'), 'two', answer('not mine'), LEASE_MS);
      expect(await claim('key', 'print', 'two')).toEqual({ state: 'running' });
      await store.release(named('key'), 'one');
      expect(await claim('key', 'other print', 'two')).toEqual({ state: 'claimed' });
    });

    it('a release does not take a finished answer away', async () => {
      await claim();
      await store.complete(named('key'), 'one', answer('kept'), LEASE_MS);
      await store.release(named('key'), 'one');
      expect(await claim()).toMatchObject({ state: 'done' });
    });

    it('is free again when its owner does not renew', async () => {
      await claim('key', 'print', 'one', SHORT_MS);
      expect(await store.renew(named('key'), 'one', SHORT_MS)).toBe(true);
      let state = 'running';
      while (state === 'running') ({ state } = await claim('key', 'print', 'two'));
      expect(state).toBe('claimed');
      expect(await store.renew(named('key'), 'one', SHORT_MS)).toBe(false);
    });

    it('forgets what it holds of a session', async () => {
      for (const key of ['a', 'b']) {
        await claim(key);
        await store.complete(
          named(key),
          'one',
          { ...answer(key), session: { tenant: key, sessionId: 'one' } },
          LEASE_MS,
        );
      }
      await store.forgetSession({ tenant: 'a', sessionId: 'one' });
      expect(await claim('a', 'print', 'two')).toEqual({ state: 'claimed' });
      expect(await claim('b', 'print', 'two')).toMatchObject({ state: 'done' });
    });

    const keep = async (key: string, body = key, user = 'alice') => {
      await store.claim(named(key, user), 'print', 'one', LEASE_MS);
      await store.complete(named(key, user), 'one', answer(body), LEASE_MS);
    };

    it('keeps so many answers of a user, and the oldest leave first', async () => {
      for (const key of ['a', 'b', 'c', 'd']) await keep(key);
      await keep('of another', 'x', 'bob');
      expect(await claim('a', 'print', 'two')).toEqual({ state: 'claimed' });
      for (const key of ['b', 'c', 'd']) expect(await claim(key)).toMatchObject({ state: 'done' });
    });

    it('keeps so many bytes of a user', async () => {
      for (const key of ['a', 'b', 'c']) await keep(key, 'x'.repeat(400_000));
      expect(await claim('a', 'print', 'two')).toEqual({ state: 'claimed' });
      for (const key of ['b', 'c']) expect(await claim(key)).toMatchObject({ state: 'done' });
    });

    it.each(['complete', 'release'] as const)('tells who waits of the end (%s)', async (how) => {
      await claim();
      const { signal } = new AbortController();
      const watches = [store.ended(named('key'), signal), store.ended(named('key'), signal)];
      if (how === 'complete') await store.complete(named('key'), 'one', answer('kept'), LEASE_MS);
      else await store.release(named('key'), 'one');
      await Promise.all(watches);
    });
  });
}
