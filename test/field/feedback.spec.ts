import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { figure } from '../support/figure.js';
import { RedisServer } from '../support/redis-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import type { RouterConfigInput } from '../support/router-process.js';
import { eventually, jsonOf, post, type ErrorJson } from '../support/router-calls.js';
import { GENEROUS, keyFor } from '../support/router-targets.js';

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const ALICE = bearer('alice');
const OTHERS = [bearer('bob'), bearer('mallory')];
const config = (rest: Partial<RouterConfigInput> = {}): RouterConfigInput => ({
  targets: [{ id: 'small', tier: 'local', provider: 'simulated' }],
  limits: GENEROUS,
  auth: { keys: [keyFor('alice'), keyFor('bob'), keyFor('mallory', { tenant: 'other' })] },
  ...rest,
});
const asked = async ({ url }: RouterApp, id: string, headers = ALICE, query = 'hi') => {
  expect((await post(`${url}/query`, { query, max_tokens: 1 }, { ...headers, 'x-request-id': id })).status).toBe(200);
};
const judge = ({ url }: RouterApp, id: string, headers = ALICE, more: object = {}) =>
  post(`${url}/v1/feedback`, { request_id: id, score: 1, ...more }, headers);

describe('feedback', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'router-feedback-'));
  let router: RouterApp;
  beforeAll(async () => {
    router = await startRouter(config(), { dataDir });
  });
  afterAll(async () => {
    await router.close();
    rmSync(dataDir, { recursive: true });
  });

  const feedbackOf = async (id: string, headers = ALICE) => {
    const response = await fetch(`${router.url}/v1/requests/${id}`, { headers });
    return (await jsonOf<{ feedback: { score: number; comment?: string } | null }>(response)).feedback;
  };

  it('F16 for a request of others, or one that never was, is the same 404, and nothing is written', async () => {
    await asked(router, 'mine');
    const answers = await Promise.all([...OTHERS.map((of) => judge(router, 'mine', of)), judge(router, 'never-was')]);
    const told = await Promise.all(answers.map(async (answer) => `${answer.status} ${await answer.text()}`));
    expect(new Set(told).size).toBe(1);
    expect(told[0]).toMatch(/^404 .*"param":"request_id","code":"not_found"/);
    expect(await feedbackOf('mine')).toBeNull();
    expect((await judge(router, 'mine')).status).toBe(200);
    expect(await feedbackOf('mine')).toMatchObject({ score: 1 });
  });

  it('F16 an answer from the cache can be judged too', async () => {
    await asked(router, 'first', ALICE, 'Say it twice.');
    await asked(router, 'second', ALICE, 'Say it twice.');
    expect((await judge(router, 'second')).status).toBe(200);
  });

  it('F16 the same said again is not written again, and one user writes at most a small part', async () => {
    await asked(router, 'flooded');
    expect((await judge(router, 'flooded', ALICE, { comment: 'same' })).status).toBe(200);
    const before = await feedbackOf('flooded');
    const again = await Promise.all(
      Array.from({ length: 5 }, () => judge(router, 'flooded', ALICE, { comment: 'same' })),
    );
    expect(again.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(await feedbackOf('flooded')).toEqual(before);
    const flood = async (i: number) => judge(router, 'flooded', ALICE, { comment: `${i} `.padEnd(2000, 'x') });
    let refused: Response | null = null;
    let taken = 0;
    for (let i = 0; i < 60 && !refused; i += 1) {
      const answers = await Promise.all(Array.from({ length: 10 }, (_, k) => flood(10 * i + k)));
      taken += answers.filter(({ status }) => status === 200).length;
      refused = answers.find(({ status }) => status !== 200) ?? null;
    }
    expect(refused?.status).toBe(429);
    expect((await jsonOf<ErrorJson>(refused!)).error.code).toBe('rate_limit_exceeded');
    expect(Number(refused!.headers.get('retry-after'))).toBeGreaterThan(3600);
    await asked(router, 'of-bob', bearer('bob'));
    expect((await judge(router, 'of-bob', bearer('bob'))).status).toBe(200);
    expect(taken * 2_000).toBeLessThan(1_000_000);
    figure('F16', `a user's flood of 2 kB comments: ${taken} written over each other, then 429`);
  });

  it('F16 the latest request needs no id', async () => {
    await asked(router, 'the-latest', bearer('bob'));
    const answer = await judge(router, 'latest', bearer('bob'));
    expect([answer.status, await answer.json()]).toEqual([200, { request_id: 'the-latest', stored: true }]);
    expect((await judge(router, 'latest', bearer('mallory'))).status).toBe(404);
  });

  it('F16 the length of a comment is bounded, and the field is named', async () => {
    const response = await judge(router, 'mine', ALICE, { comment: 'x'.repeat(2001) });
    expect(response.status).toBe(400);
    expect((await jsonOf<ErrorJson>(response)).error).toMatchObject({ code: 'invalid_request', param: 'comment' });
  });

  it('F16 a request from before a restart is still known, to its user alone', async () => {
    await asked(router, 'old-one');
    await router.close();
    router = await startRouter(config(), { dataDir });
    const answers = await Promise.all([ALICE, ...OTHERS].map((headers) => judge(router, 'old-one', headers)));
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 404]);
    const many = await Promise.all(Array.from({ length: 40 }, (_, i) => judge(router, `unknown ${i}`)));
    expect(new Set(many.map(({ status }) => status))).toEqual(new Set([404]));
  });

  it('F16 a request that another replica answered is known through Redis', async () => {
    const redis = await RedisServer.start();
    const replicas = await Promise.all([1, 2].map(() => startRouter(config({ redis: { url: redis.url } }))));
    try {
      const [one, two] = replicas as [RouterApp, RouterApp];
      const isReady = async ({ url }: RouterApp) =>
        (await (await fetch(`${url}/ready`)).text()).includes('"redis":{"status":"up"');
      await eventually('Redis', 5_000, async () => (await isReady(one)) && (await isReady(two)));
      await asked(one, 'elsewhere');
      expect((await judge(two, 'elsewhere')).status).toBe(200); // at once
      expect((await judge(two, 'elsewhere', OTHERS[0])).status).toBe(404);
    } finally {
      await Promise.all(replicas.map((replica) => replica.close()));
      await redis.close();
    }
  });
});
