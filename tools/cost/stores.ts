import { usdOf, type PriceName } from './azure-prices.js';
import { BUSY_HOURS_A_MONTH, PEAK_FACTOR, QUIET_HOURS_A_MONTH, type Load } from './load.js';
import { entryBytes, turnBytes } from './sizes.js';
import { DAYS_A_MONTH, GB, HOURS_A_MONTH, type Setup, type Workload } from './workload.js';

/** `sessions.retentionDays`, and index with what the store keeps besides. */
const RETENTION_DAYS = 30;
const STORED_SHARE = 1.1;
/** Sessions that go on after their tail has left Redis, and turns that are then read. */
const RELOADED_SHARE = 0.1;
const RELOADED_TURNS = 10;
/** Autoscale: what it is sized above the peak, its steps, and the share of its maximum that is billed at least. */
const HEADROOM = 1.5;
const RU_STEP = 1_000;
const FLOOR = 0.1;

/** Request units of a turn: 1 kB read is 1 RU and 100 kB 10; a write takes some five times that. */
export function requestUnits(workload: Workload): number {
  const kb = turnBytes(workload) / 1_000;
  const read = 1 + (9 * Math.max(0, kb - 1)) / 99;
  return 5.5 * read + RELOADED_SHARE * (2.5 + RELOADED_TURNS * read);
}

/** USD a month. Serverless bills what is used; autoscale the highest RU/s of each hour, in each region. */
export function cosmosUsd(workload: Workload, setup: Setup, load: Load): number {
  const { regions } = workload;
  const stored = load.requests * (RETENTION_DAYS / DAYS_A_MONTH) * turnBytes(workload) * STORED_SHARE;
  const storage = (stored / GB) * usdOf('cosmosStorage') * regions;
  const perTurn = requestUnits(workload);
  if (setup.cosmosServerless) {
    return storage + ((load.requests * perTurn) / 1e6) * usdOf('cosmosServerless') * regions;
  }
  const most = autoscaleMaximum(workload, load);
  const floor = most * FLOOR;
  const byDay = Math.max(floor, load.peakPerSecond * perTurn);
  const hundreds = (byDay * BUSY_HOURS_A_MONTH + floor * QUIET_HOURS_A_MONTH) / 100;
  const always = (floor * HOURS_A_MONTH) / 100;
  const off =
    setup.cosmosReserved === 0 ? 0 : usdOf(setup.cosmosReserved === 1 ? 'cosmosReserved1' : 'cosmosReserved3');
  return storage + (hundreds - always * off) * usdOf('cosmosAutoscale') * regions;
}

/** RU/s. */
export const autoscaleMaximum = (workload: Workload, { peakPerSecond }: Load): number =>
  Math.max(1, Math.ceil((peakPerSecond * requestUnits(workload) * HEADROOM) / RU_STEP)) * RU_STEP;

/** What Redis keeps of one hour: tails of conversations and answers, in two copies of its own structures; records beside. */
const REDIS_OVERHEAD = 2;
const RECORDS_BYTES = 10_000 * 1_200;
/** A fifth of an instance is not for data. */
const USABLE = 0.8;
const REDIS_SIZES: readonly (readonly [name: string, gb: number, price: PriceName])[] = [
  ['Balanced B1', 1, 'redisB1'],
  ['Balanced B3', 3, 'redisB3'],
  ['Balanced B5', 6, 'redisB5'],
  ['Balanced B10', 12, 'redisB10'],
  ['Balanced B20', 24, 'redisB20'],
  ['Balanced B50', 60, 'redisB50'],
];
const REDIS_DEV = ['Balanced B0', 0.5, 'redisB0'] as const;

export interface RedisSize {
  readonly name: string;
  readonly neededGb: number;
  readonly hourUsd: number;
  /** Larger than the largest size that is in the table. */
  readonly fits: boolean;
}

/** The smallest size that holds the peak hour; in dev one node of B0 where that is enough. */
export function redisSize(workload: Workload, { peakPerSecond }: Load): RedisSize {
  const anHour = (peakPerSecond / PEAK_FACTOR) * 3_600;
  const ofRequest = turnBytes(workload) + (1 - workload.cacheHit) * entryBytes(workload);
  const neededGb = (anHour * ofRequest * REDIS_OVERHEAD + RECORDS_BYTES) / GB;
  const sizes = workload.environment === 'dev' ? [REDIS_DEV, ...REDIS_SIZES] : REDIS_SIZES;
  const found = sizes.find(([, gb]) => gb * USABLE >= neededGb);
  const [name, , price] = found ?? REDIS_SIZES.at(-1)!;
  return { name, neededGb, hourUsd: usdOf(price), fits: found !== undefined };
}

export function redisUsd(workload: Workload, setup: Setup, load: Load): number {
  const off = setup.redisReserved === 0 ? 0 : usdOf(setup.redisReserved === 1 ? 'redisReserved1' : 'redisReserved3');
  return redisSize(workload, load).hourUsd * HOURS_A_MONTH * workload.regions * (1 - off);
}

/** The index of sessions is read and written with every turn; usage is added once a minute by each replica. */
export function tablesUsd(load: Load): number {
  const operations = load.requests * 2 + load.replicas.byDay * HOURS_A_MONTH * 60;
  const stored = (load.requests * 500) / GB;
  return (operations / 10_000) * usdOf('tableOperations') + stored * usdOf('tableStorage');
}
