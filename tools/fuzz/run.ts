import { campaign, type CampaignResult } from './campaign.js';
import { readApi, type Api, type ApiDocument, type Operation } from './api.js';
import type { CallsOptions } from './calls.js';
import { HealthWatch, type HealthReport } from './health-watch.js';
import { ServiceUnderFuzz } from './service.js';

export interface FuzzPlan {
  readonly seconds: number;
  readonly seed: number;
  /** For what fits no command line. */
  readonly keepIn: string;
}

export interface FuzzReport {
  readonly result: CampaignResult;
  readonly health: HealthReport;
  /** What is wrong with the run or the service as a whole, at the end. */
  readonly remains: readonly string[];
}

const CALLERS_AT_ONCE = 8;
const DEADLINE_MS = 10_000;
/** `/health` stays that fast beside whatever is asked, where the machine lets it. */
const HEALTH_MS = 100;
/** A request, its answer and its reader each wait for the machine. */
const TURNS = 3;
/** No machine is busy enough for that: a request took the event loop for itself. */
const BLOCKED_MS = 2_000;

/** Against a service that is started for it, with Redis or without. */
export async function fuzzOwnService(plan: FuzzPlan, withRedis: boolean): Promise<FuzzReport> {
  const service = await ServiceUnderFuzz.start(withRedis);
  try {
    const api = await apiOf(service.url);
    const report = await fuzzService(service.url, service.calls, plan, api);
    const unreached = api.operations.flatMap(goodAnswers).filter((answer) => !report.result.reached.has(answer));
    const remains = [
      ...report.remains,
      ...unreached.map((answer) => `never seen: ${answer}`),
      ...(await service.remains()),
    ];
    return { ...report, remains };
  } finally {
    await service.close();
  }
}

/** What a campaign has to see once, or its requests do not get far enough. */
const goodAnswers = ({ name, responses }: Operation): string[] =>
  [...responses].flatMap(([status, { bodies }]) =>
    status < 300 ? [...bodies.keys()].map((type) => `${name}: ${type}`) : [],
  );

/** Against a service that runs already. */
export async function fuzzService(url: URL, calls: CallsOptions, plan: FuzzPlan, known?: Api): Promise<FuzzReport> {
  const api = known ?? (await apiOf(url));
  const watch = new HealthWatch(url);
  const options = { ...calls, ...plan, url, callersAtOnce: CALLERS_AT_ONCE, deadlineMs: DEADLINE_MS };
  let health: HealthReport | null = null;
  try {
    const result = await campaign(api, options);
    health = await watch.stop();
    return { result, health, remains: [...accessProblems(api, calls, result), ...healthProblems(health)] };
  } finally {
    if (health === null) await watch.stop();
  }
}

/** Whoever is let in nowhere gets one answer to whatever is asked. */
function accessProblems({ operations }: Api, { keysFor }: CallsOptions, { reached }: CampaignResult): string[] {
  const closed = operations.filter((one) => one.responses.has(401) && keysFor(one).length > 0);
  if (closed.length === 0 || closed.flatMap(goodAnswers).some((answer) => reached.has(answer))) return [];
  return ['no route that asks for a key gave a good answer: is it the right one, with the scope chat?'];
}

/** @throws Error where there is none, or one that cannot be read */
async function apiOf(url: URL): Promise<Api> {
  const response = await fetch(new URL('/openapi.json', url));
  if (!response.ok) throw new Error(`GET /openapi.json of ${url.origin}: status ${response.status}`);
  return readApi((await response.json()) as ApiDocument);
}

function healthProblems({ asked, p95, slowest, stallP95, failures }: HealthReport): string[] {
  const limit = HEALTH_MS + TURNS * stallP95;
  return [
    ...[...new Set(failures)].map((failure) => `/health: ${failure}`),
    ...(asked === 0 ? ['/health was never asked'] : []),
    ...(p95 > limit ? [`/health: p95 ${p95.toFixed(0)} ms, more than ${limit.toFixed(0)} ms`] : []),
    ...(slowest > BLOCKED_MS ? [`/health: ${slowest.toFixed(0)} ms; one request holds all others up`] : []),
  ];
}

/** The findings of a run, each with the line that repeats it. */
export const findingsOf = ({ result, remains }: FuzzReport): string[] => [
  ...result.findings.map(({ what, mutations, command }) =>
    [what, ...mutations.map((one) => `after ${one}`), command].join('\n  '),
  ),
  ...remains,
];
