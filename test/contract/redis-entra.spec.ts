import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { routerConfigSchema } from '../../src/common/config/config.schema.js';
import { EntraRedisLogin } from '../../src/common/redis/adapters/entra-redis-login.js';
import { createRedisClient } from '../../src/common/redis/adapters/redis-client.js';
import { signInAgain } from '../../src/common/redis/adapters/redis-sign-in.js';
import { RedisConnection } from '../../src/common/redis/redis-connection.js';
import { RedisAccounts } from '../support/redis-accounts.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisServer } from '../support/redis-server.js';
import { eventually } from '../support/router-calls.js';
import { TokenDesk } from '../support/token-desk.js';

const SLOW = 60_000;
const SOON = 15_000;
const HOUR_MS = 3_600_000;
/** Renewed after 1.5 s of a life of 15: early enough for a test, far from the end for a busy machine. */
const SHORT_MS = 15_000;
const PACE = { renewAt: 0.1, retryMs: 100, minWaitMs: 10, tokenMs: 200 };
/** Spread over the slots, so that every node of a cluster is used. */
const KEYS = Array.from({ length: 30 }, (_, n) => `count:${n}`);

/** Callers that use Redis all the time. */
class Traffic {
  done = 0;
  readonly failures: string[] = [];
  private running = true;
  private readonly workers: Promise<void>[];

