import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, importJWK, type CryptoKey } from 'jose';
import { Agent, request } from 'undici';
import { figure } from '../support/figure.js';
import { answer } from '../support/upstream-behaviours.js';
import { Fleet } from '../support/fleet.js';
import { registeredRoutes } from '../support/registered-routes.js';
import { sendRaw } from '../support/raw-http.js';
import { startRouter } from '../support/router-app.js';
import { chat, eventually, jsonOf, type ErrorJson } from '../support/router-calls.js';
import { GENEROUS, keyFor, targetOn } from '../support/router-targets.js';
import { bearing, OTHER_TENANT, TENANT, TokenIssuer, type TokenShape } from '../support/token-issuer.js';

const SLOW = 120_000;
const REPLICAS = 3;
const ISSUER = 'https://login.microsoftonline.com/{tid}/v2.0';
const issuerOf = (tenant: string) => ISSUER.replace('{tid}', tenant);
/** The same names in another tenant. */
const ELSEWHERE = { iss: issuerOf(OTHER_TENANT), tid: OTHER_TENANT };

const REFUSED = {
  message: 'Missing or invalid API key. Send it as "Authorization: Bearer <key>", x-api-key or api-key.',
  type: 'authentication_error',
  param: null,
  code: 'invalid_api_key',
};

/** What answers without a credential, and nothing else does. A new route does not belong here unless DESIGN says so. */
const OPEN_ROUTES = new Set([
  '/',
  '/health',
  '/ready',
  '/metrics',
  '/docs',
  '/docs/',
  '/docs/*',
  '/docs/LICENSE',
  '/openapi.json',
  '/openapi.yaml',
]);
const isOpen = (path: string): boolean => OPEN_ROUTES.has(path) || /^\/docs(\/docs)?\/[\w.-]+$/.test(path);

