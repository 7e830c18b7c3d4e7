import type { IdempotencyStore, StoredAnswer } from '../../src/modules/idempotency/idempotency-store.js';

const LEASE_MS = 60_000;
const SHORT_MS = 30;
const answer = (body: string): StoredAnswer => ({
  status: 200,
  headers: { 'content-type': 'application/json', 'x-router-target': 'local' },
  body,
  session: { tenant: 'acme', sessionId: 'one' },
});

/** What every idempotency store does. @param createStore an empty store */
export function describeIdempotencyStore(name: string, createStore: () => Promise<IdempotencyStore>): void {
  describe(`idempotency store: ${name}`, () => {
    let store: IdempotencyStore;
    beforeEach(async () => {
      store = await createStore();
    });
    const claim = (key = 'key', print = 'print', owner = 'one', leaseMs = LEASE_MS) =>
      store.claim(key, print, owner, leaseMs);

    it('gives a key to one only', async () => {
      const claims = await Promise.all(['one', 'two', 'three'].map((owner) => claim('key', 'print', owner)));
      expect(claims.map(({ state }) => state).sort()).toEqual(['begun', 'running', 'running']);
      expect(await claim('another')).toEqual({ state: 'begun' });
    });

    it('gives the answer back as it was, to the same request only', async () => {
      await claim();
      await store.complete('key', 'one', answer('Zwölf 🎻 \u0000 "x"'), LEASE_MS);
      expect(await claim('key', 'print', 'two')).toEqual({ state: 'done', answer: answer('Zwölf 🎻 \u0000 "x"') });
      expect(await claim('key', 'other print', 'two')).toEqual({ state: 'other' });
    });

    it('is free again after a release, and only its owner can release or complete it', async () => {
      await claim();
      await store.release('key', 'two');
      await store.complete('key', 'two', answer('not mine'), LEASE_MS);
      expect(await claim('key', 'print', 'two')).toEqual({ state: 'running' });
      await store.release('key', 'one');
      expect(await claim('key', 'other print', 'two')).toEqual({ state: 'begun' });
    });

    it('a release does not take a finished answer away', async () => {
      await claim();
      await store.complete('key', 'one', answer('kept'), LEASE_MS);
      await store.release('key', 'one');
      expect(await claim()).toMatchObject({ state: 'done' });
    });

    it('is free again when its owner does not renew', async () => {
      await claim('key', 'print', 'one', SHORT_MS);
      expect(await store.renew('key', 'one', SHORT_MS)).toBe(true);
      let state = 'running';
      while (state === 'running') ({ state } = await claim('key', 'print', 'two'));
      expect(state).toBe('begun');
      expect(await store.renew('key', 'one', SHORT_MS)).toBe(false);
    });

    it('forgets what it holds of a session', async () => {
      for (const key of ['a', 'b']) {
        await claim(key);
        await store.complete(key, 'one', { ...answer(key), session: { tenant: key, sessionId: 'one' } }, LEASE_MS);
      }
      await store.forgetSession({ tenant: 'a', sessionId: 'one' });
      expect(await claim('a', 'print', 'two')).toEqual({ state: 'begun' });
      expect(await claim('b', 'print', 'two')).toMatchObject({ state: 'done' });
    });
  });
}
