import { AzuriteTables } from '../test/support/azurite-tables.js';
import { CosmosEmulator } from '../test/support/cosmos-emulator.js';
import { RedisServer } from '../test/support/redis-server.js';
import { oneCaller } from './load.js';
import type { Bench } from './measurements.js';
import { requestBody } from './payloads.js';
import { hasRedis, NO_REDIS } from './redis-here.js';
import type { Row } from './report.js';
import { AUTHORIZED, benchConfig, CHAT, portOf, startRouter } from './router-under-test.js';
import { median, percentile } from './statistics.js';

const BLOCKS = 15;
/** Turns of one session: a block begins a new one. */
const TURNS = 20;

const ROW = {
  what: 'a session more, on the emulators, p50',
  unit: 'ms',
  atLeast: null,
  target: { at: 'most', value: 2 },
} as const;

/**
 * What a session costs: the same request with and without `x-session-id`, in turn, on a router that uses a real
 * redis-server, the Cosmos emulator and Azurite.
 */
export async function sessionCost({ upstreamPort }: Bench): Promise<Row[]> {
  if (!hasRedis()) return [{ ...ROW, value: NaN, detail: '', skipped: NO_REDIS }];
  const [redis, cosmos, tables] = await Promise.all([
    RedisServer.start(),
    CosmosEmulator.start(),
    AzuriteTables.start(),
  ]);
  try {
    const stores = {
      redis: { url: redis.url },
      cosmos: { endpoint: cosmos.endpoint, key: '${COSMOS_KEY}' },
      tables: { connectionString: '${TABLES_CONNECTION_STRING}' },
    };
    const env = { COSMOS_KEY: CosmosEmulator.KEY, TABLES_CONNECTION_STRING: tables.connectionString() };
    const { router } = await startRouter({ ...benchConfig(upstreamPort, false), ...stores }, env);
    try {
      return [await measure(portOf(router))];
    } finally {
      await router.kill();
    }
  } finally {
    await Promise.all([redis.close(), cosmos.close(), tables.close()]);
  }
}

async function measure(port: number): Promise<Row> {
  const plain = { port, path: CHAT, bodies: [requestBody('plain', false)], headers: AUTHORIZED };
  const inSession = (n: number) => ({ ...plain, headers: { ...AUTHORIZED, 'x-session-id': `bench-${n}` } });
  for (let n = 0; n < 5; n += 1) await oneCaller([plain, inSession(-1 - n)], TURNS); // warm-up
  const blocks: number[][] = [];
  for (let n = 0; n < BLOCKS; n += 1) {
    blocks.push((await oneCaller([plain, inSession(n)], TURNS)).map((latencies) => percentile(latencies, 0.5)));
  }
  const [without, within] = [0, 1].map((side) => median(blocks.map((block) => block[side] ?? NaN)));
  return {
    ...ROW,
    value: median(blocks.map(([bare = NaN, session = NaN]) => session - bare)),
    detail: `with ${within?.toFixed(2)}, without ${without?.toFixed(2)} ms; ${TURNS} turns a session`,
  };
}