describe('who is calling, on three replicas', () => {
  let fleet: Fleet;
  let issuer: TokenIssuer;
  let stranger: CryptoKey;
  let routes: readonly string[];

  beforeAll(async () => {
    [issuer, { privateKey: stranger }] = await Promise.all([TokenIssuer.start(), generateKeyPair('RS256')]);
    fleet = await Fleet.start(REPLICAS, {
      auth: {
        jwt: { ...issuer.config, issuer: ISSUER, tenants: [TENANT, OTHER_TENANT] },
        keys: [keyFor('chat-key'), keyFor('admin-key', { scopes: ['admin'] })],
      },
      limits: GENEROUS,
      cache: { enabled: true },
    });
    const app = await startRouter({ targets: [targetOn(fleet.upstream)] });
    routes = registeredRoutes(app);
    await app.close();
  }, SLOW);
  afterAll(async () => {
    await fleet?.close();
    await Promise.all([issuer.close(), ...agents.map((agent) => agent.close())]);
  }, SLOW);
  beforeEach(() => {
    fleet.upstream.reset();
    issuer.behaviour = 'serves';
  });

  /** What every replica answers. */
  const everywhere = (headers: Record<string, string>, body: Record<string, unknown> = {}) =>
    Promise.all(fleet.replicas.map((replica) => chat(replica, body, headers)));
  const statusesOf = async (shape: TokenShape): Promise<number[]> => {
    const answers = await everywhere(bearing(await issuer.token(shape)));
    await Promise.all(answers.map((answer) => answer.text()));
    return answers.map(({ status }) => status);
  };
  const at = (n: number) => fleet.replicas[n % REPLICAS]!;
  const agents: Agent[] = [];
  /** A caller at another address of this machine: failures are counted by address, and each test has its own. */
  const callerAt = (address: string, replica: (n: number) => { readonly url: string } = at) => {
    const agent = new Agent({ localAddress: address });
    agents.push(agent);
    return async (n: number, headers: Record<string, string>) => {
      const answer = await request(`${replica(n).url}/v1/models`, { dispatcher: agent, headers });
      return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
    };
  };

  const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const parts = async (shape: TokenShape = {}) => (await issuer.token(shape)).split('.') as [string, string, string];

  /** Every way to make a token that is not to be believed. */
  const forgeries: Record<string, () => Promise<string>> = {
    'alg none, without a signature': async () => {
      const [, claims] = await parts();
      return `${base64({ alg: 'none', typ: 'JWT' })}.${claims}.`;
    },
    'alg none, with a signature': async () => {
      const [, claims, signature] = await parts();
      return `${base64({ alg: 'none', typ: 'JWT', kid: issuer.publicKey.kid })}.${claims}.${signature}`;
    },
    'HS256 with the public key': async () => {
      const key = (await importJWK(issuer.publicKey, 'RS256', { extractable: true })) as CryptoKey;
      return issuer.token({ header: { alg: 'HS256' }, key: Buffer.from(await exportSPKI(key)) });
    },
    'HS256 with the modulus': () =>
      issuer.token({ header: { alg: 'HS256' }, key: Buffer.from(issuer.publicKey.n!, 'base64url') }),
    'no end': () => issuer.token({ without: ['exp'] }),
    'an end that is text': () => issuer.token({ claims: { exp: String(Date.now()) as never } }),
    'not yet valid': () => issuer.token({ claims: { nbf: Math.floor(Date.now() / 1000) + 600 } }),
    'another audience': () => issuer.token({ claims: { aud: 'api://another' } }),
    'the audience of Microsoft Graph': () => issuer.token({ claims: { aud: '00000003-0000-0000-c000-000000000000' } }),
    'no audience': () => issuer.token({ without: ['aud'] }),
    'another issuer': () => issuer.token({ claims: { iss: 'https://evil.example/' } }),
    'no issuer': () => issuer.token({ without: ['iss'] }),
    'a tenant that is not listed': () => {
      const tid = '77777777-7777-7777-7777-777777777777';
      return issuer.token({ claims: { tid, iss: issuerOf(tid) } });
    },
    'the issuer of another tenant than its own': () => issuer.token({ claims: { tid: OTHER_TENANT } }),
    'an unknown key': () => issuer.token({ header: { kid: 'unknown' }, key: stranger }),
    'a known kid and another key': () => issuer.token({ key: stranger }),
    'no kid and another key': () => issuer.token({ header: { kid: undefined }, key: stranger }),
    'a jwk of its own in the header': async () => {
      const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
      return issuer.token({ header: { jwk: await exportJWK(publicKey), kid: 'own' }, key: privateKey });
    },
    'a critical header': () => issuer.token({ header: { crit: ['exp'], exp: 1 }, key: stranger }).catch(() => 'x.y.z'),
    'a changed claim': async () => {
      const [header, , signature] = await parts();
      const [, claims] = await parts({ claims: { scp: 'chat operator' } });
      return `${header}.${claims}.${signature}`;
    },
    'no signature': async () => (await parts()).slice(0, 2).join('.'),
    'an empty signature': async () => `${(await parts()).slice(0, 2).join('.')}.`,
    'a line break in the user': () => issuer.token({ claims: { oid: 'alice\r\nx: y' } }),
    'no user': () => issuer.token({ without: ['oid'] }),
    'an ID token with roles': () =>
      issuer.token({ claims: { roles: ['operator', 'chat'], nonce: '678910' }, without: ['scp', 'azp'] }),
    'an ID token with roles and without a nonce': () =>
      issuer.token({ claims: { roles: ['operator', 'chat'] }, without: ['scp', 'azp'] }),
    'neither scp nor roles': () => issuer.token({ without: ['scp'] }),
    'a token of 13,000 characters': () => issuer.token({ claims: { pad: 'x'.repeat(9_000) } }),
    'no JSON': async () => `${base64('x')}.${base64('y')}.AAAA`,
  };

  it(
    'S01 a forged token is 401 with the same words on every replica, and a good one is let in',
    async () => {
      expect(await statusesOf({})).toEqual([200, 200, 200]);
      fleet.upstream.reset();
      const names = Object.keys(forgeries);
      for (const [n, name] of names.entries()) {
        const token = await forgeries[name]!();
        const answer = await chat(at(n), {}, bearing(token));
        const { error } = await jsonOf<ErrorJson>(answer);
        // no replica is asked more often than its limit for an address
        expect([name, answer.status, error]).toEqual([name, 401, REFUSED]);
        expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/);
      }
      expect(fleet.upstream.requests).toHaveLength(0);
      figure('S01', `${names.length} forged tokens, each 401 with the same words`);
    },
    SLOW,
  );

  it('S01 an expired token is told so, on every replica', async () => {
    const token = await issuer.token({ lifeSeconds: -90 });
    const caller = callerAt('127.0.0.14');
    for (let n = 0; n < REPLICAS; n += 1) {
      const { status, text } = await caller(n, bearing(token));
      expect([status, (JSON.parse(text) as ErrorJson).error.code]).toEqual([401, 'token_expired']);
    }
  });

  it('S01 a token of a megabyte ends with its request, and the replica goes on', async () => {
    const token = await issuer.token({ claims: { pad: 'x'.repeat(750_000) } });
    const head = `GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer ${token}\r\n\r\n`;
    for (const { url } of fleet.replicas) expect([401, 431]).toContain((await sendRaw(url, head)).status);
    expect(await statusesOf({})).toEqual([200, 200, 200]);
  });

  it(
    'S01 keys come from the configured address alone: no jku and no x5u is ever asked, and unknown keys ask once a minute',
    async () => {
      let asked = 0;
      const trap = createServer((_, response) => {
        asked += 1;
        response.end(JSON.stringify({ keys: [] }));
      }).listen(0, '127.0.0.1');
      await once(trap, 'listening');
      const url = `http://127.0.0.1:${(trap.address() as AddressInfo).port}/keys`;
      const before = issuer.fetches;
      const tokens = await Promise.all(
        Array.from({ length: 60 }, (_, i) =>
          issuer.token({ header: { kid: `unknown-${i}`, jku: url, x5u: url }, key: stranger }),
        ),
      );
      const statuses = await Promise.all(
        tokens.flatMap((token) =>
          fleet.replicas.map((one) => chat(one, {}, bearing(token)).then(({ status }) => status)),
        ),
      );
      expect(statuses.every((status) => status === 401 || status === 429)).toBe(true);
      expect(asked).toBe(0);
      expect(issuer.fetches - before).toBeLessThanOrEqual(REPLICAS);
      expect(await statusesOf({ claims: { oid: 'after' } })).toEqual([200, 200, 200]);
      figure(
        'S01',
        `${issuer.fetches - before} fetches of ${REPLICAS} replicas for ${statuses.length} tokens of unknown keys`,
      );
      trap.close();
      await once(trap, 'close');
    },
    SLOW,
  );

  it('S01 the address of the keys goes away: known keys are used, unknown ones are 503 or 401, nobody waits long', async () => {
    for (const behaviour of ['stalls', 'cuts', 'redirects', 'fails'] as const) {
      issuer.behaviour = behaviour;
      const startedAt = performance.now();
      expect(await statusesOf({ claims: { oid: `while-it-${behaviour}` } })).toEqual([200, 200, 200]);
      expect(performance.now() - startedAt).toBeLessThan(2_000);
    }
  });

  it(
    'S01 a replica that starts while the address is away answers tokens with 503, keys as ever, and lets tokens in when it is back',
    async () => {
      issuer.behaviour = 'stalls';
      const late = await fleet.create();
      try {
        const token = await issuer.token();
        const refused = await chat(late, {}, bearing(token));
        expect([refused.status, (await jsonOf<ErrorJson>(refused)).error.code]).toEqual([503, 'overloaded']);
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
        expect((await chat(late, {}, bearing('chat-key'))).status).toBe(200);
        expect((await callerAt('127.0.0.11', () => late)(0, bearing('nobody'))).status).toBe(401);
        issuer.behaviour = 'serves';
        await eventually(
          'tokens are let in',
          15_000,
          async () => (await chat(late, {}, bearing(token))).status === 200,
        );
        expect(late.output.join('\n')).not.toContain(token.slice(0, 40));
        await late.awaitOutput(/auth\.jwt\.jwksUri can be fetched again/, 5_000);
        expect(late.output.filter((line) => line.includes('auth.jwt.jwksUri'))).toHaveLength(2);
      } finally {
        await late.kill();
      }
    },
    SLOW,
  );

  it(
    'S02 tenants with the same names see nothing of each other: sessions, answers, idempotency keys, usage, rate',
    async () => {
      const role = { roles: ['chat', 'admin'] };
      const mine = bearing(await issuer.token({ claims: role }));
      const theirs = bearing(await issuer.token({ claims: { ...role, ...ELSEWHERE } }));
      const body = { messages: [{ role: 'user', content: 'the secret of the first tenant' }] };
      const named = { 'x-session-id': 'shared', 'idempotency-key': 'same-key' };
      fleet.upstream.always(answer('for the first'));
      const first = await chat(at(0), body, { ...mine, ...named });
      expect([first.status, await first.text()]).toEqual([200, expect.stringContaining('for the first')]);
      expect(await (await chat(at(1), body, { ...mine, 'idempotency-key': 'other' })).text()).toContain(
        'for the first',
      );
      fleet.upstream.always(answer('for the second'));
      expect(await (await chat(at(2), body, { ...mine, ...named })).text()).toContain('for the first'); // it can be seen
      const got = (n: number, path: string, headers: Record<string, string>) => fetch(at(n).url + path, { headers });
      const leaks: string[] = [];
      for (let n = 0; n < REPLICAS; n += 1) {
        expect((await got(n, '/v1/sessions/shared', mine)).status).toBe(200);
        for (const path of ['/v1/sessions/shared', '/v1/sessions/shared/insights']) {
          const { status } = await got(n, path, theirs);
          if (status !== 404) leaks.push(`${path} ${status}`);
        }
        const erased = await fetch(`${at(n).url}/v1/sessions/shared`, { method: 'DELETE', headers: theirs });
        if (erased.status !== 404) leaks.push(`erased ${erased.status}`);
        const list = JSON.stringify(await jsonOf(await got(n, '/v1/sessions', theirs)));
        if (list.includes('shared')) leaks.push(list);
        const usage = JSON.stringify(await jsonOf(await got(n, '/admin/usage', theirs)));
        if (usage.includes(TENANT)) leaks.push(usage);
        const elsewhere = await chat(at(n), body, { ...theirs, 'idempotency-key': 'same-key' });
        const text = await elsewhere.text();
        if (!text.includes('for the second')) leaks.push(text);
      }
      expect((await got(1, '/v1/sessions/shared', mine)).status).toBe(200);
      expect(leaks).toEqual([]);
      figure(
        'S02',
        `${leaks.length} leaks between two tenants of one issuer with the same oid, on ${REPLICAS} replicas`,
      );
    },
    SLOW,
  );

  it('S02 an app and a user of one tenant are two callers', async () => {
    const app = bearing(await issuer.token({ claims: { oid: 'app-oid', roles: ['chat'] }, without: ['scp'] }));
    const user = bearing(await issuer.token({ claims: { oid: 'user-oid' } }));
    const left = async (headers: Record<string, string>) =>
      Number((await chat(at(0), {}, headers)).headers.get('x-ratelimit-remaining-requests'));
    const before = await left(user);
    await left(app);
    expect(await left(user)).toBe(before - 1);
  });

  it('S06 nothing but the credential says who is calling: claimed names and addresses count for nothing', async () => {
    const ask = callerAt('127.0.0.6');
    const spoofed = {
      ...{ 'x-user': 'bob', 'x-tenant': OTHER_TENANT, 'x-forwarded-user': 'bob', 'x-ms-client-principal-id': 'bob' },
      ...{ 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1', 'x-real-ip': '127.0.0.1', via: '1.1 localhost' },
    };
    for (let n = 0; n < REPLICAS; n += 1) expect((await ask(n, spoofed)).status).toBe(401);
    const token = await issuer.token({ claims: { roles: ['admin'] }, without: ['scp'] });
    for (const { url } of fleet.replicas) {
      const usage = await fetch(`${url}/admin/usage`, { headers: { ...bearing(token), ...spoofed } });
      expect([usage.status, (await usage.text()).includes(OTHER_TENANT)]).toEqual([200, false]);
    }
    // without a proxy in front, X-Forwarded-For does not make another caller of one who guesses
    const statuses: number[] = [];
    for (let i = 0; i < 60; i += 1) {
      const guess = { 'x-api-key': `guess-${i}`, 'x-forwarded-for': `192.0.2.${i}` };
      statuses.push((await ask(0, guess)).status);
    }
    const slowed = statuses.filter((status) => status === 429).length;
    expect(slowed).toBeGreaterThanOrEqual(29);
    figure('S06', `${slowed} of 60 guesses with a new X-Forwarded-For each were 429`);
  });

  it('S09 guessing is slowed for each address, whatever is guessed, and lets nobody else wait', async () => {
    const guesser = callerAt('127.0.0.9');
    const good = bearing(await issuer.token({ claims: { oid: 'patient' } }));
    for (let n = 0; n < REPLICAS; n += 1) expect((await guesser(n, good)).status).toBe(200);
    const guesses = await Promise.all(
      Array.from({ length: 300 }, async (_, i) =>
        i % 2 === 0
          ? bearing(await issuer.token({ key: stranger, claims: { jti: String(i) } }))
          : { 'x-api-key': `guess-${i}` },
      ),
    );
    const all: number[] = [];
    const startedAt = performance.now();
    for (const [i, guess] of guesses.entries()) {
      const answer = await guesser(i, guess);
      all.push(answer.status);
      if (answer.status === 401) expect(JSON.parse(answer.text)).toEqual({ error: REFUSED });
      else expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    }
    const seconds = (performance.now() - startedAt) / 1000;
    const count = (status: number): number => all.filter((one) => one === status).length;
    expect(count(401) + count(429)).toBe(300);
    expect(count(401)).toBe(30);
    for (let n = 0; n < REPLICAS; n += 1) {
      // also from the same address, which others may share
      expect((await guesser(n, good)).status).toBe(200);
      expect((await guesser(n, bearing('chat-key'))).status).toBe(200);
      expect((await callerAt('127.0.0.10')(n, bearing('nobody'))).status).toBe(401);
    }
    figure('S09', `of 300 guesses ${count(401)} were 401 and ${count(429)} were 429, in ${seconds.toFixed(1)} s`);
  });

  it(
    'S09 a flood of forged tokens keeps nobody out who comes from the same address with a right one',
    async () => {
      const caller = callerAt('127.0.0.13');
      const fresh = async (oid: string) => bearing(await issuer.token({ claims: { oid, jti: randomUUID() } }));
      for (let n = 0; n < REPLICAS; n += 1) expect((await caller(n, await fresh('regular'))).status).toBe(200);
      const forged = (await issuer.token({ key: stranger, claims: { oid: 'anybody' } })).slice(0, -4);
      let flooding = true;
      let sent = 0;
      const flood = Array.from({ length: 12 }, async () => {
        while (flooding) {
          sent += 1;
          const { status } = await caller(sent, bearing(`${forged}${String(sent % 10_000).padStart(4, '0')}`));
          expect([401, 429]).toContain(status);
        }
      });
      await eventually('the flood has begun', 20_000, async () => sent > 1_000);
      const before = { sent, at: performance.now() };
      const statuses: number[] = [];
      for (let i = 0; i < 30; i += 1) statuses.push((await caller(i, await fresh('regular'))).status);
      expect(statuses).toEqual(statuses.map(() => 200));
      let tries = 0;
      await eventually('a stranger gets in', 20_000, async () => {
        tries += 1;
        return (await caller(0, await fresh('stranger'))).status === 200;
      });
      const perSecond = Math.round(((sent - before.sent) / (performance.now() - before.at)) * 1_000);
      flooding = false;
      await Promise.all(flood);
      figure(
        'S09',
        `${perSecond} forged tokens/s: 30 of 30 new tokens of a known user let in, a stranger at try ${tries}`,
      );
    },
    SLOW,
  );

  it(
    'S09 the time of an answer says nothing about how near a guess came',
    async () => {
      const guesser = callerAt('127.0.0.11');
      const key = 'chat-key';
      const guesses = { near: `${key.slice(0, -1)}x`, far: 'Zq8#mP1!' };
      const times: Record<keyof typeof guesses, number[]> = { near: [], far: [] };
      for (let i = 0; i < 300; i += 1) {
        for (const kind of ['near', 'far'] as const) {
          const startedAt = performance.now();
          await guesser(0, bearing(guesses[kind]));
          times[kind].push(performance.now() - startedAt);
        }
      }
      const median = (list: number[]): number => list.sort((a, b) => a - b)[Math.floor(list.length / 2)]!;
      const [near, far] = [median(times.near), median(times.far)];
      expect(Math.abs(near - far)).toBeLessThan(Math.max(near, far) / 2);
      figure('S09', `median of a near guess ${near.toFixed(3)} ms, of a far one ${far.toFixed(3)} ms`);
    },
    SLOW,
  );

  it(
    'S10 every route of the service asks for a credential, but for those that are open by name',
    async () => {
      const walked: string[] = [];
      const answering: string[] = [];
      for (const route of routes) {
        const [method, path] = route.split(' ') as [string, string];
        if (!path.startsWith('/')) continue;
        walked.push(route);
        const url = path.replace(/:\w+/g, 'x').replace('*', 'swagger-ui.css');
        const headers = { host: 'router.example', connection: 'close', 'content-length': '2' };
        const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
        const head = `${method} ${url} HTTP/1.1\r\n${lines.join('')}\r\n`;
        const address = `127.0.1.${walked.length}`; // one each: an address that is refused too often gets 429
        const { status } = await sendRaw(at(walked.length).url, `${head}{}`, address);
        if (status !== 401) answering.push(`${route} ${status}`);
      }
      const open = [...new Set(answering.map((line) => line.split(' ')[1]!))];
      expect(open.filter((path) => !isOpen(path))).toEqual([]);
      expect(walked.length).toBeGreaterThan(25);
      figure('S10', `${walked.length} routes walked, open: ${open.length}`);
    },
    SLOW,
  );

  it('S10 every route below /admin asks for scope admin', async () => {
    const chatOnly = bearing(await issuer.token());
    const below = routes.filter((route) => route.split(' ')[1]!.startsWith('/admin'));
    expect(below.length).toBeGreaterThan(3);
    for (const [n, route] of below.entries()) {
      const [method, path] = route.split(' ') as [string, string];
      for (const headers of [chatOnly, bearing('chat-key')]) {
        const answer = await fetch(at(n).url + path.replace(/:\w+/g, 'x'), { method, headers });
        expect([route, answer.status]).toEqual([route, 403]);
      }
    }
  });
});
