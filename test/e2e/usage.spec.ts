import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allRequestLines, logTo, type Line } from '../support/captured-log.js';
import { chat, jsonOf, type ErrorJson } from '../support/router-calls.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { GENEROUS, inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { answer, status } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';

interface Sums {
  readonly requests: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cached_tokens: number;
  readonly cost_usd: number;
  readonly saved_usd: number;
  readonly unpriced_requests: number;
}

interface UsageJson {
  readonly object: string;
  readonly from: string;
  readonly to: string;
  readonly data: readonly (Sums & Readonly<Record<string, string | number>>)[];
  readonly total: Sums;
}

/** A request whose tokens cannot be added up exactly in doubles. */
const PRICE = { input: 0.1, output: 0.7 };
const ADMIN = { authorization: 'Bearer admin' };
const OPERATOR = { authorization: 'Bearer operator' };
const ALICE = { authorization: 'Bearer alice' };

describe('GET /admin/usage', () => {
  let upstream: UpstreamServer;
  let second: UpstreamServer;
  let router: RouterApp;
  let dataDir: string;
  let lines: Line[];
  beforeAll(async () => {
    [upstream, second] = await Promise.all([UpstreamServer.start(), UpstreamServer.start()]);
  });
  beforeEach(async () => {
    upstream.reset();
    second.reset();
    lines = [];
    dataDir = mkdtempSync(join(tmpdir(), 'usage-'));
    router = await start();
  });
  afterEach(async () => {
    await router.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  afterAll(() => Promise.all([upstream.close(), second.close()]));

  const start = () =>
    startRouter(
      inOrder([targetOn(upstream, { id: 'first', price: PRICE }), targetOn(second, { id: 'unpriced' })], {
        auth: {
          keys: [
            keyFor('admin', { scopes: ['chat', 'admin'] }),
            keyFor('operator', { tenant: 'house', scopes: ['chat', 'admin', 'operator'] }),
            keyFor('alice'),
            keyFor('zoe', { tenant: 'zeta' }),
          ],
        },
        limits: GENEROUS,
        resilience: { retries: 0 },
      }),
      { dataDir, logger: logTo(lines) },
    );
  const ask = async (headers: Record<string, string>, body: Record<string, unknown> = {}) =>
    (await chat(router, body, headers)).text();
  const get = (query = '', headers: Record<string, string> = ADMIN) =>
    fetch(`${router.url}/admin/usage${query}`, { headers });
  const read = async (query = '', headers: Record<string, string> = ADMIN) =>
    jsonOf<UsageJson>(await get(query, headers));

  it('is what the requests themselves tell, by all names that are asked for', async () => {
    upstream.always(answer('one two three'));
    for (let n = 0; n < 5; n += 1) await ask(ALICE, { stream: n % 2 === 0 });
    upstream.always(status(500));
    second.always(answer('from the second'));
    await ask(ALICE); // falls back to the one without a price
    await ask(ALICE, { model: 'first' }); // fails
    const own = await allRequestLines(router, lines);
    const cost = own.reduce((sum, { cost_usd: usd }) => sum + ((usd as number | null) ?? 0), 0);
    const { object, data, total } = await read('?by=user,model,target');
    expect(object).toBe('list');
    expect(data.map(({ user, model, target, requests }) => [user, model, target, requests])).toEqual([
      ['alice', 'auto', 'first', 5],
      ['alice', 'auto', 'unpriced', 1],
      ['alice', 'first', 'none', 1],
    ]);
    expect(total.cost_usd).toBeCloseTo(cost, 9);
    expect(total).toMatchObject({ requests: 7, unpriced_requests: 1 });
    const { prompt_tokens: prompt, completion_tokens: completion } = data[0]!;
    expect(total.cost_usd).toBe(Math.round(prompt * 100 + completion * 700) / 1e9);
    expect(prompt).toBeGreaterThan(0);
  });

  it('is still there after a restart', async () => {
    await ask(ALICE);
    const before = await read();
    expect(before.total.requests).toBe(1);
    await router.close();
    router = await start();
    expect(await read()).toEqual(before);
    await ask(ALICE);
    expect((await read()).total.requests).toBe(2);
  });

  it('shows admins their own tenant and operators all, or the one they ask for', async () => {
    await ask(ALICE);
    await ask({ authorization: 'Bearer zoe' });
    const tenants = async (query: string, headers: Record<string, string>) =>
      (await read(query, headers)).data.map(({ tenant }) => tenant);
    expect(await tenants('', ADMIN)).toEqual(['acme']);
    expect(await tenants('?tenant=acme', ADMIN)).toEqual(['acme']);
    expect(await tenants('', OPERATOR)).toEqual(['acme', 'zeta']);
    expect(await tenants('?tenant=zeta', OPERATOR)).toEqual(['zeta']);
    expect(await tenants('?tenant=nobody', OPERATOR)).toEqual([]);
    const refused = await get('?tenant=zeta');
    expect(refused.status).toBe(403);
    expect((await jsonOf<ErrorJson>(refused)).error).toMatchObject({ code: 'permission_denied', param: 'tenant' });
    expect((await get('', ALICE)).status).toBe(403);
  });

  it('is a file for a spreadsheet where one is asked for', async () => {
    await ask(ALICE);
    const response = await get('?by=tenant,user&format=csv&from=2026-01-01&to=2026-01-31');
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="usage-2026-01-01-2026-01-31.csv"');
    const heading =
      'tenant,user,requests,prompt_tokens,completion_tokens,cached_tokens,cost_usd,saved_usd,unpriced_requests';
    expect(await response.text()).toBe(`${heading}\r\n`);
    expect(await (await get('?by=tenant,user&format=csv')).text()).toMatch(
      new RegExp(`^${heading}\r\nacme,alice,1,\\d+,\\d+,0,0\\.\\d+,0,0\r\n$`),
    );
  });

  it.each([
    ['?from=yesterday', 'from'],
    ['?from=2026-02-30', 'from'],
    ['?to=1', 'to'],
    ['?from=2026-02-02&to=2026-02-01', 'to'],
    ['?from=2020-01-01&to=2026-02-01', 'from'],
    ['?by=tokens', 'by'],
    ['?by=day&by=user', 'by'],
    ['?format=xml', 'format'],
    ['?tenant=', 'tenant'],
  ])('refuses %s and names %s', async (query, param) => {
    const response = await get(query);
    expect(response.status).toBe(400);
    const { error } = await jsonOf<ErrorJson>(response);
    expect(error).toMatchObject({ code: 'invalid_request', param });
    expect(error.message.startsWith(`${param}:`)).toBe(true);
  });

  it('says how much is not written yet', async () => {
    const unwritten = async () =>
      /router_usage_unwritten_requests (\d+)/.exec(await (await fetch(`${router.url}/metrics`)).text())?.[1];
    expect(await unwritten()).toBe('0');
    await ask(ALICE);
    expect(await unwritten()).toBe('1');
    await read();
    expect(await unwritten()).toBe('0');
  });
});
