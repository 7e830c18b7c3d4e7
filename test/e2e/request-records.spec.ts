import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ListedRecord } from '../../src/modules/telemetry/records/read-records.js';
import { sendRaw } from '../support/raw-http.js';
import { RedisServer } from '../support/redis-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, eventually, jsonOf, post, type ErrorJson } from '../support/router-calls.js';
import { RouterProcess, type RouterConfigInput } from '../support/router-process.js';
import { GENEROUS, inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { readinessOf } from '../support/store-stack.js';
import { answer, errorBody, status } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { cutAfter } from '../support/upstream-twists.js';

interface Place {
  readonly url: string;
}
interface RecordList {
  readonly object: string;
  readonly data: readonly ListedRecord[];
  readonly first_id: string | null;
  readonly last_id: string | null;
  readonly has_more: boolean;
}

const KEEP = 300;
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const ALICE = bearer('alice');
const ADA = bearer('ada');
const OPERATOR = bearer('olga');
const config = (rest: Partial<RouterConfigInput> = {}): RouterConfigInput => ({
  targets: [
    { id: 'small', tier: 'local', provider: 'simulated', price: { input: 1, output: 2 } },
    { id: 'large', tier: 'cloud', provider: 'simulated', price: { input: 10, output: 20 } },
  ],
  models: [{ name: 'auto', strategy: 'hybrid', targets: ['small', 'large'], cache: true }],
  limits: GENEROUS,
  auth: {
    keys: [
      keyFor('alice'),
      keyFor('bob'),
      keyFor('ada', { scopes: ['chat', 'admin'] }),
      keyFor('mallory', { tenant: 'other', scopes: ['chat', 'admin'] }),
      keyFor('olga', { scopes: ['operator', 'admin', 'chat'] }),
    ],
  },
  telemetry: { keepRequests: KEEP },
  ...rest,
});

const get = ({ url }: Place, path: string, headers: Record<string, string> = ALICE) => fetch(url + path, { headers });
const recordOf = async (place: Place, id: string, headers = ALICE): Promise<ListedRecord> => {
  const response = await get(place, `/v1/requests/${id}`, headers);
  expect([id, response.status]).toEqual([id, 200]);
  return jsonOf<ListedRecord>(response);
};
const listOf = async (place: Place, query = '', headers = ADA): Promise<RecordList> => {
  const response = await get(place, `/admin/requests?${query}`, headers);
  expect([query, response.status]).toEqual([query, 200]);
  return jsonOf<RecordList>(response);
};
const linesOf = async (place: Place, query = '', headers = OPERATOR): Promise<ListedRecord[]> => {
  const response = await get(place, `/admin/requests?format=jsonl&${query}`, headers);
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/jsonl; charset=utf-8']);
  return (await response.text())
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as ListedRecord);
};
const asked = async (
  place: Place,
  id: string,
  headers: Record<string, string> = ALICE,
  body: Record<string, unknown> = {},
) => {
  const response = await chat(place, { max_tokens: 2, ...body }, { ...headers, 'x-request-id': id });
  await response.text();
  return response;
};
const hasRedis = (place: Place) =>
  eventually('Redis is there', 10_000, async () => (await readinessOf(place)).checks['redis']?.status === 'up');

