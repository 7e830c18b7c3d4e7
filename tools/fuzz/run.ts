import { campaign, type CampaignResult } from './campaign.js';
import { readApi, type ApiDocument } from './api.js';
import type { CallsOptions } from './calls.js';
import { HealthWatch, type HealthReport } from './health-watch.js';
import { ServiceUnderFuzz } from './service.js';

export interface FuzzPlan {
  readonly seconds: number;
  readonly seed: number;
  /** For what fits no command line. */
  readonly keepIn: string;
}

export interface FuzzReport extends Pick<
  CampaignResult,
  'findings' | 'requests' | 'outcomes' | 'overloads' | 'slowestMs'
> {
  readonly health: HealthReport;
  /** What is wrong with the service as a whole, at the end. */
  readonly remains: readonly string[];
}

const CALLERS_AT_ONCE = 8;
const DEADLINE_MS = 10_000;
/** `/health` stays that fast beside whatever is asked. */
const HEALTH_MS = 100;

/** Against a service that is started for it, with Redis or without. */
export async function fuzzOwnService(plan: FuzzPlan, withRedis: boolean): Promise<FuzzReport> {
  const service = await ServiceUnderFuzz.start(withRedis);
  try {
    const report = await fuzzService(service.url, service.calls, plan);
    return { ...report, remains: [...report.remains, ...(await service.remains())] };
  } finally {
    await service.close();
  }
}

/** Against a service that runs already. */
export async function fuzzService(url: URL, calls: CallsOptions, plan: FuzzPlan): Promise<FuzzReport> {
  const response = await fetch(new URL('/openapi.json', url));
  const api = readApi((await response.json()) as ApiDocument);
  const watch = new HealthWatch(url);
  const options = { ...calls, ...plan, url, callersAtOnce: CALLERS_AT_ONCE, deadlineMs: DEADLINE_MS };
  const result = await campaign(api, options);
  const health = await watch.stop();
  const { findings, requests, outcomes, overloads, slowestMs } = result;
  return { findings, requests, outcomes, overloads, slowestMs, health, remains: healthProblems(health) };
}

function healthProblems({ asked, p99, failures }: HealthReport): string[] {
  return [
    ...[...new Set(failures)].map((failure) => `/health: ${failure}`),
    ...(asked === 0 ? ['/health was never asked'] : []),
    ...(p99 > HEALTH_MS ? [`/health: p99 ${p99.toFixed(0)} ms, more than ${HEALTH_MS} ms`] : []),
  ];
}
