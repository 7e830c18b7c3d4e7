import type { RouterConfigInput } from '../test/support/router-process.js';
import { bearing, TokenIssuer } from '../test/support/token-issuer.js';
import { Connection } from './connection.js';
import { withRedis, withRouters } from './fresh-routers.js';
import { assertPlain, Requests, type Questions } from './load.js';
import type { Bench } from './measurements.js';
import { percentileOf, waits } from './one-caller.js';
import type { Pace } from './pace.js';
import { numberedBody } from './payloads.js';
import { PROMPTS } from './prompts.js';
import { hasRedis, NO_REDIS } from './redis-here.js';
import type { Bound, Row } from './report.js';
import { underLoad } from './request-cost.js';
import { alternately } from './rounds.js';
import { AUTHORIZED, benchConfig, CHAT, type Side } from './router-under-test.js';
import { median, percentile } from './statistics.js';

const US_PER_MS = 1000;
const AT_MOST: Bound = { at: 'most', value: 15 };
/** A router says it of every caller who has limits, and of nobody else. */
const LIMITED = '\r\nx-ratelimit-remaining-tokens: ';
const WITH_REDIS = {
  cpu: 'CPU that a key and limits add, with Redis',
  latency: 'latency that a key and limits add, one caller, p50, with Redis',
};

const bodies = PROMPTS.map((prompt) => numberedBody('plain', false, prompt));

/** A router, and who its callers say they are. */
interface Door {
  readonly config: RouterConfigInput;
  readonly headers: Readonly<Record<string, string>>;
  readonly isLimited: boolean;
}

/** A figure of each in one turn. */
type Turn<Name extends string> = Readonly<Record<Name, number>>;

/** What it costs to know a caller and to hold his limits, against a router that is open and has none. */
export async function admissionCost(bench: Bench): Promise<Row[]> {
  return [...(await inMemory(bench)), ...(await inRedis(bench))];
}

async function inMemory({ upstreamPort, pace }: Bench): Promise<Row[]> {
  const { auth, limits, ...open } = benchConfig(upstreamPort, false);
  const issuer = await TokenIssuer.start();
  try {
    const headers = bearing(await issuer.token());
    const key: Door = { config: { ...open, auth, limits }, headers: AUTHORIZED, isLimited: true };
    const doors = {
      open: { config: open, headers: {}, isLimited: false },
      key,
      token: { config: { ...open, auth: { jwt: issuer.config }, limits }, headers, isLimited: true },
      accounts: { ...key, config: withMoreAccounts(key.config) },
    };
    const turns = await withDoors(doors, (servers) => cpuOf(servers, pace));
    return [
      addedRow('CPU that a key and limits add', turns, ['open', 'key'], AT_MOST),
      addedRow('CPU that a token and limits add', turns, ['open', 'token'], AT_MOST),
      addedRow('CPU that limits of tenant and model add to a key', turns, ['key', 'accounts'], null),
    ];
  } finally {
    await issuer.close();
  }
}

/** Limits of the tenant and of the model as well: three accounts in one reservation. */
const withMoreAccounts = (config: RouterConfigInput): RouterConfigInput => ({
  ...config,
  tenants: { bench: { limits: config.limits } },
  models: config.models!.map((model) => ({ ...model, limits: config.limits })),
});

/** Both have Redis, which the open one has no need to ask. */
async function inRedis({ upstreamPort, pace }: Bench): Promise<Row[]> {
  if (!hasRedis()) {
    const nothing = { unit: 'us', atLeast: null, target: null, value: NaN, detail: '', skipped: NO_REDIS } as const;
    return Object.values(WITH_REDIS).map((what) => ({ what, ...nothing }));
  }
  const { auth, limits, ...open } = benchConfig(upstreamPort, false);
  return withRedis(async (redis) => {
    const doors = {
      open: { config: { ...open, redis }, headers: {}, isLimited: false },
      key: { config: { ...open, redis, auth, limits }, headers: AUTHORIZED, isLimited: true },
    };
    return withDoors(doors, async (servers) => {
      const sides = ['open', 'key'] as const;
      const cpu = await cpuOf(servers, pace);
      const wait = (name: 'open' | 'key'): Promise<number[]> => waits(servers[name].questions, pace);
      const blocks = await alternately(sides, pace.answers.rounds, wait, wait);
      const p50 = (block: readonly number[]): number => percentile(block, 0.5) * US_PER_MS;
      const latency = blocks.map((turn) => ({ open: p50(turn.open), key: p50(turn.key) }));
      const p99 = (name: 'open' | 'key'): string =>
        percentileOf(
          blocks.map((turn) => turn[name]),
          0.99,
        ).toFixed(2);
      const row = addedRow(WITH_REDIS.latency, latency, sides, null);
      return [
        addedRow(WITH_REDIS.cpu, cpu, sides, null),
        { ...row, detail: `${row.detail}; p99 ${p99('key')} against ${p99('open')} ms` },
      ];
    });
  });
}

interface Server {
  readonly router: Side;
  readonly questions: Questions;
}

/** Fresh routers, each of which has shown that it holds limits, or that it has none. */
async function withDoors<T, Name extends string>(
  doors: Readonly<Record<Name, Door>>,
  use: (servers: Readonly<Record<Name, Server>>) => Promise<T>,
): Promise<T> {
  const configs = {} as Record<Name, RouterConfigInput>;
  for (const name in doors) configs[name] = doors[name].config;
  return withRouters(configs, async (routers) => {
    const servers = {} as Record<Name, Server>;
    for (const name in doors) {
      const { headers, isLimited } = doors[name];
      const questions = { port: routers[name].port, path: CHAT, headers, bodies };
      await assertLimits(questions, isLimited);
      servers[name] = { router: routers[name], questions };
    }
    return use(servers);
  });
}

async function assertLimits(questions: Questions, isLimited: boolean): Promise<void> {
  const connection = await Connection.open(questions.port);
  try {
    const exchange = await connection.request(new Requests(questions).next());
    assertPlain(exchange, CHAT);
    if (exchange.head.includes(LIMITED) !== isLimited) {
      throw new Error(`expected an answer with${isLimited ? '' : 'out'} limits, got\n${exchange.head}`);
    }
  } finally {
    connection.close();
  }
}

/** Processor time of a request to each, microseconds. */
function cpuOf<Name extends string>(servers: Readonly<Record<Name, Server>>, pace: Pace): Promise<Turn<Name>[]> {
  const load = async (name: Name, durationMs: number): Promise<number> => {
    const { router, questions } = servers[name];
    return (await underLoad(router, { bodies, headers: questions.headers, durationMs })).cpuUs;
  };
  const { rounds, roundMs, warmUpMs } = pace.admission;
  return alternately(
    Object.keys(servers) as Name[],
    rounds,
    (name) => load(name, warmUpMs),
    (name) => load(name, roundMs),
  );
}

/** Microseconds that one of two has more, turn by turn. */
function addedRow<Name extends string>(
  what: string,
  turns: readonly Turn<Name>[],
  [less, more]: readonly [Name, Name],
  atLeast: Bound,
): Row {
  const shown = (name: Name): string => median(turns.map((turn) => turn[name])).toFixed(0);
  const value = median(turns.map((turn) => turn[more] - turn[less]));
  return { what, value, unit: 'us', atLeast, target: null, detail: `${shown(more)} against ${shown(less)} us` };
}
