import { allRequestLines, logTo, type Line } from '../support/captured-log.js';
import { CosmosEmulator } from '../support/cosmos-emulator.js';
import { figure } from '../support/figure.js';
import { HttpFaultProxy } from '../support/http-fault-proxy.js';
import { RedisServer } from '../support/redis-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, eventually } from '../support/router-calls.js';
import { inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { readinessOf } from '../support/store-stack.js';
import { answer, status } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { cutAfter } from '../support/upstream-twists.js';

const SLOW = 90_000;
const REQUESTS = 200;
const AT_ONCE = 10;
const SOON = 15_000;
/** Never as few as none: the failure has to be told. */
const FEW_LINES = 6;

/** It opens, as half of all calls fail. */
const RESILIENCE = { retries: 0, breaker: { failures: 1_000, resetSeconds: 1 }, streamRecovery: 'error' } as const;
const ALICE = { authorization: 'Bearer alice' };

describe('the log while something is away', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  let lines: Line[];
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
  });
  beforeEach(() => {
    upstream.reset();
    lines = [];
  });
  afterAll(() => upstream.close());

  const start = async (changes: Parameters<typeof inOrder>[1]): Promise<void> => {
    const auth = { keys: [keyFor('alice', { limits: { requestsPerMinute: 100_000 } })] };
    router = await startRouter(inOrder([targetOn(upstream, { id: 'only' })], { auth, ...changes }), {
      logger: logTo(lines),
    });
  };
  const send = async (count: number, body: Record<string, unknown> = {}, headers: Record<string, string> = {}) => {
    const statuses: number[] = [];
    for (let sent = 0; sent < count; sent += AT_ONCE) {
      const batch = await Promise.all(
        Array.from({ length: Math.min(AT_ONCE, count - sent) }, async (_, n) => {
          const response = await chat(router, body, { 'x-session-id': `s${(sent + n) % 20}`, ...ALICE, ...headers });
          await response.text().catch(() => ''); // one that is cut
          return response.status;
        }),
      );
      statuses.push(...batch);
    }
    return statuses;
  };
  /** Those that are not the line of a request. */
  const loud = () =>
    lines.filter(({ level, text }) => ['warn', 'error'].includes(level) && !text.startsWith('request'));
  const texts = (pattern: RegExp) => lines.filter(({ level, text }) => level !== 'debug' && pattern.test(text));
  const expectFew = (what: string) => {
    const told = loud().map(({ level, text }) => `${level} ${text}`);
    figure('LOGS', `${what}: ${told.length} lines of warn and above for ${REQUESTS} requests`);
    expect(told.length).toBeGreaterThan(0);
    expect(told.length <= FEW_LINES ? [] : told).toEqual([]);
  };

  it(
    'tells once that Redis is gone, and once that it is back',
    async () => {
      const redis = await RedisServer.start();
      await start({ redis: { url: redis.url } });
      try {
        upstream.always(answer('hello'));
        const isReady = async () => (await readinessOf(router)).status === 'ready';
        await eventually('ready', SOON, isReady, 50);
        lines.length = 0;
        await redis.kill();
        let key = 0;
        const send200 = async () => send(REQUESTS, {}, { 'idempotency-key': `k${(key += 1)}` });
        expect(new Set(await send200())).toEqual(new Set([200]));
        expectFew('Redis killed');
        expect(texts(/^redis cannot be used/)).toHaveLength(1);
        await redis.run();
        await eventually('redis is back', SOON, () => texts(/^redis is back, after [\d.]+ s/).length > 0);
        await eventually('limits are counted together again', SOON, async () => {
          await send(1);
          return texts(/^limits are counted over all replicas again, after [\d.]+ s and \d+ failure/).length > 0;
        });
        expect(texts(/^redis is back/)).toHaveLength(1);
        expectFew('Redis killed and back');
      } finally {
        await router.close();
        await redis.close();
      }
    },
    SLOW,
  );

  it(
    'tells once that the turn store is gone, and once that it is back',
    async () => {
      const cosmos = await CosmosEmulator.start();
      const proxy = await HttpFaultProxy.start(cosmos.port);
      await start({ cosmos: { endpoint: `http://127.0.0.1:${proxy.port}`, key: CosmosEmulator.KEY } });
      try {
        upstream.always(answer('hello'));
        const isReady = async () => (await readinessOf(router)).status === 'ready';
        await eventually('ready', SOON, isReady, 50);
        lines.length = 0;
        proxy.set(() => ({ status: 503 }));
        await send(REQUESTS);
        expectFew('Cosmos DB away');
        expect(texts(/^cosmos cannot be used/)).toHaveLength(1);
        proxy.heal();
        await eventually('that is told', SOON, async () => {
          await send(1);
          return texts(/^cosmos is back, after [\d.]+ s and \d+ failures?/).length === 1;
        });
      } finally {
        await router.close();
        await proxy.close();
        await cosmos.close();
      }
    },
    SLOW,
  );

  it.each([
    ['answers 401', 'error', /^calls of only fail: HTTP 401 \(auth\)/, [status(401)], false],
    ['answers 503', 'warn', /^calls of only fail: HTTP 503/, [status(503)], false],
    ['resets streams in the middle', 'warn', /^calls of only fail/, [answer('a b c d e f', {}, cutAfter(3))], true],
  ] as const)(
    'tells once that a target %s, and once that it works again',
    async (_, level, line, [behaviour], stream) => {
      await start({ resilience: RESILIENCE });
      try {
        upstream.always(behaviour);
        await send(REQUESTS, { stream });
        expectFew(`a target that ${_}`);
        expect(texts(line)).toMatchObject([{ level, fields: { target: 'only' } }]);
        const requests = await allRequestLines(router, lines);
        expect(requests).toHaveLength(REQUESTS);
        // what became of each request is in its own line
        for (const request of requests) {
          expect(request['error_code']).toEqual(expect.any(String));
          if (Number(request['attempts']) > 0) expect(request['failed_attempts']).toEqual([expect.anything()]);
        }
        upstream.always(answer('well again'));
        await eventually('that is told', SOON, async () => {
          await send(1, { stream });
          return texts(/^calls of only work again, after [\d.]+ s and \d+ failures?/).length === 1;
        });
      } finally {
        await router.close();
      }
    },
    SLOW,
  );
});