  constructor(redis: RedisConnection) {
    this.workers = [0, 1, 2, 3].map(async (worker) => {
      for (let n = worker; this.running; n += 1) {
        const key = KEYS[n % KEYS.length]!;
        await redis
          .run((client) => client.incr(key))
          .then(
            () => (this.done += 1),
            (error: Error) => this.failures.push(error.message),
          );
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
  }

  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.workers);
  }
}

const warn = jest.spyOn(Logger.prototype, 'warn');
const log = jest.spyOn(Logger.prototype, 'log');
const said = (spy: typeof warn) => spy.mock.calls.map(([text]) => String(text));
afterAll(() => {
  warn.mockRestore();
  log.mockRestore();
});

describe.each([
  ['a single server', 1],
  ['a cluster of three', 3],
])('sign-in with Entra to %s', (_name, masters) => {
  let place: RedisServer | RedisCluster;
  let accounts: RedisAccounts;
  let desk: TokenDesk;
  let redis: RedisConnection;

  beforeAll(async () => {
    place = masters > 1 ? await RedisCluster.start(masters) : await RedisServer.start();
    accounts = new RedisAccounts('nodes' in place ? place.nodes : [place]);
  }, SLOW);
  beforeEach(() => {
    warn.mockReset().mockReturnValue(undefined);
    log.mockReset().mockReturnValue(undefined);
    desk = new TokenDesk();
  });
  afterEach(() => redis.close());
  afterAll(() => place.close());

  const start = (): void => {
    const config = routerConfigSchema.parse({ redis: { url: place.url, cluster: masters > 1, entra: true } }).redis;
    redis = new RedisConnection(config, new EntraRedisLogin(desk, PACE));
    redis.onApplicationBootstrap();
  };
  const isWell = async () => (await redis.check()).healthy;
  const detail = async () => (await redis.check()).detail;
  /** Connected to every node. */
  const started = async (): Promise<void> => {
    start();
    await eventually('connected', SOON, isWell);
    await use();
  };
  /** Talks to every node, until all answer. */
  const use = () =>
    eventually('every node answers', SOON, async () => {
      const answers = await Promise.allSettled(KEYS.map((key) => redis.run((client) => client.get(key))));
      return answers.every(({ status }) => status === 'fulfilled');
    });
  /** Every node has had a sign-in since then. */
  const renewedSince = (before: readonly { calls: number }[]) => async () =>
    (await accounts.signIns()).every(({ calls }, n) => calls > before[n]!.calls);
  const failedSignIns = async () => (await accounts.signIns()).map(({ failed }) => failed);

  it(
    'signs in again on every connection before the token ends, between the commands under way',
    async () => {
      const first = desk.issue(SHORT_MS);
      await accounts.change(desk.oid, `>${first}`);
      await started();
      await eventually('one connection to each node', SOON, async () =>
        // and none that looks for nodes any more
        (await accounts.connectionsOf(desk.oid)).every(({ length }) => length === 1),
      );
      const connections = await accounts.connectionsOf(desk.oid);
      const before = await accounts.signIns();
      const failed = await failedSignIns();
      const traffic = new Traffic(redis);
      const { endsAt } = desk;
      await accounts.change(desk.oid, `>${desk.next}`);
      desk.issue(HOUR_MS);
      await accounts.change(desk.oid, `<${first}`);
      await eventually('signed in again at every node', SHORT_MS, renewedSince(before));
      expect(Date.now()).toBeLessThan(endsAt);
      const done = traffic.done;
      await eventually('traffic goes on', SOON, () => traffic.done > done + 100);
      await traffic.stop();
      expect(traffic.failures).toEqual([]);
      expect(await accounts.connectionsOf(desk.oid)).toEqual(connections);

      // What connects now has only the second token to sign in with.
      await accounts.drop(desk.oid, 0);
      await use();
      await accounts.drop(desk.oid);
      await use();
      const again = await accounts.connectionsOf(desk.oid);
      expect(again.flat().filter((id) => connections.flat().includes(id))).toEqual([]);
      expect(await failedSignIns()).toEqual(failed);
      expect(said(warn).filter((text) => /sign-in/.test(text))).toEqual([]);
    },
    SLOW,
  );

  it('says that the token is refused, and recovers with the next one', async () => {
    desk.issue(HOUR_MS);
    await accounts.change(desk.oid, '>another');
    start();
    await eventually('refused', SOON, async () => /refuses the sign-in \(WRONGPASS\)/.test(await detail()));
    await eventually('it is told', SOON, () => said(warn).length > 0);
    await eventually('it has asked again', SOON, () => desk.asked.length > 4);
    expect(said(warn)).toEqual([expect.stringMatching(/^redis cannot be used .*WRONGPASS.*access policy/)]);
    const next = desk.issue(HOUR_MS);
    await accounts.change(desk.oid, `>${next}`);
    await eventually('recovered', SOON, isWell);
    expect(said(log)).toContainEqual(expect.stringMatching(/^redis is back, after \d+\.\d s$/));
    expect(Math.min(...desk.gapsFrom(0))).toBeGreaterThan(0.9 * PACE.retryMs);
  });

  it('recovers when the server begins to accept the same token', async () => {
    const token = desk.issue(HOUR_MS);
    await accounts.change(desk.oid, '>another');
    start();
    await eventually('refused', SOON, async () => (await detail()).includes('WRONGPASS'));
    await accounts.change(desk.oid, `>${token}`);
    await eventually('recovered', SOON, isWell);
  });

  it.each([
    ['the server refuses the next ones', () => void desk.issue(SHORT_MS)],
    ['the token service is down', () => desk.fail('refuses')],
    ['the token service hangs', () => desk.fail('hangs')],
  ])(
    'goes on with a valid token while %s, and tries again at its pace',
    async (_fault, begin) => {
      await accounts.change(desk.oid, `>${desk.issue(SHORT_MS)}`);
      await started();
      const asked = desk.asked.length;
      begin();
      await eventually('asked some times', SHORT_MS, () => desk.asked.length > asked + 3);
      await accounts.drop(desk.oid);
      await use();
      expect(Math.min(...desk.gapsFrom(asked))).toBeGreaterThan(0.9 * PACE.retryMs);
      const before = await accounts.signIns();
      await accounts.change(desk.oid, `>${desk.next}`);
      desk.issue(HOUR_MS);
      await eventually('signed in with a good one', SOON, renewedSince(before));
      await eventually('it is told', SOON, () => said(log).includes('the sign-in to Redis is renewed again'));
      expect(said(warn).filter((text) => /cannot be renewed/.test(text))).toHaveLength(1);
    },
    SLOW,
  );

  it('starts without a token, says so once, and finds the token service when it comes', async () => {
    desk.fail('refuses');
    start();
    const heard: string[] = [];
    redis.listen('news', (word) => heard.push(word));
    await eventually('asked four times', SOON, () => desk.asked.length > 3);
    expect(await detail()).toBe('no token from Microsoft Entra');
    expect(said(warn)).toEqual([expect.stringContaining('no token from Microsoft Entra; the token service is down')]);
    const token = desk.issue(HOUR_MS);
    await accounts.change(desk.oid, `>${token}`);
    await eventually('connected', SOON, isWell);
    expect(said(log)).toContainEqual(expect.stringMatching(/^redis is back, after \d+\.\d s$/));
    await eventually('it listens, too', SOON, async () => {
      await redis.run((client) => client.publish('news', 'word'));
      return heard.includes('word');
    });
  });
});

it('a connection that is being made with the old token gets the new one as well', async () => {
  const server = await RedisServer.start();
  const accounts = new RedisAccounts([server]);
  const desk = new TokenDesk();
  const login = new EntraRedisLogin(desk, PACE);
  const password = desk.issue(HOUR_MS);
  await accounts.change(desk.oid, `>${password}`, `>${desk.issue(HOUR_MS)}`);
  const { redis } = routerConfigSchema.parse({ redis: { url: server.url, entra: true } });
  const { client, close } = await createRedisClient(redis, login, () => undefined);
  try {
    expect(client.status).toBe('connecting');
    await signInAgain(client, { username: desk.oid, password });
    await eventually('signed in with both', SOON, async () => (await accounts.signIns())[0]!.calls === 2);
    expect(await accounts.signIns()).toEqual([{ calls: 2, failed: 0 }]);
  } finally {
    close();
    await server.close();
  }
});
