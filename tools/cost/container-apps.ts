import { usdOf } from './azure-prices.js';
import { BUSY_HOURS_A_MONTH, MIN_REPLICAS, PEAK_FACTOR, probesOf, QUIET_HOURS_A_MONTH, type Load } from './load.js';
import { SECONDS_A_MONTH, type Setup, type Term, type Workload } from './workload.js';

const HOUR = 3_600;

/** Seconds a month of the replicas of all regions, and of how many of them they work: else the idle rate counts. */
interface ReplicaSeconds {
  readonly all: number;
  readonly active: number;
}

/**
 * Replicas by the second. Front Door's probes keep all of them at work. Without probes one that has no request is idle; with a
 * requests in flight on average it is so for e^-a of the time (Poisson arrivals).
 */
function replicaSeconds(
  { atOnce, replicas: { byDay, byNight } }: Load,
  { regions }: Workload,
  { idleRate }: Setup,
): ReplicaSeconds {
  const days = byDay * regions * BUSY_HOURS_A_MONTH * HOUR;
  const nights = byNight * regions * QUIET_HOURS_A_MONTH * HOUR;
  const inFlight = atOnce / PEAK_FACTOR / (byDay * regions);
  const all = days + nights;
  return { all, active: idleRate ? days * (1 - Math.exp(-inFlight)) : all };
}

/** A savings plan is bought for what always runs: above it the usual price holds. */
function planShare({ appPlan }: Setup, seconds: number, workload: Workload, load: Load): number {
  const always = Math.min(MIN_REPLICAS, load.replicas.byNight) * workload.regions * SECONDS_A_MONTH;
  return appPlan === 0 ? 0 : usdOf(PLANS[appPlan]) * Math.min(1, always / seconds);
}

const PLANS = { 1: 'appPlan1', 3: 'appPlan3' } as const satisfies Record<Exclude<Term, 0>, string>;

/** USD a month of vCPU, memory and requests, less what is free. */
export function containerAppsUsd(workload: Workload, setup: Setup, load: Load): number {
  const { all, active } = replicaSeconds(load, workload, setup);
  const { vCpu, gib } = setup.replica;
  const perVCpu = all === 0 ? 0 : usdOf('vCpuIdle') + (active / all) * (usdOf('vCpuActive') - usdOf('vCpuIdle'));
  const processor = Math.max(0, all * vCpu - usdOf('vCpuGrant')) * perVCpu;
  const memory = Math.max(0, all * gib - usdOf('memoryGrant')) * usdOf('memory');
  const probes = setup.idleRate ? 0 : probesOf(workload);
  const requests = Math.max(0, (load.requests + probes) / 1e6 - usdOf('requestGrant')) * usdOf('appRequests');
  const off = all === 0 ? 0 : planShare(setup, all, workload, load);
  return (processor + memory) * (1 - off) + requests;
}
