import { DAYS_A_MONTH, HOURS_A_MONTH, type Replica, type Setup, type Workload } from './workload.js';

/** Hours of a day in which all requests come. */
export const BUSY_HOURS = 10;
/** The busiest minute against the average of the busy hours. */
export const PEAK_FACTOR = 3;
/** Tokens a second of one answer of a cloud model, and what passes before its first one. */
const TOKENS_PER_SECOND = 60;
const FIRST_TOKEN_SECONDS = 1;

/** docs/BENCHMARKS.md: a chunk of 200 paced streams; a plain request with limits, all of it exported, and with Redis; a hit, half from memory and half from Redis. */
const CHUNK_CPU_MS = 0.0555;
const REQUEST_CPU_MS = 0.33 + 0.111;
const HIT_CPU_MS = (0.103 + 0.687) / 2;
/** A vCPU is one thread of a core; the bench had whole ones. */
const CORE_OF_A_VCPU = 0.5;
/** The scale rules of `infra/`. */
const CPU_UTILIZATION = 0.7;
const REQUESTS_AT_ONCE = 50;
export const MIN_REPLICAS = 2;
export const MAX_REPLICAS = 20;

/**
 * Requests a minute with which Front Door's edge asks each origin for its health, at an interval of 30 s; the app answers them.
 *
 * @see https://learn.microsoft.com/azure/frontdoor/health-probes
 */
const PROBES_A_MINUTE = 200;
export const probesOf = ({ regions }: Workload): number => PROBES_A_MINUTE * 60 * HOURS_A_MONTH * regions;

/** What follows from the users, for one month. */
export interface Load {
  /** A month. */
  readonly requests: number;
  readonly hits: number;
  readonly misses: number;
  /** Seconds that a model takes for an answer. */
  readonly answerSeconds: number;
  readonly peakPerSecond: number;
  /** At the peak; hits take no time that counts. */
  readonly atOnce: number;
  /** Processor milliseconds of a request on a core of the bench, hits and misses together. */
  readonly cpuMs: number;
  /** In each region. */
  readonly replicas: Replicas;
}

export interface Replicas {
  /** What the peak asks for. */
  readonly needed: number;
  readonly byDay: number;
  readonly byNight: number;
  readonly fits: boolean;
}

export function loadOf(workload: Workload, setup: Setup): Load {
  const { users, requests: each, cacheHit, answerTokens, regions } = workload;
  const aDay = users * each;
  const peakPerSecond = (aDay / (BUSY_HOURS * 3_600)) * PEAK_FACTOR;
  const answerSeconds = FIRST_TOKEN_SECONDS + answerTokens / TOKENS_PER_SECOND;
  const atOnce = peakPerSecond * (1 - cacheHit) * answerSeconds;
  const cpuMs = cacheHit * HIT_CPU_MS + (1 - cacheHit) * (REQUEST_CPU_MS + answerTokens * CHUNK_CPU_MS);
  const requests = aDay * DAYS_A_MONTH;
  const hits = requests * cacheHit;
  const needed = Math.max(
    replicasFor(atOnce / regions / REQUESTS_AT_ONCE),
    replicasFor((peakPerSecond / regions) * (cpuMs / 1_000 / coresOf(setup.replica))),
  );
  const byDay = Math.min(MAX_REPLICAS, Math.max(MIN_REPLICAS, needed));
  const replicas = { needed, byDay, byNight: setup.nightReplicas ?? MIN_REPLICAS, fits: needed <= MAX_REPLICAS };
  return { requests, hits, misses: requests - hits, answerSeconds, peakPerSecond, atOnce, cpuMs, replicas };
}

/** Whole ones; what is over by less than rounding of floats is nothing. */
const replicasFor = (share: number): number => Math.ceil(share - 1e-9);

/** Cores of the bench that a replica may use before the rule adds another one. */
const coresOf = ({ vCpu }: Replica): number => vCpu * CORE_OF_A_VCPU * CPU_UTILIZATION;

export const BUSY_HOURS_A_MONTH = BUSY_HOURS * DAYS_A_MONTH;
export const QUIET_HOURS_A_MONTH = HOURS_A_MONTH - BUSY_HOURS_A_MONTH;
