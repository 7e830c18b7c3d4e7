import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { figure } from '../support/fault-row.js';
import { Fleet } from '../support/fleet.js';
import { startRouter } from '../support/router-app.js';
import { chat, eventually, jsonOf, post, targetsOf, type ErrorJson } from '../support/router-calls.js';
import type { RouterProcess } from '../support/router-process.js';
import { GENEROUS, inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { status } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';

const SLOW = 90_000;
const SOON = 10_000;
const AGREE_MS = 10_000;

interface At {
  readonly url: string;
}

const steer = (router: At, id: string, what: 'drain' | 'enable', headers: Record<string, string> = {}) =>
  post(`${router.url}/admin/targets/${encodeURIComponent(id)}/${what}`, {}, headers);
const breakerOf = async (router: At, id: string): Promise<string | undefined> =>
  (await targetsOf(router)).find((target) => target.id === id)?.breaker;

describe('a drained target', () => {
  let upstream: UpstreamServer;
  let dataDir: string;

  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    dataDir = mkdtempSync(join(tmpdir(), 'router-drain-'));
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await upstream.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('F26 stays drained over a change of its entry and a restart, and so does enabled', async () => {
    const config = (price = 0) =>
      inOrder([targetOn(upstream, { id: 'a', price: { input: price, output: 0 } }), targetOn(upstream, { id: 'b/2' })]);
    const first = await startRouter(config(), { dataDir });
    expect((await steer(first, 'b/2', 'drain')).status).toBe(200);
    expect((await steer(first, 'a', 'drain')).status).toBe(200);
    await first.reload(config(1));
    expect([await breakerOf(first, 'a'), await breakerOf(first, 'b/2')]).toEqual(['drained', 'drained']);
    await first.reload(inOrder([targetOn(upstream, { id: 'b/2' })]));
    await first.reload(config(2));
    expect(await breakerOf(first, 'a')).toBe('drained');
    expect((await steer(first, 'b/2', 'enable')).status).toBe(200);
    const unknown = await steer(first, 'no-such-target', 'drain');
    expect([unknown.status, (await jsonOf<ErrorJson>(unknown)).error.code]).toEqual([404, 'model_not_found']);
    await first.close();

    const second = await startRouter(config(), { dataDir });
    expect([await breakerOf(second, 'a'), await breakerOf(second, 'b/2')]).toEqual(['drained', 'closed']);
    const response = await chat(second);
    expect([response.status, response.headers.get('x-router-target')]).toEqual([200, 'b/2']);
    await second.close();
  });

  it('F13 last_error says what and when; the words of the provider, redacted, only to an operator', async () => {
    const secret = 'sk-live-1234567890abcdef1234567890';
    const words = { error: { message: `Invalid key ${secret}; prompt was: call bob@example.com`, type: 'x' } };
    const router = await startRouter(
      inOrder([targetOn(upstream)], {
        auth: {
          keys: [
            keyFor('caller'),
            keyFor('admin', { tenant: 'beta', scopes: ['admin'] }),
            keyFor('operator', { tenant: 'ops', scopes: ['operator'] }),
          ],
        },
        limits: GENEROUS,
      }),
    );
    try {
      upstream.always(status(500, words));
      await (await chat(router, {}, { authorization: 'Bearer caller' })).text();
      const errorFor = async (key: string) =>
        (await targetsOf(router, { authorization: `Bearer ${key}` }))[0]?.['last_error'] as Record<string, unknown>;
      const seen = await errorFor('admin');
      expect(seen).toEqual({ outcome: 'server_error', status: 500, at: expect.any(String) });
      expect(Date.parse(seen['at'] as string)).toBeGreaterThan(Date.now() - SLOW);
      const told = await errorFor('operator');
      expect(told).toMatchObject({ outcome: 'server_error', status: 500, message: expect.any(String) });
      expect(JSON.stringify(told)).not.toMatch(/sk-live|bob@/);
    } finally {
      await router.close();
    }
  });
});

describe('a drained target of two replicas', () => {
  let fleet: Fleet;
  const both = (what: string, breaker: string) =>
    eventually(what, AGREE_MS, async () => {
      const all = await Promise.all(fleet.replicas.map((replica) => breakerOf(replica, 'upstream-model')));
      return all.every((one) => one === breaker);
    });

  beforeAll(async () => {
    fleet = await Fleet.start(2);
  }, SLOW);
  afterAll(() => fleet.close(), SLOW);

  it(
    'F26 is drained on both, over a reload, a flush of Redis and a new replica; the last word counts',
    async () => {
      const [a, b] = fleet.replicas as [RouterProcess, RouterProcess];
      const begun = performance.now();
      expect((await steer(a, 'upstream-model', 'drain')).status).toBe(200);
      await both('drained on both', 'drained');
      const agreed = performance.now() - begun;
      b.rewriteConfig(fleet.stack.config(fleet.upstream, { targets: [targetOn(fleet.upstream, { concurrency: 3 })] }));
      await b.awaitOutput(/Configuration reloaded/, SOON);
      await both('still, after a change of its entry', 'drained');

      const redis = fleet.stack.redis.client();
      await redis.flushall();
      const third = await fleet.create('unready'); // its only target is drained
      fleet.replicas.push(third);
      await both('on a new replica too', 'drained');
      expect((await chat(third)).status).toBe(503);
      await eventually('Redis has it again', SOON, async () => (await redis.exists('{targets}:drains')) === 1);
      redis.disconnect();

      expect((await steer(b, 'upstream-model', 'enable')).status).toBe(200);
      await both('enabled on all', 'closed');
      expect((await chat(a)).status).toBe(200);
      figure('F26', `three replicas agree; the second one ${agreed.toFixed(0)} ms after the first was told`);
    },
    SLOW,
  );
});