describe('records of requests on three replicas', () => {
  let redis: RedisServer;
  let replicas: RouterApp[];
  let [one, two, three] = [] as unknown as [RouterApp, RouterApp, RouterApp];
  beforeAll(async () => {
    redis = await RedisServer.start();
    replicas = await Promise.all([1, 2, 3].map(() => startRouter(config({ redis: { url: redis.url } }))));
    [one, two, three] = replicas as typeof replicas & [RouterApp, RouterApp, RouterApp];
    await Promise.all(replicas.map(hasRedis));
  }, 30_000);
  beforeEach(async () => {
    await Promise.all(replicas.map((replica) => listOf(replica))); // nothing waits to be written
    const client = redis.client();
    await client.flushall();
    client.disconnect();
  });
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.close()));
    await redis.close();
  });

  it('are found on another replica at once, with what the answer said', async () => {
    for (let n = 0; n < 10; n += 1) {
      const response = await asked(one, `r${n}`, ALICE, {
        stream: n % 2 === 0,
        messages: [{ role: 'user', content: `${n}` }],
      });
      const record = await recordOf(two, `r${n}`);
      expect(record).toMatchObject({
        request_id: `r${n}`,
        tenant: 'acme',
        user: 'alice',
        model: 'auto',
        strategy: 'hybrid',
        target: response.headers.get('x-router-target'),
        tier: response.headers.get('x-router-tier'),
        reason_code: response.headers.get('x-router-reason'),
        simulated: true,
        status: 200,
        outcome: 'answered',
        error_code: null,
        streamed: n % 2 === 0,
        attempts: [{ outcome: 'ok' }],
        fallback: false,
        recovered: false,
        cache: 'MISS',
        usage: { completion_tokens: 2 },
        saved_usd: 0,
        session_id: null,
        learned: { strong: expect.any(Boolean), weak_price: { input: 1, output: 2 } },
        feedback: null,
      });
      expect(record.timing.total_ms).toBeGreaterThan(0);
      expect(record.columns!.length).toBeGreaterThan(10);
      expect(Date.now() - Date.parse(record.at)).toBeLessThan(10_000);
      expect(await recordOf(three, `r${n}`)).toEqual(record);
    }
    expect((await recordOf(three, 'latest')).request_id).toBe('r9');
  });

  it('have what the decision was made of', async () => {
    await asked(one, 'decided');
    const { score, threshold, policy_version: policy, columns, learned } = await recordOf(one, 'decided');
    expect([score, threshold, learned!.score].every((value) => typeof value === 'number')).toBe(true);
    expect(policy).toMatch(/\+learned-/);
    expect(columns!.every((value) => value === Math.fround(value))).toBe(true);
  });

  it('tell of sessions, failures and what was turned away as well', async () => {
    await asked(one, 'in-session', { ...ALICE, 'x-session-id': 'talk-1' });
    await asked(one, 'unknown-model', ALICE, { model: 'nobody' });
    await asked(one, 'bad-body', ALICE, { messages: 7 });
    await asked(one, 'no-caller', {});
    const records = await Promise.all(['in-session', 'unknown-model', 'bad-body'].map((id) => recordOf(two, id)));
    expect(records).toMatchObject([
      { session_id: 'talk-1' },
      { model: 'other', status: 404, outcome: 'failed', error_code: 'model_not_found', target: null, usage: null },
      { model: 'auto', status: 400, outcome: 'failed', error_code: 'invalid_request', attempts: [], cache: null },
    ]);
    expect(await linesOf(one)).toHaveLength(3);
  });

  it('tell of kept answers, repeats, other attempts and cut streams', async () => {
    const [bad, good] = await Promise.all([
      UpstreamServer.start({ model: 'bad' }),
      UpstreamServer.start({ model: 'good' }),
    ]);
    const targets = [targetOn(bad), targetOn(good, { price: { input: 1, output: 2 } })];
    const { auth } = config();
    const router = await startRouter({ ...inOrder(targets, { cache: {} }), auth, limits: GENEROUS });
    bad.always(status(500, errorBody('no', 'server_error', 'broken')));
    await asked(router, 'first', ALICE, { max_tokens: 500 });
    await asked(router, 'second', ALICE, { max_tokens: 500 });
    await asked(router, 'keyed', { ...ALICE, 'idempotency-key': 'k1' }, { seed: 1 });
    await asked(router, 'repeat', { ...ALICE, 'idempotency-key': 'k1' }, { seed: 1 });
    good.always(answer('one two three four', {}, cutAfter(2)));
    await asked(router, 'cut', ALICE, { stream: true, seed: 2 }).catch(() => null);
    const ids = ['first', 'second', 'keyed', 'repeat', 'cut'];
    const records = await Promise.all(ids.map((id) => recordOf(router, id)));
    expect(records).toMatchObject([
      { cache: 'MISS', target: 'good', fallback: true, upstream_model: 'good', attempts: expect.anything() },
      { cache: 'HIT', target: 'good', attempts: [], cost_usd: 0, saved_usd: records[0]!.cost_usd, columns: null },
      { cache: 'MISS', status: 200, outcome: 'answered' },
      { cache: null, status: 200, outcome: 'answered', target: null, cost_usd: 0, usage: null, attempts: [] },
      { outcome: 'cut', status: 200, streamed: true, error_code: expect.any(String) },
    ]);
    expect(records[0]!.attempts.map(({ target, outcome }) => [target, outcome])).toEqual(
      expect.arrayContaining([
        ['bad', 'server_error'],
        ['good', 'ok'],
      ]),
    );
    expect(records[0]!.saved_usd).toBe(0);
    expect(records[0]!.cost_usd).toBeGreaterThan(0);
    await router.close();
    await Promise.all([bad.close(), good.close()]);
  });

  it('are ten a minute of what a limit refuses a user, and all of everything else', async () => {
    const router = await startRouter(config({ limits: { requestsPerMinute: 5 } }));
    await asked(router, 'bobs', bearer('bob'));
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => asked(router, `r${n}`)));
    const refused = answers.filter(({ status }) => status === 429).length;
    expect(refused).toBeGreaterThan(30);
    const records = await linesOf(router);
    expect(records.filter(({ status }) => status === 429)).toHaveLength(10);
    expect(records).toHaveLength(1 + (40 - refused) + 10);
    const metrics = await (await fetch(`${router.url}/metrics`)).text();
    const counted = [...metrics.matchAll(/^router_requests_total\{.*status="429".*\} (\d+)/gm)];
    expect(counted.reduce((sum, [, n]) => sum + Number(n), 0)).toBe(refused);
    await router.close();
  });

  it('are one a request: as many as were sent, whoever was asked', async () => {
    const ids = Array.from({ length: 120 }, (_, n) => `n${n}`);
    const statuses = await Promise.all(
      ids.map(async (id, n) => (await asked(replicas[n % 3]!, id, ALICE, n % 10 ? {} : { model: 'nobody' })).status),
    );
    const records = await eventuallyAll(ids.length);
    expect(records.map(({ request_id: id }) => id).sort()).toEqual([...ids].sort());
    const byId = new Map(records.map(({ request_id: id, status }) => [id, status]));
    expect(ids.map((id) => byId.get(id))).toEqual(statuses);
  });
  /** What two replicas have just counted is written within a moment. */
  const eventuallyAll = async (count: number): Promise<ListedRecord[]> => {
    let records: ListedRecord[] = [];
    await eventually(`${count} records`, 5_000, async () => (records = await linesOf(one)).length >= count);
    expect(records).toHaveLength(count);
    return records;
  };

  it('are exactly so many while replicas write at the same time', async () => {
    let most = 0;
    let running = true;
    const client = redis.client();
    const watching = (async () => {
      while (running) most = Math.max(most, await client.xlen('{activity}:requests'));
    })();
    for (let round = 0; round < 5; round += 1) {
      await Promise.all(Array.from({ length: 90 }, (_, n) => asked(replicas[n % 3]!, `r${round}-${n}`)));
    }
    await eventually('full', 5_000, async () => (await client.xlen('{activity}:requests')) === KEEP);
    running = false;
    await watching;
    expect(most).toBe(KEEP);
    expect(await client.hlen('{activity}:request-ids')).toBe(KEEP + 1);
    client.disconnect();
    expect(await eventuallyAll(KEEP)).toHaveLength(KEEP);
  }, 60_000);

  it('S02 are shown to their own user and to nobody else, and unknown ones are told alike', async () => {
    await asked(one, 'mine');
    const answers = await Promise.all([
      ...[bearer('bob'), bearer('mallory'), ADA, OPERATOR].map((of) => get(one, '/v1/requests/mine', of)),
      get(two, '/v1/requests/never-was'),
    ]);
    const told = await Promise.all(answers.map(async (answer) => `${answer.status} ${await answer.text()}`));
    expect(new Set(told).size).toBe(1);
    expect(told[0]).toMatch(/^404 .*"param":"id","code":"not_found"/);
    await asked(two, 'mine', bearer('mallory')); // the same id
    expect(await recordOf(three, 'mine')).toMatchObject({ tenant: 'acme' });
    expect(await recordOf(three, 'mine', bearer('mallory'))).toMatchObject({ tenant: 'other' });
  });

  it('S02 are listed of the own tenant, and of all to operators', async () => {
    await asked(one, 'a1');
    await asked(two, 'b1', bearer('bob'));
    await asked(three, 'm1', bearer('mallory'));
    await eventuallyAll(3);
    const idsOf = ({ data }: RecordList) => data.map(({ request_id: id }) => id).sort();
    expect(idsOf(await listOf(one))).toEqual(['a1', 'b1']);
    expect(idsOf(await listOf(one, 'tenant=acme'))).toEqual(['a1', 'b1']);
    expect(idsOf(await listOf(one, '', bearer('mallory')))).toEqual(['m1']);
    expect(idsOf(await listOf(one, '', OPERATOR))).toEqual(['a1', 'b1', 'm1']);
    expect(idsOf(await listOf(one, 'tenant=other', OPERATOR))).toEqual(['m1']);
    const refused = await get(one, '/admin/requests?tenant=other', ADA);
    expect([refused.status, (await jsonOf<ErrorJson>(refused)).error]).toMatchObject([
      403,
      { code: 'permission_denied', param: 'tenant' },
    ]);
    expect((await get(one, '/admin/requests', ALICE)).status).toBe(403);
    expect((await get(one, '/admin/requests', {})).status).toBe(401);
  });

  it('are listed newest first, in pages, and by target, outcome and id', async () => {
    for (let n = 0; n < 25; n += 1)
      await asked(one, `p${n}`, ALICE, n % 5 === 0 ? { model: 'nobody' } : { model: 'large' });
    const wanted = Array.from({ length: 25 }, (_, n) => `p${24 - n}`);
    const pages: RecordList[] = [];
    let after = '';
    do {
      pages.push(await listOf(one, `limit=10${after}`));
      after = `&after=${pages.at(-1)!.last_id}`;
    } while (pages.at(-1)!.has_more);
    expect(pages.map(({ data }) => data.length)).toEqual([10, 10, 5]);
    expect(pages.flatMap(({ data }) => data.map(({ request_id: id }) => id))).toEqual(wanted);
    expect(pages[0]).toMatchObject({ object: 'list', first_id: pages[0]!.data[0]!.id, last_id: pages[0]!.data[9]!.id });
    expect((await listOf(one)).data).toHaveLength(20);
    expect((await listOf(one, 'outcome=failed')).data.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
    expect((await listOf(one, 'target=large&outcome=answered')).data).toHaveLength(20);
    expect((await listOf(one, 'target=large&limit=20')).has_more).toBe(false);
    expect((await listOf(one, 'target=large&limit=19')).has_more).toBe(true);
    expect((await listOf(one, 'request_id=p7')).data.map(({ request_id: id }) => id)).toEqual(['p7']);
    expect(await listOf(one, 'target=nobody')).toEqual({
      object: 'list',
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
    });
    expect((await linesOf(one)).map(({ request_id: id }) => id)).toEqual(wanted);
    const [, second] = await linesOf(one, 'limit=2');
    expect((await linesOf(one, `after=${second!.id}&limit=3`)).map(({ request_id: id }) => id)).toEqual(
      wanted.slice(2, 5),
    );
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=many', 'limit'],
    ['format=jsonl&limit=100001', 'limit'],
    ['after=p3', 'after'],
    ['after=1-2-3', 'after'],
    ['after=%2B', 'after'],
    ['outcome=well', 'outcome'],
    ['format=xml', 'format'],
    ['tenant=', 'tenant'],
    ['user=alice', 'user'],
  ])('refuses ?%s at %s', async (query, param) => {
    const response = await get(one, `/admin/requests?${query}`, OPERATOR);
    expect(response.status).toBe(400);
    expect((await jsonOf<ErrorJson>(response)).error).toMatchObject({ code: 'invalid_request', param });
  });

  it('are not found by hostile ids', async () => {
    await asked(one, 'mine');
    const ids = [
      '%2e%2e',
      '*',
      'a%2Fb',
      '%00',
      'x'.repeat(5_000),
      "'%20OR%201=1--",
      '%F0%9F%98%80',
      '__proto__',
      '%0d%0aEVIL',
      ' ',
    ];
    for (const id of ids) {
      const { status } = await get(two, `/v1/requests/${id}`);
      expect([id, [400, 404, 414].includes(status)]).toEqual([id, true]);
    }
    const raw = await sendRaw(one.url, 'GET /v1/requests/%ff%fe HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    expect(raw.status).toBeGreaterThanOrEqual(400);
    expect(raw.status).toBeLessThan(500);
  });

  it('are listed beside what has another form, which is left out and leaves in its turn', async () => {
    const client = redis.client();
    const whole = { status: 200, session_id: null, attempts: [], timing: {}, tenant: 'acme', request_id: 'q' };
    const texts = ['', '7', 'null', '{"request_id":"q"}', '{"request_id":"q","session_id":5}', JSON.stringify(whole)];
    await client.xadd('{activity}:requests', '*', 'a', 'b');
    for (const text of texts) await client.xadd('{activity}:requests', '*', 'o', 'x', 'i', 'y', 'r', text);
    await asked(one, 'mine');
    expect((await recordOf(two, 'mine')).request_id).toBe('mine');
    for (const headers of [ADA, OPERATOR]) {
      expect((await listOf(two, '', headers)).data.map(({ request_id: id }) => id)).toEqual(['mine']);
      expect((await linesOf(two, '', headers)).map(({ request_id: id }) => id)).toEqual(['mine']);
    }
    await Promise.all(Array.from({ length: KEEP }, (_, n) => asked(one, `r${n}`)));
    expect(await eventuallyAll(KEEP)).toHaveLength(KEEP);
    client.disconnect();
  }, 30_000);

  it('wait while Redis is away, and are written once each when it is back', async () => {
    await asked(one, 'before');
    await recordOf(two, 'before');
    await redis.kill();
    const ids = Array.from({ length: 30 }, (_, n) => `away-${n}`);
    for (const id of ids) expect((await asked(one, id)).status).toBe(200);
    expect((await recordOf(one, 'away-3')).request_id).toBe('away-3'); // its own are known here
    const refused = await Promise.all([get(two, '/v1/requests/away-3'), get(one, '/admin/requests', ADA)]);
    for (const response of refused) {
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
      expect((await jsonOf<ErrorJson>(response)).error.code).toBe('overloaded');
    }
    const said = await post(`${one.url}/v1/feedback`, { request_id: 'away-3', score: 1 }, ALICE);
    expect(said.status).toBe(503);
    await redis.run();
    await eventually('written', 15_000, async () => {
      const response = await get(two, '/admin/requests?limit=100', ADA);
      return response.ok && (await jsonOf<RecordList>(response)).data.length >= ids.length;
    });
    const records = await linesOf(three);
    expect(records.map(({ request_id: id }) => id)).toEqual([...ids].reverse());
  }, 30_000);

  it('are written once each when Redis froze in the middle', async () => {
    const ids = Array.from({ length: 60 }, (_, n) => `frozen-${n}`);
    await Promise.all(ids.slice(0, 20).map((id) => asked(one, id)));
    redis.freeze();
    await Promise.all(ids.slice(20, 40).map((id) => asked(one, id)));
    redis.thaw();
    await Promise.all(ids.slice(40).map((id) => asked(one, id)));
    await eventually('written', 15_000, async () => {
      const response = await get(two, '/admin/requests?format=jsonl', OPERATOR);
      return response.ok && (await response.text()).split('\n').length > ids.length;
    });
    expect((await linesOf(three)).map(({ request_id: id }) => id).sort()).toEqual([...ids].sort());
  }, 30_000);
});

describe('records of requests in the embedded database', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'router-records-'));
  afterAll(() => rmSync(dataDir, { recursive: true }));

  it('are all there after SIGTERM, and a smaller number is in force after the next start', async () => {
    const router = await RouterProcess.start({ config: config(), dataDir });
    const ids = Array.from({ length: 50 }, (_, n) => `r${n}`);
    const answers = await Promise.all(ids.map((id) => asked(router, id)));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    await router.stop();
    const next = await startRouter(config({ telemetry: { keepRequests: 10 } }), { dataDir });
    const kept = await linesOf(next);
    expect(kept.map(({ request_id: id }) => id).sort()).toEqual([...ids].sort());
    await eventually('trimmed', 10_000, async () => (await linesOf(next)).length === 10);
    expect(await linesOf(next)).toEqual(kept.slice(0, 10));
    await next.close();
  }, 60_000);

  it('are none with keepRequests 0', async () => {
    const router = await startRouter(config({ telemetry: { keepRequests: 0 } }));
    await asked(router, 'r1');
    expect((await get(router, '/v1/requests/r1')).status).toBe(404);
    expect(await linesOf(router)).toEqual([]);
    await router.close();
  });
});
