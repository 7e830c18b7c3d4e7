import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { figure } from '../support/figure.js';
import { chat, eventually, jsonOf, type ErrorJson } from '../support/router-calls.js';
import { RouterProcess } from '../support/router-process.js';
import { inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { errorBody, status } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';

/** Each of a form that nothing but its place tells to be a secret. */
const SECRETS = {
  TARGET_KEY: 'planted-target-key-zq81',
  REDIS_URL: 'redis://default:planted-redis-pass-zq82@127.0.0.1:1',
  COSMOS_KEY: Buffer.from('planted-cosmos-key-zq83-planted-cosmos-key-zq83-planted-cosmos-k').toString('base64'),
  TABLES: `DefaultEndpointsProtocol=http;AccountName=acc;AccountKey=${Buffer.from('planted-tables-key-zq84-planted').toString('base64')};TableEndpoint=http://127.0.0.1:1/acc;`,
  CACHE_SECRET: 'planted-cache-secret-zq85',
  ALERT_SECRET: 'planted-alert-secret-zq87',
};
const CALLER_KEY = 'planted-caller-key-zq86';
const needles = [
  ...['planted-', 'zq81', 'zq82', 'zq83', 'zq84', 'zq85', 'zq86', 'zq87', SECRETS.COSMOS_KEY],
  Buffer.from('planted-tables-key-zq84-planted').toString('base64'),
];
const FIELDS = {
  redis: { url: '${REDIS_URL}' },
  cosmos: { endpoint: 'http://127.0.0.1:1', key: '${COSMOS_KEY}' },
  tables: { connectionString: '${TABLES}' },
  cache: { enabled: true, secret: '${CACHE_SECRET}' },
};
const ALICE = { authorization: `Bearer ${CALLER_KEY}` };

/** What of the planted stands in a text, with what is around it. */
const found = (text: string): string[] =>
  needles.flatMap((needle) =>
    text.includes(needle) ? [text.slice(Math.max(0, text.indexOf(needle) - 100)).slice(0, 200)] : [],
  );

describe('secrets', () => {
  let upstream: UpstreamServer;
  let folder: string;
  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'local' });
    folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  });
  afterAll(async () => {
    await upstream.close();
    rmSync(folder, { recursive: true });
  });

  it('S07 are in nothing that the service prints, shows or answers while its stores are away and its model refuses the key', async () => {
    const router = await RouterProcess.start({
      config: inOrder([targetOn(upstream, { apiKey: '${TARGET_KEY}' })], {
        ...FIELDS,
        auth: { keys: [keyFor(CALLER_KEY, { id: 'alice', user: 'alice', scopes: ['chat', 'operator'] })] },
        limits: { requestsPerMinute: 1_000, alertSecret: '${ALERT_SECRET}' },
        resilience: { retries: 0, breaker: { failures: 1_000 } },
      }),
      env: { ...SECRETS, LOG_LEVEL: 'trace' },
    });
    const shown: string[] = [];
    const take = async (asked: Promise<Response>): Promise<Response> => {
      const response = await asked;
      shown.push(await response.clone().text(), JSON.stringify([...response.headers]));
      return response;
    };
    const echo = errorBody(`Incorrect API key provided: ${SECRETS.TARGET_KEY}`, SECRETS.TARGET_KEY, SECRETS.TARGET_KEY);
    for (const code of [401, 403, 400, 404, 429, 500]) {
      upstream.always(status(code, echo, { 'www-authenticate': SECRETS.TARGET_KEY }));
      const response = await take(chat(router, {}, ALICE));
      if (code === 401) {
        expect(upstream.requests.at(-1)?.headers['authorization']).toBe(`Bearer ${SECRETS.TARGET_KEY}`);
        expect([response.status, (await jsonOf<ErrorJson>(response)).error.code]).toEqual([502, 'upstream_auth']);
      }
      await take(chat(router, { stream: true }, ALICE));
    }
    upstream.reset();
    await take(chat(router, {}, { ...ALICE, 'x-session-id': 's', 'idempotency-key': 'k' }));
    await take(chat(router, {}, { authorization: `Bearer ${CALLER_KEY}-wrong` }));
    for (const path of [
      '/ready',
      '/health',
      '/metrics',
      '/openapi.json',
      '/v1/models',
      '/v1/sessions',
      '/admin/targets',
      '/admin/usage',
    ])
      await take(fetch(router.url + path, { headers: ALICE }));
    await eventually('the log has told of the stores', 15_000, () => /redis/i.test(router.output.join('\n')));
    router.signal('SIGHUP');
    await router.awaitOutput(/Configuration read/, 10_000);
    router.signal('SIGINT');
    router.signal('SIGINT');
    await router.exited;
    const output = router.output.join('\n');
    await router.kill();
    expect(output).toMatch(/upstream_auth|outcome":"auth/);
    expect(found(output)).toEqual([]);
    expect(found(shown.join('\n'))).toEqual([]);
    figure('S07', `secrets of 7 places in ${output.split('\n').length} log lines and ${shown.length} answers: 0`);
  }, 60_000);

  const broken: [what: string, config: object, env?: Record<string, string>][] = [
    [
      'in the file itself',
      { redis: { url: SECRETS.REDIS_URL }, cosmos: { endpoint: 'http://127.0.0.1:1', key: SECRETS.COSMOS_KEY } },
    ],
    [
      'in the file beside others',
      {
        cache: { secret: SECRETS.CACHE_SECRET },
        limits: { alertSecret: SECRETS.ALERT_SECRET },
        tables: { connectionString: SECRETS.TABLES },
      },
    ],
    ['as a default', { redis: { url: `\${REDIS_URL:-${SECRETS.REDIS_URL}}` } }],
    [
      'in a place that is no URL',
      { ...FIELDS, redis: { url: '${REDIS_URL}' } },
      { REDIS_URL: 'planted-redis-pass-zq82' },
    ],
    ['in a place of another type', { server: { port: '${TARGET_KEY}' }, limits: { concurrent: '${CACHE_SECRET}' } }],
    ['as a name', { targets: [{ id: '${TARGET_KEY} x', tier: 'local', provider: 'simulated' }] }],
    ['as a base URL', { targets: [{ id: 'a', tier: 'local', baseUrl: '${REDIS_URL}', model: 'm' }] }],
    ['as the hash of a key', { auth: { keys: [{ id: 'a', sha256: '${TARGET_KEY}', tenant: 't', user: 'u' }] } }],
    [
      'in a file that is no YAML',
      { raw: `targets: [ { apiKey: ${SECRETS.TARGET_KEY}\nredis: { url: ${SECRETS.REDIS_URL}` },
    ],
    ['too short', { ...FIELDS }, { CACHE_SECRET: 'zq85' }],
  ];
  it.each(broken)('S07 are in no word about a configuration that has one %s', async (_, config, env = {}) => {
    const file = join(folder, 'router.config.yaml');
    const text = 'raw' in config ? (config.raw as string) : stringify(config);
    writeFileSync(file, text);
    const options = {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...SECRETS, ...env, ROUTER_CONFIG: file },
      encoding: 'utf8',
    } as const;
    for (const program of ['dist/main.js', 'dist/common/config/check-config.js']) {
      const ran = spawnSync(process.execPath, [resolve(program)], options);
      expect([program, ran.status]).toEqual([program, 1]);
      expect(ran.stderr.length).toBeGreaterThan(0);
      expect(found(ran.stdout + ran.stderr)).toEqual([]);
    }
  });

  it('S04 no base URL but http and https is taken', () => {
    for (const baseUrl of [
      'file:///etc/passwd',
      'ftp://127.0.0.1/',
      'gopher://127.0.0.1/',
      'data:text/plain,x',
      'javascript:1',
      '//127.0.0.1/',
      '/etc/passwd',
    ]) {
      const file = join(folder, 'router.config.yaml');
      writeFileSync(file, stringify({ targets: [{ id: 'a', tier: 'local', baseUrl, model: 'm' }] }));
      const ran = spawnSync(process.execPath, [resolve('dist/common/config/check-config.js')], {
        ...{ cwd: folder, encoding: 'utf8' as const, env: { PATH: process.env['PATH'], ROUTER_CONFIG: file } },
      });
      expect([baseUrl, ran.status, ran.stderr]).toEqual([baseUrl, 1, expect.stringContaining('targets[0].baseUrl: ')]);
    }
  });
});
